package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Name is the name of a table. Schema is "" for the first schema of the search
// path that has it.
type Name struct{ Schema, Table string }

// String returns the name as SQL.
func (n Name) String() string {
	if n.Schema == "" {
		return Quote(n.Table)
	}
	return Quote(n.Schema) + "." + Quote(n.Table)
}

// Quote returns an identifier as SQL.
func Quote(id string) string { return `"` + strings.ReplaceAll(id, `"`, `""`) + `"` }

// Type is a data type: domains are resolved to what they stand for.
type Type struct {
	OID  uint32
	Name string // pg_type.typname: int4, text, _int4 ...
	Enum bool
	SQL  string // as format_type writes it, qualified where needed
	Elem *Type  // element type of an array
}

// Column is a column of a table.
type Column struct {
	Name      string
	Type      Type
	Mod       int32  // type modifier, -1 if none
	SQL       string // declared type as format_type writes it
	NotNull   bool
	Default   bool // has a default or is an identity column
	Generated bool // GENERATED ALWAYS AS (...) STORED: cannot be written
}

// Limit returns the largest number of characters of a varchar(n) or char(n)
// column, 0 if there is none.
func (c *Column) Limit() int {
	if c.Mod > 4 && (c.Type.Name == "varchar" || c.Type.Name == "bpchar") {
		return int(c.Mod - 4)
	}
	return 0
}

// Whole returns how many digits before the point a numeric(p,s) column holds; false
// for a column without precision.
func (c *Column) Whole() (digits int, ok bool) {
	if c.Type.Name != "numeric" || c.Mod < 4 {
		return 0, false
	}
	precision, scale := int(c.Mod-4)>>16, int(c.Mod-4)&0x7ff
	if scale > 1023 { // negative
		scale -= 2048
	}
	return precision - scale, true
}

// Table is what the catalogue says of a table.
type Table struct {
	Name    Name
	Kind    byte // pg_class.relkind: r table, p partitioned, v view, f foreign
	Columns []Column
	Key     []string // columns of the primary key in key order
	Secured bool     // row-level security applies to this user
}

// Type returns the table's kind as JDBC names it.
func (t *Table) Type() string {
	switch t.Kind {
	case 'r':
		return "TABLE"
	case 'p':
		return "PARTITIONED TABLE"
	case 'v':
		return "VIEW"
	case 'm':
		return "MATERIALIZED VIEW"
	case 'f':
		return "FOREIGN TABLE"
	}
	return "relation of kind " + string(t.Kind)
}

// Column returns the column of a name: the very name, else the only one that
// differs in case; nil if there is none.
func (t *Table) Column(name string) *Column {
	var folded *Column
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Name == name {
			return c
		}
		if strings.EqualFold(c.Name, name) {
			if folded != nil {
				return nil
			}
			folded = c
		}
	}
	return folded
}

const tableQuery = `SELECT n.nspname, c.relname, c.relkind, row_security_active(c.oid),
 coalesce((SELECT string_agg(k.attname, E'\x01' ORDER BY o.n) FROM pg_index i
   CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY o(num, n)
   JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = o.num
   WHERE i.indrelid = c.oid AND i.indisprimary), '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1)`

const columnQuery = `SELECT a.attname, CASE WHEN b.mod IS NULL OR t.typtype <> 'd' THEN a.atttypmod ELSE b.mod END,
 format_type(a.atttypid, a.atttypmod), a.attnotnull, a.atthasdef OR a.attidentity <> '', a.attgenerated <> '',
 b.oid, b.typname, b.typtype = 'e', format_type(b.oid, -1),
 coalesce(e.oid, 0), coalesce(e.typname, ''), coalesce(e.typtype = 'e', false), coalesce(format_type(e.oid, -1), '')
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
CROSS JOIN LATERAL (
 WITH RECURSIVE d AS (
  SELECT t.oid, t.typbasetype, t.typtype, t.typname, t.typelem, t.typcategory, NULL::int4 AS mod
  UNION ALL
  SELECT p.oid, p.typbasetype, p.typtype, p.typname, p.typelem, p.typcategory,
   (SELECT q.typtypmod FROM pg_type q WHERE q.oid = d.oid)
  FROM d JOIN pg_type p ON p.oid = d.typbasetype WHERE d.typtype = 'd')
 SELECT * FROM d WHERE typtype <> 'd') b
LEFT JOIN pg_type e ON e.oid = b.typelem AND b.typcategory = 'A'
WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`

// ReadTable reads a table from the catalogue; it returns nil when there is none.
func (s *Session) ReadTable(ctx context.Context, name Name) (*Table, error) {
	rows, err := s.query(ctx, tableQuery, name.String())
	if err != nil {
		return nil, fmt.Errorf("reading table %s from the catalogue: %w", name, err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	r := rows[0]
	t := &Table{Name: Name{r[0], r[1]}, Kind: r[2][0], Secured: r[3] == "t"}
	if r[4] != "" {
		t.Key = strings.Split(r[4], "\x01")
	}
	rows, err = s.query(ctx, columnQuery, t.Name.String())
	if err != nil {
		return nil, fmt.Errorf("reading the columns of table %s from the catalogue: %w", name, err)
	}
	for _, r := range rows {
		t.Columns = append(t.Columns, column(r))
	}
	return t, nil
}

func column(r []string) Column {
	mod, _ := strconv.ParseInt(r[1], 10, 32) // an int4 of the catalogue
	c := Column{Name: r[0], Mod: int32(mod), SQL: r[2], NotNull: r[3] == "t", Default: r[4] == "t", Generated: r[5] == "t",
		Type: Type{OID: oid(r[6]), Name: r[7], Enum: r[8] == "t", SQL: r[9]}}
	if r[10] != "0" {
		c.Type.Elem = &Type{OID: oid(r[10]), Name: r[11], Enum: r[12] == "t", SQL: r[13]}
	}
	return c
}

func oid(s string) uint32 {
	n, _ := strconv.ParseUint(s, 10, 32) // an oid of the catalogue
	return uint32(n)
}
