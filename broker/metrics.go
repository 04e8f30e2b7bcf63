package broker

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/leat-project/leat/broker/group"
)

// metrics counts what the broker does. Counting is atomics only; names and
// labels are made when somebody asks (Collector).
type metrics struct {
	requests [maxKey]requestMetrics
	queued   atomic.Int64 // requests read and not begun
	parked   atomic.Int64 // fetches
	pending  atomic.Int64 // produces

	busyNanos, sendNanos atomic.Int64 // of all requests, for the idle shares
	handlers, network    idleMeter

	groups        group.Counters
	verifyFailed  atomic.Int64
	verifyNanos   atomic.Int64
	markerRetries atomic.Int64 // partitions whose marker is to be written again

	exists func(topic string) bool // in the metadata that requests see now

	mu     sync.RWMutex // guards topics and gone
	topics map[string]*topicMetrics
	gone   topicMetrics // of deleted topics
}

// requestTimes are the moments of a request's life. The first is that of its
// arrival (request.received).
type requestTimes struct {
	started, handled time.Time    // of the handler
	waited           atomic.Int64 // nanoseconds, by the handler, for something to happen
	finished         time.Time    // when a handler that answers later did
	answering        time.Time
}

// The stages that Kafka tells apart.
const (
	stageQueue = iota // until the handler begins
	stageLocal
	stageRemote   // waiting for flushes, data, members
	stageResponse // until the answers before it are sent
	stageSend
	stageTotal
	stages
)

type requestMetrics struct {
	count atomic.Int64
	bytes atomic.Int64
	nanos [stages]atomic.Int64
}

type topicMetrics struct {
	messagesIn, bytesIn, bytesOut atomic.Int64
	bytesRejected                 atomic.Int64
	produces, fetches             atomic.Int64
	failedProduces, failedFetches atomic.Int64
}

// produced counts one partition of a Produce request.
func (t *topicMetrics) produced(code int16, size int) {
	t.produces.Add(1)
	if code != 0 {
		t.failedProduces.Add(1)
		if code == kerr.MessageTooLarge.Code || code == kerr.RecordListTooLarge.Code {
			t.bytesRejected.Add(int64(size))
		}
		return
	}
	t.bytesIn.Add(int64(size))
}

// topic returns the counters of a topic. For one that was deleted while a request
// of it was on its way they are those of all deleted ones: forget has come, or
// comes after the metadata that exists looks at.
func (m *metrics) topic(name string) *topicMetrics {
	m.mu.RLock()
	t := m.topics[name]
	m.mu.RUnlock()
	if t != nil {
		return t
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if t = m.topics[name]; t != nil {
		return t
	}
	if !m.exists(name) {
		return &m.gone
	}
	t = &topicMetrics{}
	m.topics[name] = t
	return t
}

// add adds the counts of another topic.
func (t *topicMetrics) add(o *topicMetrics) {
	for _, c := range [][2]*atomic.Int64{
		{&t.messagesIn, &o.messagesIn}, {&t.bytesIn, &o.bytesIn}, {&t.bytesOut, &o.bytesOut}, {&t.bytesRejected, &o.bytesRejected},
		{&t.produces, &o.produces}, {&t.fetches, &o.fetches}, {&t.failedProduces, &o.failedProduces}, {&t.failedFetches, &o.failedFetches},
	} {
		c[0].Add(c[1].Load())
	}
}

// forget drops the counters of a deleted topic.
func (m *metrics) forget(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.topics[name]; t != nil {
		m.gone.add(t)
		delete(m.topics, name)
	}
}

// answered counts a request whose answer is sent.
func (m *metrics) answered(r *request) {
	now, t := time.Now(), &r.times
	ready := t.handled
	if t.finished.After(ready) {
		ready = t.finished
	}
	waited := min(time.Duration(t.waited.Load()), t.handled.Sub(t.started)) // several waits may have been side by side
	local := t.handled.Sub(t.started) - waited
	rm := &m.requests[r.api.key]
	rm.count.Add(1)
	rm.bytes.Add(int64(r.size))
	for stage, d := range [stages]time.Duration{
		stageQueue: t.started.Sub(r.received), stageLocal: local, stageRemote: waited + ready.Sub(t.handled),
		stageResponse: t.answering.Sub(ready), stageSend: now.Sub(t.answering), stageTotal: now.Sub(r.received),
	} {
		rm.nanos[stage].Add(int64(d))
	}
	m.busyNanos.Add(int64(local))
	m.sendNanos.Add(int64(now.Sub(t.answering)))
}

// idleMeter turns time spent into the share of time that was left over.
type idleMeter struct {
	mu    sync.Mutex // guards the rest
	at    time.Time
	spent int64
	value float64
}

// idleWindow is the least time a share is measured over.
const idleWindow = time.Second

// idle returns the share of all processors' time since the last call, at
// least idleWindow ago, that was not spent.
func (i *idleMeter) idle(spent int64, now time.Time) float64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.at.IsZero() {
		i.at, i.spent, i.value = now, spent, 1
	}
	if d := now.Sub(i.at); d >= idleWindow {
		i.value = min(max(1-float64(spent-i.spent)/(float64(d)*float64(runtime.GOMAXPROCS(0))), 0), 1)
		i.at, i.spent = now, spent
	}
	return i.value
}
