package broker

import (
	"context"
	"errors"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
)

// partition finds the log of a partition that this broker leads, or the error
// code to answer.
func (b *Broker) partition(t *controller.Topic, n int32) (*logstore.Partition, controller.Partition, int16) {
	if t == nil || n < 0 || int(n) >= len(t.Partitions) {
		return nil, controller.Partition{}, kerr.UnknownTopicOrPartition.Code
	}
	state := t.Partitions[n]
	if state.Leader != b.cfg.NodeID {
		return nil, state, kerr.NotLeaderForPartition.Code
	}
	part := b.store.Get(logstore.TopicPartition{Topic: t.Name, Partition: n})
	if part == nil {
		// Its creation failed, on a full disk perhaps, or its deletion is under
		// way. Clients try again.
		b.revive(t.ID)
		return nil, state, kerr.KafkaStorageError.Code
	}
	if !sameTopic(part, t) {
		return nil, state, kerr.UnknownTopicOrPartition.Code // deleted and made again just now
	}
	return part, state, 0
}

// revive tries again, in the background, to create logs that the metadata has
// and the disk has not. It takes its turn with changes of the metadata, as the
// topic may be in the middle of its deletion.
func (b *Broker) revive(id controller.TopicID) {
	if !b.reviving.CompareAndSwap(false, true) {
		return
	}
	b.tasks(func(ctx context.Context) error {
		defer b.reviving.Store(false)
		err := b.ctl.Between(ctx, func(img *controller.Image) error {
			t := img.TopicByID(id)
			if t == nil {
				return nil // deleted since
			}
			err := b.openTopic(img, t)
			b.groups.topicChanged(img)
			b.txns.topicChanged(img)
			return err
		})
		if err != nil && ctx.Err() == nil {
			b.log.Warn("creating missing logs", "topic id", id.String(), "err", err)
		}
		return nil
	})
}

// fenced compares the leader epoch a client knows with ours; -1 is not
// checked (KIP-320).
func fenced(asked int32, state controller.Partition) int16 {
	switch {
	case asked < 0 || asked == state.LeaderEpoch:
		return 0
	case asked < state.LeaderEpoch:
		return kerr.FencedLeaderEpoch.Code
	}
	return kerr.UnknownLeaderEpoch.Code
}

// storeCode maps what the log store reports to the protocol's codes.
func storeCode(err error) int16 {
	if err == nil {
		return 0
	}
	var bad *recordbatch.Error
	if errors.As(err, &bad) {
		return batchCode(bad.Kind)
	}
	for _, m := range storeCodes {
		if errors.Is(err, m.err) {
			return m.code
		}
	}
	return kerr.UnknownServerError.Code
}

var storeCodes = []struct {
	err  error
	code int16
}{
	{logstore.ErrOffsetOutOfRange, kerr.OffsetOutOfRange.Code},
	{logstore.ErrOutOfOrderSequence, kerr.OutOfOrderSequenceNumber.Code},
	{logstore.ErrInvalidProducerEpoch, kerr.InvalidProducerEpoch.Code},
	{logstore.ErrInvalidTxnState, kerr.InvalidTxnState.Code},
	{logstore.ErrCoordinatorFenced, kerr.TransactionCoordinatorFenced.Code},
	{logstore.ErrFencedLeaderEpoch, kerr.NotLeaderForPartition.Code},
	{logstore.ErrClosed, kerr.NotLeaderForPartition.Code},
	{logstore.ErrUnknown, kerr.UnknownTopicOrPartition.Code},
	{logstore.ErrStorage, kerr.KafkaStorageError.Code},
	{logstore.ErrCorrupt, kerr.KafkaStorageError.Code},
}

func batchCode(kind recordbatch.Kind) int16 {
	switch kind {
	case recordbatch.Corrupt:
		return kerr.CorruptMessage.Code
	case recordbatch.InvalidRecord:
		return kerr.InvalidRecord.Code
	case recordbatch.InvalidTimestamp:
		return kerr.InvalidTimestamp.Code
	case recordbatch.MessageTooLarge:
		return kerr.MessageTooLarge.Code
	case recordbatch.RecordListTooLarge:
		return kerr.RecordListTooLarge.Code
	case recordbatch.UnsupportedCompression:
		return kerr.UnsupportedCompressionType.Code
	case recordbatch.KindUnknown:
	}
	return kerr.UnknownServerError.Code
}

// limit is a broker key that may change while the broker runs.
func (b *Broker) limit(key string) int64 {
	return parseLong(b.cfg.brokerChain(b.ctl.Image(), key)[0].value)
}

// enabled is a broker key of type boolean that may change while the broker
// runs.
func (b *Broker) enabled(key string) bool {
	chain := b.cfg.brokerChain(b.ctl.Image(), key)
	return len(chain) > 0 && strings.EqualFold(chain[0].value, "true")
}
