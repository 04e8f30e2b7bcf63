// Package pgtls gives connections to PostgreSQL the TLS files that users of the
// Java driver have, and says what to do when a handshake fails. The modes are left
// to the Go driver; it does not read PKCS-8 in DER, encrypted keys and PKCS-12
// files, which are what the Java driver wants.
package pgtls

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/youmark/pkcs8"
	"software.sslmate.com/src/go-pkcs12"
)

// Files are the settings of a connection. Empty ones are not set.
type Files struct {
	Root     string // certificates that the server is verified against, PEM
	Cert     string // the client's certificate, PEM; not needed with PKCS-12
	Key      string // its key: PEM, PKCS-8 in DER, or PKCS-12 with certificate (.p12, .pfx)
	Password string // of the key
}

// Check reads the files. Its errors name the setting, without a prefix, and the file.
func (f Files) Check() error {
	if f.Root != "" {
		text, err := os.ReadFile(f.Root)
		if err != nil {
			return fmt.Errorf("reading sslrootcert: %w", err)
		}
		if !x509.NewCertPool().AppendCertsFromPEM(text) {
			return fmt.Errorf("sslrootcert: %s holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", f.Root)
		}
	}
	_, err := f.client()
	return err
}

// Apply adds the client's certificate to every way in which cfg may connect.
func (f Files) Apply(cfg *pgconn.Config) error {
	cert, err := f.client()
	if err != nil || cert == nil {
		return err
	}
	configs := []*tls.Config{cfg.TLSConfig}
	for _, fallback := range cfg.Fallbacks {
		configs = append(configs, fallback.TLSConfig)
	}
	for _, c := range configs {
		if c != nil { // nil: without TLS
			c.Certificates = []tls.Certificate{*cert}
		}
	}
	return nil
}

// client reads the client's certificate; nil if there is none.
func (f Files) client() (*tls.Certificate, error) {
	if f.Key == "" && f.Cert == "" {
		return nil, nil
	}
	if f.Key == "" {
		return nil, errors.New("sslcert is set without sslkey: name the file with its key")
	}
	key, err := os.ReadFile(f.Key)
	if err != nil {
		return nil, fmt.Errorf("reading sslkey: %w", err)
	}
	if ext := strings.ToLower(filepath.Ext(f.Key)); ext == ".p12" || ext == ".pfx" {
		cert, err := store(key, f.Password)
		if err != nil {
			return nil, fmt.Errorf("sslkey: %s: %w", f.Key, err)
		}
		return cert, nil
	}
	if f.Cert == "" {
		return nil, errors.New("sslkey is set without sslcert: name the file with the certificate, or a PKCS-12 file (.p12) that holds both")
	}
	signer, err := parseKey(key, f.Password)
	if err != nil {
		return nil, fmt.Errorf("sslkey: %s: %w", f.Key, err)
	}
	chain, err := os.ReadFile(f.Cert)
	if err != nil {
		return nil, fmt.Errorf("reading sslcert: %w", err)
	}
	return pair(f, chain, signer)
}

// pair puts certificate and key together, which must belong to each other.
func pair(f Files, chain []byte, signer crypto.PrivateKey) (*tls.Certificate, error) {
	der, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		return nil, fmt.Errorf("sslkey: %s: %w", f.Key, err)
	}
	cert, err := tls.X509KeyPair(chain, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil {
		return nil, fmt.Errorf("sslcert %s with sslkey %s: %w", f.Cert, f.Key, err)
	}
	return &cert, nil
}

// store reads a PKCS-12 file.
func store(data []byte, password string) (*tls.Certificate, error) {
	key, leaf, chain, err := pkcs12.DecodeChain(data, password)
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return nil, errors.New("the password does not open it: set sslpassword")
	}
	if err != nil {
		return nil, fmt.Errorf("expected a PKCS-12 file with one key and its certificate: %w", err)
	}
	cert := &tls.Certificate{PrivateKey: key, Leaf: leaf, Certificate: [][]byte{leaf.Raw}}
	for _, c := range chain {
		cert.Certificate = append(cert.Certificate, c.Raw)
	}
	return cert, nil
}

// parseKey reads a key in PEM or DER form, encrypted or not.
func parseKey(data []byte, password string) (crypto.PrivateKey, error) {
	kind, der := "", data
	if bytes.Contains(data, []byte("-----BEGIN")) {
		block := keyBlock(data)
		if block == nil {
			return nil, errors.New("it holds no private key (-----BEGIN ... PRIVATE KEY-----)")
		}
		if block.Headers["DEK-Info"] != "" {
			return nil, errors.New("its encryption is OpenSSL's old one: convert it with openssl pkcs8 -topk8 -v2 aes-256-cbc")
		}
		kind, der = block.Type, block.Bytes
	}
	if kind == "" || kind == "PRIVATE KEY" {
		if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
			return key, nil
		}
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	if password == "" && kind != "ENCRYPTED PRIVATE KEY" {
		return nil, errors.New("it is no private key in PEM or PKCS-8 DER form; if it is encrypted, set sslpassword")
	}
	key, err := pkcs8.ParsePKCS8PrivateKey(der, []byte(password))
	if err != nil {
		return nil, fmt.Errorf("it cannot be decrypted (%w): check sslpassword; a key with an encryption older than PBES2 is converted with openssl pkcs8 -topk8 -v2 aes-256-cbc", err)
	}
	return key, nil
}

// keyBlock returns the first private key of a PEM file, which may hold
// certificates and parameters, too.
func keyBlock(data []byte) *pem.Block {
	for {
		block, rest := pem.Decode(data)
		if block == nil || strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return block
		}
		data = rest
	}
}

// Hint says what to do about a connection that failed for TLS; "" if err is about
// something else.
func Hint(err error) string {
	var host x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var answer *pgconn.PgError
	switch text := err.Error(); {
	case errors.As(err, &host):
		return "the server's certificate is not for this host name: connect by a name that it holds, or set sslmode to verify-ca"
	case errors.As(err, &unknown):
		return "the server's certificate is not signed by what sslrootcert holds: set sslrootcert to the certificate of the authority (CA) that signed it"
	case errors.As(err, &invalid):
		return "the server's certificate is not valid: renew it, or check sslrootcert"
	case strings.Contains(text, "server refused TLS") && !errors.As(err, &answer): // else it has answered without
		return "the server does not offer TLS: switch it on there (ssl = on), or set sslmode to prefer or disable"
	case strings.Contains(text, "no encryption"):
		return "the server's pg_hba.conf asks for TLS: set sslmode to require, verify-ca or verify-full"
	case strings.Contains(text, "certificate authentication failed"), strings.Contains(text, "valid client certificate"), strings.Contains(text, "tls: certificate required"):
		return "the server asks for a client certificate: set sslcert and sslkey; the certificate must be signed by the server's ssl_ca_file and name the user"
	case strings.Contains(text, "remote error: tls:"):
		return "the server does not accept the client certificate: check sslcert and sslkey against its ssl_ca_file"
	}
	return ""
}
