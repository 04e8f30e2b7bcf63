package debezium

import (
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
)

// ExtractNewRecordState turns a change event into its row: after, or before for a
// delete, as delete.tombstone.handling.mode says.
type ExtractNewRecordState struct {
	mode                       string
	routeBy                    string
	fieldPrefix, headerPrefix  string
	fieldList, headerList      []string
	dropHeader                 string
	dropFromKey, dropKeepsBase bool
	defaults                   bool

	fields, headers []reference
	plans           map[planKey]*unwrapPlan
	lastKey         planKey
	last            *unwrapPlan
	drops           map[dropKey]*dropPlan
}

// The values of delete.tombstone.handling.mode.
const (
	modeDrop      = "drop"
	modeTombstone = "tombstone"
	modeRewrite   = "rewrite"
	modeBoth      = "rewrite-with-tombstone"
	modeConvert   = "delete-to-tombstone"
)

var modes = []string{modeDrop, modeTombstone, modeRewrite, modeBoth, modeConvert}

// planCache bounds the plans: one for each envelope schema and kind of event.
const planCache = 512

// Define declares the keys.
func (t *ExtractNewRecordState) Define(d *config.Def) {
	key := func(k *config.Key, w config.Width, label, doc string) {
		k.Group("", 1).Width(w).Label(label).Doc(doc)
	}
	key(d.String(&t.mode, "delete.tombstone.handling.mode").Default(modeTombstone).Check(checkMode).Importance(config.Medium),
		config.MediumWidth, "Handle delete and tombstone records",
		"What becomes of deletes and tombstones: drop both; tombstone leaves a tombstone for each delete; rewrite makes "+
			"the deleted row with __deleted=true and drops tombstones; rewrite-with-tombstone keeps them; "+
			"delete-to-tombstone makes the delete a tombstone and drops the tombstone after it.")
	key(d.String(&t.routeBy, "route.by.field").Default("").Importance(config.Low), config.Long, "Route by field name",
		"Field of the row whose text becomes the topic.")
	key(d.String(&t.fieldPrefix, "add.fields.prefix").Default("__").Importance(config.Low), config.Short,
		"Field prefix to be added to each field.", "What added fields' names begin with.")
	key(d.List(&t.fieldList, "add.fields").Default("").Importance(config.Low), config.Long,
		"Adds the specified field(s) to the message if they exist.",
		"Fields of the event to add to the row: op, table, source.ts_ms; name:alias renames.")
	key(d.String(&t.headerPrefix, "add.headers.prefix").Default("__").Importance(config.Low), config.Short,
		"Header prefix to be added to each header.", "What added headers' names begin with.")
	key(d.List(&t.headerList, "add.headers").Default("").Importance(config.Low), config.Long,
		"Adds the specified fields to the header if they exist.", "Fields of the event to add as headers, written as in add.fields.")
	key(d.String(&t.dropHeader, "drop.fields.header.name").Default(nil).Importance(config.Low), config.Short,
		"Specifies a header that contains a list of field names to be removed",
		"Name of a header whose value lists fields to leave out of the row.")
	key(d.Bool(&t.dropFromKey, "drop.fields.from.key").Default(false).Importance(config.Low), config.Short,
		"Specifies whether the fields to be dropped should also be omitted from the key",
		"Whether these fields are left out of the key too.")
	key(d.Bool(&t.dropKeepsBase, "drop.fields.keep.schema.compatible").Default(true).Importance(config.Low), config.Short,
		"Specifies if fields are dropped, will the event's schemas be compatible",
		"Whether only optional fields are left out, so that the new schema stays compatible.")
	d.Bool(&t.defaults, "replace.null.with.default").Default(true).Internal().
		Doc("Whether a null of a field with a default value becomes the default when a row is rewritten.")
}

func checkMode(name string, v any) error {
	s, _ := v.(string)
	if parseMode(s) == "" {
		return config.Invalid(name, v, "Value must be one of "+strings.Join(modes, ", "))
	}
	return nil
}

func parseMode(s string) string {
	for _, m := range modes {
		if strings.EqualFold(strings.TrimSpace(s), m) {
			return m
		}
	}
	return ""
}

// Configure applies the properties.
func (t *ExtractNewRecordState) Configure(props map[string]string) error {
	if err := config.Parse(t, props); err != nil {
		return connect.Cause(connect.ClassConnect, "Unable to validate config.", err)
	}
	t.mode = parseMode(t.mode)
	var err error
	if t.fields, err = parseReferences(t.fieldPrefix, t.fieldList); err != nil {
		return err
	}
	t.headers, err = parseReferences(t.headerPrefix, t.headerList)
	return err
}

// Close does nothing.
func (t *ExtractNewRecordState) Close() error { return nil }

// Apply unwraps the record.
func (t *ExtractNewRecordState) Apply(r *connect.Record) (bool, error) {
	if r.Value.IsNull() {
		t.tombstoneHeaders(r)
		return t.mode == modeBoth, nil
	}
	if !isEnvelope(r.ValueSchema) || r.Value.Kind() != data.KindStruct {
		return true, nil
	}
	event := r.Value.Struct()
	p, err := t.plan(event.Schema())
	if err != nil {
		return false, err
	}
	p.addHeaders(r, event)
	if after := event.At(p.after); !after.IsNull() {
		return true, t.upsert(r, p, event, after)
	}
	if p.before < 0 {
		return false, unknownField("before")
	}
	before := event.At(p.before)
	if before.IsNull() {
		return false, nil // a truncate
	}
	return t.remove(r, p, event, before)
}

func isEnvelope(s *data.Schema) bool { return s != nil && strings.HasSuffix(s.Name(), ".Envelope") }

func unknownField(name string) error {
	return connect.Errorf(connect.ClassIllegalArg, "Unknown field: %s", name)
}

func (t *ExtractNewRecordState) rewrites() bool { return t.mode == modeRewrite || t.mode == modeBoth }

// upsert makes the row of a create, update or read.
func (t *ExtractNewRecordState) upsert(r *connect.Record, p *unwrapPlan, event *data.Struct, after data.Value) error {
	if after.Kind() != data.KindStruct {
		return connect.DataErrorf("Only Struct objects supported for [source field insertion], found: %s", after.Kind().JavaClass())
	}
	if t.routeBy != "" {
		if err := t.route(r, after.Struct()); err != nil {
			return err
		}
	}
	row, err := t.row(r, p, event, after.Struct(), notDeleted)
	if err != nil {
		return err
	}
	r.ValueSchema, r.Value = row.Schema(), data.StructOf(row)
	return t.dropFields(r)
}

// remove makes what the mode wants of a delete.
func (t *ExtractNewRecordState) remove(r *connect.Record, p *unwrapPlan, event *data.Struct, before data.Value) (bool, error) {
	if t.mode == modeDrop {
		return false, nil
	}
	if before.Kind() != data.KindStruct {
		return false, connect.DataErrorf("Only Struct objects supported for [source field insertion], found: %s", before.Kind().JavaClass())
	}
	old := before.Struct()
	if t.routeBy != "" {
		if err := t.route(r, old); err != nil {
			return false, err
		}
	}
	switch {
	case t.mode == modeConvert:
		r.ValueSchema, r.Value = nil, data.Null
	case !t.rewrites():
		r.ValueSchema, r.Value = event.Schema().Fields()[p.after].Schema, data.Null
	default:
		row, err := t.row(r, p, event, old, deleted)
		if err != nil {
			return false, err
		}
		r.ValueSchema, r.Value = row.Schema(), data.StructOf(row)
	}
	return true, t.dropFields(r)
}

// route renames the topic by a field of the row.
func (t *ExtractNewRecordState) route(r *connect.Record, row *data.Struct) error {
	i := row.Schema().FieldIndex(t.routeBy)
	if i < 0 {
		return connect.DataErrorf("%s is not a valid field name", t.routeBy)
	}
	if row.Schema().Fields()[i].Schema.Type() != data.TypeString {
		return connect.DataErrorf("Field '%s' is not of type STRING", t.routeBy)
	}
	if v := row.At(i); v.Kind() == data.KindString && strings.TrimSpace(v.Str()) != "" {
		r.Topic = v.Str()
	}
	return nil
}

// tombstoneHeaders adds what can be said of a tombstone: that it is a delete.
func (t *ExtractNewRecordState) tombstoneHeaders(r *connect.Record) {
	for _, ref := range t.headers {
		if ref.field == "op" {
			r.Headers = append(r.Headers, connect.Header{Key: ref.name, Schema: data.StringSchema, Value: data.String("d")})
		}
	}
}
