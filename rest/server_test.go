package rest_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leat-project/leat/internal/logtail"
	"github.com/leat-project/leat/rest"
	"github.com/leat-project/leat/rest/resttest"
	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/validate"
)

func newHerder() *resttest.Herder {
	return resttest.New(validate.New(resttest.Registry(), validate.Worker{GroupID: "test"}))
}

// serve runs a server made of worker properties until the test ends.
func serve(t *testing.T, h rest.Herder, props map[string]string, change func(*rest.Server)) *rest.Server {
	t.Helper()
	cfg, err := rest.ParseConfig(props)
	if err != nil {
		t.Fatal(err)
	}
	s := rest.NewServer(cfg, h, resttest.Registry(), slog.New(slog.DiscardHandler))
	if change != nil {
		change(s)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("server ended with: %v", err)
		}
	})
	return s
}

func local(more ...string) map[string]string {
	props := map[string]string{"listeners": "http://127.0.0.1:0"}
	for i := 0; i < len(more); i += 2 {
		props[more[i]] = more[i+1]
	}
	return props
}

// call sends a request and returns status, headers and body.
func call(t *testing.T, c *http.Client, method, url, body string, headers ...string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(text)
}

func TestConfigRefusals(t *testing.T) {
	for _, c := range []struct {
		key, value, want string
	}{
		{"listeners", "", "Configuration 'listeners' must not be empty"},
		{"listeners", "127.0.0.1:8083", "expected protocol://host:port"},
		{"listeners", "ftp://127.0.0.1:8083", `must be one of "http" or "https"`},
		{"listeners", "http://127.0.0.1:x", `port "x"`},
		{"listeners", "https://127.0.0.1:0", "ssl.keystore.location"},
		{"admin.listeners", "nope", "Invalid value nope for configuration admin.listeners"},
		{"rest.advertised.listener", "smtp", "expected http or https"},
		{"rest.advertised.listener", "https", "listeners has no https listener"},
		{"rest.advertised.port", "x", "Not a number of type INT"},
		{"response.http.headers.config", "add X", "expected [set|add|setDate|addDate] Name: value"},
		{"rest.extension.classes", "a.B", "no REST extension is built into this binary"},
	} {
		_, err := rest.ParseConfig(map[string]string{"listeners": "http://127.0.0.1:0", c.key: c.value})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), strings.SplitN(c.key, ".", 2)[0]) && !strings.Contains(c.want, "ssl") {
			t.Errorf("%s=%s: %v, want %q", c.key, c.value, err, c.want)
		}
	}
}

func TestTakenPortIsNamed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg, err := rest.ParseConfig(map[string]string{"listeners": "http://" + l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	err = rest.NewServer(cfg, newHerder(), resttest.Registry(), slog.New(slog.DiscardHandler)).Listen()
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) || !strings.Contains(err.Error(), "listeners") {
		t.Errorf("error %v, want address and key in it", err)
	}
}

func TestHeadersAndCORS(t *testing.T) {
	s := serve(t, newHerder(), local("access.control.allow.origin", "http://a.example",
		"access.control.allow.methods", "GET,PUT", "response.http.headers.config", `add X-One: 1, "set X-Two: a, b"`), nil)
	_, h, _ := call(t, http.DefaultClient, "GET", s.URL()+"/connectors", "", "Origin", "http://a.example")
	for name, want := range map[string]string{"X-One": "1", "X-Two": "a, b", "Access-Control-Allow-Origin": "http://a.example"} {
		if h.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, h.Get(name), want)
		}
	}
	_, h, _ = call(t, http.DefaultClient, "OPTIONS", s.URL()+"/connectors", "", "Origin", "http://a.example", "Access-Control-Request-Method", "PUT")
	if h.Get("Access-Control-Allow-Methods") != "GET,PUT" {
		t.Errorf("preflight allows %q", h.Get("Access-Control-Allow-Methods"))
	}
	_, h, _ = call(t, http.DefaultClient, "GET", s.URL()+"/connectors", "", "Origin", "http://b.example")
	if h.Get("Access-Control-Allow-Origin") != "" {
		t.Error("another origin is allowed")
	}
}

func TestAdminListeners(t *testing.T) {
	for _, c := range []struct {
		name        string
		props       map[string]string
		main, admin int // status of /admin/loggers; 0: there is no such listener
	}{
		{"unset", local(), 200, 0},
		{"empty", local("admin.listeners", ""), 404, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, newHerder(), c.props, nil)
			if got, _, _ := call(t, http.DefaultClient, "GET", s.URL()+"/admin/loggers", ""); got != c.main {
				t.Errorf("status %d, want %d", got, c.main)
			}
		})
	}
	t.Run("apart", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		admin := "http://" + l.Addr().String()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		s := serve(t, newHerder(), local("admin.listeners", admin), nil)
		for url, want := range map[string]int{s.URL() + "/admin/loggers": 404, admin + "/admin/loggers": 200, admin + "/connectors": 404} {
			if got, _, _ := call(t, http.DefaultClient, "GET", url, ""); got != want {
				t.Errorf("%s: status %d, want %d", url, got, want)
			}
		}
	})
}

func TestAdvertised(t *testing.T) {
	s := serve(t, newHerder(), local("rest.advertised.host.name", "worker.example", "rest.advertised.port", "99"), nil)
	if s.URL() != "http://worker.example:99" || s.WorkerID() != "worker.example:99" {
		t.Errorf("advertised %s, %s", s.URL(), s.WorkerID())
	}
}

func TestBodyIsBounded(t *testing.T) {
	s := serve(t, newHerder(), local(), nil)
	status, _, body := call(t, http.DefaultClient, "POST", s.URL()+"/connectors", `{"name":"`+strings.Repeat("x", rest.MaxBody)+`"}`)
	if status != http.StatusRequestEntityTooLarge || !strings.Contains(body, "larger than") {
		t.Errorf("status %d: %.200s", status, body)
	}
}

func TestAmbiguousPaths(t *testing.T) {
	s := serve(t, newHerder(), local(), nil)
	for path, want := range map[string]int{"//connectors": 400, "/connectors//status": 400, "/connectors/a%01": 400, "/connectors/a%2Fb": 404, "/connectors/a%25": 404} {
		if status, _, body := call(t, http.DefaultClient, "GET", s.URL()+path, ""); status != want {
			t.Errorf("%s: status %d: %s, want %d", path, status, body, want)
		}
	}
}

// A name is text: what is no UTF-8 becomes what Java makes of it.
func TestNameThatIsNoText(t *testing.T) {
	s := serve(t, newHerder(), local(), nil)
	if status, _, body := call(t, http.DefaultClient, "PUT", s.URL()+"/connectors/a%FF/config", `{"connector.class":"TestSource","topic":"t"}`); status != 201 || !strings.Contains(body, `"name":"a�"`) {
		t.Errorf("%d %q", status, body)
	}
	if status, _, _ := call(t, http.DefaultClient, "GET", s.URL()+"/connectors/a%EF%BF%BD", ""); status != 200 {
		t.Errorf("status %d of the name in UTF-8", status)
	}
}

func TestNumbersBecomeTexts(t *testing.T) {
	s := serve(t, newHerder(), local(), nil)
	status, _, body := call(t, http.DefaultClient, "POST", s.URL()+"/connectors",
		`{"name":"a","config":{"connector.class":"TestSource","topic":"t","tasks.max":1,"errors.log.enable":true,"file":1.50}}`)
	if status != 201 || !strings.Contains(body, `"tasks.max":"1"`) || !strings.Contains(body, `"errors.log.enable":"true"`) || !strings.Contains(body, `"file":"1.50"`) {
		t.Errorf("status %d: %s", status, body)
	}
}

func TestTopicTracking(t *testing.T) {
	off := serve(t, newHerder(), local("topic.tracking.enable", "false"), nil)
	kept := serve(t, newHerder(), local("topic.tracking.allow.reset", "false"), nil)
	for _, c := range []struct{ method, url, want string }{
		{"GET", off.URL() + "/connectors/a/topics", "Topic tracking is disabled."},
		{"PUT", off.URL() + "/connectors/a/topics/reset", "Topic tracking is disabled."},
		{"PUT", kept.URL() + "/connectors/a/topics/reset", "Topic tracking reset is disabled."},
	} {
		if status, _, body := call(t, http.DefaultClient, c.method, c.url, ""); status != 403 || !strings.Contains(body, c.want) {
			t.Errorf("%s %s: %d %s", c.method, c.url, status, body)
		}
	}
}

// sick is a herder with a given health and error.
type sick struct {
	*resttest.Herder
	started bool
	err     error
}

func (s sick) Ready(context.Context) (bool, error) { return s.started, s.err }

func (s sick) Connectors(context.Context) ([]string, error) { return nil, s.err }

func TestHealth(t *testing.T) {
	why := errors.New("reading the config topic")
	for _, c := range []struct {
		h      sick
		status int
		want   string
	}{
		{sick{newHerder(), true, nil}, 200, `{"status":"healthy","message":"Worker has completed startup and is ready to handle requests."}`},
		{sick{newHerder(), false, why}, 503, `{"status":"starting","message":"Worker is still starting up. reading the config topic"}`},
		{sick{newHerder(), true, why}, 500, `{"status":"unhealthy","message":"Worker was unable to handle this request and may be unable to handle other requests. reading the config topic"}`},
	} {
		s := serve(t, c.h, local(), nil)
		if status, _, body := call(t, http.DefaultClient, "GET", s.URL()+"/health", ""); status != c.status || body != c.want {
			t.Errorf("%d %s, want %d %s", status, body, c.status, c.want)
		}
	}
}

func TestErrorsHaveTheirStatus(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		msg    string
	}{
		{model.NotFound("x"), 404, "x"},
		{model.AlreadyExists("x"), 409, "x"},
		{model.BadRequest("x"), 400, "x"},
		{errors.New("x"), 500, "x"},
		{context.DeadlineExceeded, 500, "Request timed out"},
	} {
		s := serve(t, sick{newHerder(), true, c.err}, local(), nil)
		status, _, body := call(t, http.DefaultClient, "GET", s.URL()+"/connectors", "")
		if status != c.status || !strings.Contains(body, `"message":"`+c.msg+`"`) {
			t.Errorf("%v: %d %s, want %d", c.err, status, body, c.status)
		}
	}
}

func TestOwnAdditions(t *testing.T) {
	h := newHerder()
	tail := logtail.New()
	s := serve(t, h, local(), func(s *rest.Server) {
		s.Logs = tail
		s.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "metric 1\n") })
	})
	if _, err := h.Create(t.Context(), "a", model.ConfigOf(map[string]string{"connector.class": "TestSource", "topic": "t", "name": "a"}), model.TargetStarted); err != nil {
		t.Fatal(err)
	}
	slog.New(tail.Handler(slog.NewTextHandler(io.Discard, nil))).Warn("something", "connector", "a")
	for path, want := range map[string]string{"/metrics": "metric 1", "/leat/v1/version": `"connect":"4.3.1"`,
		"/leat/v1/connectors/a/logs": "something", "/leat/v1/connectors/b/logs": "Connector b not found"} {
		if _, _, body := call(t, http.DefaultClient, "GET", s.URL()+path, ""); !strings.Contains(body, want) {
			t.Errorf("%s: %s, want %s", path, body, want)
		}
	}
}

func TestTLS(t *testing.T) {
	file, pool := selfSigned(t)
	s := serve(t, newHerder(), map[string]string{"listeners": "https://127.0.0.1:0", "ssl.keystore.type": "JKS",
		"listeners.https.ssl.keystore.type": "PEM", "listeners.https.ssl.keystore.location": file}, nil)
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	if !strings.HasPrefix(s.URL(), "https://127.0.0.1:") {
		t.Errorf("advertised %s", s.URL())
	}
	status, h, _ := call(t, c, "POST", s.URL()+"/connectors", `{"name":"a","config":{"connector.class":"TestSource","topic":"t"}}`)
	if status != 201 || h.Get("Location") != s.URL()+"/connectors/a" {
		t.Errorf("status %d, location %s", status, h.Get("Location"))
	}
}

func TestTLSChoices(t *testing.T) {
	file, pool := selfSigned(t)
	const suite = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
	for _, c := range []struct {
		key, value string
		version    uint16
		suite      string // "": any
		refusal    string
	}{
		{"ssl.enabled.protocols", "TLSv1.2", tls.VersionTLS12, "", ""},
		{"ssl.enabled.protocols", "TLSv1.3,TLSv1.2", tls.VersionTLS13, "", ""},
		{"ssl.cipher.suites", suite, tls.VersionTLS12, suite, ""},
		{"ssl.enabled.protocols", "TLSv1.1", 0, "", "Invalid value TLSv1.1 for configuration ssl.enabled.protocols"},
		{"ssl.cipher.suites", "TLS_AES_128_GCM_SHA256", 0, "", "cannot be chosen"},
		{"ssl.cipher.suites", "nonsense", 0, "", suite},
	} {
		props := map[string]string{"listeners": "https://127.0.0.1:0", "ssl.keystore.type": "PEM", "ssl.keystore.location": file, c.key: c.value}
		if c.refusal != "" {
			if _, err := rest.ParseConfig(props); err == nil || !strings.Contains(err.Error(), c.refusal) {
				t.Errorf("%s=%s: error %v, want %s", c.key, c.value, err, c.refusal)
			}
			continue
		}
		s := serve(t, newHerder(), props, nil)
		conn, err := tls.Dial("tcp", strings.TrimPrefix(s.URL(), "https://"), &tls.Config{RootCAs: pool})
		if err != nil {
			t.Fatalf("%s=%s: %v", c.key, c.value, err)
		}
		state := conn.ConnectionState()
		conn.Close()
		if name := tls.CipherSuiteName(state.CipherSuite); state.Version != c.version || c.suite != "" && name != c.suite {
			t.Errorf("%s=%s: %s with %s", c.key, c.value, tls.VersionName(state.Version), name)
		}
		conn, err = tls.Dial("tcp", strings.TrimPrefix(s.URL(), "https://"), &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13})
		if err == nil {
			conn.Close()
		}
		if (err == nil) != (c.version == tls.VersionTLS13) {
			t.Errorf("%s=%s: a client of TLS 1.3 alone got %v", c.key, c.value, err)
		}
	}
}

// A client that follows a log ends in order when the server stops: it is not waited
// for and then cut off.
func TestFollowedLogsEndWithTheServer(t *testing.T) {
	h := newHerder()
	if _, err := h.Create(t.Context(), "a", model.ConfigOf(map[string]string{"connector.class": "TestSource", "topic": "t", "name": "a"}), model.TargetStarted); err != nil {
		t.Fatal(err)
	}
	cfg, err := rest.ParseConfig(local())
	if err != nil {
		t.Fatal(err)
	}
	s := rest.NewServer(cfg, h, resttest.Registry(), slog.New(slog.DiscardHandler))
	s.Logs = logtail.New()
	slog.New(s.Logs.Handler(slog.NewTextHandler(io.Discard, nil))).Warn("something", "connector", "a")
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	res, err := http.Get(s.URL() + "/leat/v1/connectors/a/logs?follow=true")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	cancel() // the answer has begun
	if _, err := io.ReadAll(res.Body); err != nil {
		t.Errorf("the answer was cut off: %v", err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// selfSigned writes key and certificate of 127.0.0.1 into one PEM file.
func selfSigned(t *testing.T) (file string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyBytes, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyBytes}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})...)
	file = filepath.Join(t.TempDir(), "store.pem")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return file, pool
}
