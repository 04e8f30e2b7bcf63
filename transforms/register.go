// Package transforms holds the single message transforms and predicates of Apache
// Kafka (org.apache.kafka.connect.transforms), one a file; those of Debezium are in
// the package debezium below.
//
// A transform changes a record in place. A struct whose schema changes is built anew
// from the record's arena, by a plan that is compiled once for each schema and kept
// by its pointer; see [planner]. A map is copied, because sources may share it.
//
// Non-obvious:
//   - A record is a sink record when its OriginalTopic is set.
//   - An Unchanged value is copied as it is, whatever the schema of its place; what
//     would have to look into it (Cast, TimestampConverter) leaves it alone too.
package transforms

import (
	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/plugin"
)

// Version is what the transforms report: that of the Connect they answer as.
const Version = "4.3.1"

const (
	pkg          = "org.apache.kafka.connect.transforms."
	predicatePkg = pkg + "predicates."
)

// sided are the transforms that have a class for keys and one for values.
var sided = map[string]func(side) connect.Transform{
	"InsertField":  func(s side) connect.Transform { return &InsertField{side: s} },
	"ReplaceField": func(s side) connect.Transform { return &ReplaceField{side: s} },
}

// Register adds the transforms and predicates to a registry.
func Register(r *plugin.Registry) {
	for name, create := range sided {
		r.AddTransform(pkg+name+"$Key", Version, func() connect.Transform { return create(keySide) })
		r.AddTransform(pkg+name+"$Value", Version, func() connect.Transform { return create(valueSide) })
	}
	r.AddTransform(pkg+"Filter", Version, func() connect.Transform { return &Filter{} })
	r.AddTransform(pkg+"RegexRouter", Version, func() connect.Transform { return &RegexRouter{} })
	r.AddPredicate(predicatePkg+"HasHeaderKey", Version, func() connect.Predicate { return &HasHeaderKey{} })
	r.AddPredicate(predicatePkg+"RecordIsTombstone", Version, func() connect.Predicate { return &RecordIsTombstone{} })
	r.AddPredicate(predicatePkg+"TopicNameMatches", Version, func() connect.Predicate { return &TopicNameMatches{} })
}
