package logstore

import (
	"fmt"

	"github.com/leat-project/leat/broker/recordbatch"
)

// gap is a range of offsets that are in no segment, between two that are there.
type gap struct {
	file     string // the segment before it
	position int64  // where that one ends
	next     string // the segment behind it
	from, to int64  // offsets, to excluded
}

// noteGap remembers a segment that ends before the next one begins. Compaction leaves such gaps, and what it has done
// may not be in its checkpoint yet, so SetConfig decides whether that is damage: it knows the policy. A log of
// Config.NeverCut is refused; an empty segment behind the gap is what a crash leaves of TruncateFully.
func (l *loader) noteGap(i int, end int64) error {
	p := l.p
	if i+1 >= len(p.segments) {
		return nil
	}
	s, next := p.segments[i], p.segments[i+1]
	if end >= next.base || next.base <= l.cleaned {
		return nil
	}
	g := gap{file: s.path(logSuffix), position: s.size.Load(), next: next.path(logSuffix), from: end, to: next.base}
	if p.neverCut() && next.size.Load() > 0 {
		return fmt.Errorf("%s ends at offset %d, but %s begins at %d: it was cut at position %d, or files between them are missing; restore them from a backup: %w",
			g.file, g.from, g.next, g.to, g.position, ErrCorrupt)
	}
	p.gaps = append(p.gaps, g)
	return nil
}

// tellGaps tells of records that are gone from within a log, once.
func (p *Partition) tellGaps(cfg *LogConfig) {
	p.mu.Lock()
	gaps := p.gaps
	p.gaps = nil
	p.mu.Unlock()
	if cfg.Compact {
		return
	}
	for _, g := range gaps {
		p.store.log.Error("records are gone from within the log: a segment ends before the next begins", "partition", p.tp.String(),
			"file", g.file, "position", g.position, "end", g.from, "next_file", g.next, "lost", g.to-g.from)
	}
}

// endAfter is the offset after the last batch of a segment whose indexes are trusted, found from the position of the
// last one that is indexed. It is not known if there is damage: who reads that is told.
func (s *segment) endAfter(indexed int64) (end int64, known bool) {
	end = s.base
	f, err := s.fs.Open(s.path(logSuffix)) // not kept open, as for a reader
	if err != nil {
		return 0, false
	}
	defer f.Close()
	err = s.scan(f, indexed, s.size.Load(), lookupWindow, func(b recordbatch.Batch, _ int64) bool {
		end = b.NextOffset()
		return true
	})
	return end, err == nil
}

// checkBegin tells of segments that are missing at the front of a log that was closed cleanly. The leader epochs are
// moved along with the log start, and written by then.
func (l *loader) checkBegin() {
	p := l.p
	if first := p.segments[0].base; len(p.epochs) > 0 && p.epochs[0].start < first {
		p.store.log.Error("records are gone: the first segments are missing", "partition", p.tp.String(), "folder", p.path,
			"start", first, "lost", first-p.epochs[0].start, "says", p.file(leaderEpochFile))
	}
}
