package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Move gives the row of an old key a new one, in a transaction of its own. Where a
// row of the new key is there already, or after that, the old row is deleted. Keys
// are tuples of a Delete shape. Doing it again changes nothing.
func (s *Session) Move(ctx context.Context, shape *Shape, oldKey, newKey []byte) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	oids := shape.oids()
	params := tupleParams(tupleParams(nil, oldKey), newKey)
	batch := &pgconn.Batch{} // one transaction
	batch.ExecParams(shape.moveSQL(), params, append(oids, oids...), binaryFormat, nil)
	batch.ExecParams(shape.row, params[:shape.Keys], oids, binaryFormat, nil)
	if _, err := s.conn.ExecBatch(ctx, batch).ReadAll(); err != nil {
		return &WriteError{shape, err}
	}
	return nil
}

func (s *Shape) moveSQL() string {
	var set, old, taken []string
	for i, c := range s.Columns {
		name := Quote(c.Name)
		newValue := s.cast(i, fmt.Sprintf("$%d::%s", s.Keys+i+1, s.wire(i)))
		set = append(set, name+" = "+newValue)
		old = append(old, "t."+name+" = "+s.param(i))
		taken = append(taken, "x."+name+" = "+newValue)
	}
	return fmt.Sprintf("UPDATE %s AS t SET %s WHERE %s AND NOT EXISTS (SELECT 1 FROM %s AS x WHERE %s)", s.Table.Name,
		strings.Join(set, ", "), strings.Join(old, " AND "), s.Table.Name, strings.Join(taken, " AND "))
}
