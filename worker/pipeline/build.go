package pipeline

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/plugin"
)

// Converters are the three converters of a task, with their Java classes.
type Converters struct {
	Key, Value           connect.Converter
	Header               connect.HeaderConverter
	KeyClass, ValueClass string
	HeaderClass          string
}

// DefaultHeaderConverter is the worker's default of header.converter.
const DefaultHeaderConverter = "org.apache.kafka.connect.storage.SimpleHeaderConverter"

// BuildConverters makes the converters of a connector. A converter that the
// connector does not name is the worker's, with the worker's sub-keys.
func BuildConverters(reg *plugin.Registry, connector, worker map[string]string) (*Converters, error) {
	c := &Converters{}
	if err := c.build(reg, connector, worker); err != nil {
		return nil, closing(err, c)
	}
	return c, nil
}

func (c *Converters) build(reg *plugin.Registry, connector, worker map[string]string) error {
	var err error
	if c.Key, c.KeyClass, err = converter(reg, "key.converter", true, connector, worker); err != nil {
		return err
	}
	if c.Value, c.ValueClass, err = converter(reg, "value.converter", false, connector, worker); err != nil {
		return err
	}
	class, props := choose("header.converter", connector, worker)
	if class == "" {
		class, props = DefaultHeaderConverter, map[string]string{}
	}
	p, err := reg.Find(class, plugin.HeaderConverter)
	if err != nil {
		return fmt.Errorf("header.converter: %w", err)
	}
	props["converter.type"] = "header"
	c.Header, c.HeaderClass = p.NewHeaderConverter(), p.Class
	if err := c.Header.Configure(props); err != nil {
		return fmt.Errorf("configuring header.converter %s: %w", p.Class, err)
	}
	return nil
}

// Close closes the converters, as far as they were made.
func (c *Converters) Close() error {
	var errs []error
	for _, conv := range []connect.Converter{c.Key, c.Value} {
		if conv != nil {
			errs = append(errs, conv.Close())
		}
	}
	if c.Header != nil {
		errs = append(errs, c.Header.Close())
	}
	return errors.Join(errs...)
}

// closing closes what an error leaves behind. The error stays as it is, with its Java
// class and causes, unless closing fails too.
func closing(err error, c io.Closer) error {
	if cerr := c.Close(); cerr != nil {
		return errors.Join(err, cerr)
	}
	return err
}

func converter(reg *plugin.Registry, key string, isKey bool, connector, worker map[string]string) (connect.Converter, string, error) {
	class, props := choose(key, connector, worker)
	if class == "" {
		return nil, "", connect.ConfigErrorf("Missing required configuration %q which has no default value.", key)
	}
	p, err := reg.Find(class, plugin.Converter)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", key, err)
	}
	props["converter.type"] = "value"
	if isKey {
		props["converter.type"] = "key"
	}
	c := p.NewConverter()
	if err := c.Configure(props, isKey); err != nil {
		return c, "", fmt.Errorf("configuring %s %s: %w", key, p.Class, err)
	}
	return c, p.Class, nil
}

// choose returns the class under key and its sub-keys, from the connector if it
// names one, else from the worker.
func choose(key string, connector, worker map[string]string) (string, map[string]string) {
	from := worker
	if connector[key] != "" {
		from = connector
	}
	return from[key], config.Sub(from, key+".")
}

// transform is one link of the chain.
type transform struct {
	alias     string
	class     string
	apply     connect.Transform
	predicate connect.Predicate // nil: always
	negate    bool
}

// Chain is the transform chain of a task in order.
type Chain []transform

type chainConfig struct {
	Transforms, Predicates []string
}

func (c *chainConfig) Define(d *config.Def) {
	d.List(&c.Transforms, "transforms").Default("")
	d.List(&c.Predicates, "predicates").Default("")
}

// BuildChain makes the transforms of a connector with their predicates.
func BuildChain(reg *plugin.Registry, connector map[string]string) (Chain, error) {
	var cfg chainConfig
	if err := config.Parse(&cfg, connector); err != nil {
		return nil, err
	}
	var chain Chain
	for _, alias := range cfg.Transforms {
		t, err := buildTransform(reg, connector, alias)
		if err != nil {
			return nil, closing(fmt.Errorf("transform %s: %w", alias, err), chain)
		}
		chain = append(chain, t)
	}
	return chain, nil
}

func buildTransform(reg *plugin.Registry, connector map[string]string, alias string) (transform, error) {
	props := config.Sub(connector, "transforms."+alias+".")
	t := transform{alias: alias, negate: strings.EqualFold(props["negate"], "true")}
	p, err := reg.Find(props["type"], plugin.Transformation)
	if err != nil {
		return t, err
	}
	t.class, t.apply = p.Class, p.NewTransform()
	own := maps.Clone(props)
	for _, k := range []string{"type", "predicate", "negate", "plugin.version"} {
		delete(own, k)
	}
	if err := t.apply.Configure(own); err != nil {
		return t, closing(fmt.Errorf("configuring %s: %w", p.Class, err), t.apply)
	}
	if name := props["predicate"]; name != "" {
		if t.predicate, err = buildPredicate(reg, connector, name); err != nil {
			return t, closing(err, t.apply)
		}
	}
	return t, nil
}

func buildPredicate(reg *plugin.Registry, connector map[string]string, alias string) (connect.Predicate, error) {
	props := config.Sub(connector, "predicates."+alias+".")
	if props["type"] == "" {
		return nil, connect.ConfigErrorf("predicate %s is not declared: name it in predicates and set predicates.%s.type", alias, alias)
	}
	p, err := reg.Find(props["type"], plugin.Predicate)
	if err != nil {
		return nil, fmt.Errorf("predicate %s: %w", alias, err)
	}
	delete(props, "type")
	delete(props, "plugin.version")
	pred := p.NewPredicate()
	if err := pred.Configure(props); err != nil {
		return nil, closing(fmt.Errorf("configuring predicate %s: %w", alias, err), pred)
	}
	return pred, nil
}

// Close closes transforms and predicates.
func (c Chain) Close() error {
	var errs []error
	for _, t := range c {
		errs = append(errs, t.apply.Close())
		if t.predicate != nil {
			errs = append(errs, t.predicate.Close())
		}
	}
	return errors.Join(errs...)
}

// run applies transform i to r; false drops it.
func (t *transform) run(r *connect.Record) (bool, error) {
	if t.predicate != nil {
		holds, err := t.predicate.Test(r)
		if err != nil {
			return false, err
		}
		if holds == t.negate {
			return true, nil
		}
	}
	return t.apply.Apply(r)
}
