// Package javatls restricts TLS as Java's keys ssl.enabled.protocols and
// ssl.cipher.suites do.
package javatls

import (
	"crypto/tls"
	"slices"
	"strings"

	"github.com/leat-project/leat/connect/config"
)

// Restrict sets the versions and cipher suites of c. Without suites those of the
// standard library are used; with them TLS 1.3, whose suites cannot be chosen, is
// not. Errors name the key.
func Restrict(c *tls.Config, protocols, suites []string) (err error) {
	if c.MinVersion, c.MaxVersion, err = versions(protocols); err != nil || len(suites) == 0 {
		return err
	}
	if c.CipherSuites, err = cipherSuites(suites); err != nil {
		return err
	}
	if c.MinVersion > tls.VersionTLS12 {
		return config.Invalid("ssl.cipher.suites", strings.Join(suites, ","),
			"the suites of TLSv1.3 cannot be chosen: leave this key out, or add TLSv1.2 to ssl.enabled.protocols")
	}
	c.MaxVersion = tls.VersionTLS12 // whose suites they are: with TLSv1.3 others would be used
	return nil
}

// versions returns the range of ssl.enabled.protocols.
func versions(protocols []string) (least, most uint16, err error) {
	for _, name := range protocols {
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
func cipherSuites(names []string) ([]uint16, error) {
	var ids []uint16
	for _, name := range names {
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
