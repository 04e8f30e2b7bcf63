package rest

import (
	"crypto/tls"
	"crypto/x509"
	"os"

	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/internal/javatls"
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
	if err := javatls.Restrict(c, k.protocols, k.suites); err != nil {
		return nil, err
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
