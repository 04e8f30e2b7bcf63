package rest_test

import (
	"context"
	"encoding/json"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/leat-project/leat/connect/connecttest/fixture"
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/validate"
)

// jsonConverter and simpleHeader are the converters of the recorded worker.
const (
	jsonConverter = "org.apache.kafka.connect.json.JsonConverter"
	simpleHeader  = "org.apache.kafka.connect.storage.SimpleHeaderConverter"
)

// TestFixturesPlugins compares the key definitions of every built class, and
// of the framework for the rest, with Java's.
func TestFixturesPlugins(t *testing.T) {
	reg, recorded, real := registry(t)
	var open []string
	for class, rec := range recorded {
		if !real[string(rec.Type)+" "+class] {
			open = append(open, class)
		}
		t.Run(class, func(t *testing.T) {
			p, err := reg.Find(class, rec.Type)
			if err != nil {
				t.Fatal(err)
			}
			got := validate.Keys(reg, p)
			want := slices.Clone(rec.Config)
			hideDocs(t, got)
			hideDocs(t, want)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("keys differ (-Java +ours):\n%s", d)
			}
		})
	}
	sort.Strings(open)
	t.Logf("%d recorded classes are not built, their own keys not judged: %s", len(open), strings.Join(open, " "))
}

// hideDocs replaces documentation, which is in our own words; it must be there
// where Java has one.
func hideDocs(t *testing.T, keys []validate.KeyInfo) {
	for i := range keys {
		if keys[i].Documentation != "" {
			keys[i].Documentation = "<DOC>"
		}
	}
}

// validateCase is a line of validate.jsonl.
type validateCase struct {
	ID      string
	Class   string
	Request model.Config
	Status  int
	Body    *validate.Infos // of an -empty case

	// What differs from the class's -empty case, of the others.
	ErrorCount int             `json:"error_count"`
	Groups     json.RawMessage // "same" or the groups
	Names      json.RawMessage // "same" or the names of the keys in order
	Changed    []validate.Info
}

// TestFixturesValidate compares validation reports with Java's.
func TestFixturesValidate(t *testing.T) {
	reg, _, real := registry(t)
	v := validate.New(reg, validate.Worker{KeyConverter: jsonConverter, ValueConverter: jsonConverter,
		HeaderConverter: simpleHeader, GroupID: "fixtures"})
	empty := map[string]*validate.Infos{}
	var open []string
	for _, f := range fixture.Load(t, "validate.jsonl") {
		for _, line := range f.Cases {
			var c validateCase
			decode(t, line, &c)
			if c.Body != nil {
				empty[c.Class] = c.Body
			}
			if !judged(reg, real, c.Class) {
				open = append(open, c.ID)
				continue
			}
			t.Run(c.ID, func(t *testing.T) { c.run(t, v, empty[c.Class]) })
		}
	}
	t.Logf("%d cases of connectors that are not built: %s", len(open), strings.Join(open, " "))
}

// judged: the connector is built, or is one of the file connectors, whose keys
// need nothing but what the recording has.
func judged(reg *plugin.Registry, real map[string]bool, class string) bool {
	p, err := reg.Find(class, plugin.Source, plugin.Sink)
	return err == nil && (real[string(p.Kind)+" "+class] || strings.Contains(class, ".file.FileStream"))
}

func (c *validateCase) run(t *testing.T, v *validate.Validator, empty *validate.Infos) {
	if empty == nil {
		t.Fatalf("no -empty case of %s before this one", c.Class)
	}
	got, err := v.Validate(context.Background(), c.Request)
	if err != nil {
		t.Fatal(err)
	}
	want := c.expected(t, empty)
	normalize(t, want)
	normalize(t, got)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("report differs (-Java +ours):\n%s", d)
	}
}

// expected puts the changes into the empty report.
func (c *validateCase) expected(t *testing.T, empty *validate.Infos) *validate.Infos {
	if c.Body != nil {
		return c.Body
	}
	want := &validate.Infos{Name: empty.Name, ErrorCount: c.ErrorCount, Groups: empty.Groups}
	if string(c.Groups) != `"same"` {
		decode(t, c.Groups, &want.Groups)
	}
	byName := map[string]validate.Info{}
	var names []string
	for _, i := range empty.Configs {
		byName[i.Value.Name] = i
		names = append(names, i.Value.Name)
	}
	if string(c.Names) != `"same"` {
		names = nil
		decode(t, c.Names, &names)
	}
	for _, i := range c.Changed {
		if i.Definition == nil {
			i.Definition = byName[i.Value.Name].Definition
		}
		byName[i.Value.Name] = i
	}
	for _, n := range names {
		want.Configs = append(want.Configs, byName[n])
	}
	return want
}

// normalize hides documentation and cuts texts of database drivers.
func normalize(t *testing.T, r *validate.Infos) {
	for i := range r.Configs {
		c := &r.Configs[i]
		if c.Definition != nil && c.Definition.Documentation != "" {
			d := *c.Definition
			d.Documentation = "<DOC>"
			c.Definition = &d
		}
		for j, e := range c.Value.Errors {
			const driver = "Error while validating connector config:"
			if strings.HasPrefix(e, driver) {
				c.Value.Errors[j] = driver
			}
		}
	}
}
