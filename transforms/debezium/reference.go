package debezium

import (
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
)

// reference is an entry of add.fields or add.headers.
type reference struct {
	parent string // struct of the event, "" for the event itself
	field  string
	name   string // of the new field or header
}

func parseReferences(prefix string, list []string) ([]reference, error) {
	var refs []reference
	for _, entry := range list {
		parts := javaSplit(entry, ":")
		path := javaSplit(parts[0], ".")
		ref := reference{field: path[0]}
		if len(path) > 1 {
			ref.parent, ref.field = path[0], path[1]
		} else {
			ref.parent = parentOf(ref.field)
		}
		switch {
		case len(parts) > 2:
			return nil, connect.Errorf(connect.ClassIllegalArg, "Unexpected field name: %s", entry)
		case len(parts) == 2:
			ref.name = prefix + parts[1]
		case len(path) > 1:
			ref.name = prefix + ref.parent + "_" + ref.field
		default:
			ref.name = prefix + ref.field
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// javaSplit is Java's split: empty strings at the end are dropped.
func javaSplit(s, sep string) []string {
	parts := strings.Split(s, sep)
	for len(parts) > 1 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	return parts
}

// parentOf says where a bare name is looked up.
func parentOf(field string) string {
	switch field {
	case "op", "ts_ms", "ts_us", "ts_ns":
		return ""
	case "id", "data_collection_order", "total_order":
		return "transaction"
	case "updateDescription":
		return field
	}
	return "source"
}

// located is a reference resolved for an envelope schema.
type located struct {
	name   string
	schema *data.Schema
	parent int // index in the event, -1 for the event itself
	field  int // index in the parent
	event  int // index in the event where the parent has no such field, else -1
}

// locate resolves references; those whose field does not exist are left out.
func locate(refs []reference, event *data.Schema) ([]located, error) {
	var out []located
	for _, ref := range refs {
		loc := located{name: ref.name, parent: -1, field: -1, event: -1}
		parent := event
		if ref.parent != "" {
			loc.parent = event.FieldIndex(ref.parent)
			if loc.parent < 0 {
				return nil, connect.Errorf(connect.ClassNullPointer, "the event has no struct %s for the added field %s", ref.parent, ref.name)
			}
			parent = event.Fields()[loc.parent].Schema
		}
		loc.field = parent.FieldIndex(ref.field)
		schema := parent.FieldSchema(ref.field)
		if loc.field < 0 {
			if loc.event = event.FieldIndex(ref.field); loc.event < 0 {
				continue
			}
			schema = event.Fields()[loc.event].Schema
		}
		loc.schema = optionalBasics(schema)
		out = append(out, loc)
	}
	return out, nil
}

// optionalBasics is Java's copySchemaBasics(schema).optional(): the fields of a
// struct and the parts of a map are lost.
func optionalBasics(s *data.Schema) *data.Schema {
	b := data.NewSchema(s.Type())
	switch s.Type() {
	case data.TypeArray:
		b = data.NewArray(s.Elem())
	case data.TypeMap:
		b = data.NewMap(nil, nil)
	}
	return b.BasicsOf(s).Optional().Build()
}

// value returns the referenced value of an event, without defaults.
func (l *located) value(event *data.Struct) data.Value {
	if l.parent < 0 {
		if l.field < 0 {
			return event.At(l.event)
		}
		return event.At(l.field)
	}
	parent := event.At(l.parent)
	if parent.Kind() != data.KindStruct {
		return data.Null
	}
	if l.field < 0 {
		return event.At(l.event)
	}
	return parent.Struct().At(l.field)
}
