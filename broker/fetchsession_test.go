package broker

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A full cache makes room for a new session only at the cost of one that is
// idle, or of a smaller one that has lived its time.
func TestFetchSessionsAreEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFetchSessions(2)
		begin := func(partitions int) *fetchSession {
			return s.create(kmsg.NewPtrFetchRequest(), partsFor(partitions))
		}
		use := func(session *fetchSession) {
			session.mu.Lock()
			s.close(&fetchOp{session: session})
		}
		small, large := begin(1), begin(10)
		if small == nil || large == nil {
			t.Fatal("no session in an empty cache")
		}
		if begin(100) != nil {
			t.Fatal("a session that is new was evicted")
		}
		time.Sleep(sessionIdle - time.Second)
		use(small)
		use(large)
		time.Sleep(time.Second)
		if begin(1) != nil {
			t.Fatal("a session in use was evicted for one as small")
		}
		medium := begin(5)
		if medium == nil || s.get(small.id) != nil || s.get(large.id) == nil {
			t.Fatal("the smallest session was not evicted for a larger one")
		}
		time.Sleep(sessionIdle - time.Second)
		use(medium)
		if begin(1) == nil || s.get(large.id) != nil || s.get(medium.id) == nil {
			t.Fatal("the idle session was not evicted")
		}
	})
}

func partsFor(n int) []*fetchPart {
	parts := make([]*fetchPart, n)
	for i := range parts {
		parts[i] = &fetchPart{topic: "t"}
		parts[i].want.Partition = int32(i)
	}
	return parts
}
