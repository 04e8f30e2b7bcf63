package rest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leat-project/leat/connect/connecttest/fixture"
)

// scenario is a line of exchanges.jsonl.
type scenario struct {
	Name  string
	Doc   string
	Steps []struct {
		Files    map[string]string
		Append   map[string]string
		Request  *request
		Response *response
		Wait     string
	}
}

type request struct {
	Method, Path string
	Headers      map[string]*string
	Body         *string
}

type response struct {
	Status     int
	Headers    map[string]string
	JSON       json.RawMessage
	Text       *string
	BodySubset json.RawMessage
}

// TestFixturesExchanges plays each recording against a worker on a real broker.
func TestFixturesExchanges(t *testing.T) {
	reg, _, _ := registry(t)
	for _, f := range fixture.Load(t, "exchanges.jsonl") {
		for _, line := range f.Cases {
			var sc scenario
			decode(t, line, &sc)
			t.Run(sc.Name, func(t *testing.T) {
				n := startWorker(t, reg)
				sc.run(t, player{addr: n.server.Addr(), vars: map[string]string{
					"<WORKER>": n.server.WorkerID(), "<DATA>": t.TempDir(), "<CLUSTER_ID>": n.cluster}})
			})
		}
	}
}

// player sends the requests of a scenario.
type player struct {
	addr string
	vars map[string]string // placeholders
}

func (p player) fill(s string) string {
	for name, v := range p.vars {
		s = strings.ReplaceAll(s, name, v)
	}
	return s
}

func (sc *scenario) run(t *testing.T, p player) {
	reset := false // the request before was a reset of topics
	for i, step := range sc.Steps {
		for name, text := range step.Files {
			write(t, filepath.Join(p.vars["<DATA>"], name), text, os.O_TRUNC)
		}
		for name, text := range step.Append {
			write(t, filepath.Join(p.vars["<DATA>"], name), text, os.O_APPEND)
		}
		if step.Request == nil {
			continue
		}
		afterReset := reset
		reset = strings.HasSuffix(step.Request.Path, "/topics/reset")
		diff := p.until(t, step.Request, step.Response, step.Wait != "" || mayLag(step.Request), afterReset)
		if strings.Contains(step.Request.Path, "/restart?") && diff == "" {
			p.settle(t, strings.Split(step.Request.Path, "/")[2])
		}
		if diff != "" {
			body := ""
			if step.Request.Body != nil {
				body = *step.Request.Body
			}
			t.Errorf("step %d: %s %s %s\n%s", i, step.Request.Method, step.Request.Path, body, diff)
		}
	}
}

// forgotten reports whether a read after topics/reset shows no topics any more.
// The tombstones are read back in the background, so the recorded answer and this
// one are both right.
func (p player) forgotten(t *testing.T, r *request) bool {
	name, found := strings.CutSuffix(strings.TrimPrefix(r.Path, "/connectors/"), "/topics")
	return found && p.exchange(t, r, &response{Status: 200, JSON: json.RawMessage(`{"` + name + `":{"topics":[]}}`)}) == ""
}

// settle waits until a restart, which is carried out in the background, shows in
// the status, or for a moment when nothing was to restart: without it the states
// of before the restart pass for those after it.
func (p player) settle(t *testing.T, name string) {
	limit := time.NewTimer(500 * time.Millisecond)
	defer limit.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	restarting := &response{Status: 200, BodySubset: json.RawMessage(`{"tasks":[{"state":"RESTARTING"}]}`)}
	for p.exchange(t, &request{Method: http.MethodGet, Path: "/connectors/" + name + "/status"}, restarting) != "" {
		select {
		case <-limit.C:
			return
		case <-tick.C:
		}
	}
}

// mayLag: reads after a write that is carried out in the background, and the
// restart whose answer shows the states of a restart before it.
func mayLag(r *request) bool {
	return (r.Method == http.MethodGet && strings.HasPrefix(r.Path, "/connectors/")) ||
		(r.Method == http.MethodPost && strings.Contains(r.Path, "/restart?"))
}

func write(t *testing.T, path, text string, mode int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|mode, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// until plays an exchange; where the recording waited, again until it is right.
func (p player) until(t *testing.T, req *request, want *response, wait, afterReset bool) string {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		diff := p.exchange(t, req, want)
		if diff == "" || (afterReset && p.forgotten(t, req)) {
			return ""
		}
		if !wait {
			return diff
		}
		select {
		case <-limit.C:
			return diff
		case <-tick.C:
		}
	}
}

func (p player) exchange(t *testing.T, req *request, want *response) string {
	var body io.Reader
	if req.Body != nil {
		body = strings.NewReader(p.fill(*req.Body))
	}
	r, err := http.NewRequest(req.Method, "http://"+p.addr, body)
	if err != nil {
		t.Fatal(err)
	}
	raw, query, _ := strings.Cut(req.Path, "?")
	r.URL = &url.URL{Scheme: "http", Host: p.addr, Opaque: "//" + p.addr + raw, RawQuery: query}
	r.Host = p.vars["<WORKER>"]
	r.Close = true
	r.Header.Set("User-Agent", "")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, v := range req.Headers {
		r.Header.Del(name)
		if v != nil {
			r.Header.Set(name, *v)
		}
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatalf("%s %s: %v", req.Method, req.Path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return p.compare(req, want, res, string(text))
}
