package config

import (
	"cmp"
	"slices"
	"strings"
)

// Embed adds the keys of child under a prefix, as ConfigDef.embed does: sorted,
// grouped under group, numbered from start. Checks and recommenders see names
// without the prefix. The keys keep child's bindings.
func (d *Def) Embed(prefix, group string, start int, child *Def) {
	for i, k := range child.sorted() {
		e := *k
		e.Name, e.OrderNum, e.GroupName = prefix+k.Name, start+i, group
		if k.GroupName != "" {
			e.GroupName += ": " + k.GroupName
		}
		e.Checks = unprefixed(prefix, k.Checks)
		e.DependsKeys = prefixed(prefix, k.DependsKeys)
		e.Aliases = prefixed(prefix, k.Aliases)
		e.Rec = k.Rec.embedded(prefix)
		d.put(&e)
	}
}

// Merge returns a definition of d's keys and then over's; a key that both declare
// is over's, in d's place.
func (d *Def) Merge(over *Def) *Def {
	m := &Def{}
	for _, k := range d.keys {
		if o := over.Key(k.Name); o != nil {
			k = o
		}
		m.put(k)
	}
	for _, k := range over.keys {
		if m.Key(k.Name) == nil {
			m.put(k)
		}
	}
	return m
}

// sorted is ConfigDef.sortedConfigs: by group, order, required first, importance,
// name.
func (d *Def) sorted() []*Key {
	groups := d.Groups()
	keys := slices.Clone(d.keys)
	slices.SortStableFunc(keys, func(a, b *Key) int {
		if c := cmp.Or(
			cmp.Compare(slices.Index(groups, a.GroupName), slices.Index(groups, b.GroupName)),
			cmp.Compare(a.OrderNum, b.OrderNum),
		); c != 0 {
			return c
		}
		if a.HasDefault != b.HasDefault {
			if b.HasDefault {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Imp, b.Imp), cmp.Compare(a.Name, b.Name))
	})
	return keys
}

func prefixed(prefix string, names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = prefix + n
	}
	return out
}

func unprefixed(prefix string, checks []Check) []Check {
	out := make([]Check, len(checks))
	for i, c := range checks {
		out[i] = func(name string, v any) error { return c(strings.TrimPrefix(name, prefix), v) }
	}
	return out
}

func (r *Recommender) embedded(prefix string) *Recommender {
	if r == nil {
		return nil
	}
	e := &Recommender{}
	if r.Values != nil {
		e.Values = func(name string, props map[string]string) []any {
			return r.Values(strings.TrimPrefix(name, prefix), Sub(props, prefix))
		}
	}
	if r.Visible != nil {
		e.Visible = func(name string, props map[string]string) bool {
			return r.Visible(strings.TrimPrefix(name, prefix), Sub(props, prefix))
		}
	}
	return e
}

// Sub returns the properties under a prefix, without it (Utils.entriesWithPrefix).
func Sub(props map[string]string, prefix string) map[string]string {
	sub := map[string]string{}
	for name, v := range props {
		if rest, ok := strings.CutPrefix(name, prefix); ok && rest != "" {
			sub[rest] = v
		}
	}
	return sub
}
