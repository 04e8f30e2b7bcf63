package broker

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/logstore"
)

// fetchSessions keeps what clients fetch between their requests (KIP-227), so
// that a request names only what changed and an answer only what is new.
type fetchSessions struct {
	mu    sync.Mutex // guards byID and the sessions' size and lastUsed
	byID  map[int32]*fetchSession
	slots int
}

// count is the number of sessions.
func (f *fetchSessions) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.byID)
}

// fetchSession is one client's set of partitions, in the order in which they
// are served: those that returned data move to the end.
type fetchSession struct {
	mu       sync.Mutex // held by the one request at work on the session; never waited for
	id       int32
	epoch    int32 // of the next request
	ids      bool  // topics are named by id
	parts    []*fetchPart
	index    map[fetchKey]*fetchPart
	size     int // number of partitions
	created  time.Time
	lastUsed time.Time
}

type fetchKey struct {
	topic     string
	id        [16]byte
	partition int32
}

// sessionIdle is how long a session is safe from eviction: from its last use
// against all, from its creation against larger ones.
const sessionIdle = 2 * time.Minute

func newFetchSessions(slots int) *fetchSessions {
	return &fetchSessions{byID: map[int32]*fetchSession{}, slots: slots}
}

func keyOf(version int16, t *kmsg.FetchRequestTopic, partition int32) fetchKey {
	if version >= 13 {
		return fetchKey{id: t.TopicID, partition: partition}
	}
	return fetchKey{topic: t.Topic, partition: partition}
}

// open fills op with the partitions to read. It returns false when the answer
// is an error of the session as a whole.
func (s *fetchSessions) open(op *fetchOp) bool {
	req := op.req
	if req.Version < 7 || req.SessionEpoch == -1 || req.SessionID == 0 && req.SessionEpoch != 0 {
		s.remove(req.SessionID)
		op.parts = partsOf(req)
		return true
	}
	if req.SessionEpoch == 0 {
		s.remove(req.SessionID)
		op.parts = partsOf(req)
		if op.session = s.create(req, op.parts); op.session != nil {
			op.session.mu.Lock()
			op.resp.SessionID = op.session.id
		}
		return true
	}
	session := s.get(req.SessionID)
	if session == nil {
		op.resp.ErrorCode = kerr.FetchSessionIDNotFound.Code
		return false
	}
	if !session.mu.TryLock() { // another connection is at work on it
		op.resp.ErrorCode = kerr.InvalidFetchSessionEpoch.Code
		return false
	}
	if code := session.resume(req); code != 0 {
		session.mu.Unlock()
		op.resp.ErrorCode = code
		return false
	}
	op.session, op.parts, op.resp.SessionID = session, session.parts, session.id
	return true
}

// close ends the request's use of the session, once its answer is sent or
// given up.
func (s *fetchSessions) close(op *fetchOp) {
	if op.session == nil {
		return
	}
	op.session.rotate()
	for _, p := range op.session.parts {
		p.out = logstore.ReadResult{}
	}
	s.mu.Lock()
	op.session.size, op.session.lastUsed = len(op.session.parts), time.Now()
	s.mu.Unlock()
	op.session.mu.Unlock()
	op.session = nil
}

func (s *fetchSessions) get(id int32) *fetchSession {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID[id]
}

func (s *fetchSessions) remove(id int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, id)
}

// create makes a session if there is room; nil is always a legal answer.
func (s *fetchSessions) create(req *kmsg.FetchRequest, parts []*fetchPart) *fetchSession {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(parts) == 0 || len(s.byID) >= s.slots && !s.evictLocked(len(parts)) {
		return nil
	}
	now := time.Now()
	session := &fetchSession{
		epoch: 1, ids: req.Version >= 13, parts: parts, index: make(map[fetchKey]*fetchPart, len(parts)),
		size: len(parts), created: now, lastUsed: now,
	}
	for _, p := range parts {
		session.index[p.key(session.ids)] = p
	}
	for session.id == 0 || s.byID[session.id] != nil {
		session.id = rand.Int32N(1<<31 - 1)
	}
	s.byID[session.id] = session
	return session
}

// evictLocked makes room for a session of so many partitions: the one that was
// idle longest goes, if long enough, else the smallest one that is smaller and
// has had its time.
func (s *fetchSessions) evictLocked(size int) bool {
	var oldest, smallest *fetchSession
	for _, session := range s.byID {
		if oldest == nil || session.lastUsed.Before(oldest.lastUsed) {
			oldest = session
		}
		if time.Since(session.created) >= sessionIdle && (smallest == nil || session.size < smallest.size) {
			smallest = session
		}
	}
	switch {
	case oldest == nil:
		return false
	case time.Since(oldest.lastUsed) >= sessionIdle:
		delete(s.byID, oldest.id)
	case smallest != nil && smallest.size < size:
		delete(s.byID, smallest.id)
	default:
		return false
	}
	return true
}

func (p *fetchPart) key(ids bool) fetchKey {
	if ids {
		return fetchKey{id: p.id, partition: p.want.Partition}
	}
	return fetchKey{topic: p.topic, partition: p.want.Partition}
}

func partsOf(req *kmsg.FetchRequest) []*fetchPart {
	var parts []*fetchPart
	for i := range req.Topics {
		t := &req.Topics[i]
		for _, want := range t.Partitions {
			parts = append(parts, &fetchPart{topic: t.Topic, id: t.TopicID, want: want})
		}
	}
	return parts
}

// resume applies the changes of an incremental request.
func (s *fetchSession) resume(req *kmsg.FetchRequest) int16 {
	if req.SessionEpoch != s.epoch {
		return kerr.InvalidFetchSessionEpoch.Code
	}
	if s.ids != (req.Version >= 13) {
		return kerr.FetchSessionTopicIDError.Code
	}
	if s.epoch++; s.epoch < 0 {
		s.epoch = 1
	}
	for i := range req.Topics {
		t := &req.Topics[i]
		for _, want := range t.Partitions {
			k := keyOf(req.Version, t, want.Partition)
			if p := s.index[k]; p != nil {
				p.want = want
				continue
			}
			p := &fetchPart{topic: t.Topic, id: t.TopicID, want: want}
			s.index[k] = p
			s.parts = append(s.parts, p)
		}
	}
	s.forget(req)
	return 0
}

func (s *fetchSession) forget(req *kmsg.FetchRequest) {
	if len(req.ForgottenTopics) == 0 {
		return
	}
	for i := range req.ForgottenTopics {
		f := &req.ForgottenTopics[i]
		for _, n := range f.Partitions {
			delete(s.index, keyOf(req.Version, &kmsg.FetchRequestTopic{Topic: f.Topic, TopicID: f.TopicID}, n))
		}
	}
	kept := make([]*fetchPart, 0, len(s.index))
	for _, p := range s.parts {
		if s.index[p.key(s.ids)] == p {
			kept = append(kept, p)
		}
	}
	s.parts = kept
}

// rotate puts partitions that returned data behind the others.
func (s *fetchSession) rotate() {
	var idle, served []*fetchPart
	for _, p := range s.parts {
		if p.served {
			served = append(served, p)
		} else {
			idle = append(idle, p)
		}
	}
	if len(served) > 0 && len(idle) > 0 {
		s.parts = append(idle, served...)
	}
}

// fresh says whether the partition must be in an incremental answer: it has
// data, an error, a divergence, or its offsets moved since last told.
func (p *fetchPart) fresh() bool {
	hw, lso, start := p.offsets()
	return p.out.Len() > 0 || p.code != 0 || p.diverge.Epoch >= 0 ||
		!p.sent.known || p.sent.hw != hw || p.sent.lso != lso || p.sent.start != start
}

// answered groups the partitions of the answer by topic.
func (op *fetchOp) answered() [][]*fetchPart {
	if op.resp.ErrorCode != 0 {
		return nil
	}
	incremental := op.session != nil && op.req.SessionEpoch > 0
	var topics [][]*fetchPart
	for _, p := range op.parts {
		if incremental && !p.fresh() {
			continue
		}
		p.sent.hw, p.sent.lso, p.sent.start = p.offsets()
		p.sent.known = true
		if n := len(topics); n > 0 && topics[n-1][0].topic == p.topic && topics[n-1][0].id == p.id {
			topics[n-1] = append(topics[n-1], p)
			continue
		}
		topics = append(topics, []*fetchPart{p})
	}
	return topics
}
