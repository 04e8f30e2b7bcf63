package logstore

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/leat-project/leat/broker/recordbatch"
)

// readers holds *recordbatch.Reader for validation; their buffers are dropped when they have grown large.
var readers = sync.Pool{New: func() any { return new(recordbatch.Reader) }}

// Append checks batches, assigns offsets, and writes them. It changes the bytes in place and does not keep them.
//
// On return the batches are in the log and in its page cache; if info.MustFlush, wait for the flush before the
// acknowledgement. Errors: *recordbatch.Error (bad batch), the producer errors (ErrOutOfOrderSequence,
// ErrInvalidProducerEpoch, ErrInvalidTxnState, ErrCoordinatorFenced), ErrStorage (nothing of it is in the log),
// ErrDirOffline, ErrClosed, ErrFencedLeaderEpoch, and ErrUnexpectedOffset for replicas. A duplicate is no error.
func (p *Partition) Append(batches []byte, o AppendOptions) (AppendInfo, error) {
	cfg := p.cfg.Load()
	batches, maxTs, err := p.checkBatches(batches, o, cfg)
	if err != nil {
		return AppendInfo{}, err
	}
	if err := p.sign(); err != nil {
		return AppendInfo{}, err
	}
	p.appendMu.Lock()
	info, ev, err := p.appendLocked(batches, maxTs, o, cfg)
	p.appendMu.Unlock()
	if err != nil {
		return AppendInfo{}, err
	}
	p.notify(ev)
	if info.MustFlush && !info.Duplicate && !o.OwnFlush {
		p.startFlush()
	}
	return info, nil
}

// checkBatches does all checks that need no state of the log, outside of locks. It returns the batches to
// append, recompressed if the topic wants that, and their largest timestamp.
func (p *Partition) checkBatches(buf []byte, o AppendOptions, cfg *LogConfig) ([]byte, int64, error) {
	if o.Origin == OriginClient {
		return p.checkClientBatch(buf, o, cfg)
	}
	if len(buf) == 0 {
		return nil, 0, &recordbatch.Error{Kind: recordbatch.InvalidRecord, Msg: "nothing to append"}
	}
	maxTs := int64(-1)
	for rest := buf; len(rest) > 0; {
		b, next, err := recordbatch.Next(rest)
		if err != nil {
			return nil, 0, err
		}
		if o.Origin == OriginReplica && !b.CRCValid() {
			return nil, 0, &recordbatch.Error{Kind: recordbatch.Corrupt,
				Msg: fmt.Sprintf("replicated batch at offset %d of %s has a wrong crc", b.BaseOffset(), p.tp)}
		}
		if b.LastOffsetDelta() < 0 {
			return nil, 0, &recordbatch.Error{Kind: recordbatch.Corrupt,
				Msg: fmt.Sprintf("batch at offset %d of %s has last offset delta %d", b.BaseOffset(), p.tp, b.LastOffsetDelta())}
		}
		maxTs = max(maxTs, b.MaxTimestamp())
		rest = next
	}
	return buf, maxTs, checkListSize(buf, cfg)
}

func (p *Partition) checkClientBatch(buf []byte, o AppendOptions, cfg *LogConfig) ([]byte, int64, error) {
	rd := readers.Get().(*recordbatch.Reader)
	defer readers.Put(rd)
	rules := recordbatch.Rules{
		MaxBytes:      int(cfg.MaxMessageBytes),
		KeysRequired:  cfg.Compact,
		LogAppendTime: cfg.LogAppendTime,
		BeforeMax:     cfg.TimestampBeforeMs,
		AfterMax:      cfg.TimestampAfterMs,
		NoZstd:        o.NoZstd,
		Now:           p.store.nowMs(),
	}
	b, err := recordbatch.Validate(buf, rules, rd)
	if err != nil {
		return nil, 0, err
	}
	if c := cfg.Compression; c.Recompress && c.Codec != b.Codec() {
		out, err := recordbatch.Recompress(nil, b, c.Codec, cfg.CompressionLevel, rd)
		if err != nil {
			return nil, 0, fmt.Errorf("recompressing a batch for %s: %w", p.tp, err)
		}
		if b = out; len(b) > rules.MaxBytes {
			return nil, 0, &recordbatch.Error{Kind: recordbatch.MessageTooLarge, Msg: fmt.Sprintf(
				"the record batch is %d bytes with the topic's compression, which exceeds max.message.bytes of %d", len(b), rules.MaxBytes)}
		}
	}
	return b, b.MaxTimestamp(), checkListSize(b, cfg)
}

func checkListSize(buf []byte, cfg *LogConfig) error {
	if len(buf) <= int(cfg.SegmentBytes) {
		return nil
	}
	return &recordbatch.Error{Kind: recordbatch.RecordListTooLarge, Msg: fmt.Sprintf(
		"the record batches are %d bytes, which exceeds segment.bytes of %d", len(buf), cfg.SegmentBytes)}
}

func (p *Partition) appendLocked(buf []byte, maxTs int64, o AppendOptions, cfg *LogConfig) (AppendInfo, Event, error) {
	if err := p.appendableErr(); err != nil {
		return AppendInfo{}, 0, err
	}
	leo := p.leo.Load()
	info := AppendInfo{BaseOffset: leo, LogAppendTime: -1, LogStartOffset: p.start.Load()}
	if o.Origin == OriginReplica {
		if err := p.checkContinues(buf, leo); err != nil {
			return info, 0, err
		}
		info.BaseOffset = recordbatch.Batch(buf).BaseOffset()
	} else {
		if last := p.epochs.last(); o.LeaderEpoch < last {
			return info, 0, fmt.Errorf("appending to %s with leader epoch %d, the log has %d: %w", p.tp, o.LeaderEpoch, last, ErrFencedLeaderEpoch)
		}
		if dup, err := p.checkProducers(buf, o); err != nil {
			return info, 0, fmt.Errorf("appending to %s: %w", p.tp, err)
		} else if dup != nil {
			return p.duplicateInfo(*dup, cfg), 0, nil
		}
		if cfg.LogAppendTime {
			info.LogAppendTime = p.store.nowMs()
			maxTs = info.LogAppendTime
		}
	}
	next := p.assignOffsets(buf, leo, o, info.LogAppendTime)
	info.LastOffset = next - 1
	if p.bare {
		if err := p.fill(); err != nil {
			return info, 0, err
		}
	}
	if err := p.maybeRoll(len(buf), next-1, maxTs, cfg); err != nil {
		return info, 0, err
	}
	seg := p.active()
	pos := seg.size.Load()
	if err := writeSegment(seg, buf, pos); err != nil {
		return info, 0, fmt.Errorf("writing %d bytes at offset %d of %s: %w", len(buf), leo, p.tp, err)
	}
	ev := p.publishAppend(seg, buf, pos, next, cfg)
	info.MustFlush = p.mustFlush(next, cfg)
	if seg.pendingIndexBytes() >= maxPending {
		// A full disk keeps the entries in memory; it also stops the appends that make more of them.
		if err := seg.writeIndexes(false); err != nil {
			p.store.warnIO("writing index entries", p, err)
		}
	}
	return info, ev, nil
}

// appendableErr is why nothing can be appended, nil mostly.
func (p *Partition) appendableErr() error {
	if err := p.dir.err(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed == nil && p.closing {
		return ErrClosed
	}
	return p.closed
}

// checkContinues makes sure that replicated batches rise and begin at or behind the log end. Gaps are what
// compaction leaves.
func (p *Partition) checkContinues(buf []byte, leo int64) error {
	for len(buf) > 0 {
		b, rest := cutBatch(buf)
		if b.BaseOffset() < leo {
			return fmt.Errorf("batch at offset %d does not follow the end %d of %s: %w", b.BaseOffset(), leo, p.tp, ErrUnexpectedOffset)
		}
		leo, buf = b.NextOffset(), rest
	}
	return nil
}

// cutBatch splits off the first of batches that were checked before.
func cutBatch(buf []byte) (recordbatch.Batch, []byte) {
	b, rest, err := recordbatch.Next(buf)
	if err != nil {
		panic("logstore: batch was checked and is now broken: " + err.Error())
	}
	return b, rest
}

// checkProducers applies the rules of idempotent and transactional producers. A non-nil duplicate was appended
// before.
func (p *Partition) checkProducers(buf []byte, o AppendOptions) (*batchMeta, error) {
	for len(buf) > 0 {
		b, rest := cutBatch(buf)
		buf = rest
		switch {
		case b.ProducerID() < 0:
		case b.Control():
			m, ok, err := recordbatch.ReadMarker(b)
			if err != nil {
				return nil, err
			}
			if ok {
				if err := p.prod.checkMarker(b.ProducerID(), b.ProducerEpoch(), m.CoordinatorEpoch, o.TxnV2); err != nil {
					return nil, err
				}
			}
		default:
			if o.Origin == OriginClient {
				if dup, ok := p.prod.duplicate(b); ok {
					return &dup, nil
				}
			}
			if err := p.prod.checkVerified(b, o); err != nil {
				return nil, err
			}
			if err := p.prod.check(b, o.Origin); err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}

// mustFlush says whether the acknowledgement of what ends at offset end waits for a flush.
func (p *Partition) mustFlush(end int64, cfg *LogConfig) bool {
	unflushed := end - p.flushed.Load()
	return unflushed > 0 && (cfg.FlushBeforeAck || unflushed >= cfg.FlushMessages)
}

// duplicateInfo answers a repeated batch. The original may still wait for its flush.
func (p *Partition) duplicateInfo(m batchMeta, cfg *LogConfig) AppendInfo {
	info := AppendInfo{
		BaseOffset: m.firstOffset(), LastOffset: m.lastOffset, LogAppendTime: -1,
		LogStartOffset: p.start.Load(), Duplicate: true,
		MustFlush: p.mustFlush(m.lastOffset+1, cfg),
	}
	if cfg.LogAppendTime {
		info.LogAppendTime = m.timestamp
	}
	return info
}

// assignOffsets stamps offsets, epoch and log append time into the batches and returns the next offset.
func (p *Partition) assignOffsets(buf []byte, next int64, o AppendOptions, appendTime int64) int64 {
	for len(buf) > 0 {
		b, rest := cutBatch(buf)
		if o.Origin != OriginReplica {
			b.AssignOffsets(next, o.LeaderEpoch)
			if appendTime >= 0 {
				b.SetLogAppendTime(appendTime)
			}
		}
		next, buf = b.NextOffset(), rest
	}
	return next
}

// maybeRoll starts a new segment if n bytes up to lastOffset do not belong into the active one.
func (p *Partition) maybeRoll(n int, lastOffset, maxTs int64, cfg *LogConfig) error {
	seg := p.active()
	size := seg.size.Load()
	if size == 0 {
		if lastOffset-seg.base > math.MaxInt32 {
			return fmt.Errorf("offset %d is too far from the empty segment %d of %s: %w", lastOffset, seg.base, p.tp, ErrUnexpectedOffset)
		}
		return nil
	}
	switch {
	case size+int64(n) > int64(cfg.SegmentBytes),
		lastOffset-seg.base > math.MaxInt32,
		seg.covers(maxTs, p.store.nowMs) > cfg.rollMs()-seg.jitterOf(cfg),
		seg.indexFull(cfg.SegmentIndexBytes):
		return p.rollAppendLocked()
	}
	return nil
}

// writeSegment writes buf at pos. If that fails it cuts the file back to pos, where the last whole batch ends; the
// next append writes there again in any case, so a failing cut leaves a torn tail only until then or recovery.
func writeSegment(seg *segment, buf []byte, pos int64) error {
	f, err := seg.acquire()
	if err != nil {
		return err
	}
	defer seg.release()
	if _, err := f.WriteAt(buf, pos); err != nil {
		return errors.Join(fmt.Errorf("%w: %w", ErrStorage, err), f.Truncate(pos))
	}
	return nil
}

// publishAppend takes written batches into indexes, producers, epochs and offsets.
func (p *Partition) publishAppend(seg *segment, buf []byte, pos, next int64, cfg *LogConfig) Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	for at := pos; len(buf) > 0; {
		b, rest := cutBatch(buf)
		seg.noteBatch(b, at, cfg.IndexIntervalBytes)
		p.noteBatchLocked(seg, b)
		at += int64(len(b))
		buf = rest
		seg.size.Store(at)
	}
	p.leo.Store(next)
	return EventAppend | p.advanceLocked()
}

// noteBatchLocked takes a batch of the log into epochs and producer state. Recovery uses it too.
func (p *Partition) noteBatchLocked(seg *segment, b recordbatch.Batch) {
	if p.epochs.assign(max(b.LeaderEpoch(), p.epochs.last()), b.BaseOffset()) {
		p.epochsDirty = true
	}
	if b.ProducerID() < 0 {
		return
	}
	if !b.Control() {
		p.prod.noteData(b)
		return
	}
	// Markers were checked on their way in; one that cannot be read ends nothing.
	m, ok, err := recordbatch.ReadMarker(b)
	if err != nil || !ok {
		return
	}
	if e, aborted := p.prod.noteMarker(b, m); aborted {
		seg.addAborted(e)
	}
}
