package brokercrash

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// record is what was read at an offset.
type record struct {
	offset     int64
	key, value string
}

// watch reads one topic from its beginning until it has seen the last record of
// each partition.
type watch struct {
	topic     string
	committed bool // isolation level
	done      chan struct{}

	mu      sync.Mutex // guards what follows; free once done is closed
	seen    [partitions][]record
	reached [partitions]int64 // behind the last record or marker that was read
}

func (x *watch) String() string {
	level := "read_uncommitted"
	if x.committed {
		level = "read_committed"
	}
	return level + " reader of " + x.topic
}

func (x *watch) progress() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	text := ""
	for p, list := range x.seen {
		if n := len(list); n > 0 {
			text += fmt.Sprintf("partition %d: %d records up to offset %d (%.20q); ", p, n, list[n-1].offset, list[n-1].value)
		}
	}
	return text
}

// watchAll starts a watch of every topic in both isolation levels, except brief,
// whose beginning goes away.
func (w *world) watchAll() []*watch {
	var out []*watch
	for topic := range topics {
		if topic == "brief" {
			continue
		}
		out = append(out, w.watch(topic, false), w.watch(topic, true))
	}
	return out
}

func (w *world) watch(topic string, readCommitted bool) *watch {
	x := &watch{topic: topic, committed: readCommitted, done: make(chan struct{})}
	level := kgo.ReadUncommitted()
	if readCommitted {
		level = kgo.ReadCommitted()
	}
	// An offset that is out of range is an error: nothing before it may be lost. Markers are kept: see falseAlarm.
	cl := w.client(kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(level), kgo.KeepControlRecords(),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	go func() { // ends with the last records or the test's context; w.finish waits
		defer cl.Close()
		for left := partitions; left > 0 && w.ctx.Err() == nil; {
			fs := cl.PollFetches(w.ctx)
			w.checkFetch(x.String(), fs, x.falseAlarm)
			left -= x.take(w, fs)
		}
		if w.ctx.Err() == nil {
			close(x.done)
		}
	}()
	return x
}

// take keeps what was read and returns how many last records are among it.
func (x *watch) take(w *world, fs kgo.Fetches) (ends int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	fs.EachRecord(func(r *kgo.Record) {
		x.reached[r.Partition] = r.Offset + 1
		list := x.seen[r.Partition]
		if n := len(list); n > 0 && r.Offset <= list[n-1].offset {
			w.t.Errorf("%s: partition %d gives offset %d after %d", x, r.Partition, r.Offset, list[n-1].offset)
		}
		if r.Attrs.IsControl() {
			return
		}
		x.seen[r.Partition] = append(list, record{r.Offset, string(r.Key), string(r.Value)})
		if string(r.Value) == last {
			ends++
		}
	})
	return ends
}

// falseAlarm says whether nothing that was read is among what the client takes for lost. It knows the leader epoch of
// the last record that it kept only: where aborted records of a later epoch are the last before its position, it asks
// for the end of the wrong epoch, which lies before them.
func (x *watch) falseAlarm(lost *kgo.ErrDataLoss) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.committed && x.reached[lost.Partition] <= lost.ResetTo
}

// checkFetch fails the test for errors that a broker which was merely away does
// not cause.
func (w *world) checkFetch(who string, fs kgo.Fetches, falseAlarm func(*kgo.ErrDataLoss) bool) {
	for _, e := range fs.Errors() {
		var lost *kgo.ErrDataLoss
		if errors.As(e.Err, &lost) && falseAlarm != nil && falseAlarm(lost) {
			continue
		}
		if errors.As(e.Err, &lost) || errors.Is(e.Err, kerr.OffsetOutOfRange) || errors.Is(e.Err, kerr.CorruptMessage) || errors.Is(e.Err, kerr.UnknownServerError) {
			w.t.Errorf("%s: %s-%d: %v", who, e.Topic, e.Partition, e.Err)
		}
	}
}

// fetchOffsets returns the committed offsets of a group by place, once no
// transaction on them is open; it is asked until it answers.
func (w *world) fetchOffsets(group string) map[string]int64 {
	cl := w.client()
	defer cl.Close()
	for {
		if out, err := w.offsetsOnce(w.ctx, cl, group, true); err == nil {
			return out
		}
		if w.ctx.Err() != nil {
			return map[string]int64{}
		}
	}
}

func (w *world) offsetsOnce(ctx context.Context, cl *kgo.Client, group string, stable bool) (map[string]int64, error) {
	req := kmsg.NewPtrOffsetFetchRequest()
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	req.Groups, req.RequireStable = append(req.Groups, g), stable
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for _, g := range resp.Groups {
		if err := kerr.ErrorForCode(g.ErrorCode); err != nil {
			return nil, err
		}
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return nil, err
				}
				out[place(t.Topic, p.Partition)] = p.Offset
			}
		}
	}
	return out, nil
}

// guardOffsets asks all the time for the committed offsets: they never go back
// and are never below what was acknowledged before the question. The returned
// function ends it.
func (w *world) guardOffsets() func() {
	stop, done := make(chan struct{}), make(chan struct{})
	cl := w.client()
	go func() { // ended by the returned function
		defer close(done)
		defer cl.Close()
		highest := map[string]int64{}
		for {
			select {
			case <-stop:
				return
			case <-w.ctx.Done():
				return
			case <-time.After(10 * time.Millisecond):
			}
			w.asked.Add(w.askOffsets(cl, highest))
		}
	}()
	return func() {
		close(stop)
		<-done
	}
}

func (w *world) askOffsets(cl *kgo.Client, highest map[string]int64) (answers int64) {
	for group, topic := range map[string]string{"committer": "plain", "copier": "plain", "copier-other": "plain-other"} {
		var bounds [partitions]int64
		for p := range int32(partitions) {
			bounds[p] = w.journal.offsetBound(group, topic, p)
		}
		ctx, cancel := w.short(3 * time.Second)
		got, err := w.offsetsOnce(ctx, cl, group, false)
		cancel()
		if err != nil {
			continue
		}
		answers++
		for p := range int32(partitions) {
			key := group + " " + place(topic, p)
			at := got[place(topic, p)]
			if at < highest[key] || at < bounds[p] {
				w.t.Errorf("group %s: committed offset of %s is %d; it was %d, and %d was acknowledged", group, place(topic, p), at, highest[key], bounds[p])
			}
			highest[key] = max(highest[key], at)
		}
	}
	return answers
}

// bounds returns start and end offsets of a topic.
func (w *world) bounds(topic string) (start, end [partitions]int64) {
	cl := w.client()
	defer cl.Close()
	adm := kadm.NewClient(cl)
	starts, err := adm.ListStartOffsets(w.ctx, topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		w.t.Fatalf("listing the start of %s: %v", topic, err)
	}
	ends, err := adm.ListEndOffsets(w.ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		w.t.Fatalf("listing the end of %s: %v", topic, err)
	}
	for p := range int32(partitions) {
		s, _ := starts.Lookup(topic, p)
		e, _ := ends.Lookup(topic, p)
		start[p], end[p] = s.Offset, e.Offset
	}
	return start, end
}
