package postgres

import (
	"fmt"
	"strings"
)

// Action is what is done with rows.
type Action uint8

// The actions.
const (
	Insert Action = iota
	Upsert        // insert, or update the row of the same key
	Update        // update the row of the same key, if there is one
	Patch         // as Update, but the row must be there
	Delete        // delete the row of the same key; a tuple holds the key only
)

// Shape is a set of columns of a table and what is done with rows of it: all the
// statements are made once.
type Shape struct {
	Table   *Table
	Action  Action
	Columns []*Column
	Binders []*Binder
	Keys    int // the first Keys columns are the key

	direct bool // rows can be copied into the table itself
	arrays bool // has array columns, which unnest would flatten
	// texts of statements, see the functions that make them
	create, copyStage, copyTable, mergeStage, unnest, row string
}

// NewShape returns a shape. Keys come first in columns; id makes the name of its
// staging table, unique in a session.
func NewShape(t *Table, a Action, columns []*Column, binders []*Binder, keys, id int) *Shape {
	s := &Shape{Table: t, Action: a, Columns: columns, Binders: binders, Keys: keys}
	s.direct = a == Insert && (t.Kind == 'r' || t.Kind == 'p') && !t.Secured
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = Quote(c.Name)
		s.direct = s.direct && !binders[i].Text
		s.arrays = s.arrays || (c.Type.Elem != nil && !binders[i].Text)
	}
	stage := fmt.Sprintf("pg_temp.leat_stage_%d", id)
	s.create = s.createSQL(stage)
	s.copyStage = fmt.Sprintf("COPY %s FROM STDIN BINARY", stage)
	s.copyTable = fmt.Sprintf("COPY %s (%s) FROM STDIN BINARY", t.Name, strings.Join(names, ", "))
	s.mergeStage = s.merge(names, stage+" AS s", s.staged)
	s.unnest = s.merge(names, s.unnestSource(), s.staged)
	s.row = s.merge(names, "", s.param)
	return s
}

// wire is the type in which a column travels.
func (s *Shape) wire(i int) string {
	if s.Binders[i].Text {
		return "text"
	}
	return s.Columns[i].Type.SQL
}

func (s *Shape) createSQL(stage string) string {
	cols := make([]string, len(s.Columns))
	for i := range s.Columns {
		cols[i] = fmt.Sprintf("c%d %s", i, s.wire(i))
	}
	return fmt.Sprintf("DROP TABLE IF EXISTS %s; CREATE TEMP TABLE %s (%s) ON COMMIT DELETE ROWS", stage,
		strings.TrimPrefix(stage, "pg_temp."), strings.Join(cols, ", "))
}

func (s *Shape) unnestSource() string {
	params, cols := make([]string, len(s.Columns)), make([]string, len(s.Columns))
	for i := range s.Columns {
		params[i] = fmt.Sprintf("$%d::%s[]", i+1, s.wire(i))
		cols[i] = fmt.Sprintf("c%d", i)
	}
	return fmt.Sprintf("unnest(%s) AS s(%s)", strings.Join(params, ", "), strings.Join(cols, ", "))
}

// staged is column i of a staging table or of unnest, cast where it is text.
func (s *Shape) staged(i int) string { return s.cast(i, fmt.Sprintf("s.c%d", i)) }

// param is column i as a parameter.
func (s *Shape) param(i int) string { return s.cast(i, fmt.Sprintf("$%d::%s", i+1, s.wire(i))) }

func (s *Shape) cast(i int, expr string) string {
	if s.Binders[i].Text {
		return expr + "::" + s.Columns[i].Type.SQL
	}
	return expr
}

// merge is the statement that applies rows of a source, or one row of parameters
// where source is "".
func (s *Shape) merge(names []string, source string, value func(i int) string) string {
	switch s.Action {
	case Insert, Upsert:
		return s.insertSQL(names, source, value)
	}
	var set, where []string
	for i, n := range names {
		if i < s.Keys {
			where = append(where, fmt.Sprintf("t.%s = %s", n, value(i)))
		} else {
			set = append(set, fmt.Sprintf("%s = %s", n, value(i)))
		}
	}
	cond := strings.Join(where, " AND ")
	if s.Action == Delete {
		if source != "" {
			source = " USING " + source
		}
		return fmt.Sprintf("DELETE FROM %s AS t%s WHERE %s", s.Table.Name, source, cond)
	}
	if len(set) == 0 {
		set = []string{fmt.Sprintf("%s = t.%s", names[0], names[0])} // says whether the row is there
	}
	if source != "" {
		source = " FROM " + source
	}
	return fmt.Sprintf("UPDATE %s AS t SET %s%s WHERE %s", s.Table.Name, strings.Join(set, ", "), source, cond)
}

func (s *Shape) insertSQL(names []string, source string, value func(i int) string) string {
	values := make([]string, len(names))
	for i := range names {
		values[i] = value(i)
	}
	// Identity columns take the values of the source; the clause is inert elsewhere.
	head := fmt.Sprintf("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE ", s.Table.Name, strings.Join(names, ", "))
	if source == "" {
		head += fmt.Sprintf("VALUES (%s)", strings.Join(values, ", "))
	} else {
		head += fmt.Sprintf("SELECT %s FROM %s", strings.Join(values, ", "), source)
	}
	if s.Action == Insert {
		return head
	}
	if len(names) == s.Keys {
		return head + fmt.Sprintf(" ON CONFLICT (%s) DO NOTHING", strings.Join(names, ", "))
	}
	set := make([]string, 0, len(names))
	for _, n := range names[s.Keys:] {
		set = append(set, fmt.Sprintf("%s = EXCLUDED.%s", n, n))
	}
	return head + fmt.Sprintf(" ON CONFLICT (%s) DO UPDATE SET %s", strings.Join(names[:s.Keys], ", "), strings.Join(set, ", "))
}
