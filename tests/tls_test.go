package tests

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leat-project/leat/internal/postgrestest"
	"github.com/leat-project/leat/internal/proctest"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	next int64
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{next: 1}
	a.cert, a.key = a.issue(t, x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true})
	return a
}

// issue makes a certificate, the authority's own at first.
func (a *authority) issue(t *testing.T, template x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.NotAfter = big.NewInt(a.next), time.Now().Add(24*time.Hour)
	a.next++
	parent, signer := &template, key
	if a.cert != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func keyDER(t *testing.T, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestTLS runs the main job over TLS, with a client certificate and with a
// password, and shows that a server that cannot be trusted is refused at
// validation.
func TestTLS(t *testing.T) {
	ca, other := newAuthority(t, "ca"), newAuthority(t, "other")
	server, serverKey := ca.issue(t, x509.Certificate{Subject: pkix.Name{CommonName: "server"}, DNSNames: []string{"localhost"}})
	user, userKey := ca.issue(t, x509.Certificate{Subject: pkix.Name{CommonName: "certuser"}})
	pg := postgrestest.Start(t, postgrestest.Setting("ssl", "on"),
		postgrestest.Setting("ssl_cert_file", "'server.crt'"), postgrestest.File("server.crt", pemOf("CERTIFICATE", server.Raw)),
		postgrestest.Setting("ssl_key_file", "'server.key'"), postgrestest.File("server.key", pemOf("PRIVATE KEY", keyDER(t, serverKey))),
		postgrestest.Setting("ssl_ca_file", "'ca.crt'"), postgrestest.File("ca.crt", pemOf("CERTIFICATE", ca.cert.Raw)),
		postgrestest.File("pg_hba.conf", []byte("local all all trust\n"+
			"hostssl all certuser 127.0.0.1/32 cert\nhostssl replication certuser 127.0.0.1/32 cert\n"+
			"hostssl all tlsonly 127.0.0.1/32 scram-sha-256\nhostssl replication tlsonly 127.0.0.1/32 scram-sha-256\n"+
			"host all leat 127.0.0.1/32 scram-sha-256\n")))
	newLoad(t, pg, "src", 10, 1)
	pg.CreateDatabase(t, "dst")
	pg.Exec(t, "postgres", "CREATE ROLE certuser SUPERUSER LOGIN", "CREATE ROLE tlsonly SUPERUSER LOGIN PASSWORD 'pw'")

	dir := t.TempDir()
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	root, wrong := file("ca.pem", pemOf("CERTIFICATE", ca.cert.Raw)), file("other.pem", pemOf("CERTIFICATE", other.cert.Raw))
	cert, key := file("user.pem", pemOf("CERTIFICATE", user.Raw)), file("user.pk8", keyDER(t, userKey))
	empty := file("empty.pem", nil)

	p := proctest.Start(t, proctest.Config{})
	source := func(sslmode string, kv ...string) config {
		return sourceConfig(pg, "src", "tls").with("database.sslmode", sslmode).with(kv...)
	}
	// The parameters of the URL, as name and value.
	sink := func(kv ...string) config {
		q := url.Values{}
		for i := 0; i < len(kv); i += 2 {
			q.Set(kv[i], kv[i+1])
		}
		c := sinkConfig(pg, "dst", "tls")
		return c.with("connection.url", strings.Replace(c["connection.url"], "127.0.0.1", "localhost", 1)+"?"+q.Encode())
	}
	tlsonly := []string{"database.user", "tlsonly", "database.password", "pw"}
	sinkTLSOnly := []string{"connection.username", "tlsonly", "connection.password", "pw"}

	for _, c := range []struct {
		name   string
		config config
		want   string // "": it works
	}{
		{"source without TLS", source("disable"), ""},
		{"source prefers TLS", source("prefer", tlsonly...), ""},
		{"source requires TLS", source("require", tlsonly...), ""},
		{"source, the server wants TLS", source("disable", tlsonly...), "sslmode"},
		{"source verifies", source("verify-ca", "database.sslrootcert", root), ""},
		{"source verifies the name", source("verify-full", "database.sslrootcert", root, "database.hostname", "localhost"), ""},
		{"source, another name", source("verify-full", "database.sslrootcert", root), "not for this host name"},
		{"source, wrong authority", source("verify-ca", "database.sslrootcert", wrong), "not signed by"},
		{"source, no certificate in the file", source("verify-ca", "database.sslrootcert", empty), "holds no certificate"},
		{"source, client certificate wanted", source("require", "database.user", "certuser"), "sslcert and sslkey"},
		{"source, key without certificate", source("require", "database.sslkey", key), "without sslcert"},
		{"sink without TLS", sink("sslmode", "disable"), ""},
		{"sink prefers TLS", sink().with(sinkTLSOnly...), ""},
		{"sink, the server wants TLS", sink("sslmode", "disable").with(sinkTLSOnly...), "sslmode"},
		{"sink verifies the name", sink("ssl", "true", "sslrootcert", root).with(sinkTLSOnly...), ""},
		{"sink, wrong authority", sink("sslmode", "verify-ca", "sslrootcert", wrong), "not signed by"},
		{"sink, no such file", sink("sslmode", "verify-ca", "sslrootcert", filepath.Join(dir, "absent")), "reading sslrootcert"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.config["name"] = "tls"
			code, text := api(p, http.MethodPut, "/connector-plugins/"+c.config["connector.class"]+"/config/validate", c.config)
			if code != http.StatusOK {
				t.Fatalf("answer %d: %s", code, text)
			}
			if fine := strings.Contains(text, `"error_count":0`); fine != (c.want == "") || !strings.Contains(text, c.want) {
				t.Errorf("want an error with %q, got %s", c.want, text)
			}
		})
	}

	create(t, p, "tls-source", source("verify-full", "database.hostname", "localhost", "database.sslrootcert", root,
		"database.sslcert", cert, "database.sslkey", key, "database.user", "certuser", "database.password", ""))
	create(t, p, "tls-sink", sink("sslmode", "verify-full", "sslrootcert", root, "sslcert", cert, "sslkey", key).
		with("connection.username", "certuser", "connection.password", ""))
	target := pg.Connect(t, "dst")
	rows := func(want int) func() string {
		return func() string {
			var got int
			if err := target.QueryRow(t.Context(), "SELECT count(*) FROM customers").Scan(&got); err != nil || got != want {
				_, source := statusOf(p, "tls-source")
				_, sink := statusOf(p, "tls-sink")
				return fmt.Sprintf("%d of %d rows, %v; %s %s", got, want, err, source, sink)
			}
			return ""
		}
	}
	eventually(t, "the snapshot over TLS", rows(500))
	pg.Exec(t, "src", "INSERT INTO customers VALUES (501, 1, 'one more')")
	eventually(t, "the stream over TLS", rows(501))
}
