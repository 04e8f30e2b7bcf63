package logstore

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"time"

	"github.com/leat-project/leat/broker/recordbatch"
)

// cleanLoop compacts the partitions with the highest dirty ratios, as many at a time as there may be, until none is
// due; then it waits for the back-off (Kafka: LogCleaner).
func (s *Store) cleanLoop(ctx context.Context) error {
	busy := map[*Partition]bool{}
	type outcome struct {
		p   *Partition
		err error
	}
	done := make(chan outcome)
	end := func(o outcome) bool {
		delete(busy, o.p)
		if o.err != nil && ctx.Err() == nil {
			s.log.Warn("compacting", "partition", o.p.tp.String(), "err", o.err)
		}
		return o.err == nil
	}
	defer func() {
		for len(busy) > 0 { // ctx has ended them
			end(<-done)
		}
	}()
	for {
		t := s.tuning.Load()
		for ctx.Err() == nil && !t.Cleaner.Disabled && len(busy) < t.CleanerThreads {
			p, r := s.dirtiest(busy)
			if p == nil {
				break
			}
			busy[p] = true
			go func() { done <- outcome{p, p.clean(ctx, r)} }() // ends with ctx; the loop waits for it
		}
		pause := time.After(t.Cleaner.Backoff)
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				return nil
			case o := <-done:
				waiting = !end(o) // after a failure the others wait for the back-off too
			case <-s.tuned:
				waiting = false
			case <-pause:
				waiting = false
			}
		}
	}
}

// dirtiest returns the partition that needs compaction most, nil if none does.
func (s *Store) dirtiest(busy map[*Partition]bool) (best *Partition, bestRange cleanRange) {
	for _, p := range s.Partitions() {
		if r, due := p.cleanable(); due && !busy[p] && (best == nil || r.ratio > bestRange.ratio) {
			best, bestRange = p, r
		}
	}
	return best, bestRange
}

// Compact runs one compaction pass now if anything can be compacted, whatever the dirty ratio is. Store.Run
// compacts by itself; this is for tests and tools. It returns whether there was something to do.
func (p *Partition) Compact(ctx context.Context) (bool, error) {
	r, _ := p.cleanable()
	if r.to <= r.from {
		return false, nil
	}
	return true, p.clean(ctx, r)
}

// cleanRange is the dirty part of a log: [from, to).
type cleanRange struct {
	from, to int64
	ratio    float64
}

// cleanable returns what a pass would look at, and whether one is due. Nothing at or above the last stable offset
// is touched, nor the active segment, nor segments younger than min.compaction.lag.ms.
func (p *Partition) cleanable() (cleanRange, bool) {
	cfg := p.cfg.Load()
	if !cfg.Compact || p.Err() != nil {
		return cleanRange{}, false
	}
	now := p.store.nowMs()
	p.mu.Lock()
	segs := p.segments
	r := cleanRange{from: max(p.cleaned, p.start.Load()), to: p.lso.Load()}
	p.mu.Unlock()
	r.to = min(r.to, segs[len(segs)-1].base)
	var clean, dirty int64
	overdue := false
	for _, s := range segs[:len(segs)-1] {
		if s.base >= r.to {
			break
		}
		largest, first := s.timestamps()
		if !s.sealed.Load() || s.base >= r.from && cfg.MinCompactionLagMs > 0 && now-largest < cfg.MinCompactionLagMs {
			r.to = min(r.to, s.base)
			break
		}
		if s.base < r.from {
			clean += s.size.Load()
			continue
		}
		dirty += s.size.Load()
		if first < 0 {
			first = largest
		}
		overdue = overdue || cfg.MaxCompactionLagMs < Forever && now-first > cfg.MaxCompactionLagMs
	}
	if dirty == 0 || r.to <= r.from {
		return cleanRange{}, false
	}
	r.ratio = float64(dirty) / float64(clean+dirty)
	return r, overdue || r.ratio > cfg.MinDirtyRatio
}

// errLogChanged says that retention or truncation took segments during a pass. The next pass starts over.
var errLogChanged = errors.New("log changed during compaction")

// clean does one pass over the log.
func (p *Partition) clean(ctx context.Context, r cleanRange) error {
	p.store.cleaning.Add(1)
	defer p.store.cleaning.Add(-1)
	tuning := p.store.tuning.Load()
	share := max(tuning.CleanerThreads, 1)
	c := &cleaner{
		p: p, cfg: *p.cfg.Load(), now: p.store.nowMs(),
		keys: newKeyMap(tuning.Cleaner.DedupeBufferSize/share, tuning.Cleaner.LoadFactor),
		txns: newCleanTxns(),
		rate: throttle{perSec: tuning.Cleaner.MaxBytesPerSec / float64(share)},
	}
	p.mu.Lock()
	c.segs = p.segments
	c.lastOfProducer = map[int64]int64{}
	for id, e := range p.prod.byID {
		if last, ok := e.last(); ok {
			c.lastOfProducer[id] = last.lastOffset
		} else {
			c.lastOfProducer[id] = -int64(e.epoch) - 2 // only a marker was seen: that of this epoch is kept
		}
	}
	p.mu.Unlock()
	if err := c.mapKeys(ctx, r); err != nil {
		return err
	}
	if err := c.rewrite(ctx); err != nil {
		if errors.Is(err, errLogChanged) {
			return nil
		}
		return err
	}
	p.mu.Lock()
	p.cleaned = c.end
	p.mu.Unlock()
	p.touch(inCleaner)
	return p.dir.write(&p.dir.files.cleaner)
}

// throttle limits a pass to a number of bytes a second.
type throttle struct {
	perSec float64
	owed   float64 // seconds
}

// spend waits as long as n bytes take.
func (t *throttle) spend(ctx context.Context, n int64) error {
	if t.perSec > 0 {
		t.owed += float64(n) / t.perSec
	}
	if t.owed < 0.1 {
		return ctx.Err()
	}
	d := time.Duration(t.owed * float64(time.Second))
	t.owed = 0
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// cleanTxns follows the transactions of a log in offset order and says what of them may go (Kafka:
// CleanedTransactionMetadata).
type cleanTxns struct {
	pending   []abortedEntry // not reached yet, sorted by first offset
	aborted   map[int64]*abortedSeen
	committed map[int64]bool // producers of whose transaction a batch was seen
}

type abortedSeen struct {
	entry abortedEntry
	data  bool // a batch of it was seen
}

func newCleanTxns() cleanTxns {
	return cleanTxns{aborted: map[int64]*abortedSeen{}, committed: map[int64]bool{}}
}

// add takes the aborted transactions that overlap the next segments.
func (t *cleanTxns) add(list []abortedEntry) { t.pending = list }

func (t *cleanTxns) reach(offset int64) {
	for len(t.pending) > 0 && t.pending[0].first <= offset {
		t.aborted[t.pending[0].producerID] = &abortedSeen{entry: t.pending[0]}
		t.pending = t.pending[1:]
	}
}

// data says whether a data batch belongs to an aborted transaction.
func (t *cleanTxns) data(b recordbatch.Batch) bool {
	t.reach(b.LastOffset())
	if !b.Transactional() {
		return false
	}
	if a := t.aborted[b.ProducerID()]; a != nil {
		a.data = true
		return true
	}
	t.committed[b.ProducerID()] = true
	return false
}

// marker says whether nothing of the marker's transaction is left before it. keep is the index entry to keep while
// an abort marker must stay.
func (t *cleanTxns) marker(b recordbatch.Batch) (removable bool, keep *abortedEntry, err error) {
	t.reach(b.LastOffset())
	m, ok, err := recordbatch.ReadMarker(b)
	if err != nil || !ok {
		return b.Count() == 0, nil, err
	}
	id := b.ProducerID()
	if m.Commit {
		seen := t.committed[id]
		delete(t.committed, id)
		return !seen, nil, nil
	}
	a := t.aborted[id]
	delete(t.aborted, id)
	if a != nil && a.data {
		return false, &a.entry, nil
	}
	return true, nil, nil
}

// relativeLimit is the largest offset distance within a segment.
const relativeLimit = math.MaxInt32

func (p *Partition) cleanedPath(base int64, suffix string) string {
	return filepath.Join(p.path, segmentName(base, suffix))
}
