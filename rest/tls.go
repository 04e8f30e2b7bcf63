package rest

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"slices"
	"strings"

	"github.com/leat-project/leat/connect/config"
)

// sslKeys are the ssl.* keys of an https listener. Stores are PEM.
type sslKeys struct {
	storeType, location, trustType, trustLocation, clientAuth string
	key, chain, trust                                         config.Secret
	protocols, suites                                         []string
}

// Define declares the keys.
func (k *sslKeys) Define(d *config.Def) {
	d.String(&k.storeType, "ssl.keystore.type").Default("JKS")
	d.String(&k.location, "ssl.keystore.location").Default(nil)
	d.Password(&k.key, "ssl.keystore.key").Default(nil)
	d.Password(&k.chain, "ssl.keystore.certificate.chain").Default(nil)
	d.String(&k.trustType, "ssl.truststore.type").Default("JKS")
	d.String(&k.trustLocation, "ssl.truststore.location").Default(nil)
	d.Password(&k.trust, "ssl.truststore.certificates").Default(nil)
	d.String(&k.clientAuth, "ssl.client.auth").Default("none").Check(config.OneOf("none", "requested", "required"))
	d.List(&k.protocols, "ssl.enabled.protocols").Default("TLSv1.2,TLSv1.3")
	d.List(&k.suites, "ssl.cipher.suites").Default(nil)
}

// serverTLS reads the TLS settings of a listener: the keys under prefix if there
// is one of them, else the unprefixed.
func serverTLS(props map[string]string, prefix string) (*tls.Config, error) {
	if own := config.Sub(props, prefix); len(own) > 0 {
		props = own
	}
	var k sslKeys
	if err := config.Parse(&k, props); err != nil {
		return nil, err
	}
	cert, err := k.certificate()
	if err != nil {
		return nil, err
	}
	c := &tls.Config{Certificates: []tls.Certificate{cert}}
	if c.MinVersion, c.MaxVersion, err = k.versions(); err != nil {
		return nil, err
	}
	if len(k.suites) > 0 {
		if c.CipherSuites, err = k.cipherSuites(); err != nil {
			return nil, err
		}
		if c.MinVersion > tls.VersionTLS12 {
			return nil, config.Invalid("ssl.cipher.suites", strings.Join(k.suites, ","),
				"the suites of TLSv1.3 cannot be chosen: leave this key out, or add TLSv1.2 to ssl.enabled.protocols")
		}
		c.MaxVersion = tls.VersionTLS12 // whose suites they are: with TLSv1.3 others would be used
	}
	switch k.clientAuth {
	case "requested":
		c.ClientAuth = tls.VerifyClientCertIfGiven
	case "required":
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if k.clientAuth != "none" {
		if c.ClientCAs, err = k.pool(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// versions returns the range of ssl.enabled.protocols.
func (k *sslKeys) versions() (least, most uint16, err error) {
	for _, name := range k.protocols {
		var v uint16
		switch name {
		case "TLSv1.2":
			v = tls.VersionTLS12
		case "TLSv1.3":
			v = tls.VersionTLS13
		default:
			return 0, 0, config.Invalid("ssl.enabled.protocols", name, "expected TLSv1.2 and TLSv1.3, or one of them")
		}
		if least == 0 || v < least {
			least = v
		}
		most = max(most, v)
	}
	if least == 0 {
		return 0, 0, config.Invalid("ssl.enabled.protocols", "", "expected TLSv1.2 and TLSv1.3, or one of them")
	}
	return least, most, nil
}

// cipherSuites finds suites of TLSv1.2 by name; Go and Java both take the names of
// the IANA.
func (k *sslKeys) cipherSuites() ([]uint16, error) {
	var ids []uint16
	for _, name := range k.suites {
		i := slices.IndexFunc(tls.CipherSuites(), func(s *tls.CipherSuite) bool { return s.Name == name })
		if i < 0 {
			return nil, config.Invalid("ssl.cipher.suites", name, "expected suites of TLSv1.2 that are safe: "+strings.Join(suiteNames(), ", "))
		}
		s := tls.CipherSuites()[i]
		if !slices.Contains(s.SupportedVersions, tls.VersionTLS12) {
			return nil, config.Invalid("ssl.cipher.suites", name, "the suites of TLSv1.3 cannot be chosen: take it out of the list; "+
				"without this key TLSv1.3 is used, with it TLSv1.2")
		}
		ids = append(ids, s.ID)
	}
	return ids, nil
}

func suiteNames() []string {
	var names []string
	for _, s := range tls.CipherSuites() {
		if slices.Contains(s.SupportedVersions, tls.VersionTLS12) {
			names = append(names, s.Name)
		}
	}
	return names
}

func (k *sslKeys) certificate() (tls.Certificate, error) {
	chain, key := []byte(k.chain.Reveal()), []byte(k.key.Reveal())
	if len(chain) == 0 && len(key) == 0 {
		if k.location == "" {
			return tls.Certificate{}, config.Invalid("ssl.keystore.location", nil,
				"an https listener needs a certificate: set ssl.keystore.type=PEM and this key to a PEM file with key and certificates")
		}
		if k.storeType != "PEM" {
			return tls.Certificate{}, config.Invalid("ssl.keystore.type", k.storeType, "only PEM is supported for listeners")
		}
		both, err := os.ReadFile(k.location)
		if err != nil {
			return tls.Certificate{}, config.Invalid("ssl.keystore.location", k.location, err.Error())
		}
		chain, key = both, both
	}
	cert, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return cert, config.Invalid("ssl.keystore.key", k.key, "key and certificate chain do not go together: "+err.Error())
	}
	return cert, nil
}

func (k *sslKeys) pool() (*x509.CertPool, error) {
	pem := []byte(k.trust.Reveal())
	if len(pem) == 0 {
		if k.trustType != "PEM" || k.trustLocation == "" {
			return nil, config.Invalid("ssl.truststore.type", k.trustType, "client certificates need a PEM trust store")
		}
		var err error
		if pem, err = os.ReadFile(k.trustLocation); err != nil {
			return nil, config.Invalid("ssl.truststore.location", k.trustLocation, err.Error())
		}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, config.Invalid("ssl.truststore.location", k.trustLocation, "no certificate found")
	}
	return pool, nil
}
