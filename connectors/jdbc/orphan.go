package jdbc

import (
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connectors/jdbc/postgres"
)

// An update that lacks values needs its row. After a crash records are read
// again, and such an update may come back after a later delete of its row was
// written. So where a record may have been read before, a missing row is not an
// error yet: the record is an orphan until the delete (or a whole row) of its key
// comes by again. Its offset is held back meanwhile; after orphanTime it is
// reported, as there was no delete.

// orphanTime is how long the delete may take to come by.
const orphanTime = time.Minute

// clockSkew is by how much the clocks of producers and worker may differ.
const clockSkew = 5 * time.Second

// orphan is a record that waits for a later one of its key.
type orphan struct {
	record *connect.Record
	err    error
	until  time.Time
}

// orphanKey names the row.
type orphanKey struct{ table, key string }

// mayBeRepeated reports whether a record existed when the task got its partitions,
// so that it may have been read and written before.
func (t *task) mayBeRepeated(r *connect.Record) bool {
	return r.Timestamp != connect.NoTimestamp && r.Timestamp <= t.opened.Add(clockSkew).UnixMilli()
}

// adopt keeps a rejected record as an orphan; its error is already described. Of
// several records of a row the first counts, as it holds the offset.
func (t *task) adopt(b *buffer, e *entry, err error) {
	k := orphanKey{e.plan.table.def.Name.String(), string(b.key(e))}
	if _, ok := t.orphans[k]; ok || t.settledLater(b, e) {
		return
	}
	t.orphans[k] = orphan{record: b.record(e).Clone(), err: err, until: now().Add(orphanTime)}
	t.log.Debug("a row to update is missing; waiting for its delete, as records are being read again", "err", err)
}

// settledLater reports whether the row's delete, or the whole row, is buffered
// behind the failed buffer b. The writer waits, so that all buffers can be read.
func (t *task) settledLater(b *buffer, e *entry) bool {
	for _, later := range t.buffers() {
		if later == b || len(later.entries) == 0 {
			continue
		}
		key := b.key(e)
		last := later.latest(e.plan.table, key, later.index.hash(e.plan.table, key))
		if last != nil && (last.variant.shape.Action == postgres.Delete || len(last.variant.absent) == 0) {
			return true
		}
	}
	return false
}

// settleOrphan ends the wait for a row: it was deleted or written as a whole.
func (t *task) settleOrphan(tbl *table, key []byte) {
	if len(t.orphans) > 0 {
		delete(t.orphans, orphanKey{tbl.def.Name.String(), string(key)})
	}
}

// reportOrphans reports those that waited too long.
func (t *task) reportOrphans() error {
	for k, o := range t.orphans {
		if now().Before(o.until) {
			continue
		}
		reporter := t.ctx.ErrantReporter()
		if reporter == nil {
			return connect.ConnectErrorf("%w", o.err)
		}
		if err := reporter.Report(o.record, o.err); err != nil {
			return err
		}
		delete(t.orphans, k)
	}
	return nil
}

// dropOrphans forgets those of a partition that goes.
func (t *task) dropOrphans(tp connect.TopicPartition) {
	for k, o := range t.orphans {
		if topicPartition(o.record) == tp {
			delete(t.orphans, k)
		}
	}
}
