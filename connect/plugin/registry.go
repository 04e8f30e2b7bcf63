// Package plugin is the registry of connectors, transforms, predicates and
// converters. A program makes a [Registry] value and calls each package's
// Register; nothing registers itself. Plugins answer to their Java class name and
// to Kafka's aliases (simple name, and simple name without the kind's suffix).
package plugin

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
)

// kinds is the order in which GET /connector-plugins lists the kinds.
var kinds = []Kind{Sink, Source, Transformation, Predicate, Converter, HeaderConverter}

// Kind is the type of a plugin as GET /connector-plugins names it.
type Kind string

// The kinds.
const (
	Source          Kind = "source"
	Sink            Kind = "sink"
	Transformation  Kind = "transformation"
	Predicate       Kind = "predicate"
	Converter       Kind = "converter"
	HeaderConverter Kind = "header_converter"
)

// Plugin is one registered class. Exactly one New field of its Kind is set.
type Plugin struct {
	Class   string // full Java class name
	Kind    Kind
	Version string // as the Java plugin reports it
	Aliases []string

	NewSource          func() connect.SourceConnector
	NewSink            func() connect.SinkConnector
	NewTransform       func() connect.Transform
	NewPredicate       func() connect.Predicate
	NewConverter       func() connect.Converter
	NewHeaderConverter func() connect.HeaderConverter
}

// Def returns the plugin's keys, from a fresh instance.
func (p *Plugin) Def() *config.Def {
	var d config.Def
	p.definer().Define(&d)
	return &d
}

func (p *Plugin) definer() config.Definer {
	switch p.Kind {
	case Source:
		return p.NewSource()
	case Sink:
		return p.NewSink()
	case Transformation:
		return p.NewTransform()
	case Predicate:
		return p.NewPredicate()
	case Converter:
		return p.NewConverter()
	case HeaderConverter:
		return p.NewHeaderConverter()
	}
	panic("plugin: " + p.Class + " has no kind")
}

// Registry holds plugins by class. Fill it before use; reading is safe for
// concurrent use.
type Registry struct {
	plugins []*Plugin
}

// AddSource registers a source connector.
func (r *Registry) AddSource(class, version string, create func() connect.SourceConnector) {
	r.add(&Plugin{Class: class, Kind: Source, Version: version, NewSource: create})
}

// AddSink registers a sink connector.
func (r *Registry) AddSink(class, version string, create func() connect.SinkConnector) {
	r.add(&Plugin{Class: class, Kind: Sink, Version: version, NewSink: create})
}

// AddTransform registers a transform; nested classes are written Outer$Value.
func (r *Registry) AddTransform(class, version string, create func() connect.Transform) {
	r.add(&Plugin{Class: class, Kind: Transformation, Version: version, NewTransform: create})
}

// AddPredicate registers a predicate.
func (r *Registry) AddPredicate(class, version string, create func() connect.Predicate) {
	r.add(&Plugin{Class: class, Kind: Predicate, Version: version, NewPredicate: create})
}

// AddConverter registers a key and value converter.
func (r *Registry) AddConverter(class, version string, create func() connect.Converter) {
	r.add(&Plugin{Class: class, Kind: Converter, Version: version, NewConverter: create})
}

// AddHeaderConverter registers a header converter. A class may be both.
func (r *Registry) AddHeaderConverter(class, version string, create func() connect.HeaderConverter) {
	r.add(&Plugin{Class: class, Kind: HeaderConverter, Version: version, NewHeaderConverter: create})
}

func (r *Registry) add(p *Plugin) {
	if r.exact(p.Kind, p.Class) != nil {
		panic("plugin: " + p.Class + " is registered twice as " + string(p.Kind))
	}
	p.Aliases = aliases(p.Class, p.Kind)
	r.plugins = append(r.plugins, p)
}

func (r *Registry) exact(k Kind, class string) *Plugin {
	for _, p := range r.plugins {
		if p.Kind == k && p.Class == class {
			return p
		}
	}
	return nil
}

var suffixes = map[Kind]string{Source: "Connector", Sink: "Connector", Converter: "Converter",
	HeaderConverter: "HeaderConverter", Transformation: "Transformation", Predicate: "Predicate"}

// aliases is PluginUtils.simpleName and prunedName. The simple name of a nested
// class is what follows its last $.
func aliases(class string, k Kind) []string {
	simple := class[strings.LastIndexAny(class, ".$")+1:]
	names := []string{simple}
	if i := strings.LastIndex(simple, suffixes[k]); i > 0 {
		names = append(names, simple[:i])
	}
	return names
}

// All returns the plugins of the given kinds (all kinds if none is given) in the
// order of GET /connector-plugins: by kind, then by class name.
func (r *Registry) All(of ...Kind) []*Plugin {
	var out []*Plugin
	for _, p := range r.plugins {
		if len(of) == 0 || slices.Contains(of, p.Kind) {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b *Plugin) int {
		return cmp.Or(slices.Index(kinds, a.Kind)-slices.Index(kinds, b.Kind), strings.Compare(a.Class, b.Class))
	})
	return out
}

// Find returns the plugin of a class name or alias among the given kinds. An
// unknown name and an alias of several classes are errors.
func (r *Registry) Find(name string, of ...Kind) (*Plugin, error) {
	var found *Plugin
	for _, p := range r.All(of...) {
		if p.Class == name {
			return p, nil
		}
		if slices.Contains(p.Aliases, name) {
			if found != nil && found.Class != p.Class {
				return nil, connect.ConnectErrorf("More than one plugin answers to the alias %s: %s and %s; use the full class name",
					name, found.Class, p.Class)
			}
			if found == nil {
				found = p
			}
		}
	}
	if found == nil {
		return nil, &UnknownError{Name: name}
	}
	return found, nil
}

// UnknownError says that no plugin has that class name or alias.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("no plugin of class %s is built into this binary; GET /connector-plugins lists those that are", e.Name)
}
