package clients

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
)

// settleTime bounds how long a group may take to give out its partitions and
// its members to read what is there.
const settleTime = time.Minute

// team is the members of one group on one topic.
type team struct {
	*world

	topic, group string
	partitions   int
	protocol     string   // of the members, "" is the client's default
	members      []string // handles
}

// poll asks all members side by side for what they have.
func (g *team) poll(t *testing.T) map[string]result {
	t.Helper()
	answers := map[string]<-chan answer{}
	for _, m := range g.members {
		w, err := g.send(m, "poll", args{Millis: 200})
		if err != nil {
			t.Fatal(err)
		}
		answers[m] = w
	}
	out := map[string]result{}
	for m, w := range answers {
		select {
		case got, ok := <-w:
			if !ok || got.Error != "" {
				t.Fatalf("polling %s of %s: %s\n%s", m, g.name, got.Error, g.log.Tail(4000))
			}
			out[m] = got.Result
		case <-time.After(callTime):
			t.Fatalf("polling %s of %s took longer than %v", m, g.name, callTime)
		}
	}
	return out
}

// settle polls until every member has as many partitions as it should, each
// partition one owner, and nobody is about to join again: cooperative members
// that have given up or got partitions may ask for one more round. So the group
// must be stable twice, with the same owners. Nothing may be read meanwhile. It
// returns who has what.
func (g *team) settle(t *testing.T) map[string][]int32 {
	t.Helper()
	var before, assigned map[string][]int32
	var state result
	for deadline := time.Now().Add(settleTime); time.Now().Before(deadline); {
		assigned = map[string][]int32{}
		var all []int32
		fair := true
		for m, res := range g.poll(t) {
			if len(res.Records) > 0 {
				t.Fatalf("%s read %d records while nothing was written", m, len(res.Records))
			}
			assigned[m] = res.Assigned
			all = append(all, res.Assigned...)
			fair = fair && len(res.Assigned) == g.partitions/len(g.members)
		}
		slices.Sort(all)
		if !fair || !slices.Equal(all, slices.Sorted(maps.Keys(starts(g.partitions)))) {
			before = nil
			continue
		}
		state = g.do(t, "admin", "group", args{Group: g.group, Protocol: g.protocol})
		switch {
		case state.State != "Stable":
			before = nil
		case maps.EqualFunc(before, assigned, slices.Equal):
			return assigned
		default:
			before = assigned
		}
	}
	t.Fatalf("after %v the members of %s have %v of %d partitions; it is described as %+v", settleTime, g.group, assigned, g.partitions, state)
	return nil
}

// collect reads exactly want, each record by the owner of its partition.
func (g *team) collect(t *testing.T, owners map[string][]int32, want []record) {
	t.Helper()
	got := map[string][]record{}
	n := 0
	for deadline := time.Now().Add(settleTime); n < len(want); {
		for m, res := range g.poll(t) {
			for _, r := range res.Records {
				if !slices.Contains(owners[m], r.Partition) {
					t.Fatalf("%s read partition %d, it has %v", m, r.Partition, owners[m])
				}
			}
			got[m] = append(got[m], res.Records...)
			n += len(res.Records)
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v the members of %s read %d of %d records", settleTime, g.group, n, len(want))
		}
	}
	for m, records := range got {
		mine := slices.DeleteFunc(slices.Clone(want), func(r record) bool { return !slices.Contains(owners[m], r.Partition) })
		checkRecords(t, m+" of "+g.name, records, mine)
	}
}

func (g *team) commit(t *testing.T) {
	t.Helper()
	for _, m := range g.members {
		g.do(t, m, "commit", args{})
	}
}

func (g *team) join(t *testing.T, m string, a args) {
	t.Helper()
	a.Topic, a.Group = g.topic, g.group
	g.protocol = a.Protocol
	g.do(t, m, "open", a)
	g.members = append(g.members, m)
}

func (g *team) leave(t *testing.T, m string) {
	t.Helper()
	g.do(t, m, "close", args{})
	g.members = slices.DeleteFunc(g.members, func(x string) bool { return x == m })
}

// newTeam creates the topic; who joins is up to the caller.
func newTeam(t *testing.T, w *world, partitions int) *team {
	t.Helper()
	g := &team{world: w, topic: w.topic("topic"), group: w.topic("group"), partitions: partitions}
	w.do(t, "admin", "create_topic", args{Topic: g.topic, Partitions: int32(partitions)})
	return g
}

// write produces n records after those of before and returns them.
func (g *team) write(t *testing.T, n, before int) []record {
	t.Helper()
	rs := makeRecords(before+n, g.partitions)[before:]
	g.produce(t, args{Topic: g.topic, Records: rs})
	return rs
}

// checkCommitted compares the group's committed offsets.
func (g *team) checkCommitted(t *testing.T, each int64) {
	t.Helper()
	want := map[int32]int64{}
	for p := range g.partitions {
		want[int32(p)] = each
	}
	if got := g.do(t, "admin", "committed", args{Group: g.group, Topic: g.topic}).Offsets; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("committed offsets of %s = %v, want %v", g.group, got, want)
	}
}

// handle returns the name of a handle of this scenario.
func (w *world) handle(name string) string { return w.prefix + name }

// group has one member, then two, then one again.
func group(protocol, assignor string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		g := newTeam(t, w, 6)
		how := args{Protocol: protocol, Assignor: assignor}
		first, second := w.handle("first"), w.handle("second")
		g.join(t, first, how)
		g.settle(t)
		g.join(t, second, how)
		owners := g.settle(t)
		if got := w.do(t, "admin", "group", args{Group: g.group, Protocol: protocol}); got.State != "Stable" || got.Assignor != assignor || len(got.Members) != 2 {
			t.Errorf("group described as %+v, want a Stable one with %s and two members", got, assignor)
		} else {
			for _, m := range got.Members {
				if !slices.Equal(m.Assigned, owners[first]) && !slices.Equal(m.Assigned, owners[second]) {
					t.Errorf("described member has %v, the members themselves %v", m.Assigned, owners)
				}
			}
		}
		g.collect(t, owners, g.write(t, 120, 0))
		g.commit(t)
		g.checkCommitted(t, 20)
		g.leave(t, second)
		owners = g.settle(t)
		g.collect(t, owners, g.write(t, 60, 120))
		g.commit(t)
		g.leave(t, first)
		g.checkCommitted(t, 30)
		if got := w.do(t, "admin", "group", args{Group: g.group, Protocol: protocol}); got.State != "Empty" || len(got.Members) != 0 {
			t.Errorf("group described as %+v, want an Empty one", got)
		}
	}
}

// staticMembers restarts a member: it gets its partitions back and the other
// one notices nothing.
func staticMembers(protocol string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		g := newTeam(t, w, 4)
		first, second := w.handle("first"), w.handle("second")
		g.join(t, first, args{Protocol: protocol, Instance: "one"})
		g.settle(t)
		g.join(t, second, args{Protocol: protocol, Instance: "two"})
		before := g.settle(t)
		g.leave(t, second)
		got := w.do(t, "admin", "group", args{Group: g.group, Protocol: protocol})
		names := []string{}
		for _, m := range got.Members {
			names = append(names, m.Instance)
		}
		slices.Sort(names)
		if !slices.Equal(names, []string{"one", "two"}) {
			t.Fatalf("members while the second is away: %+v, want instances one and two", got)
		}
		if res := g.poll(t)[first]; !slices.Equal(res.Assigned, before[first]) {
			t.Fatalf("the first member has %v while the second is away, want %v", res.Assigned, before[first])
		}
		g.join(t, second, args{Protocol: protocol, Instance: "two"})
		after := g.settle(t)
		if fmt.Sprint(after) != fmt.Sprint(before) {
			t.Fatalf("after the restart members have %v, before %v", after, before)
		}
		g.collect(t, after, g.write(t, 40, 0))
		g.commit(t)
		g.checkCommitted(t, 10)
		g.leave(t, first)
		g.leave(t, second)
		if w.name == "confluent-kafka" || w.name == "kafka-python" || protocol == "consumer" {
			return // these have no such call
		}
		w.do(t, "admin", "evict", args{Group: g.group, Instances: []string{"one", "two"}})
		if got := w.do(t, "admin", "group", args{Group: g.group}); got.State != "Empty" || len(got.Members) != 0 {
			t.Errorf("after removing its members the group is described as %+v, want an Empty one", got)
		}
	}
}

// resume commits in the middle and goes on from there.
func resume(protocol string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		g := newTeam(t, w, 1)
		rs := g.write(t, 100, 0)
		var got []record
		for range 3 {
			m := w.handle("member")
			g.join(t, m, args{Protocol: protocol})
			start, n := len(got), 0
			for deadline := time.Now().Add(settleTime); n < 30; {
				res := g.do(t, m, "poll", args{Millis: 200, Count: 30 - n})
				got = append(got, res.Records...)
				n = len(got) - start
				if time.Now().After(deadline) {
					state, err := g.try("admin", "group", args{Group: g.group, Protocol: protocol})
					t.Fatalf("read %d of 30 records in %v; assigned %v of group %+v (%v)", n, settleTime, res.Assigned, state, err)
				}
			}
			g.commit(t)
			// What is read and not committed is read again.
			g.do(t, m, "poll", args{Millis: 200, Count: 5})
			g.leave(t, m)
		}
		checkRecords(t, w.name, got, rs[:90])
		g.checkCommitted(t, 90)
	}
}

// groups lists groups, moves their offsets and deletes them.
func groups(t *testing.T, w *world) {
	g := newTeam(t, w, 2)
	rs := g.write(t, 40, 0)
	w.do(t, "admin", "set_committed", args{Group: g.group, Topic: g.topic, Offsets: map[int32]int64{0: 15, 1: 5}})
	if got := w.do(t, "admin", "groups", args{}).Groups; !has(got, g.group) {
		t.Errorf("groups lists %v, want %s among them", got, g.group)
	}
	m := w.handle("member")
	g.join(t, m, args{})
	want := slices.DeleteFunc(slices.Clone(rs), func(r record) bool { return r.Offset < 15 && r.Partition == 0 || r.Offset < 5 })
	g.collect(t, map[string][]int32{m: {0, 1}}, want)
	if _, err := w.try("admin", "delete_group", args{Group: g.group}); err == nil {
		t.Error("a group with a member was deleted")
	}
	g.commit(t)
	g.checkCommitted(t, 20)
	g.leave(t, m)
	w.do(t, "admin", "delete_group", args{Group: g.group})
	if got := w.do(t, "admin", "groups", args{}).Groups; has(got, g.group) {
		t.Errorf("the deleted group is still listed: %v", got)
	}
}

func has(m map[string]string, key string) bool {
	_, ok := m[key]
	return ok
}
