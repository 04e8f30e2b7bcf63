package jdbc

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connectors/jdbc/postgres"
)

// failure is a buffer that could not be written, and why.
type failure struct {
	buffer     *buffer
	err        error
	attempts   int       // retries that were paused for
	connects   int       // failed tries to connect since the last of them
	tried      bool      // at once, without a pause
	next       time.Time // of the next retry
	replanned  bool
	replanning bool
}

func (f *failure) reset() { *f = failure{} }

// recover deals with the failed buffer until it is written or cannot be, now
// (a retriable error) or at all.
func (t *task) recover(ctx context.Context) error {
	f := &t.failure
	for f.buffer != nil {
		var err error
		switch postgres.Classify(f.err) {
		case postgres.Data:
			err = t.isolate(ctx)
		case postgres.Stale:
			if f.replanned {
				return connect.ConnectErrorf("%w", t.shown(f.err))
			}
			f.replanned = true
			if err := t.replan(ctx); err != nil {
				return err
			}
			err = t.rewrite(ctx)
		case postgres.Transient:
			if err := t.pause(); err != nil {
				return err
			}
			err = t.rewrite(ctx)
		default:
			return t.hopeless(f.err)
		}
		if err == nil {
			t.recycle(f.buffer)
			f.reset()
			t.resumeWriter()
			return nil
		}
		if isReported(err) {
			return err
		}
		f.err = err
	}
	return nil
}

// resumeWriter lets the writer go on, which waits since it reported the failure.
func (t *task) resumeWriter() {
	select {
	case t.again <- struct{}{}:
	case <-t.ended:
	}
}

// pause lets the first retry pass at once, since a connection may have died while
// it was idle; each other retry waits for its time.
func (t *task) pause() error {
	f := &t.failure
	if !f.tried {
		f.tried = true
		return nil
	}
	if f.next.IsZero() {
		pause, final := t.nextTry(f.err)
		if final != nil {
			return final
		}
		f.next = now().Add(pause)
	}
	if wait := f.next.Sub(now()); wait > 0 {
		t.ctx.Timeout(wait)
		return connect.Retriable(t.shown(f.err))
	}
	f.next = time.Time{}
	return nil
}

// nextTry counts a failed attempt and returns the pause before the next one, or
// the error that ends the task. So many tries to connect make one attempt.
func (t *task) nextTry(err error) (pause time.Duration, final error) {
	f, set := &t.failure, t.set
	if postgres.NotConnected(err) && f.connects+1 < set.connects {
		f.connects++
		t.log.Warn("connecting failed; trying again", "try", f.connects, "of", set.connects, "pause", set.connectDelay, "err", t.shown(err))
		return set.connectDelay, nil
	}
	f.connects = 0
	if f.attempts >= set.maxRetries {
		return 0, connect.ConnectErrorf("Exceeded max retries %d times, failed to process sink records: %w", set.maxRetries, t.shown(err))
	}
	f.attempts++
	t.log.Warn("the database is in trouble; trying again", "attempt", f.attempts, "of", set.maxRetries, "pause", set.retryDelay, "err", t.shown(err))
	return set.retryDelay, nil
}

// rewrite writes the failed buffer again, here and now.
func (t *task) rewrite(ctx context.Context) error {
	if err := t.connect(ctx); err != nil {
		return err
	}
	return t.session.Write(ctx, t.failure.buffer.work(nil))
}

func (t *task) hopeless(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	text := ""
	switch postgres.SQLState(err) {
	case "42P10":
		text = "; upserts need a primary key or a unique index on exactly the key columns"
	case "42501":
		text = "; grant the user SELECT, INSERT, UPDATE and DELETE on the table"
	}
	return connect.ConnectErrorf("%w%s", t.shown(err), text)
}

// rejection is a record that the database refused.
type rejection struct {
	entry *entry
	err   error
}

// isolate writes the rows of the failed buffer one by one, in the order of the
// records, and reports those that the database refuses.
func (t *task) isolate(ctx context.Context) error {
	if err := t.connect(ctx); err != nil {
		return err
	}
	b := t.failure.buffer
	var bad []rejection
	for _, immediate := range []bool{false, true} {
		bad = bad[:0]
		i := -1
		next := func() (*postgres.Shape, []byte, bool) {
			for i++; i < len(b.entries); i++ {
				if e := &b.entries[i]; !e.gone {
					return e.variant.shape, b.data[e.off:e.end], true
				}
			}
			return nil, nil, false
		}
		failed := func(err error) bool {
			e := &b.entries[i]
			if e.dead && postgres.Missing(err) {
				return true // what came later for the row does not need it
			}
			bad = append(bad, rejection{e, err})
			return t.canReport(b, e) || postgres.Missing(err) && t.mayBeRepeated(b.record(e))
		}
		err := t.session.Isolate(ctx, immediate, next, failed)
		if err == nil {
			break
		}
		if immediate || postgres.Classify(err) != postgres.Data {
			return err
		}
	}
	for _, r := range bad {
		if err := t.report(b, r); err != nil {
			return &reported{err}
		}
	}
	return nil
}

// canReport reports whether the task goes on after a bad record.
func (t *task) canReport(b *buffer, e *entry) bool {
	return t.ctx.ErrantReporter() != nil || b.batches[e.batch] == t.current
}

// report hands a bad record to the framework: with the batch it came in while
// that is being put, else to the reporter.
func (t *task) report(b *buffer, r rejection) error {
	rec := b.record(r.entry)
	err := r.err
	missing := r.entry.variant.shape.Action == postgres.Patch && postgres.Missing(err)
	if missing {
		err = connect.DataErrorf("the row is not in table %s, and the source sent no value for column %s, which an update left unchanged: the row cannot be inserted",
			r.entry.plan.table.def.Name, strings.Join(r.entry.plan.absentNames(r.entry.variant), ", "))
	}
	err = describe(rec, t.shown(err))
	if missing && t.mayBeRepeated(rec) {
		t.adopt(b, r.entry, err)
		return nil
	}
	if b.batches[r.entry.batch] == t.current {
		t.rejected = append(t.rejected, connect.RecordError{Index: int(r.entry.record), Err: err})
		return nil
	}
	reporter := t.ctx.ErrantReporter()
	if reporter == nil {
		return connect.ConnectErrorf("%w", err)
	}
	return reporter.Report(rec, err)
}

// reported wraps an error that is final for the task.
type reported struct{ err error }

func (e *reported) Error() string { return e.err.Error() }
func (e *reported) Unwrap() error { return e.err }

func isReported(err error) bool {
	var e *reported
	return errors.As(err, &e)
}

// replan encodes the failed buffer's records again for the tables as they are now.
func (t *task) replan(ctx context.Context) error {
	old := t.failure.buffer
	t.log.Warn("a table has changed; reading it again", "err", t.shown(t.failure.err))
	clear(t.mappings)
	clear(t.tables)
	t.lastMap = nil
	newer, fresh := t.cur, newBuffer()
	t.cur, t.failure.replanning = fresh, true
	defer func() { t.cur, t.failure.replanning = newer, false }()
	for i := range old.entries {
		e := &old.entries[i]
		if e.gone {
			continue
		}
		batch := old.batches[e.batch]
		fresh.take(batch)
		fresh.sees(&batch.Records[e.record])
		err := t.add(ctx, batch, int(e.record))
		if err == nil {
			continue
		}
		if !isRecordError(err) {
			fresh.release()
			return err
		}
		if err := t.report(old, rejection{e, err}); err != nil {
			fresh.release()
			return err
		}
	}
	for tp, first := range old.first { // also of records without rows
		fresh.first[tp] = first
	}
	old.release()
	t.failure.buffer = fresh
	return nil
}

// drop forgets the rows of a partition.
func (b *buffer) drop(tp connect.TopicPartition) {
	if _, ok := b.first[tp]; !ok {
		return
	}
	delete(b.first, tp)
	b.lastTP = connect.TopicPartition{}
	for i := range b.entries {
		if e := &b.entries[i]; topicPartition(b.record(e)) == tp {
			e.gone = true
			b.kill(e)
		}
	}
}
