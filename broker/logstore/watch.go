package logstore

import (
	"sync"
	"sync/atomic"
)

// watchers are the parties that wait for something to happen to a partition.
type watchers struct {
	any atomic.Uint32 // the union of all masks: the common case of nobody watching costs one load

	mu   sync.Mutex // guards byID
	byID map[Watcher]Event
}

// Watch registers w for the events in mask until Unwatch. To park without missing an event: Watch, look at the
// offsets again, then wait. w must be comparable (a pointer).
func (p *Partition) Watch(w Watcher, mask Event) {
	ws := &p.watchers
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.byID == nil {
		ws.byID = map[Watcher]Event{}
	}
	ws.byID[w] |= mask
	ws.any.Or(uint32(mask))
}

// Unwatch ends Watch. A call of LogChanged that has begun may still be running.
func (p *Partition) Unwatch(w Watcher) {
	ws := &p.watchers
	ws.mu.Lock()
	defer ws.mu.Unlock()
	delete(ws.byID, w)
	if len(ws.byID) == 0 {
		ws.any.Store(0)
	}
}

// notify tells those who watch for what happened. Caller holds no locks.
func (p *Partition) notify(ev Event) {
	ws := &p.watchers
	if uint32(ev)&ws.any.Load() == 0 {
		return
	}
	var few [16]Watcher // the callers are collected first, so that they are called without the lock
	list := few[:0]
	ws.mu.Lock()
	for w, mask := range ws.byID {
		if mask&ev != 0 {
			list = append(list, w)
		}
	}
	ws.mu.Unlock()
	for _, w := range list {
		w.LogChanged(p, ev)
	}
}

// LeaderChanged tells those who watch that there is a new leader or leader epoch,
// once the metadata says so.
func (p *Partition) LeaderChanged() { p.notify(EventLeader) }

// SetReplicated hands the high watermark to replication: with on it moves only by SetHighWatermark, and starts
// from the checkpoint if the log was just opened. Off (the default) it follows the log end, or the flushed offset
// with FlushBeforeAck.
func (p *Partition) SetReplicated(on bool) {
	p.mu.Lock()
	if on && !p.replicated && p.savedHW >= 0 {
		p.hw.Store(max(min(p.savedHW, p.leo.Load()), p.start.Load()))
		p.touch(inWatermarks)
		p.lso.Store(min(p.lso.Load(), p.hw.Load()))
		p.savedHW = -1
	}
	p.replicated = on
	ev := p.advanceLocked()
	p.mu.Unlock()
	p.notify(ev)
}

// SetHighWatermark moves the high watermark of a replicated partition forward to hw, at most to what is
// appended (flushed, with FlushBeforeAck), and returns where it is.
func (p *Partition) SetHighWatermark(hw int64) int64 {
	p.mu.Lock()
	limit := p.leo.Load()
	if p.cfg.Load().FlushBeforeAck {
		limit = min(limit, p.flushed.Load())
	}
	ev := p.raiseHWLocked(min(hw, limit))
	now := p.hw.Load()
	p.mu.Unlock()
	p.notify(ev)
	return now
}

// advanceLocked moves high watermark and last stable offset as far as they may go now.
func (p *Partition) advanceLocked() Event {
	target := p.hw.Load()
	switch {
	case p.replicated, p.cutting:
	case p.cfg.Load().FlushBeforeAck:
		target = p.flushed.Load()
	default:
		target = p.leo.Load()
	}
	return p.raiseHWLocked(target)
}

func (p *Partition) raiseHWLocked(target int64) Event {
	var ev Event
	if target > p.hw.Load() {
		p.hw.Store(target)
		p.touch(inWatermarks)
		ev |= EventHighWatermark
	}
	hw := p.hw.Load()
	p.prod.highWatermarkMoved(hw)
	// The log start may have moved into an open transaction: what is unstable begins there at the earliest.
	lso := min(hw, max(p.prod.firstUnstable(), p.start.Load()))
	if lso > p.lso.Load() {
		p.lso.Store(lso)
		ev |= EventLastStable
	}
	return ev
}
