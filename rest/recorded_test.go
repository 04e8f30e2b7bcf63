package rest_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/connecttest/fixture"
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/connectors/debezium/postgres"
	"github.com/leat-project/leat/connectors/file"
	"github.com/leat-project/leat/connectors/jdbc"
	"github.com/leat-project/leat/converters"
	"github.com/leat-project/leat/transforms"
	"github.com/leat-project/leat/worker/validate"
)

// register lists the plugin packages whose classes the suites judge. Add a
// package here when it arrives.
var register = []func(*plugin.Registry){converters.Register, file.Register, jdbc.Register, postgres.Register,
	transforms.Register}

// recording is one line of plugins.jsonl after the first.
type recording struct {
	Class  string
	Type   plugin.Kind
	Status int
	Config []validate.KeyInfo
}

// listing is the first line of plugins.jsonl.
type listing struct {
	Body []struct {
		Class   string
		Type    plugin.Kind
		Version string
	}
}

// registry returns the real plugins and, for recorded classes that are not built
// yet, stand-ins with the recorded keys: lists of plugins and the framework's
// keys can be judged without them. real names what is real.
func registry(t *testing.T) (reg *plugin.Registry, recorded map[string]recording, real map[string]bool) {
	t.Helper()
	reg, recorded, real = &plugin.Registry{}, map[string]recording{}, map[string]bool{}
	for _, add := range register {
		add(reg)
	}
	for _, p := range reg.All() {
		real[string(p.Kind)+" "+p.Class] = true
	}
	for _, f := range fixture.Load(t, "plugins.jsonl") {
		var list listing
		decode(t, f.Cases[0], &list)
		for _, line := range f.Cases[1:] {
			var r recording
			decode(t, line, &r)
			recorded[r.Class] = r
		}
		for _, p := range list.Body {
			if known, err := reg.Find(p.Class, p.Type); err != nil || known.Class != p.Class {
				standIn(reg, p.Type, p.Class, p.Version, recorded[p.Class])
			}
		}
	}
	return reg, recorded, real
}

func decode(t testing.TB, raw []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatalf("%v in %.200s", err, raw)
	}
}

func standIn(reg *plugin.Registry, kind plugin.Kind, class, version string, r recording) {
	d := definer{keys: r.Config, kind: kind}
	switch kind {
	case plugin.Source:
		reg.AddSource(class, version, func() connect.SourceConnector { return sourceStandIn{definer: d} })
	case plugin.Sink:
		reg.AddSink(class, version, func() connect.SinkConnector { return sinkStandIn{definer: d} })
	case plugin.Transformation:
		reg.AddTransform(class, version, func() connect.Transform { return transformStandIn{definer: d} })
	case plugin.Predicate:
		reg.AddPredicate(class, version, func() connect.Predicate { return predicateStandIn{definer: d} })
	case plugin.Converter:
		reg.AddConverter(class, version, func() connect.Converter { return converterStandIn{definer: d} })
	case plugin.HeaderConverter:
		reg.AddHeaderConverter(class, version, func() connect.HeaderConverter { return headerStandIn{definer: d} })
	}
}

// The stand-ins are their keys; the embedded nil interfaces are never called.
type (
	sourceStandIn struct {
		definer
		connect.SourceConnector
	}
	sinkStandIn struct {
		definer
		connect.SinkConnector
	}
	transformStandIn struct {
		definer
		connect.Transform
	}
	predicateStandIn struct {
		definer
		connect.Predicate
	}
	converterStandIn struct {
		definer
		connect.Converter
	}
	headerStandIn struct {
		definer
		connect.HeaderConverter
	}
)

func (s sourceStandIn) Define(d *config.Def)    { s.define(d) }
func (s sinkStandIn) Define(d *config.Def)      { s.define(d) }
func (s transformStandIn) Define(d *config.Def) { s.define(d) }
func (s predicateStandIn) Define(d *config.Def) { s.define(d) }
func (s converterStandIn) Define(d *config.Def) { s.define(d) }
func (s headerStandIn) Define(d *config.Def)    { s.define(d) }

type definer struct {
	keys []validate.KeyInfo
	kind plugin.Kind
}

// frameworkKeys begin the framework's part of a connector's recorded keys; the
// mirror connectors declare these keys themselves.
const frameworkKeys = "name"

func (f definer) define(d *config.Def) {
	keys := f.keys
	if f.kind == plugin.Source || f.kind == plugin.Sink {
		if i := slices.IndexFunc(keys, func(k validate.KeyInfo) bool { return k.Name == frameworkKeys }); i > 0 {
			keys = keys[:i]
		}
	}
	for _, k := range keys {
		declare(d, k)
	}
}

func declare(d *config.Def, info validate.KeyInfo) {
	var k *config.Key
	switch info.Type {
	case "BOOLEAN":
		k = d.Bool(nil, info.Name)
	case "INT":
		k = d.Int(nil, info.Name)
	case "SHORT":
		k = d.Short(nil, info.Name)
	case "LONG":
		k = d.Long(nil, info.Name)
	case "DOUBLE":
		k = d.Double(nil, info.Name)
	case "LIST":
		k = d.List(nil, info.Name)
	case "CLASS":
		k = d.Class(nil, info.Name)
	case "PASSWORD":
		k = d.Password(nil, info.Name)
	default:
		k = d.String(nil, info.Name)
	}
	k.Label(info.DisplayName).Doc(info.Documentation).Dependents(info.Dependents...)
	for _, i := range []config.Importance{config.High, config.Medium, config.Low} {
		if i.String() == info.Importance {
			k.Importance(i)
		}
	}
	for _, w := range []config.Width{config.None, config.Short, config.MediumWidth, config.Long} {
		if w.String() == info.Width {
			k.Width(w)
		}
	}
	group := ""
	if info.Group != nil {
		group = *info.Group
	}
	k.Group(group, info.OrderInGroup)
	switch {
	case info.DefaultValue != nil:
		k.Default(*info.DefaultValue)
	case !info.Required:
		k.Default(nil)
	}
	if info.Name == "topic" {
		k.Check(config.NonEmpty)
	}
	if info.Name == "decimal.format" {
		k.Check(config.OneOfFold("NUMERIC", "BASE64"))
	}
}
