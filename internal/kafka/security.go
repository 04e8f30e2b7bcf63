package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/leat-project/leat/internal/javatls"
)

// security returns the dialing and SASL options of security.protocol.
func (c *common) security() ([]kgo.Opt, error) {
	protocol := strings.ToUpper(c.SecurityProtocol)
	var opts []kgo.Opt
	if strings.HasSuffix(protocol, "SSL") {
		t, err := c.tls()
		if err != nil {
			return nil, err
		}
		d := tls.Dialer{NetDialer: c.dialer(), Config: t}
		opts = append(opts, kgo.Dialer(d.DialContext))
	} else {
		opts = append(opts, kgo.Dialer(c.dialer().DialContext))
	}
	if strings.HasPrefix(protocol, "SASL") {
		m, err := c.sasl()
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.SASL(m))
	}
	return opts, nil
}

func (c *common) sasl() (sasl.Mechanism, error) {
	user, pass, err := c.login()
	if err != nil {
		return nil, err
	}
	switch strings.ToUpper(c.SASLMechanism) {
	case "PLAIN":
		return plain.Auth{User: user, Pass: pass}.AsMechanism(), nil
	case "SCRAM-SHA-256":
		return scram.Auth{User: user, Pass: pass}.AsSha256Mechanism(), nil
	case "SCRAM-SHA-512":
		return scram.Auth{User: user, Pass: pass}.AsSha512Mechanism(), nil
	}
	return nil, fmt.Errorf("sasl.mechanism: %s is not built in; use PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", c.SASLMechanism)
}

var jaasOption = regexp.MustCompile(`(\w+)\s*=\s*("((?:[^"\\]|\\.)*)"|[^\s;"]+)`)

// login reads username and password from a JAAS line such as
// org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="p";
func (c *common) login() (user, pass string, err error) {
	for _, m := range jaasOption.FindAllStringSubmatch(c.JAAS.Reveal(), -1) {
		value := m[2]
		if strings.HasPrefix(value, `"`) {
			value = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(m[3])
		}
		switch m[1] {
		case "username":
			user = value
		case "password":
			pass = value
		}
	}
	if user == "" {
		return "", "", fmt.Errorf(`sasl.jaas.config has no username: expected LoginModule required username="..." password="...";`)
	}
	return user, pass, nil
}

func (c *common) tls() (*tls.Config, error) {
	t := &tls.Config{}
	if err := javatls.Restrict(t, c.Protocols, c.CipherSuites); err != nil {
		return nil, err
	}
	if trust, err := pemOf("ssl.truststore", c.TrustStoreType, c.TrustStore, c.TrustCerts.Reveal()); err != nil {
		return nil, err
	} else if trust != nil {
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(trust) {
			return nil, fmt.Errorf("ssl.truststore: no certificate in PEM form found")
		}
	}
	key, err := pemOf("ssl.keystore", c.KeyStoreType, c.KeyStore, c.KeyStoreKey.Reveal()+"\n"+c.KeyStoreChain.Reveal())
	if err != nil {
		return nil, err
	}
	if key != nil {
		pair, err := tls.X509KeyPair(key, key)
		if err != nil {
			return nil, fmt.Errorf("ssl.keystore: %w", err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	if c.EndpointAlgorithm == "" {
		t.InsecureSkipVerify = true // verified below, without the name
		roots := t.RootCAs
		t.VerifyConnection = func(s tls.ConnectionState) error {
			chain := x509.NewCertPool()
			for _, cert := range s.PeerCertificates[1:] {
				chain.AddCert(cert)
			}
			_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: chain})
			return err
		}
	}
	return t, nil
}

// pemOf returns the PEM text of a store, nil if none is configured.
func pemOf(prefix, kind, location, inline string) ([]byte, error) {
	inline = strings.TrimSpace(inline)
	if location == "" && inline == "" {
		return nil, nil
	}
	if !strings.EqualFold(kind, "PEM") {
		return nil, fmt.Errorf("%s.type: %s stores cannot be read; convert the store to PEM "+
			"(openssl pkcs12 -in store.p12 -nodes) and set %s.type=PEM", prefix, kind, prefix)
	}
	if location == "" {
		return []byte(inline), nil
	}
	pem, err := os.ReadFile(location)
	if err != nil {
		return nil, fmt.Errorf("%s.location: %w", prefix, err)
	}
	return pem, nil
}
