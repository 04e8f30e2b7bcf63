package plugin_test

import (
	"testing"

	"github.com/leat-project/leat/connect/plugin"
)

func TestCheckVersion(t *testing.T) {
	for _, c := range []struct {
		version, spec string
		ok            bool
	}{
		{"4.3.1", "", true}, {"4.3.1", "latest", true}, {"4.3.1", "4.3.1", true}, {"4.3.1", "[4.3.1]", true},
		{"4.3.1", "9.9", false}, {"4.3.1", "[4.0,5)", true}, {"4.3.1", "(4.3.1,)", false}, {"4.3.1", "[4.3.1,)", true},
		{"4.3.1", "(,4.3)", false}, {"4.10.0", "[4.9,)", true}, {"3.5.0.Final", "[3.5,3.6)", true},
		{"3.5.0.Beta1", "[3.5,3.6)", false}, {"4.3.1", "bogus[", false},
	} {
		p := &plugin.Plugin{Class: "C", Version: c.version}
		if err := p.CheckVersion(c.spec); (err == nil) != c.ok {
			t.Errorf("%s in %s: %v, want %v", c.version, c.spec, err, c.ok)
		}
	}
	const want = "Plugin C not found that matches the version range [9.9,9.9], available versions: [1]"
	if err := (&plugin.Plugin{Class: "C", Version: "1"}).CheckVersion("9.9"); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
