package logstore

import "testing"

func TestFlushPoolIsAQueue(t *testing.T) {
	f := newFlushPool()
	f.workers = maxParallelSyncs // busy all: the test takes their place
	parts := make([]Partition, 1000)
	for i := range parts {
		f.submit(&parts[i])
	}
	for i := range parts {
		if f.next() != &parts[i] {
			t.Fatalf("number %d is another partition", i)
		}
	}
}

func TestFlushPoolAllocations(t *testing.T) {
	f := newFlushPool()
	f.workers = maxParallelSyncs
	p := &Partition{}
	if n := testing.AllocsPerRun(100, func() { f.submit(p); f.next() }); n != 0 {
		t.Errorf("%v allocations for a flush, want 0", n)
	}
}
