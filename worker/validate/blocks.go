package validate

import (
	"strings"

	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/internal/kafka"
)

// addConverters validates the keys of converters that the connector names itself.
func (r *run) addConverters(report *Infos, result *config.Result) {
	r.addConverter(report, result, "header.converter", "header", plugin.HeaderConverter)
	r.addConverter(report, result, "key.converter", "key", plugin.Converter)
	r.addConverter(report, result, "value.converter", "value", plugin.Converter)
}

func (r *run) addConverter(report *Infos, result *config.Result, key, role string, kind plugin.Kind) {
	class, ok := r.props[key]
	if !ok || len(result.Value(key).Errors) > 0 {
		return
	}
	p, err := r.reg.Find(class, kind)
	if err != nil {
		return // the key's own check has reported it
	}
	props := config.Sub(r.props, key+".")
	if _, set := props["converter.type"]; !set {
		props["converter.type"] = role
	}
	keys := p.Def()
	values := config.InJavaOrder(keys.Validate(props, r.nullsUnder(key+".")...).Values, func(v *config.Value) string { return v.Name })
	report.addBlock(key+".", keys, values)
}

// addOverrides validates the client settings that a connector overrides, for the
// clients that it will have.
func (r *run) addOverrides(report *Infos) {
	source := r.plugin.Kind == plugin.Source
	deadLetters := !source && !blank(r.props[dlqTopic])
	ownOffsets := source && r.worker.GroupID != "" && (r.worker.ExactlyOnce || !blank(r.props["offsets.storage.topic"]))
	if source || deadLetters {
		r.addClient(report, "producer.override.", kafka.Producer)
	}
	if !source || ownOffsets {
		r.addClient(report, "consumer.override.", kafka.Consumer)
	}
	if (source && len(config.Sub(r.props, "topic.creation.")) > 0) || deadLetters || ownOffsets {
		r.addClient(report, "admin.override.", kafka.Admin)
	}
}

func (r *run) addClient(report *Infos, prefix string, role kafka.Role) {
	keys := clientKeys(role)
	props := config.Sub(r.props, prefix)
	var values []*config.Value
	for _, v := range keys.Validate(props).Values {
		if _, set := props[v.Name]; set {
			values = append(values, r.override(v))
			delete(props, v.Name)
		}
	}
	for name, raw := range props {
		values = append(values, r.override(&config.Value{Name: name, Value: raw}))
	}
	for _, name := range r.nullsUnder(prefix) {
		values = append(values, r.override(&config.Value{Name: name}))
	}
	report.addBlock(prefix, keys, config.InJavaOrder(values, func(v *config.Value) string { return v.Name }))
}

// nullsUnder returns the null keys under a prefix, without it.
func (r *run) nullsUnder(prefix string) []string {
	var names []string
	for _, key := range r.nulls {
		if name, ok := strings.CutPrefix(key, prefix); ok && name != "" {
			names = append(names, name)
		}
	}
	return names
}

// override keeps what Java reports of an overridden setting: a text that does not
// parse, and what the policy says. The client's own checks run when it is made.
func (r *run) override(v *config.Value) *config.Value {
	if v.Value != nil {
		v.Errors = nil
	}
	if msg := r.worker.Overrides.refuse(v.Name); msg != "" {
		v.Errors = append(v.Errors, msg)
	}
	return v
}
