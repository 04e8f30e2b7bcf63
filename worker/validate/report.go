package validate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/worker/model"
)

// Err returns the bad request that a create or update answers with when the
// report has errors, nil when it has none.
func (i *Infos) Err() error {
	if i.ErrorCount == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Connector configuration is invalid and contains the following %d error(s):", i.ErrorCount)
	for _, c := range i.Configs {
		for _, e := range c.Value.Errors {
			b.WriteString("\n" + e)
		}
	}
	b.WriteString("\nYou can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`")
	return &model.BadRequestError{Msg: b.String()}
}

// merged is AbstractHerder.generateResult: one entry a key, the connector's own
// definition and value before the framework's, keys without definition first.
func merged(class string, base *config.Def, result *config.Result, own *config.Def, ownResult *config.Result) *Infos {
	keys := base.Merge(own)
	report := &Infos{Name: class, Groups: []string{}, Configs: []Info{}}
	for _, d := range []*config.Def{base, own} {
		report.addGroups(d.Groups())
	}
	values := map[string]*config.Value{}
	for _, r := range []*config.Result{result, ownResult} {
		for _, v := range r.Values {
			values[v.Name] = v
			if keys.Key(v.Name) == nil {
				report.add(nil, v)
			}
		}
	}
	for _, k := range keys.Keys() {
		if k.Hidden {
			continue
		}
		d := Describe(k)
		report.add(&d, values[k.Name])
	}
	return report
}

func (i *Infos) add(d *KeyInfo, v *config.Value) {
	i.Configs = append(i.Configs, Info{Definition: d, Value: valueInfo(v)})
	i.ErrorCount += len(v.Errors)
}

// addBlock adds keys of a converter or client under a prefix. Of these Java
// counts the keys with errors, not the messages (prefixedConfigInfos).
func (i *Infos) addBlock(prefix string, keys *config.Def, values []*config.Value) {
	for _, v := range values {
		info := Info{Value: valueInfo(v)}
		info.Value.Name = prefix + v.Name
		if k := keys.Key(v.Name); k != nil {
			d := Describe(k)
			d.Name = prefix + d.Name
			info.Definition = &d
			if k.GroupName != "" {
				i.addGroups([]string{k.GroupName})
			}
		}
		if len(v.Errors) > 0 {
			i.ErrorCount++
		}
		i.Configs = append(i.Configs, info)
	}
}

func (i *Infos) addGroups(groups []string) {
	for _, g := range groups {
		if !slices.Contains(i.Groups, g) {
			i.Groups = append(i.Groups, g)
		}
	}
}

func valueInfo(v *config.Value) ValueInfo {
	info := ValueInfo{Name: v.Name, Recommended: []string{}, Errors: append([]string{}, v.Errors...), Visible: !v.Hidden}
	if v.Value != nil {
		text := config.Text(v.Value)
		info.Value = &text
	}
	for _, r := range v.Recommended {
		info.Recommended = append(info.Recommended, config.Text(r))
	}
	return info
}

// passThrough are prefixes of keys whose rest the framework or a client names.
var passThrough = []string{"producer.override.", "consumer.override.", "admin.override.", "topic.creation.",
	"key.converter.", "value.converter.", "header.converter.", "config.providers."}

// Unknown returns, sorted, the keys of a configuration that neither the framework
// nor the connector declares: likely misspelt, worth a warning, never an error. A
// declared name that holds a pattern (as Debezium's column.mask.hash.([^.]+)...)
// stands for all keys with its beginning.
func (i *Infos) Unknown(props map[string]string) []string {
	known, prefixes := map[string]bool{}, slices.Clone(passThrough)
	for _, c := range i.Configs {
		if c.Definition == nil {
			continue
		}
		known[c.Definition.Name] = true
		if begin, _, pattern := strings.Cut(c.Definition.Name, "("); pattern {
			prefixes = append(prefixes, begin)
		}
	}
	var unknown []string
	for name := range props {
		if !known[name] && !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown
}
