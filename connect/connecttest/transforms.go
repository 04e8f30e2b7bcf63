// Package connecttest has the suites that plugins run in their tests: recordings of
// the Java programs, and conformance to the contract of package connect.
package connecttest

import (
	"encoding/json"
	"testing"

	"github.com/leat-project/leat/connect/connecttest/fixture"
	"github.com/leat-project/leat/connect/plugin"
)

type transformCase struct {
	ID, Class string
	Config    map[string]*string
	Input     json.RawMessage
	Expect    struct {
		Record             json.RawMessage
		Dropped            bool
		Result             *bool
		Error, ConfigError *fixture.Error
		Configured         bool
	}
}

// TransformFixtures runs a file of recorded transforms and predicates against the
// classes of a registry. Classes in open are not built, cases in impossible cannot be
// expressed; both say why. A class that is neither registered nor open fails.
func TransformFixtures(t *testing.T, reg *plugin.Registry, file string, open, impossible map[string]string) {
	for _, f := range fixture.Load(t, file) {
		for _, raw := range f.Cases {
			var c transformCase
			if err := json.Unmarshal(raw, &c); err != nil {
				t.Fatalf("%s: %v in %s", f.Path, err, raw)
			}
			p, err := reg.Find(c.Class, plugin.Transformation, plugin.Predicate)
			switch {
			case err == nil && open[c.Class] != "":
				t.Errorf("%s is registered and listed as open", c.Class)
			case open[c.Class] != "" || impossible[c.ID] != "":
				continue
			case err != nil:
				t.Errorf("%s: %v", c.ID, err)
				continue
			}
			t.Run(c.ID, func(t *testing.T) { c.run(t, f, p) })
		}
	}
}

func (c *transformCase) run(t *testing.T, f *fixture.File, p *plugin.Plugin) {
	props := map[string]string{}
	for k, v := range c.Config {
		if v != nil { // a null is as good as absent
			props[k] = *v
		}
	}
	if p.Kind == plugin.Predicate {
		c.predicate(t, f, p, props)
		return
	}
	tr := p.NewTransform()
	err := tr.Configure(props)
	if !c.configured(t, err) {
		return
	}
	// Twice, because the second time finds plans compiled.
	for range 2 {
		r, err := f.Record(c.Input)
		if err != nil {
			t.Fatal(err)
		}
		keep, err := tr.Apply(r)
		switch {
		case c.Expect.Error != nil:
			if d := fixture.MatchError(err, c.Expect.Error); d != "" {
				t.Fatal(d)
			}
			continue
		case err != nil:
			t.Fatal(err)
		case keep == c.Expect.Dropped:
			t.Fatalf("dropped = %v, want %v", !keep, c.Expect.Dropped)
		case !keep:
			continue
		}
		want, err := f.Record(c.Expect.Record)
		if err != nil {
			t.Fatal(err)
		}
		if d := fixture.DiffRecord(r, want); d != "" {
			t.Fatal(d)
		}
	}
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
}

// configured checks the outcome of Configure; false if that was all.
func (c *transformCase) configured(t *testing.T, err error) bool {
	if c.Expect.ConfigError != nil {
		if d := fixture.MatchError(err, c.Expect.ConfigError); d != "" {
			t.Fatal(d)
		}
		return false
	}
	if err != nil {
		t.Fatalf("configuring: %v", err)
	}
	return !c.Expect.Configured
}

func (c *transformCase) predicate(t *testing.T, f *fixture.File, p *plugin.Plugin, props map[string]string) {
	pr := p.NewPredicate()
	if err := pr.Configure(props); !c.configured(t, err) {
		return
	}
	r, err := f.Record(c.Input)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pr.Test(r)
	if err != nil {
		t.Fatal(err)
	}
	if c.Expect.Result == nil || got != *c.Expect.Result {
		t.Fatalf("test = %v, want %v", got, c.Expect.Result)
	}
}
