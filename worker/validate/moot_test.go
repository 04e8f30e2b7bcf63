package validate

import (
	"slices"
	"testing"

	"github.com/leat-project/leat/connect/config"
)

func TestMoot(t *testing.T) {
	var d config.Def
	d.Int(nil, "pool.size").Default(5).Doc("Connections.").NoEffect("there is one connection")
	d.String(nil, "host").Default("h").Doc("Host.")
	report := merged("c", &config.Def{}, &config.Result{}, &d, d.Validate(map[string]string{}))
	for _, c := range []struct {
		props map[string]string
		want  []string
	}{
		{map[string]string{"host": "x"}, nil},
		{map[string]string{"pool.size": "5"}, nil}, // what it is anyway
		{map[string]string{"pool.size": "7"}, []string{"pool.size: there is one connection"}},
	} {
		if got := report.Moot(c.props); !slices.Equal(got, c.want) {
			t.Errorf("%v: %q, want %q", c.props, got, c.want)
		}
	}
	if got, want := report.Configs[0].Definition.Documentation, "Connections. No effect: there is one connection."; got != want {
		t.Errorf("documentation %q, want %q", got, want)
	}
}
