package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// writer writes records and, if it is transactional, their transactions.
type writer struct {
	cl            *kgo.Client
	blame         blame
	transactional bool
	every         int // records of a transaction, 0: no end
	open          bool
	inTxn         int
	acknowledged  atomic.Int64

	mu     sync.Mutex // guards the fields below
	failed error      // of the first record that failed, or the first that is to blame
	sure   bool       // the record of failed is to blame
}

// errEarlier says that an earlier record failed; flush says which and why.
var errEarlier = errors.New("an earlier record was not written")

// failure is the error of a record that was not written.
func (w *writer) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}

// write sends a record that was read from a line.
func (w *writer) write(ctx context.Context, line int, r *kgo.Record) error {
	if w.failure() != nil {
		return errEarlier
	}
	if w.transactional && !w.open {
		if err := w.cl.BeginTransaction(); err != nil {
			return fmt.Errorf("beginning a transaction: %w", err)
		}
		w.open, w.inTxn = true, 0
	}
	w.cl.Produce(ctx, r, func(r *kgo.Record, err error) {
		if err != nil {
			w.fail(line, r, err)
			return
		}
		w.acknowledged.Add(1)
	})
	if w.inTxn++; w.open && w.inTxn == w.every {
		return w.commit(ctx)
	}
	return nil
}

func (w *writer) fail(line int, r *kgo.Record, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	err, sure := w.blame.of(r, err)
	if w.failed == nil || sure && !w.sure {
		w.failed, w.sure = fmt.Errorf("writing line %d: %w", line, err), sure
	}
}

func (w *writer) flush(ctx context.Context) error {
	if err := w.cl.Flush(ctx); err != nil {
		return fmt.Errorf("waiting for acknowledgements (%d so far): %w", w.acknowledged.Load(), err)
	}
	return w.failure()
}

func (w *writer) commit(ctx context.Context) error {
	if err := w.flush(ctx); err != nil {
		return err
	}
	if err := w.cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("committing the transaction: %w", err)
	}
	w.open = false
	return nil
}

// end waits for what was written. After an error it aborts what is open.
func (w *writer) end(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, errEarlier):
		err = w.flush(ctx)
	case err == nil && w.open:
		err = w.commit(ctx)
	case !w.open:
		err = errors.Join(err, w.flush(ctx))
	}
	if err == nil || !w.open {
		return err
	}
	if aborted := w.abort(ctx); aborted != nil {
		return errors.Join(err, fmt.Errorf("aborting the transaction: %w", aborted))
	}
	return fmt.Errorf("%w; its transaction is aborted", err)
}

func (w *writer) abort(ctx context.Context) error {
	if err := w.cl.AbortBufferedRecords(ctx); err != nil {
		return err
	}
	return w.cl.EndTransaction(ctx, kgo.TryAbort)
}
