package postgres

import (
	"context"
	"fmt"
)

// Isolate writes rows one by one in their order, each behind a savepoint of one
// transaction, to find those that the table refuses. next returns the row's shape
// and tuple, false at the end; failed is told the error of a row and says whether
// to go on with the next. What passed is committed when Isolate returns nil. With
// immediate, constraints that would wait for the commit are checked row by row:
// needed when the commit itself failed.
func (s *Session) Isolate(ctx context.Context, immediate bool, next func() (*Shape, []byte, bool), failed func(error) bool) (err error) {
	begin := "BEGIN"
	if immediate {
		begin += "; SET CONSTRAINTS ALL IMMEDIATE"
	}
	if err := s.exec(ctx, begin); err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	defer func() {
		if err != nil {
			s.rollback(ctx)
		}
	}()
	for {
		shape, tuple, ok := next()
		if !ok {
			break
		}
		if err := s.exec(ctx, "SAVEPOINT leat_row"); err != nil {
			return err
		}
		rowErr := s.rows(ctx, &Rows{Shape: shape, Tuples: tuple, Count: 1})
		if rowErr == nil {
			if err := s.exec(ctx, "RELEASE SAVEPOINT leat_row"); err != nil {
				return err
			}
			continue
		}
		if Classify(rowErr) != Data {
			return rowErr
		}
		if err := s.exec(ctx, "ROLLBACK TO SAVEPOINT leat_row; RELEASE SAVEPOINT leat_row"); err != nil {
			return err
		}
		if !failed(rowErr) {
			break
		}
	}
	if err := s.exec(ctx, "COMMIT"); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}
