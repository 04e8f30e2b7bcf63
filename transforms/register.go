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
	"github.com/leat-project/leat/transforms/debezium"
)

// Version is what the transforms report: that of the Connect they answer as.
const Version = "4.3.1"

const (
	pkg          = "org.apache.kafka.connect.transforms."
	predicatePkg = pkg + "predicates."
)

// sided are the transforms that have a class for keys and one for values.
var sided = map[string]func(side) connect.Transform{
	"Cast":               func(s side) connect.Transform { return &Cast{side: s} },
	"ExtractField":       func(s side) connect.Transform { return &ExtractField{side: s} },
	"Flatten":            func(s side) connect.Transform { return &Flatten{side: s} },
	"HeaderFrom":         func(s side) connect.Transform { return &HeaderFrom{side: s} },
	"HoistField":         func(s side) connect.Transform { return &HoistField{side: s} },
	"InsertField":        func(s side) connect.Transform { return &InsertField{side: s} },
	"MaskField":          func(s side) connect.Transform { return &MaskField{side: s} },
	"ReplaceField":       func(s side) connect.Transform { return &ReplaceField{side: s} },
	"SetSchemaMetadata":  func(s side) connect.Transform { return &SetSchemaMetadata{side: s} },
	"TimestampConverter": func(s side) connect.Transform { return &TimestampConverter{side: s} },
}

// single are the transforms of whole records.
var single = map[string]func() connect.Transform{
	"DropHeaders":     func() connect.Transform { return &DropHeaders{} },
	"Filter":          func() connect.Transform { return &Filter{} },
	"InsertHeader":    func() connect.Transform { return &InsertHeader{} },
	"RegexRouter":     func() connect.Transform { return &RegexRouter{} },
	"TimestampRouter": func() connect.Transform { return &TimestampRouter{} },
	"ValueToKey":      func() connect.Transform { return &ValueToKey{} },
}

// Register adds the transforms and predicates to a registry, Debezium's included.
func Register(r *plugin.Registry) {
	for name, create := range sided {
		r.AddTransform(pkg+name+"$Key", Version, func() connect.Transform { return create(keySide) })
		r.AddTransform(pkg+name+"$Value", Version, func() connect.Transform { return create(valueSide) })
	}
	for name, create := range single {
		r.AddTransform(pkg+name, Version, create)
	}
	r.AddPredicate(predicatePkg+"HasHeaderKey", Version, func() connect.Predicate { return &HasHeaderKey{} })
	r.AddPredicate(predicatePkg+"RecordIsTombstone", Version, func() connect.Predicate { return &RecordIsTombstone{} })
	r.AddPredicate(predicatePkg+"TopicNameMatches", Version, func() connect.Predicate { return &TopicNameMatches{} })
	debezium.Register(r)
}
