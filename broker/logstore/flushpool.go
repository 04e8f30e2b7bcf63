package logstore

import "sync"

// maxParallelSyncs bounds the flushes that run at once in one log dir.
const maxParallelSyncs = 64

// flushPool runs the flushes of one log dir on goroutines that it keeps: starting one for each flush would grow a
// new stack every time. The goroutines end with stop; Store.Close waits for them.
type flushPool struct {
	mu      sync.Mutex // guards what follows
	wake    *sync.Cond
	queue   []*Partition // each at most once: a partition queues when flush.running becomes true
	room    []*Partition // the memory of queue from its start, for when that is empty again
	idle    int
	workers int
	outside bool // a flush runs on a goroutine that is not the pool's
	stopped bool
	ended   sync.WaitGroup
}

func newFlushPool() *flushPool {
	f := &flushPool{}
	f.wake = sync.NewCond(&f.mu)
	return f
}

// submit has a partition flushed. It does not block.
func (f *flushPool) submit(p *Partition) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queue = append(f.queue, p)
	if cap(f.queue) > cap(f.room) {
		f.room = f.queue
	}
	switch {
	case f.idle >= len(f.queue):
		f.wake.Signal()
	case f.workers < maxParallelSyncs:
		f.workers++
		f.ended.Add(1)
		go f.work()
	}
}

func (f *flushPool) work() {
	defer f.ended.Done()
	for {
		p := f.next()
		if p == nil {
			return
		}
		p.flushLoop()
	}
}

// enter lets the caller make a flush itself, if no other of the dir runs: with several the callers do better to see
// to their clients.
func (f *flushPool) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped || f.outside || f.idle < f.workers || len(f.queue) > 0 {
		return false
	}
	f.outside = true
	f.ended.Add(1)
	return true
}

// leave ends what enter began; again says that the partition has more to flush, which the pool does.
func (f *flushPool) leave(p *Partition, again bool) {
	if again {
		f.submit(p)
	}
	f.mu.Lock()
	f.outside = false
	f.mu.Unlock()
	f.ended.Done()
}

// next waits for a partition; nil means the end. What is queued is still done after stop.
func (f *flushPool) next() *Partition {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.queue) == 0 {
		if f.stopped {
			f.workers--
			return nil
		}
		f.idle++
		f.wake.Wait()
		f.idle--
	}
	p := f.queue[0]
	f.queue[0] = nil
	if f.queue = f.queue[1:]; len(f.queue) == 0 {
		f.queue = f.room[:0]
	}
	return p
}

// stop ends the goroutines once the queue is empty and waits for them. Nothing may be submitted any more.
func (f *flushPool) stop() {
	f.mu.Lock()
	f.stopped = true
	f.wake.Broadcast()
	f.mu.Unlock()
	f.ended.Wait()
}
