package logstore

import (
	"fmt"
	"math"
	"slices"

	"github.com/leat-project/leat/broker/recordbatch"
)

// cachedBatches is how many batches of a producer are remembered to recognise a repetition.
const cachedBatches = 5

// batchMeta is a batch of a producer, as far as a repetition of it needs.
type batchMeta struct {
	lastSeq    int32
	delta      int32 // last sequence - first sequence
	lastOffset int64
	timestamp  int64
}

func (m batchMeta) firstOffset() int64 { return m.lastOffset - int64(m.delta) }

// firstSeq undoes the wrap of sequences at 2^31.
func (m batchMeta) firstSeq() int32 {
	return int32((uint32(m.lastSeq) - uint32(m.delta)) & math.MaxInt32)
}

// producer is the state of one producer id on a partition (Kafka: ProducerStateEntry).
type producer struct {
	id            int64
	epoch         int16 // -1 until known
	coordEpoch    int32 // of the last marker, -1 none
	lastTimestamp int64
	txnStart      int64 // first offset of the open transaction, -1 none
	count         int   // of batches used
	batches       [cachedBatches]batchMeta
}

func (p *producer) last() (batchMeta, bool) {
	if p.count == 0 {
		return batchMeta{lastSeq: recordbatch.NoSequence, lastOffset: -1}, false
	}
	return p.batches[p.count-1], true
}

func (p *producer) setEpoch(epoch int16) {
	if p.epoch != epoch {
		p.epoch, p.count = epoch, 0
	}
}

func (p *producer) add(m batchMeta) {
	if p.count == cachedBatches {
		copy(p.batches[:], p.batches[1:])
		p.count--
	}
	p.batches[p.count] = m
	p.count++
}

// find returns the remembered batch with exactly these sequences.
func (p *producer) find(first, last int32) (batchMeta, bool) {
	for _, m := range p.batches[:p.count] {
		if m.lastSeq == last && m.firstSeq() == first {
			return m, true
		}
	}
	return batchMeta{}, false
}

// openTxn is a transaction whose outcome is undecided (last -1), or decided by a marker at last that may still
// lie above the high watermark.
type openTxn struct {
	producerID  int64
	first, last int64
}

// producers is the producer and transaction state of a log (Kafka: ProducerStateManager). It is changed by the
// holder of Partition.appendMu and mu both, and read under either.
type producers struct {
	byID map[int64]*producer
	// ongoing are undecided transactions, unreplicated decided ones, both sorted by first offset.
	ongoing, unreplicated []openTxn
	// verifying are producers whose first batch waits for the transaction coordinator; nil mostly.
	verifying map[int64]*verification
	guards    Guard // the last one given out
}

func newProducers() producers { return producers{byID: map[int64]*producer{}} }

// duplicate returns the batch that b repeats.
func (s *producers) duplicate(b recordbatch.Batch) (batchMeta, bool) {
	p := s.byID[b.ProducerID()]
	if p == nil || p.epoch != b.ProducerEpoch() {
		return batchMeta{}, false
	}
	return p.find(b.BaseSequence(), b.LastSequence())
}

// check says whether a data batch may be appended (Kafka: ProducerAppendInfo). Sequences count for clients only.
func (s *producers) check(b recordbatch.Batch, origin Origin) error {
	p := s.byID[b.ProducerID()]
	if p == nil {
		return nil // new, expired or deleted: any epoch and sequence is accepted
	}
	epoch, seq := b.ProducerEpoch(), b.BaseSequence()
	if epoch < p.epoch {
		return fmt.Errorf("epoch %d of producer %d is smaller than the last seen epoch %d: %w", epoch, p.id, p.epoch, ErrInvalidProducerEpoch)
	}
	if origin == OriginClient {
		if err := p.checkSequence(epoch, seq); err != nil {
			return err
		}
	}
	if p.txnStart >= 0 && !b.Transactional() {
		return fmt.Errorf("producer %d wrote outside its open transaction: %w", p.id, ErrInvalidTxnState)
	}
	return nil
}

func (p *producer) checkSequence(epoch int16, seq int32) error {
	if epoch != p.epoch {
		if seq != 0 && p.epoch != recordbatch.NoProducerEpoch {
			return fmt.Errorf("producer %d starts epoch %d with sequence %d, want 0: %w", p.id, epoch, seq, ErrOutOfOrderSequence)
		}
		return nil
	}
	last, _ := p.last()
	if want := nextSequence(last.lastSeq); seq != want {
		return fmt.Errorf("sequence %d of producer %d does not follow %d: %w", seq, p.id, last.lastSeq, ErrOutOfOrderSequence)
	}
	return nil
}

// nextSequence follows -1 (none) by 0 and 2147483647 by 0.
func nextSequence(last int32) int32 { return int32((uint32(last) + 1) & math.MaxInt32) }

// checkMarker says whether a marker may be appended.
func (s *producers) checkMarker(id int64, epoch int16, coordEpoch int32, txnV2 bool) error {
	p := s.byID[id]
	if p == nil {
		return nil
	}
	// With transaction version 2 each transaction has its own epoch and the marker a greater one, so a marker
	// that arrives late cannot end the next transaction (KIP-890, KIP-1228).
	if epoch < p.epoch || (txnV2 && epoch == p.epoch && p.txnStart >= 0) {
		return fmt.Errorf("marker of producer %d has epoch %d, the data %d: %w", p.id, epoch, p.epoch, ErrInvalidProducerEpoch)
	}
	if coordEpoch < p.coordEpoch {
		return fmt.Errorf("marker of producer %d has coordinator epoch %d, last seen %d: %w", p.id, coordEpoch, p.coordEpoch, ErrCoordinatorFenced)
	}
	return nil
}

func (s *producers) entry(id int64) *producer {
	p := s.byID[id]
	if p == nil {
		p = &producer{id: id, epoch: recordbatch.NoProducerEpoch, coordEpoch: -1, txnStart: -1, lastTimestamp: -1}
		s.byID[id] = p
	}
	return p
}

// noteData takes an appended data batch into the state.
func (s *producers) noteData(b recordbatch.Batch) {
	p := s.entry(b.ProducerID())
	p.setEpoch(b.ProducerEpoch())
	p.lastTimestamp = b.MaxTimestamp()
	p.add(batchMeta{lastSeq: b.LastSequence(), delta: b.LastOffsetDelta(), lastOffset: b.LastOffset(), timestamp: b.MaxTimestamp()})
	if b.Transactional() && p.txnStart < 0 {
		p.txnStart = b.BaseOffset()
		delete(s.verifying, p.id)
		s.addOngoing(openTxn{p.id, p.txnStart, -1})
	}
}

// addOngoing keeps the list sorted: transactions nearly always start in offset order.
func (s *producers) addOngoing(t openTxn) {
	i := len(s.ongoing)
	for i > 0 && s.ongoing[i-1].first > t.first {
		i--
	}
	s.ongoing = slices.Insert(s.ongoing, i, t)
}

// noteMarker takes an appended marker into the state. aborted is filled, and ok set, if it aborts a transaction
// that has data here.
func (s *producers) noteMarker(b recordbatch.Batch, m recordbatch.Marker) (aborted abortedEntry, ok bool) {
	p := s.entry(b.ProducerID())
	p.setEpoch(b.ProducerEpoch())
	p.coordEpoch = m.CoordinatorEpoch
	p.lastTimestamp = b.MaxTimestamp()
	delete(s.verifying, p.id) // what was verified before is over
	if p.txnStart < 0 {
		return abortedEntry{}, false
	}
	t := openTxn{p.id, p.txnStart, b.LastOffset()}
	p.txnStart = -1
	s.ongoing = slices.DeleteFunc(s.ongoing, func(o openTxn) bool { return o.first == t.first && o.producerID == t.producerID })
	i := len(s.unreplicated)
	for i > 0 && s.unreplicated[i-1].first > t.first {
		i--
	}
	s.unreplicated = slices.Insert(s.unreplicated, i, t)
	if m.Commit {
		return abortedEntry{}, false
	}
	lso := t.last + 1
	if len(s.ongoing) > 0 {
		lso = s.ongoing[0].first
	}
	return abortedEntry{t.producerID, t.first, t.last, lso}, true
}

// highWatermarkMoved forgets decided transactions whose marker lies below hw.
func (s *producers) highWatermarkMoved(hw int64) {
	if len(s.unreplicated) > 0 {
		s.unreplicated = slices.DeleteFunc(s.unreplicated, func(t openTxn) bool { return t.last < hw })
	}
}

// firstUnstable is the first offset of a transaction that is undecided or whose marker is not below the high
// watermark; math.MaxInt64 if there is none.
func (s *producers) firstUnstable() int64 {
	first := int64(math.MaxInt64)
	if len(s.ongoing) > 0 {
		first = s.ongoing[0].first
	}
	if len(s.unreplicated) > 0 {
		first = min(first, s.unreplicated[0].first)
	}
	return first
}

// expire forgets producers without an open transaction whose last batch is older than the limit, in ms.
func (s *producers) expire(before int64) {
	for id, p := range s.byID {
		if p.txnStart < 0 && p.lastTimestamp < before {
			delete(s.byID, id)
		}
	}
	for id, v := range s.verifying {
		if v.since < before {
			delete(s.verifying, id)
		}
	}
}
