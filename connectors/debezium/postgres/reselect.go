package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// reselect reads the TOAST values that an update did not send from the table. It
// serves the catch-up before a new snapshot, whose readers cannot have the old
// values: the row may never have been emitted. (Debezium has no catch-up.)
//
// The values read are those of now, not of the update; what changed them since is
// still to come. When the row is gone the placeholder stays: a delete of this key
// is still to come.
//
// tuple is the new row as sent, im the image decoded from it.
func (d *decoder) reselect(ctx context.Context, t *table, tuple []byte, im image) error {
	unsent, where, args := unsentColumns(t, tuple)
	if len(unsent) == 0 || len(args) == 0 {
		return nil
	}
	names := make([]string, len(unsent))
	for i, p := range unsent {
		names[i] = ident(p.name)
	}
	sql := fmt.Sprintf("SELECT %s FROM %s.%s WHERE %s", strings.Join(names, ", "), ident(t.schema), ident(t.name), where)
	r, err := d.t.session.one(ctx, sql, args...)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && !d.t.session.PG.IsClosed() {
		// The table is another one by now (dropped, renamed, altered); the
		// stream will say so.
		d.t.log.Warn("values left unchanged cannot be read from the table", "table", t.full, "err", err)
		return nil
	}
	if err != nil || r == nil {
		return err
	}
	for i, p := range unsent {
		if r[i] == nil {
			continue // null by now: a change of the row that is still to come
		}
		v, err := p.decode(d.space, r[i])
		if err != nil {
			if v, err = p.unusable(err); err != nil {
				return errColumn(t, p, err)
			}
		}
		p.set(im, v)
	}
	return nil
}

// unsentColumns returns the columns of a tuple that were not sent, and the
// condition and texts that find the row by its key. The tuple was decoded before,
// so its lengths are right.
func unsentColumns(t *table, tuple []byte) (unsent []*planned, where string, args []string) {
	tuple = tuple[2:]
	var b strings.Builder
	for i := range t.columns {
		p := &t.columns[i]
		kind := tuple[0]
		tuple = tuple[1:]
		if kind == 'u' && p.row >= 0 {
			unsent = append(unsent, p)
		}
		if kind != 't' {
			continue
		}
		n := int(binary.BigEndian.Uint32(tuple))
		text := tuple[4 : 4+n]
		tuple = tuple[4+n:]
		if p.key < 0 {
			continue
		}
		args = append(args, string(text))
		if b.Len() > 0 {
			b.WriteString(" AND ")
		}
		fmt.Fprintf(&b, "%s = $%d", ident(p.name), len(args))
	}
	if len(args) != t.keys {
		return nil, "", nil // part of the key is null: nothing is found by it
	}
	return unsent, b.String(), args
}
