package pgtls_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/youmark/pkcs8"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/leat-project/leat/internal/pgtls"
)

// client makes a certificate with its key, and their forms as files: name to content.
func client(t *testing.T) map[string][]byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "client"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(t, err)
	cert, err := x509.ParseCertificate(der)
	check(t, err)
	plain, err := x509.MarshalPKCS8PrivateKey(key)
	check(t, err)
	sec1, err := x509.MarshalECPrivateKey(key)
	check(t, err)
	secret, err := pkcs8.MarshalPrivateKey(key, []byte("sesame"), nil)
	check(t, err)
	store, err := pkcs12.Modern.Encode(key, cert, nil, "sesame")
	check(t, err)
	old := pem.Block{Type: "EC PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "DES-EDE3-CBC,00"}, Bytes: sec1}
	return map[string][]byte{
		"cert.pem": armour("CERTIFICATE", der), "pkcs8.pem": armour("PRIVATE KEY", plain), "sec1.pem": armour("EC PRIVATE KEY", sec1),
		"secret.pem": armour("ENCRYPTED PRIVATE KEY", secret), "plain.pk8": plain, "secret.pk8": secret, "store.p12": store,
		"old.pem": pem.EncodeToMemory(&old), "text.pem": []byte("no key"),
	}
}

func armour(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write puts files into a new folder.
func write(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		check(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	return dir
}

// TestApply reads a client's key in every form that users of libpq and of the Java
// driver have, and refuses what cannot work with a text that says why.
func TestApply(t *testing.T) {
	files := client(t)
	files["other.pem"] = client(t)["cert.pem"]
	dir := write(t, files)
	for _, c := range []struct{ cert, key, password, want string }{
		{"cert.pem", "pkcs8.pem", "", ""},
		{"cert.pem", "pkcs8.pem", "not needed", ""},
		{"cert.pem", "sec1.pem", "", ""},
		{"cert.pem", "plain.pk8", "", ""},
		{"cert.pem", "secret.pk8", "sesame", ""},
		{"cert.pem", "secret.pem", "sesame", ""},
		{"", "store.p12", "sesame", ""},
		{"cert.pem", "secret.pk8", "", "set sslpassword"},
		{"cert.pem", "secret.pem", "", "check sslpassword"},
		{"cert.pem", "secret.pk8", "wrong", "check sslpassword"},
		{"", "store.p12", "wrong", "set sslpassword"},
		{"cert.pem", "old.pem", "sesame", "openssl pkcs8"},
		{"cert.pem", "text.pem", "", "no private key"},
		{"cert.pem", "cert.pem", "", "no private key"},
		{"text.pem", "pkcs8.pem", "", "sslcert"},
		{"other.pem", "pkcs8.pem", "", "does not match"},
		{"cert.pem", "", "", "without sslkey"},
		{"", "pkcs8.pem", "", "without sslcert"},
		{"cert.pem", "absent", "", "reading sslkey"},
		{"absent", "pkcs8.pem", "", "reading sslcert"},
	} {
		t.Run(fmt.Sprintf("%s with %s and password %q", c.cert, c.key, c.password), func(t *testing.T) {
			f := pgtls.Files{Password: c.password}
			if c.cert != "" {
				f.Cert = filepath.Join(dir, c.cert)
			}
			if c.key != "" {
				f.Key = filepath.Join(dir, c.key)
			}
			cfg := &pgconn.Config{}
			cfg.TLSConfig = &tls.Config{}
			cfg.Fallbacks = []*pgconn.FallbackConfig{{}, {TLSConfig: &tls.Config{}}}
			err := f.Apply(cfg)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("error = %v, want one with %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, got := range []*tls.Config{cfg.TLSConfig, cfg.Fallbacks[1].TLSConfig} {
				if len(got.Certificates) != 1 || len(got.Certificates[0].Certificate) != 1 {
					t.Errorf("certificates = %v, want one", got.Certificates)
				}
			}
		})
	}
}

// TestRoot names the file that holds no certificate.
func TestRoot(t *testing.T) {
	dir := write(t, client(t))
	if err := (pgtls.Files{Root: filepath.Join(dir, "cert.pem")}).Check(); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"text.pem", "absent"} {
		err := pgtls.Files{Root: filepath.Join(dir, name)}.Check()
		if err == nil || !strings.Contains(err.Error(), "sslrootcert") || !strings.Contains(err.Error(), name) {
			t.Errorf("error = %v, want one that names sslrootcert and %s", err, name)
		}
	}
}

// TestHint says nothing about errors that are not TLS's.
func TestHint(t *testing.T) {
	if got := pgtls.Hint(errors.New("connection refused")); got != "" {
		t.Errorf("hint = %q, want none", got)
	}
	if got := pgtls.Hint(fmt.Errorf("dialing: %w", x509.UnknownAuthorityError{})); !strings.Contains(got, "sslrootcert") {
		t.Errorf("hint = %q, want one that names sslrootcert", got)
	}
}
