package broker

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/coordinator"
	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/group"
	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/broker/txn"
)

func (b *Broker) txnConfig() txn.Config {
	c := &b.cfg
	return txn.Config{
		MaxTimeout:   c.ms("transaction.max.timeout.ms"),
		AbortCheck:   c.ms("transaction.abort.timed.out.transaction.cleanup.interval.ms"),
		IDExpiration: c.ms("transactional.id.expiration.ms"),
		ExpireCheck:  c.ms("transaction.remove.expired.transaction.cleanup.interval.ms"),
		WriteMarkers: func(m txn.Markers) {
			b.tasks(func(ctx context.Context) error { b.endTransaction(ctx, m); return nil })
		},
	}
}

// txnCall runs fn on the coordinator of a transactional id and returns what it
// returned, once what it wrote is durable. The error is fn's, or says where to
// look for the coordinator.
func txnCall[R any](ctx context.Context, b *Broker, id string, fn func(t *tx, s *txn.Shard) (R, error)) (R, error) {
	type outcome struct {
		result R
		err    error
	}
	var none R
	if id == "" {
		return none, fault.New(kerr.InvalidRequest, "the transactional id is empty")
	}
	loop, err := b.txns.find(id)
	if err != nil {
		return none, err
	}
	out, err := read(ctx, loop, func(t *tx, s *txn.Shard) outcome {
		result, err := fn(t, s)
		return outcome{result, err}
	})
	if err != nil {
		return none, err
	}
	return out.result, out.err
}

// withFresh calls fn, and once more with a fresh producer id if it asks for
// one.
func (b *Broker) withFresh(ctx context.Context, fn func(fresh int64) (txn.Producer, error)) (txn.Producer, error) {
	p, err := fn(-1)
	if err != nil || !p.NeedFresh {
		return p, err
	}
	fresh, err := b.ids.get(ctx)
	if err != nil {
		return txn.Producer{}, err
	}
	return fn(fresh)
}

// Markers that could not be written are tried again after a pause that grows
// from the first to the second.
const (
	markerRetry    = 50 * time.Millisecond
	markerRetryMax = time.Second
)

// markerTrouble is what keeps markers from being written, of all transactions
// together: when a disk fails there are many at once.
type markerTrouble struct {
	coordinator.Trouble
	stuck atomic.Int64 // transactions that wait for it to be over
}

// endTransaction writes the markers of a decided transaction, however long it
// takes, and tells the coordinator.
func (b *Broker) endTransaction(ctx context.Context, m txn.Markers) {
	m.CoordinatorEpoch = b.coordinatorEpoch(m.ID)
	left := b.writeMarkers(ctx, m, m.Partitions)
	if len(left) > 0 {
		b.markers.stuck.Add(1)
		left = b.retryMarkers(ctx, m, left)
		if b.markers.stuck.Add(-1) == 0 && len(left) == 0 {
			b.markers.Over(b.log, "transaction markers are written again")
		}
	}
	if len(left) > 0 {
		return // the coordinator sends them again after the restart
	}
	loop, err := b.txns.find(m.ID)
	if err != nil {
		return // so it does when it is back
	}
	// A loop that has ended sends the markers again when it is loaded.
	_ = loop.Do(ctx, func(t *tx, s *txn.Shard) { s.Completed(t, m) })
}

// retryMarkers writes markers until they are all written. It returns those that
// are not when ctx ends.
func (b *Broker) retryMarkers(ctx context.Context, m txn.Markers, left []txn.Partition) []txn.Partition {
	for pause := markerRetry; len(left) > 0; pause = min(2*pause, markerRetryMax) {
		b.metrics.markerRetries.Add(int64(len(left)))
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		b.metrics.markerRetries.Add(-int64(len(left)))
		if ctx.Err() != nil {
			return left
		}
		left = b.writeMarkers(ctx, m, left)
	}
	return nil
}

// writeMarkers writes one marker to each partition and returns those that must
// be tried again. A partition that is gone needs none.
func (b *Broker) writeMarkers(ctx context.Context, m txn.Markers, partitions []txn.Partition) []txn.Partition {
	var again []txn.Partition
	waits := make([]func() error, len(partitions))
	for i, p := range partitions {
		waits[i] = b.writeMarker(ctx, m, p)
	}
	for i, wait := range waits {
		err := wait()
		switch {
		case err == nil, errors.Is(err, errGone):
		case errors.Is(err, logstore.ErrInvalidProducerEpoch), errors.Is(err, logstore.ErrCoordinatorFenced):
			b.log.Warn("a transaction was ended by a newer producer", "transactional id", m.ID, "topic", partitions[i].Topic, "partition", partitions[i].Partition, "err", err)
		case ctx.Err() != nil: // the end of the broker, not a fault
			again = append(again, partitions[i])
		default:
			b.markers.Failed(b.log, "writing transaction markers", "transactional id", m.ID, "topic", partitions[i].Topic, "partition", partitions[i].Partition, "err", err, "other transactions that wait", b.markers.stuck.Load())
			again = append(again, partitions[i])
		}
	}
	return again
}

// coordinatorEpoch is the leader epoch of the partition that keeps a
// transactional id.
func (b *Broker) coordinatorEpoch(id string) int32 {
	t := b.ctl.Image().Topic(controller.TxnStateTopic)
	n, ok := b.txns.partition(id)
	if t == nil || !ok || int(n) >= len(t.Partitions) { // deleted, or made anew with fewer
		return 0
	}
	return t.Partitions[n].LeaderEpoch
}

// errGone is a partition that no longer exists.
var errGone = errors.New("partition is gone")

// writeMarker appends a marker and returns what waits for it to be durable.
func (b *Broker) writeMarker(ctx context.Context, m txn.Markers, p txn.Partition) func() error {
	part, state, code := b.partition(b.ctl.Image().Topic(p.Topic), p.Partition)
	if code == kerr.UnknownTopicOrPartition.Code {
		return func() error { return errGone }
	}
	if code != 0 {
		return func() error { return kerr.ErrorForCode(code) }
	}
	if p.Topic == controller.OffsetsTopic {
		return func() error { return b.endOffsets(ctx, m, p, part) }
	}
	marker := recordbatch.AppendMarker(nil, m.ProducerID, m.Epoch, recordbatch.Marker{Commit: m.Commit, CoordinatorEpoch: m.CoordinatorEpoch}, time.Now().UnixMilli())
	info, err := part.Append(marker, logstore.AppendOptions{Origin: logstore.OriginCoordinator, LeaderEpoch: state.LeaderEpoch, TxnV2: m.V2})
	return func() error {
		if err != nil {
			return err
		}
		if info.MustFlush {
			return part.WaitFlushed(ctx, info.LastOffset+1)
		}
		return nil
	}
}

// endOffsets has the group coordinator write the marker of a partition of
// __consumer_offsets.
func (b *Broker) endOffsets(ctx context.Context, m txn.Markers, p txn.Partition, part *logstore.Partition) error {
	loop := b.groups.at(p.Partition)
	if loop == nil {
		return kerr.CoordinatorNotAvailable
	}
	end := group.TxnEnd{
		ProducerID: m.ProducerID, Epoch: m.Epoch, Marker: coordinator.Marker{Commit: m.Commit, CoordinatorEpoch: m.CoordinatorEpoch},
		Check: func() error { return part.CheckMarker(m.ProducerID, m.Epoch, m.CoordinatorEpoch, m.V2) },
	}
	var failed error
	err := call(ctx, loop, func(t *tx, s *group.Shard, done func()) {
		s.EndTxn(t, end, func(err error) { failed = err; done() })
	})
	if err != nil {
		return err // the loop may still run it
	}
	return failed
}

// txnOpen makes sure that partitions are in a producer's open transaction:
// version 2 clients have them added here, for older ones it is verified that
// they added them, and the ones they did not are returned. An answer of
// CONCURRENT_TRANSACTIONS is waited out for a moment, as the last
// transaction's markers are on their way. begin starts the verification at the
// partitions anew before each question, since those markers void the one
// before. With more than one node the question is the AddPartitionsToTxn that
// the leader sends to the coordinator.
func (b *Broker) txnOpen(ctx context.Context, id string, producerID int64, epoch int16, add bool, partitions []txn.Partition, begin func()) (missing []txn.Partition, err error) {
	began := time.Now()
	defer func() {
		b.metrics.verifyNanos.Add(int64(time.Since(began)))
		if err != nil || len(missing) > 0 {
			b.metrics.verifyFailed.Add(1)
		}
	}()
	pause, patience := b.cfg.ms("add.partitions.to.txn.retry.backoff.ms"), b.cfg.ms("add.partitions.to.txn.retry.backoff.max.ms")
	for waited := time.Duration(0); ; waited += pause {
		begin()
		missing, err = txnCall(ctx, b, id, func(t *tx, s *txn.Shard) ([]txn.Partition, error) {
			if add {
				return nil, s.Add(t, id, producerID, epoch, 2, partitions)
			}
			return s.Verify(id, producerID, epoch, partitions)
		})
		if !add || !errors.Is(err, kerr.ConcurrentTransactions) || waited >= patience {
			return missing, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(pause):
		}
	}
}

// fencedBelow gives clients of old versions the error they know.
func fencedBelow(version, since int16, code int16) int16 {
	if version < since && code == kerr.ProducerFenced.Code {
		return kerr.InvalidProducerEpoch.Code
	}
	return code
}

// producedCode maps what the transaction coordinator says to the code that
// makes a producer do the right thing (AddPartitionsToTxnManager).
func producedCode(err error, version int16) int16 {
	switch code := fault.Code(err); code {
	case kerr.ProducerFenced.Code:
		return kerr.InvalidProducerEpoch.Code
	case kerr.CoordinatorNotAvailable.Code, kerr.NotCoordinator.Code, kerr.CoordinatorLoadInProgress.Code:
		return kerr.NotEnoughReplicas.Code
	case kerr.ConcurrentTransactions.Code:
		if version >= 12 {
			return code
		}
		return kerr.NotEnoughReplicas.Code
	case kerr.TransactionAbortable.Code:
		if version >= 11 {
			return code
		}
		return kerr.InvalidTxnState.Code
	default:
		return code
	}
}
