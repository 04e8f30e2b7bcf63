package postgres

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connectors/debezium/event"
	"github.com/leat-project/leat/connectors/debezium/mapper"
	"github.com/leat-project/leat/connectors/debezium/postgres/column"
)

// table is the compiled plan of a captured table: how each column of a row, in
// the order in which PostgreSQL sends them, becomes a field of value and key.
type table struct {
	*event.Table
	schema, name string
	full         string // schema.name
	identity     byte
	omitted      []string // captured columns whose type is not carried, with that type
	columns      []planned
	keys         int // number of key fields
	source       [sourceFields]data.Value
}

// planned is the plan of one column. Its value goes to field row of the value and
// field key of the key, where these are not -1.
type planned struct {
	name     string
	row, key int
	decode   column.Decoder
	convert  func(data.Value) data.Value // of the value, not the key; may be nil
	mapped   bool                        // the schema of the value has marks of a mapper
	missing  data.Value                  // in place of a null that may not be
	required bool
	unsent   data.Value // in place of a TOAST value that was not sent
}

// sent is a column as it will be sent: by COPY or as a Relation message says.
type sent struct {
	name string
	oid  uint32
	mod  int32
}

// compile makes the plan of a table whose columns are sent as cols says; rel adds
// what only the catalogue knows.
func (c *catalogue) compile(cfg *settings, rel *relation, identity byte, cols []sent) (*table, error) {
	t := &table{schema: rel.schema, name: rel.name, full: rel.full(), identity: identity}
	keyNames := cfg.keyColumns(rel)
	keyFields := make([]data.Field, len(keyNames))
	var rowFields []data.Field
	for _, col := range cols {
		p, schema, err := c.plan(cfg, rel, col)
		if err != nil {
			return nil, fmt.Errorf("table %s, column %s: %w", t.full, col.name, err)
		}
		if schema == nil {
			if typ := c.types[col.oid]; typ != nil && cfg.columns.Match(t.full+"."+col.name) {
				t.omitted = append(t.omitted, col.name+" "+typ.Name)
			}
			t.columns = append(t.columns, planned{name: col.name, row: -1, key: -1})
			continue
		}
		if cfg.columns.Match(t.full + "." + col.name) {
			p.row = len(rowFields)
			rowFields = append(rowFields, data.Field{Name: cfg.adjustField(col.name), Schema: schema})
		}
		if i := slices.Index(keyNames, col.name); i >= 0 {
			p.key = i
			if p.mapped {
				schema = c.keySchema(cfg, rel, col)
			}
			keyFields[i] = data.Field{Name: cfg.adjustField(col.name), Schema: schema}
		}
		t.columns = append(t.columns, p)
	}
	keyFields, t.keys = t.compactKey(keyFields)
	var err error
	topic := event.TopicName(cfg.Delimiter, cfg.Prefix, rel.schema, rel.name)
	if t.Table, err = event.NewTable(topic, keyFields, rowFields, sourceSchema, cfg.adjust); err != nil {
		return nil, fmt.Errorf("table %s: %w", t.full, err)
	}
	t.source = sourceTemplate(cfg, rel.schema, rel.name)
	return t, nil
}

// warnOmitted says which columns the events lack.
func (t *table) warnOmitted(log *slog.Logger) {
	if len(t.omitted) > 0 {
		log.Warn("columns are not part of the events, because their types have no form there; include.unknown.datatypes=true carries most of them as opaque bytes, column.exclude.list ends this warning",
			"table", t.full, "columns", t.omitted)
	}
}

// compactKey closes the gaps of key columns that are not sent.
func (t *table) compactKey(fields []data.Field) ([]data.Field, int) {
	var out []data.Field
	for i, f := range fields {
		if f.Schema == nil {
			continue
		}
		for j := range t.columns {
			if t.columns[j].key == i {
				t.columns[j].key = len(out)
			}
		}
		out = append(out, f)
	}
	return out, len(out)
}

// keyColumns returns the names of the key columns, in order.
func (cfg *settings) keyColumns(rel *relation) []string {
	for _, r := range cfg.keys {
		if r.table.Match(rel.full()) {
			return r.columns
		}
	}
	return rel.key
}

// plan compiles one column; the schema is nil when it is not carried.
func (c *catalogue) plan(cfg *settings, rel *relation, col sent) (planned, *data.Schema, error) {
	p := planned{name: col.name, row: -1, key: -1}
	codec, attr := c.codec(cfg, rel, col)
	if codec == nil {
		return p, nil, nil
	}
	p.unsent, p.required = codec.Unchanged, attr.notNull
	b := codec.Schema().SetOptional(!attr.notNull)
	if m := cfg.rules.For(c.mapperColumn(rel, col, codec)); m != nil {
		p.convert, p.mapped = m.Map, true
		m.Schema(b)
	}
	def, ok := codec.ParseDefault(attr.def)
	if ok {
		b.Default(def)
	}
	s, err := b.TryBuild()
	if err != nil {
		return p, nil, err
	}
	p.decode, p.missing = codec.Decoder(s), def
	if !ok {
		p.missing = codec.ZeroOf(s)
	}
	return p, s, nil
}

// keySchema is the schema of a key field: without the marks of mappers.
func (c *catalogue) keySchema(cfg *settings, rel *relation, col sent) *data.Schema {
	codec, attr := c.codec(cfg, rel, col)
	b := codec.Schema().SetOptional(!attr.notNull)
	if def, ok := codec.ParseDefault(attr.def); ok {
		b.Default(def)
	}
	return b.Build()
}

func (c *catalogue) codec(cfg *settings, rel *relation, col sent) (*column.Codec, attribute) {
	attr := attribute{name: col.name}
	if !cfg.columns.Match(rel.full() + "." + col.name) {
		// Debezium does not read what it does not capture: a key column that is
		// left out of the value is optional in the key.
	} else if i := slices.IndexFunc(rel.columns, func(a attribute) bool { return a.name == col.name }); i >= 0 {
		attr = rel.columns[i]
		if attr.oid != col.oid {
			attr.def = "" // the default is of a newer type
		}
	}
	t := c.types[col.oid]
	if t == nil {
		return nil, attr
	}
	return column.Compile(t, col.mod, cfg.types), attr
}

func (c *catalogue) mapperColumn(rel *relation, col sent, codec *column.Codec) mapper.Column {
	t := c.types[col.oid]
	for t.Kind == 'd' && t.Base != nil {
		t = t.Base
	}
	return mapper.Column{Name: col.name, Names: []string{rel.full() + "." + col.name}, TypeName: t.Name,
		TypeKeys: []string{rel.schema + "." + rel.name + "." + t.Name, t.Schema + "." + t.Name, t.Name, strings.ToUpper(t.Name)},
		Length:   codec.Length, Scale: codec.Scale, Text: codec.Text}
}
