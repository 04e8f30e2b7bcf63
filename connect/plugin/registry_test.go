package plugin_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/plugin"
)

type source struct{ connect.SourceConnector }

func (source) Define(d *config.Def) { d.String(nil, "key") }

func registry() *plugin.Registry {
	r := &plugin.Registry{}
	r.AddTransform("t.Cast$Value", "1", func() connect.Transform { return nil })
	r.AddTransform("t.Cast$Key", "1", func() connect.Transform { return nil })
	r.AddTransform("t.Flatten$Key", "1", func() connect.Transform { return nil })
	r.AddTransform("t.Filter", "1", func() connect.Transform { return nil })
	r.AddConverter("c.JsonConverter", "1", func() connect.Converter { return nil })
	r.AddHeaderConverter("c.JsonConverter", "1", func() connect.HeaderConverter { return nil })
	r.AddHeaderConverter("c.SimpleHeaderConverter", "1", func() connect.HeaderConverter { return nil })
	r.AddSource("a.FileStreamSourceConnector", "2", func() connect.SourceConnector { return source{} })
	r.AddSource("b.Same", "2", func() connect.SourceConnector { return source{} })
	r.AddSink("c.Same", "2", func() connect.SinkConnector { return nil })
	return r
}

func TestFind(t *testing.T) {
	r := registry()
	for _, c := range []struct {
		name  string
		kinds []plugin.Kind
		want  string // class, or the beginning of the error
	}{
		{"a.FileStreamSourceConnector", nil, "a.FileStreamSourceConnector"},
		{"FileStreamSourceConnector", nil, "a.FileStreamSourceConnector"},
		{"FileStreamSource", []plugin.Kind{plugin.Source, plugin.Sink}, "a.FileStreamSourceConnector"},
		{"FileStreamSource", []plugin.Kind{plugin.Sink}, "no plugin of class FileStreamSource"},
		{"Json", []plugin.Kind{plugin.Converter}, "c.JsonConverter"},
		{"Simple", []plugin.Kind{plugin.HeaderConverter}, "c.SimpleHeaderConverter"},
		{"t.Cast$Key", nil, "t.Cast$Key"},
		{"Cast$Key", nil, "no plugin of class Cast$Key"},
		{"Key", []plugin.Kind{plugin.Transformation}, "More than one plugin answers to the alias Key: t.Cast$Key and t.Flatten$Key"},
		{"Same", []plugin.Kind{plugin.Source}, "b.Same"},
		{"Same", nil, "More than one plugin answers to the alias Same"},
		{"", nil, "no plugin of class "},
	} {
		p, err := r.Find(c.name, c.kinds...)
		switch {
		case err != nil && !strings.HasPrefix(err.Error(), c.want):
			t.Errorf("Find(%s, %v): %v, want %s", c.name, c.kinds, err, c.want)
		case err == nil && p.Class != c.want:
			t.Errorf("Find(%s, %v) = %s, want %s", c.name, c.kinds, p.Class, c.want)
		}
	}
	var unknown *plugin.UnknownError
	if _, err := r.Find("Nope"); !errors.As(err, &unknown) {
		t.Errorf("an unknown class is %T", err)
	}
}

func TestAllIsInTheOrderOfTheAPI(t *testing.T) {
	var got []string
	for _, p := range registry().All() {
		got = append(got, string(p.Kind)+" "+p.Class)
	}
	want := []string{"sink c.Same", "source a.FileStreamSourceConnector", "source b.Same", "transformation t.Cast$Key",
		"transformation t.Cast$Value", "transformation t.Filter", "transformation t.Flatten$Key", "converter c.JsonConverter",
		"header_converter c.JsonConverter", "header_converter c.SimpleHeaderConverter"}
	if !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
}

func TestDefIsFresh(t *testing.T) {
	p, err := registry().Find("FileStreamSource")
	if err != nil {
		t.Fatal(err)
	}
	if a, b := p.Def(), p.Def(); a == b || !slices.Equal(a.Names(), []string{"key"}) {
		t.Errorf("definitions %v", a.Names())
	}
}

func TestTwiceIsABug(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a class is registered twice")
		}
	}()
	r := registry()
	r.AddSource("b.Same", "3", func() connect.SourceConnector { return source{} })
}
