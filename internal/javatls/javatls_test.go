package javatls_test

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"

	"github.com/leat-project/leat/internal/javatls"
)

func TestRestrict(t *testing.T) {
	const suite = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
	for _, c := range []struct {
		protocols, suites string
		least, most       uint16
		refusal           string
	}{
		{"TLSv1.2,TLSv1.3", "", tls.VersionTLS12, tls.VersionTLS13, ""},
		{"TLSv1.3", "", tls.VersionTLS13, tls.VersionTLS13, ""},
		{"TLSv1.2,TLSv1.3", suite, tls.VersionTLS12, tls.VersionTLS12, ""},
		{"TLSv1.3", suite, 0, 0, "ssl.enabled.protocols"},
		{"TLSv1.1", "", 0, 0, "ssl.enabled.protocols"},
		{"", "", 0, 0, "ssl.enabled.protocols"},
		{"TLSv1.2", "TLS_AES_128_GCM_SHA256", 0, 0, "cannot be chosen"},
		{"TLSv1.2", "nonsense", 0, 0, suite},
	} {
		var config tls.Config
		err := javatls.Restrict(&config, list(c.protocols), list(c.suites))
		if c.refusal != "" {
			if err == nil || !strings.Contains(err.Error(), c.refusal) {
				t.Errorf("%+v: error %v", c, err)
			}
			continue
		}
		if err != nil || config.MinVersion != c.least || config.MaxVersion != c.most {
			t.Errorf("%+v: %x to %x, %v", c, config.MinVersion, config.MaxVersion, err)
		}
		if c.suites != "" && !slices.Equal(config.CipherSuites, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}) {
			t.Errorf("%+v: suites %x", c, config.CipherSuites)
		}
	}
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}
