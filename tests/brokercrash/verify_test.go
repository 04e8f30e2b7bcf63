package brokercrash

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
)

// verify holds what the watchers saw, and what a fresh reader sees, against the
// journal.
func (w *world) verify(watches []*watch) {
	for _, x := range watches {
		fresh := w.watch(x.topic, x.committed)
		select {
		case <-fresh.done:
		case <-w.ctx.Done():
			w.t.Fatalf("reading again: %s got stuck: %s", fresh, fresh.progress())
		}
		if x.topic == "latest" {
			w.verifyLatest(x, fresh)
			continue
		}
		w.verifySame(x, fresh)
		switch {
		case x.topic == "plain" || x.topic == "plain-other":
			w.verifyPlain(x)
		case (x.topic == "tx" || x.topic == "tx-other") && x.committed:
			w.verifyTransactions(x)
		case x.topic == "copy" && x.committed:
			w.verifyCopy(x, "plain")
		case x.topic == "copy-other" && x.committed:
			w.verifyCopy(x, "plain-other")
		}
	}
	w.verifyBrief()
	w.summary()
}

// verifySame: what was once visible stays, and stays the same.
func (w *world) verifySame(x, fresh *watch) {
	for p := range partitions {
		if slices.Equal(x.seen[p], fresh.seen[p]) {
			continue
		}
		for i := range max(len(x.seen[p]), len(fresh.seen[p])) {
			if i >= len(x.seen[p]) || i >= len(fresh.seen[p]) || x.seen[p][i] != fresh.seen[p][i] {
				w.t.Errorf("%s: partition %d: record %d of %d was %.60v, a fresh reader has %d records and there %.60v",
					x, p, i, len(x.seen[p]), at(x.seen[p], i), len(fresh.seen[p]), at(fresh.seen[p], i))
				break
			}
		}
	}
}

func at(list []record, i int) any {
	if i >= len(list) {
		return "nothing"
	}
	return list[i]
}

// verifyPlain: every record is there, once, in order.
func (w *world) verifyPlain(x *watch) {
	for p := range int32(partitions) {
		list := x.seen[p]
		w.journal.mu.Lock()
		sent, acked := w.journal.sent[place(x.topic, p)], w.journal.acked[place(x.topic, p)]
		w.journal.mu.Unlock()
		if acked != sent {
			w.t.Errorf("%s-%d: %d of %d records were acknowledged", x.topic, p, acked, sent)
		}
		if got := int64(len(list) - 1); got != sent {
			w.t.Errorf("%s: partition %d has %d records, %d were acknowledged", x, p, got, sent)
		}
		for i, r := range list[:len(list)-1] {
			if n, err := plainNumber(r.value); err != nil || n != int64(i) {
				w.t.Errorf("%s: partition %d has %.30q at offset %d, want number %d", x, p, r.value, r.offset, i)
				break
			}
		}
	}
}

// verifyTransactions: of each transaction everything is there, once, or nothing.
func (w *world) verifyTransactions(x *watch) {
	found := map[string][]int{}
	for p := range partitions {
		for _, r := range x.seen[p] {
			if r.value == last {
				continue
			}
			name, i, err := txnPart(r.value)
			if err != nil {
				w.t.Fatalf("%s: %.40q at offset %d: %v", x, r.value, r.offset, err)
			}
			found[name] = append(found[name], i)
		}
	}
	w.journal.mu.Lock()
	defer w.journal.mu.Unlock()
	for name, parts := range found {
		e, known := w.journal.txns[name]
		if !known {
			w.t.Errorf("%s: transaction %s was never begun", x, name)
			continue
		}
		slices.Sort(parts)
		if e.outcome == aborted || len(parts) != e.size || !slices.Equal(parts, slices.Compact(slices.Clone(parts))) {
			w.t.Errorf("%s: transaction %s (%d records, outcome %d) shows parts %v", x, name, e.size, e.outcome, parts)
		}
	}
	for name, e := range w.journal.txns {
		if prefix(name) == x.topic && e.outcome == committed && found[name] == nil {
			w.t.Errorf("%s: transaction %s of %d records was committed and is gone", x, name, e.size)
		}
	}
}

// prefix is the topic of a transaction's name.
func prefix(name string) string {
	for i := range name {
		if name[i] == '.' {
			return name[:i]
		}
	}
	return name
}

// verifyCopy: every record of the original is in the copy exactly once, and in
// order, as it came from one partition.
func (w *world) verifyCopy(x *watch, original string) {
	for p := range int32(partitions) {
		want := w.journal.sentTo(original)[p]
		var n int64
		for _, r := range x.seen[p] {
			if r.value == last {
				continue
			}
			if got, err := plainNumber(r.value); err != nil || got != n {
				w.t.Errorf("%s: partition %d has %.30q at offset %d, want number %d of %d", x, p, r.value, r.offset, n, want)
				break
			}
			n++
		}
		if n != want {
			w.t.Errorf("%s: partition %d has %d records in order, want %d", x, p, n, want)
		}
	}
}

// verifyLatest: of a compacted topic the watcher saw numbers that rise, and of
// each key the latest record it saw is there.
func (w *world) verifyLatest(x, fresh *watch) {
	for p := range int32(partitions) {
		newest := map[string]record{}
		before := int64(-1)
		for _, r := range x.seen[p] {
			newest[r.key] = r
			if r.value == last {
				continue
			}
			n, err := plainNumber(r.value)
			if err != nil || n <= before {
				w.t.Errorf("%s: partition %d has %.30q at offset %d after number %d", x, p, r.value, r.offset, before)
			}
			before = n
		}
		if want := w.journal.sentTo(x.topic)[p] - 1; before != want {
			w.t.Errorf("%s: partition %d ends with number %d, %d was acknowledged", x, p, before, want)
		}
		have := map[string]record{}
		for _, r := range fresh.seen[p] {
			have[r.key] = r
		}
		for key, r := range newest {
			if have[key] != r {
				w.t.Errorf("%s: partition %d: key %s is %.60v, the latest was %.60v", x, p, key, have[key], r)
			}
		}
	}
}

// verifyBrief: what retention left is whole, from the log start to the end.
func (w *world) verifyBrief() {
	_, end := w.bounds("brief")
	sent := w.journal.sentTo("brief")
	for p := range int32(partitions) {
		if end[p] != sent[p]+1 {
			w.t.Errorf("brief-%d ends at %d, %d records were acknowledged", p, end[p], sent[p])
		}
	}
	cl := w.client(kgo.ConsumeTopics("brief"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer cl.Close()
	next := map[int32]int64{}
	for left := partitions; left > 0; {
		fs := cl.PollFetches(w.ctx)
		if w.ctx.Err() != nil {
			w.t.Fatalf("reading brief got stuck at %v", next)
		}
		fs.EachRecord(func(r *kgo.Record) {
			if string(r.Value) == last {
				left--
				return
			}
			n, err := plainNumber(string(r.Value))
			if want, begun := next[r.Partition]; err != nil || n != r.Offset || begun && n != want {
				w.t.Errorf("brief-%d has %.30q at offset %d, want number %d", r.Partition, r.Value, r.Offset, next[r.Partition])
			}
			next[r.Partition] = n + 1
		})
	}
}

// missing says what the load has not done enough of yet to show something, "" when
// it has.
func (w *world) missing() string {
	counts := w.journal.outcomes()
	for _, topic := range []string{"tx", "tx-other"} {
		if n := counts[topic][committed]; n < 20 {
			return fmt.Sprintf("%s: only %d transactions were committed", topic, n)
		}
	}
	for _, topic := range []string{"plain", "plain-other", "latest", "brief"} {
		if n := w.journal.count(topic); n < 500 {
			return fmt.Sprintf("%s: only %d records were acknowledged", topic, n)
		}
	}
	if n := w.asked.Load(); n < 100 {
		return fmt.Sprintf("committed offsets were seen only %d times", n)
	}
	start, _ := w.bounds("brief")
	for p, at := range start {
		if at == 0 {
			return fmt.Sprintf("brief-%d: retention removed nothing", p)
		}
	}
	return ""
}

// summary prints what was done.
func (w *world) summary() {
	counts := w.journal.outcomes()
	for _, topic := range []string{"tx", "tx-other"} {
		c := counts[topic]
		w.t.Logf("%s: %d transactions committed, %d aborted, %d of unknown outcome", topic, c[committed], c[aborted], c[unsure])
	}
	for _, topic := range []string{"plain", "plain-other", "latest", "brief"} {
		w.t.Logf("%s: %d records acknowledged", topic, w.journal.count(topic))
	}
	w.t.Logf("committed offsets seen %d times", w.asked.Load())
}
