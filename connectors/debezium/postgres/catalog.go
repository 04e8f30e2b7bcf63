package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/leat-project/leat/connectors/debezium/postgres/column"
)

// relation is what the catalogue says of a table.
type relation struct {
	oid       uint32
	schema    string
	name      string
	kind      byte // relkind: r, p
	identity  byte // relreplident: d, n, f, i
	partition bool
	rows      int64 // the planner's estimate
	columns   []attribute
	key       []string // primary key, else a unique index, in order
}

func (r *relation) full() string   { return r.schema + "." + r.name }
func (r *relation) quoted() string { return ident(r.schema) + "." + ident(r.name) }

type attribute struct {
	name      string
	oid       uint32 // of the type
	mod       int32
	notNull   bool
	generated bool
	def       string // as pg_get_expr prints it
}

// catalogue reads the system catalogue and remembers the types.
type catalogue struct {
	types map[uint32]*column.Type
}

const typesSQL = `SELECT t.oid, t.typname, n.nspname, t.typtype, CASE WHEN t.typcategory = 'A' AND t.typlen = -1 THEN t.typelem ELSE 0 END, t.typbasetype, t.typtypmod
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype <> 'p' OR t.typname = 'record'`

const labelsSQL = `SELECT enumtypid, enumlabel FROM pg_catalog.pg_enum ORDER BY enumtypid, enumsortorder`

// loadTypes reads all types; again when one is unknown or was altered.
func (c *catalogue) loadTypes(ctx context.Context, s *session) error {
	rows, err := s.query(ctx, typesSQL)
	if err != nil {
		return err
	}
	types := make(map[uint32]*column.Type, len(rows))
	for _, r := range rows {
		types[uint32(r.int(0))] = &column.Type{OID: uint32(r.int(0)), Name: r.str(1), Schema: r.str(2), Kind: r[3][0], BaseMod: int32(r.int(6))}
	}
	for _, r := range rows {
		t := types[uint32(r.int(0))]
		t.Elem, t.Base = types[uint32(r.int(4))], types[uint32(r.int(5))]
	}
	labels, err := s.query(ctx, labelsSQL)
	if err != nil {
		return err
	}
	for _, r := range labels {
		if t := types[uint32(r.int(0))]; t != nil {
			t.Labels = append(t.Labels, r.str(1))
		}
	}
	c.types = types
	return nil
}

const relationsSQL = `SELECT c.oid, n.nspname, c.relname, c.relkind, c.relreplident, c.relispartition, c.reltuples::bigint,
 a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attgenerated <> '', pg_catalog.pg_get_expr(d.adbin, d.adrelid)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind IN ('r','p') AND c.relpersistence = 'p' AND `

const keysSQL = `SELECT i.indrelid, i.indexrelid, a.attname
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, ord)
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND k.ord <= i.indnkeyatts AND `

const keysOrder = ` ORDER BY i.indrelid, i.indisprimary DESC, x.relname, k.ord`

// relations reads the tables for which where holds, by schema and name.
func (c *catalogue) relations(ctx context.Context, s *session, where string) ([]*relation, error) {
	rows, err := s.query(ctx, relationsSQL+where+` ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C", a.attnum`)
	if err != nil {
		return nil, err
	}
	var list []*relation
	byOID := map[uint32]*relation{}
	for _, r := range rows {
		oid := uint32(r.int(0))
		rel := byOID[oid]
		if rel == nil {
			rel = &relation{oid: oid, schema: r.str(1), name: r.str(2), kind: r[3][0], identity: r[4][0], partition: r.bool(5), rows: r.int(6)}
			byOID[oid] = rel
			list = append(list, rel)
		}
		rel.columns = append(rel.columns, attribute{name: r.str(7), oid: uint32(r.int(8)), mod: int32(r.int(9)), notNull: r.bool(10), generated: r.bool(11), def: r.str(12)})
	}
	keys, err := s.query(ctx, keysSQL+where+keysOrder)
	if err != nil {
		return nil, err
	}
	used := map[uint32]string{}
	for _, k := range keys {
		oid := uint32(k.int(0))
		rel := byOID[oid]
		if rel == nil || used[oid] != "" && used[oid] != k.str(1) {
			continue // a second index
		}
		used[oid] = k.str(1)
		rel.key = append(rel.key, k.str(2))
	}
	return list, nil
}

// byOIDs reads the tables of the given object ids.
func (c *catalogue) byOIDs(ctx context.Context, s *session, oids ...uint32) ([]*relation, error) {
	texts := make([]string, len(oids))
	for i, oid := range oids {
		texts[i] = strconv.FormatUint(uint64(oid), 10)
	}
	return c.relations(ctx, s, "c.oid IN ("+strings.Join(texts, ",")+")")
}

const userTables = "n.nspname NOT LIKE 'pg\\_toast%' AND n.nspname NOT LIKE 'pg\\_temp%'"

// captured reads the tables that are to be captured: partitions or, where the
// publication shows them as their root, partitioned tables.
func (c *catalogue) captured(ctx context.Context, s *session, cfg *settings, viaRoot bool) ([]*relation, error) {
	where := userTables
	if cfg.IgnoreBuiltin {
		where += " AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
	}
	all, err := c.relations(ctx, s, where)
	if err != nil {
		return nil, err
	}
	var list []*relation
	for _, r := range all {
		if viaRoot && r.partition || !viaRoot && r.kind == 'p' || !cfg.captured(r.schema, r.name) {
			continue
		}
		list = append(list, r)
	}
	if n := cfg.GuardrailMax; n > 0 && len(list) > n {
		err := fmt.Errorf("%d tables are captured, guardrail.collections.max allows %d; narrow table.include.list", len(list), n)
		if strings.EqualFold(cfg.GuardrailAction, "fail") {
			return nil, err
		}
	}
	return list, nil
}
