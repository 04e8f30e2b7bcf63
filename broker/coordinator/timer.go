package coordinator

import (
	"container/heap"
	"time"
)

// Timer is one timer of a State. The zero Timer is unarmed. A Timer must not
// be copied once armed.
type Timer struct {
	at    time.Time
	fn    func(*Tx)
	index int // position in the heap plus 1; 0 is unarmed
}

// Armed says whether the timer will fire.
func (t *Timer) Armed() bool { return t.index > 0 }

// Arm makes t fire fn once d has passed; an armed timer is set anew.
func (tx *Tx) Arm(t *Timer, d time.Duration, fn func(*Tx)) {
	t.at, t.fn = tx.Now.Add(d), fn
	if t.index > 0 {
		heap.Fix(tx.timers, t.index-1)
		return
	}
	heap.Push(tx.timers, t)
}

// Disarm stops t.
func (tx *Tx) Disarm(t *Timer) {
	if t.index > 0 {
		heap.Remove(tx.timers, t.index-1)
	}
}

// Advance fires the timers due at now; for tests of a State.
func (tx *Tx) Advance(now time.Time) {
	tx.Now = now
	tx.timers.fire(tx)
}

// timers is a heap by time of firing.
type timers []*Timer

func (h timers) Len() int           { return len(h) }
func (h timers) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h timers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i+1, j+1
}

// Push is for container/heap.
func (h *timers) Push(x any) {
	t := x.(*Timer)
	*h = append(*h, t)
	t.index = len(*h)
}

// Pop is for container/heap.
func (h *timers) Pop() any {
	old := *h
	t := old[len(old)-1]
	*h = old[:len(old)-1]
	t.index = 0
	return t
}

func (h *timers) next() (time.Time, bool) {
	if len(*h) == 0 {
		return time.Time{}, false
	}
	return (*h)[0].at, true
}

// fire runs the timers that are due. One that fn arms anew fires in a later
// round, as time has not moved.
func (h *timers) fire(tx *Tx) {
	for len(*h) > 0 && !(*h)[0].at.After(tx.Now) {
		t := heap.Pop(h).(*Timer)
		t.fn(tx)
	}
}
