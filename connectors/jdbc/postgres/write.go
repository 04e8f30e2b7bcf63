package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgconn"
)

// Rows are tuples of one shape, one after the other.
type Rows struct {
	Shape  *Shape
	Tuples []byte
	Count  int
}

// few is up to how many rows one statement with arrays is quicker than staging,
// which takes more round trips.
const few = 64

// Write applies rows in the order given in one transaction. After an error
// nothing is written, unless the connection broke during the commit.
func (s *Session) Write(ctx context.Context, work []Rows) (err error) {
	if len(work) == 1 && work[0].single(s) {
		return s.apply(ctx, &work[0])
	}
	for i := range work {
		if err := s.stage(ctx, &work[i]); err != nil {
			return err
		}
	}
	if err := s.exec(ctx, "BEGIN"); err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	defer func() {
		if err != nil {
			s.rollback(ctx)
		}
	}()
	for i := range work {
		if err := s.apply(ctx, &work[i]); err != nil {
			return err
		}
	}
	if err := s.exec(ctx, "COMMIT"); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

// way is how rows get to the server.
type way uint8

const (
	byCopy  way = iota // COPY into the table
	byStage            // COPY into a staging table, then one statement
	byArray            // one statement with arrays
	byRow              // one statement a row, in one round trip
)

func (r *Rows) way(s *Session) way {
	switch {
	case r.Count == 1:
		return byRow
	case r.Shape.direct:
		return byCopy
	case r.Shape.arrays && (!s.staging || r.Count <= few):
		return byRow
	case !s.staging || r.Count <= few || r.Shape.Action == Delete:
		return byArray
	}
	return byStage
}

// single reports whether one statement does it all: it is a transaction by itself.
func (r *Rows) single(s *Session) bool {
	switch r.way(s) {
	case byCopy:
		return true
	case byArray:
		return r.Shape.Action != Patch
	case byRow:
		return r.Count == 1 && r.Shape.Action != Patch
	}
	return false
}

// stage makes the staging table where one is needed. Temporary tables live as
// long as the session, so this is done once, outside of the transaction whose
// rollback would take the table away again.
func (s *Session) stage(ctx context.Context, r *Rows) error {
	if r.way(s) != byStage || s.staged[r.Shape] {
		return nil
	}
	if err := s.exec(ctx, r.Shape.create); err != nil {
		if SQLState(err) == "42501" { // the privilege was taken away
			s.staging = false
			return nil
		}
		return fmt.Errorf("creating a staging table for %s: %w", r.Shape.Table.Name, err)
	}
	s.staged[r.Shape] = true
	return nil
}

func (s *Session) apply(ctx context.Context, r *Rows) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	switch r.way(s) {
	case byCopy:
		return s.copy(ctx, r, r.Shape.copyTable)
	case byArray:
		return s.arrays(ctx, r)
	case byRow:
		return s.rows(ctx, r)
	}
	if err := s.copy(ctx, r, r.Shape.copyStage); err != nil {
		return err
	}
	res, err := s.conn.Exec(ctx, r.Shape.mergeStage).ReadAll()
	if err != nil {
		return &WriteError{r.Shape, err}
	}
	return r.check(res[0].CommandTag.RowsAffected())
}

// check refuses a patch of rows that are not there.
func (r *Rows) check(affected int64) error {
	if r.Shape.Action == Patch && affected < int64(r.Count) {
		return &WriteError{r.Shape, errMissingRows}
	}
	return nil
}

// WriteError is a failed write to a table.
type WriteError struct {
	Shape *Shape
	Err   error
}

func (e *WriteError) Error() string {
	text := fmt.Sprintf("writing to table %s: %v", e.Shape.Table.Name, e.Err)
	var pg *pgconn.PgError
	if asPg(e.Err, &pg) {
		if pg.ColumnName != "" {
			text += fmt.Sprintf(" (column %s)", pg.ColumnName)
		}
		if pg.Detail != "" {
			text += ": " + pg.Detail
		}
	}
	return text
}

// Unwrap returns the server's error.
func (e *WriteError) Unwrap() error { return e.Err }

// The binary COPY stream: signature, int32 flags, int32 length of the extension,
// the tuples, and an int16 of -1.
var (
	copyHeader = []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	copyEnd    = []byte{0xff, 0xff}
)

func (s *Session) copy(ctx context.Context, r *Rows, sql string) error {
	stream := io.MultiReader(bytes.NewReader(copyHeader), bytes.NewReader(r.Tuples), bytes.NewReader(copyEnd))
	if _, err := s.conn.CopyFrom(ctx, stream, sql); err != nil {
		return &WriteError{r.Shape, err}
	}
	return nil
}

// arrays runs the unnest statement: each parameter is an array of a column.
func (s *Session) arrays(ctx context.Context, r *Rows) error {
	n := len(r.Shape.Columns)
	params := make([][]byte, n)
	for i, b := range r.Shape.Binders {
		head := make([]byte, 20, 20+len(r.Tuples)/n+16*r.Count)
		head[3], head[7] = 1, 1 // one dimension, may have nulls
		binary.BigEndian.PutUint32(head[8:], b.OID)
		binary.BigEndian.PutUint32(head[12:], uint32(r.Count))
		head[19] = 1 // lower bound
		params[i] = head
	}
	for rest := r.Tuples; len(rest) > 0; {
		rest = rest[2:]
		for i := range params {
			size := FieldSize(rest)
			params[i] = append(params[i], rest[:size]...)
			rest = rest[size:]
		}
	}
	batch := &pgconn.Batch{}
	if err := s.add(ctx, batch, r.Shape, r.Shape.unnest, params, nil); err != nil {
		return err
	}
	return s.run(ctx, batch, r)
}

var binaryFormat = []int16{1}

// FieldSize returns how many bytes the field at the start of b takes.
func FieldSize(b []byte) int {
	n := int32(binary.BigEndian.Uint32(b))
	if n < 0 {
		return 4
	}
	return 4 + int(n)
}

// tupleParams returns the fields of a tuple as parameters, appended to params.
func tupleParams(params [][]byte, tuple []byte) [][]byte {
	for rest := tuple[2:]; len(rest) > 0; {
		size := FieldSize(rest)
		if int32(binary.BigEndian.Uint32(rest)) < 0 {
			params = append(params, nil)
		} else {
			params = append(params, rest[4:size:size])
		}
		rest = rest[size:]
	}
	return params
}

// tupleSize returns how many bytes the tuple at the start of b takes.
func tupleSize(b []byte) int {
	size := 2
	for n := binary.BigEndian.Uint16(b); n > 0; n-- {
		size += FieldSize(b[size:])
	}
	return size
}

// rows runs one statement a row, all in one round trip.
func (s *Session) rows(ctx context.Context, r *Rows) error {
	batch := &pgconn.Batch{}
	oids := r.Shape.oids()
	for rest := r.Tuples; len(rest) > 0; {
		size := tupleSize(rest)
		if err := s.add(ctx, batch, r.Shape, r.Shape.row, tupleParams(nil, rest[:size]), oids); err != nil {
			return err
		}
		rest = rest[size:]
	}
	return s.run(ctx, batch, r)
}

// add puts a statement with parameters into a batch. It is one that the server
// keeps, unless a pooler would lose it.
func (s *Session) add(ctx context.Context, batch *pgconn.Batch, shape *Shape, sql string, params [][]byte, oids []uint32) error {
	if s.pooled {
		batch.ExecParams(sql, params, oids, binaryFormat, nil)
		return nil
	}
	name, err := s.prepare(ctx, shape, sql, oids)
	if err != nil {
		return &WriteError{shape, err}
	}
	batch.ExecPrepared(name, params, binaryFormat, nil)
	return nil
}

// run sends a batch and counts the rows that it has written.
func (s *Session) run(ctx context.Context, batch *pgconn.Batch, r *Rows) error {
	res, err := s.conn.ExecBatch(ctx, batch).ReadAll()
	if err != nil {
		return &WriteError{r.Shape, err}
	}
	affected := int64(0)
	for _, one := range res {
		affected += one.CommandTag.RowsAffected()
	}
	return r.check(affected)
}

func (s *Shape) oids() []uint32 {
	oids := make([]uint32, len(s.Binders))
	for i, b := range s.Binders {
		oids[i] = b.OID
	}
	return oids
}

// Truncate empties a table.
func (s *Session) Truncate(ctx context.Context, name Name) error {
	sql := "TRUNCATE TABLE " + name.String()
	if err := s.exec(ctx, sql); err != nil {
		return &StatementError{SQL: sql, Err: err}
	}
	return nil
}
