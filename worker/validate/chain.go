package validate

import (
	"fmt"

	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/plugin"
)

// chained is a kind of plugin that a connector configures under aliases
// (ConnectorConfig.EnrichablePlugin).
type chained struct {
	key   string // transforms or predicates
	group string
	word  string // Java's simple class name
	kind  plugin.Kind
	// implicit declares keys that every plugin of the kind has.
	implicit func(d *config.Def)
	// masked are the names of the implicit keys: the plugin's own keys of these
	// names are left out.
	masked []string
}

var transforms = chained{
	key: "transforms", group: transformsGroup, word: "Transformation", kind: plugin.Transformation,
	implicit: func(d *config.Def) {
		d.String(nil, "predicate").Default(nil).Importance(config.Medium).
			Doc("Alias of the predicate that decides whether the transform applies.")
		d.Bool(nil, "negate").Default(false).Importance(config.Medium).
			Doc("Whether the transform applies where the predicate does not.")
	},
	masked: []string{"predicate", "negate"},
}

var predicates = chained{key: "predicates", group: predicatesGroup, word: "Predicate", kind: plugin.Predicate,
	implicit: func(*config.Def) {}}

// embed adds the keys of every alias that the configuration names.
func (r *run) embed(d *config.Def, c chained) {
	for _, alias := range splitList(r.props[c.key]) {
		prefix := c.key + "." + alias + "."
		group := c.group + ": " + alias
		p, err := r.reg.Find(r.props[prefix+"type"], c.kind)
		if err != nil {
			p = nil
		}
		d.Class(nil, prefix+"type").Classes(classesOf(r.reg, c.kind)).Recommend(recommend(r.reg, c.kind)).
			Check(r.negated(prefix)).Group(group, 0).Width(config.Long).Label(c.word + " type for " + alias).
			Doc(fmt.Sprintf("Class of %s %s.", c.key[:len(c.key)-1], alias))
		var ver *string
		if p != nil {
			ver = version(p)
		}
		withVersion(d.String(nil, prefix+"plugin.version"), ver).Group(group, 1).Width(config.Long).Label(c.word + " version for " + alias).
			Doc(fmt.Sprintf("Version of %s %s.", c.key[:len(c.key)-1], alias))
		if p == nil {
			continue
		}
		own := &config.Def{}
		c.implicit(own)
		d.Embed(prefix, group, 2, p.Def().Merge(own))
	}
}

// negated refuses a negate without a predicate.
func (r *run) negated(prefix string) config.Check {
	return func(string, any) error {
		_, negate := r.props[prefix+"negate"]
		_, predicate := r.props[prefix+"predicate"]
		if negate && !predicate {
			return &config.Error{Msg: fmt.Sprintf("Config '%snegate' was provided but there is no config '%spredicate' defining a predicate to be negated.",
				prefix, prefix)}
		}
		return nil
	}
}
