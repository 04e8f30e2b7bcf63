package validate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/worker/model"
)

// Worker is what validation needs to know of the worker's configuration.
type Worker struct {
	// KeyConverter, ValueConverter and HeaderConverter are the worker's
	// converters, "" where unset.
	KeyConverter, ValueConverter, HeaderConverter string
	// GroupID is group.id, "" in standalone mode.
	GroupID string
	// ExactlyOnce is exactly.once.source.support=enabled.
	ExactlyOnce bool
	// Overrides decides which client settings a connector may override; nil
	// allows all.
	Overrides *Policy
	// Resolve replaces references to configuration providers; nil does nothing.
	Resolve func(props map[string]string) (map[string]string, error)
}

// Validator validates connector configurations. It is safe for concurrent use.
type Validator struct {
	reg    *plugin.Registry
	worker Worker
}

// New returns a validator over the plugins of a registry.
func New(reg *plugin.Registry, w Worker) *Validator {
	full := func(class *string, kind plugin.Kind) {
		if p, err := reg.Find(*class, kind); err == nil {
			*class = p.Class
		}
	}
	full(&w.KeyConverter, plugin.Converter)
	full(&w.ValueConverter, plugin.Converter)
	full(&w.HeaderConverter, plugin.HeaderConverter)
	return &Validator{reg, w}
}

// Validate reports on a connector configuration. A missing connector.class and a
// class that is not there are bad requests (worker/model); all other problems are
// in the report. ctx bounds the connector's own checks.
func (v *Validator) Validate(ctx context.Context, config model.Config) (*Infos, error) {
	posted := config.Texts()
	props, err := v.resolve(posted)
	if err != nil {
		return nil, err
	}
	class, ok := props["connector.class"]
	if !ok {
		return nil, model.BadRequest("Connector config %s contains no connector type", javaMap(config))
	}
	p, err := v.Connector(class)
	if err != nil {
		return nil, err
	}
	r := &run{Validator: v, props: props, nulls: config.Nulls(), plugin: p}
	report := r.validate(ctx, class)
	report.redact(posted, props)
	return report, nil
}

// Connector finds a connector plugin by class name or alias. A class that is not
// there is a bad request.
func (v *Validator) Connector(class string) (*plugin.Plugin, error) {
	p, err := v.reg.Find(class, plugin.Source, plugin.Sink)
	var unknown *plugin.UnknownError
	if !errors.As(err, &unknown) {
		if err != nil {
			return nil, &model.BadRequestError{Msg: err.Error()}
		}
		return p, nil
	}
	var names []string
	for _, p := range v.reg.All(plugin.Sink, plugin.Source) {
		names = append(names, fmt.Sprintf("PluginDesc{klass=class %s, name='%s', version='%s', type=%s}", p.Class, p.Class, p.Version, p.Kind))
	}
	return nil, model.BadRequest("Failed to find any class that implements Connector and which name matches %s, available connectors are: %s",
		class, strings.Join(names, ", "))
}

// Moot returns, sorted, the connector's keys that are set to something else than
// their default though they have no effect here, each as "name: why".
func (v *Validator) Moot(props map[string]string) []string {
	p, err := v.Connector(props["connector.class"])
	if err != nil {
		return nil // Validate says so
	}
	return moot(p.Def(), props)
}

func moot(d *config.Def, props map[string]string) []string {
	var out []string
	for _, k := range d.Keys() {
		if k.Moot == "" {
			continue
		}
		if v, set := k.Lookup(props); set && (k.DefaultNull || v != k.DefaultText) {
			out = append(out, k.Name+": "+k.Moot)
		}
	}
	slices.Sort(out)
	return out
}

func (v *Validator) resolve(props map[string]string) (map[string]string, error) {
	if v.worker.Resolve == nil {
		return props, nil
	}
	resolved, err := v.worker.Resolve(props)
	if err != nil {
		return nil, fmt.Errorf("resolving references to configuration providers: %w", err)
	}
	return resolved, nil
}

// javaMap is AbstractMap.toString, with the names sorted and what sounds like a
// secret hidden: nothing says yet which keys are passwords.
func javaMap(m model.Config) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			b.WriteString(", ")
		}
		v := m.Text(k)
		switch {
		case m[k] == nil:
			v = "null"
		case config.SoundsSecret(k):
			v = "[hidden]"
		}
		b.WriteString(k + "=" + v)
	}
	b.WriteByte('}')
	return b.String()
}

// run is one validation.
type run struct {
	*Validator
	props  map[string]string
	nulls  []string // keys given as null, which props has not
	plugin *plugin.Plugin
	// versionFits: connector.plugin.version is the version there is.
	versionFits bool
}

func (r *run) validate(ctx context.Context, class string) *Infos {
	base := r.baseKeys()
	result := base.Validate(r.props, r.nulls...)
	r.checkVersions(result)
	if !r.versionFits {
		// Java skips what the connector itself would say.
		r.refuseNulls(result)
		report := merged(class, base, result, &config.Def{}, &config.Result{})
		r.addConverters(report, result)
		return report
	}
	var own config.Def
	var validator connect.Validator
	if r.plugin.Kind == plugin.Source {
		c := r.plugin.NewSource()
		c.Define(&own)
		r.checkSource(c, result)
		validator, _ = c.(connect.Validator)
	} else {
		c := r.plugin.NewSink()
		c.Define(&own)
		r.checkSink(result)
		validator, _ = c.(connect.Validator)
	}
	r.refuseNulls(result)
	ownResult := own.Validate(r.props, r.nulls...)
	if validator != nil {
		validator.Validate(ctx, r.props, ownResult)
	}
	report := merged(class, base, result, &own, ownResult)
	r.addOverrides(report)
	r.addConverters(report, result)
	return report
}

// refuseNulls adds what Java says of a null. It stands for keys that the connector
// does not declare: merged prefers what the connector says of its own.
func (r *run) refuseNulls(result *config.Result) {
	for _, key := range r.nulls {
		result.AddError(key, "Null value can not be supplied as the configuration value.")
	}
}

// baseKeys are the framework's keys with those of transforms and predicates.
func (r *run) baseKeys() *config.Def {
	d := commonKeys(r.reg, r.worker, r.versions())
	if r.plugin.Kind == plugin.Source {
		sourceKeys(d)
	} else {
		sinkKeys(d)
	}
	r.embed(d, transforms)
	r.embed(d, predicates)
	return d
}

func (r *run) versions() versions {
	find := func(class, fallback string, kind plugin.Kind) *string {
		if class == "" {
			class = fallback
		}
		p, err := r.reg.Find(class, kind)
		if err != nil {
			return nil
		}
		return version(p)
	}
	return versions{
		connector: version(r.plugin),
		key:       find(r.props["key.converter"], r.worker.KeyConverter, plugin.Converter),
		value:     find(r.props["value.converter"], r.worker.ValueConverter, plugin.Converter),
		header:    find(r.props["header.converter"], r.worker.HeaderConverter, plugin.HeaderConverter),
	}
}

func version(p *plugin.Plugin) *string {
	if p.Version == "" {
		return nil
	}
	return &p.Version
}

// Keys returns the definitions that GET /connector-plugins/{plugin}/config serves:
// the plugin's own, and for connectors the framework's that it does not redefine.
func Keys(reg *plugin.Registry, p *plugin.Plugin) []KeyInfo {
	infos := []KeyInfo{}
	own := p.Def()
	for _, k := range own.Keys() {
		if !k.Hidden {
			infos = append(infos, Describe(k))
		}
	}
	if p.Kind != plugin.Source && p.Kind != plugin.Sink {
		return infos
	}
	base := commonKeys(reg, Worker{}, versions{connector: version(p)})
	if p.Kind == plugin.Source {
		sourceKeys(base)
	} else {
		sinkKeys(base)
	}
	for _, k := range base.Keys() {
		if own.Key(k.Name) == nil {
			infos = append(infos, Describe(k))
		}
	}
	return infos
}
