package group

import (
	"regexp"
	"slices"
	"testing"
)

// sizes is a cluster of topics by their number of partitions; their names are
// one letter long and their ids begin with it.
type sizes map[string]int32

func (s sizes) Topic(name string) (id [16]byte, partitions int32, ok bool) {
	copy(id[:], name)
	partitions, ok = s[name]
	return id, partitions, ok
}

func (s sizes) Name(id [16]byte) (string, bool) {
	_, ok := s[string(id[:1])]
	return string(id[:1]), ok
}

func (s sizes) Match(re *regexp.Regexp) []string {
	var out []string
	for name := range s {
		if re.MatchString(name) {
			out = append(out, name)
		}
	}
	return out
}

// groupOf has members m0, m1, ... with a letter for each topic they read.
func groupOf(reads ...string) *consumerGroup {
	c := newConsumerGroup()
	for i, letters := range reads {
		m := &consumer{id: "m" + string(rune('0'+i)), assigned: parts{}, revoking: parts{}}
		for _, l := range letters {
			m.names = append(m.names, string(l))
		}
		c.members[m.id] = m
	}
	return c
}

// of lists the partitions of a topic that a member has.
func (p parts) of(topic string) []int32 {
	var out []int32
	for x := range p {
		if string(x.topic[:1]) == topic {
			out = append(out, x.partition)
		}
	}
	slices.Sort(out)
	return out
}

// whole fails unless each partition of the topics read has one owner, who
// reads its topic.
func whole(t *testing.T, c *consumerGroup, topics sizes, got map[string]parts) {
	t.Helper()
	owners := map[part]int{}
	for id, ps := range got {
		for p := range ps {
			owners[p]++
			if !slices.Contains(c.members[id].names, string(p.topic[:1])) {
				t.Errorf("%s has partition %d of %c, which it does not read", id, p.partition, p.topic[0])
			}
		}
	}
	want := 0
	for name, n := range topics {
		read := false
		for _, m := range c.members {
			read = read || slices.Contains(m.names, name)
		}
		if read {
			want += int(n)
		}
	}
	if len(owners) != want {
		t.Errorf("%d partitions are assigned, want %d", len(owners), want)
	}
	for p, n := range owners {
		if n != 1 {
			t.Errorf("partition %d of %c has %d owners", p.partition, p.topic[0], n)
		}
	}
}

func TestRangeAssignor(t *testing.T) {
	topics := sizes{"a": 5, "b": 5, "c": 1, "d": 3}
	c := groupOf("ab", "abc", "ab")
	got := c.assign(topics, []string{"range"})
	whole(t, c, topics, got)
	for i, want := range [][]int32{{0, 1}, {2, 3}, {4}} {
		id := "m" + string(rune('0'+i))
		if !slices.Equal(got[id].of("a"), want) || !slices.Equal(got[id].of("b"), want) {
			t.Errorf("%s has %v of a and %v of b, want %v of both", id, got[id].of("a"), got[id].of("b"), want)
		}
	}
	if !slices.Equal(got["m1"].of("c"), []int32{0}) {
		t.Errorf("the only reader of c has %v of it", got["m1"].of("c"))
	}
}

func TestUniformAssignor(t *testing.T) {
	topics := sizes{"a": 7, "b": 4, "c": 1}
	next := func(c *consumerGroup) (moved int) {
		t.Helper()
		got := c.assign(topics, []string{"uniform", "range"})
		whole(t, c, topics, got)
		for id, ps := range c.target {
			for p := range ps {
				if c.members[id] != nil && !got[id][p] {
					moved++
				}
			}
		}
		c.target = got
		return moved
	}
	c := groupOf("abc", "abc")
	next(c)
	for id, ps := range c.target {
		if len(ps) != 6 {
			t.Errorf("%s has %d of 12 partitions", id, len(ps))
		}
	}
	// A member that comes gets its share, and only that moves; one that goes
	// leaves the others what they had.
	third := groupOf("", "", "abc").members["m2"]
	c.members["m2"] = third
	if moved := next(c); moved != 4 || len(c.target["m2"]) != 4 {
		t.Errorf("a third member has %d partitions after %d were taken from others, want 4 and 4", len(c.target["m2"]), moved)
	}
	delete(c.members, "m0")
	if moved := next(c); moved != 0 || len(c.target["m1"]) != 6 {
		t.Errorf("after a member went %d partitions moved between those left, and one has %d; want 0, 6", moved, len(c.target["m1"]))
	}
	// What only one member reads is weighed against what all read.
	c = groupOf("ab", "b")
	next(c)
	if a, b := len(c.target["m0"].of("a")), len(c.target["m1"].of("b")); a != 7 || b != 4 {
		t.Errorf("the reader of a has %d of it, the reader of b alone %d of that; want 7 and 4", a, b)
	}
}

// The assignor that most members name is used, the first one in a draw.
func TestAssignorVote(t *testing.T) {
	uniform, ranged := "uniform", "range"
	enabled := []string{uniform, ranged}
	c := groupOf("a", "a", "a")
	for _, step := range []struct {
		votes [3]*string
		want  string
	}{{[3]*string{}, uniform}, {[3]*string{&ranged}, ranged}, {[3]*string{&ranged, &uniform}, uniform}, {[3]*string{&ranged, &uniform, &ranged}, ranged}} {
		for i, v := range step.votes {
			c.members["m"+string(rune('0'+i))].assignor = v
		}
		if got := c.assignor(enabled); got != step.want {
			t.Errorf("the members chose %s, want %s", got, step.want)
		}
	}
}
