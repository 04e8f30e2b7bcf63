package cli_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// consumer joins a group, reads n records, and leaves at the end of the test.
func (s session) consumer(group string, n int, topic string, opts ...kgo.Opt) {
	s.t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(s.env["LEAT_KAFKA"]), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.ClientID("reader"), kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())}, opts...)...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(cl.Close)
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	for got := 0; got < n; {
		f := cl.PollFetches(ctx)
		if err := f.Err(); err != nil {
			s.t.Fatalf("reading as group %s: %v", group, err)
		}
		got += f.NumRecords()
	}
	if err := cl.CommitUncommittedOffsets(ctx); err != nil {
		s.t.Fatal(err)
	}
}

// steady replaces what differs from run to run.
func steady(s string) string {
	s = regexp.MustCompile(`reader-[0-9a-f-]{36}|[0-9A-Za-z+/_-]{22}==|[0-9a-f]{8}-[0-9a-f-]{27}`).ReplaceAllString(s, "ID")
	s = regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(s, "ADDR")
	return regexp.MustCompile(` +`).ReplaceAllString(s, " ")
}

func (s session) records(topic string, partitions string, lines string) {
	s.t.Helper()
	s.ok("", "topic", "create", topic, "-p", partitions)
	for p := range strings.Split("0123456789", "")[:int(partitions[0]-'0')] {
		s.ok(lines, "topic", "produce", topic, "-p", string(rune('0'+p)))
	}
}

func TestGroupsOfBothProtocols(t *testing.T) {
	s := newTopicSession(t)
	s.records("orders", "2", "a\nb\nc\n")
	s.consumer("old", 6, "orders")
	s.consumer("new", 6, "orders", kgo.WithContext(context.WithValue(t.Context(), "opt_in_kafka_next_gen_balancer_beta", true))) //nolint:staticcheck // franz-go's switch
	s.ok("d\n", "topic", "produce", "orders", "-p", "1")

	if r := s.ok("", "group", "list"); steady(r.out) != "GROUP TYPE PROTOCOL STATE COORDINATOR\nnew consumer consumer Stable 1\nold classic consumer Stable 1\n" {
		t.Errorf("list: %s", r.out)
	}
	for _, c := range []struct{ args, want string }{
		{"list --type CLASSIC", "old"},
		{"list --state stable --type consumer", "new"},
		{"list --state empty", ""},
	} {
		r := s.ok("", append(append([]string{"group"}, strings.Fields(c.args)...), "-o", "json")...)
		var got []struct{ Group string }
		if err := json.Unmarshal([]byte(r.out), &got); err != nil {
			t.Fatal(err)
		}
		if (c.want == "" && len(got) != 0) || (c.want != "" && (len(got) != 1 || got[0].Group != c.want)) {
			t.Errorf("group %s: %s, want %q", c.args, r.out, c.want)
		}
	}
	for _, c := range []struct{ args, want string }{
		{"describe old -v", `GROUP TOPIC PARTITION LEADER-EPOCH CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID
old orders 0 0 3 3 0 ID /127.0.0.1 reader
old orders 1 0 3 4 1 ID /127.0.0.1 reader
`},
		{"describe new", `GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID
new orders 0 3 3 0 ID /127.0.0.1 reader
new orders 1 3 4 1 ID /127.0.0.1 reader
`},
		{"members --all-groups", `GROUP CONSUMER-ID INSTANCE-ID HOST CLIENT-ID #PARTITIONS
new ID - /127.0.0.1 reader 2
old ID - /127.0.0.1 reader 2
`},
		{"members old -v", `GROUP CONSUMER-ID INSTANCE-ID HOST CLIENT-ID #PARTITIONS PROTOCOL CURRENT-EPOCH CURRENT-ASSIGNMENT TARGET-EPOCH TARGET-ASSIGNMENT
old ID - /127.0.0.1 reader 2 classic - orders:0,1 - -
`},
		{"state new -v", `GROUP TYPE COORDINATOR (ID) ASSIGNMENT-STRATEGY STATE #MEMBERS GROUP-EPOCH TARGET-ASSIGNMENT-EPOCH
new consumer ADDR (1) uniform Stable 1 E E
`},
		{"state old", `GROUP TYPE COORDINATOR (ID) ASSIGNMENT-STRATEGY STATE #MEMBERS
old classic ADDR (1) cooperative-sticky Stable 1
`},
	} {
		r := s.ok("", append([]string{"group"}, strings.Fields(c.args)...)...)
		got := regexp.MustCompile(`1 \d+ \d+\n`).ReplaceAllString(steady(r.out), "1 E E\n")
		if !strings.HasPrefix(c.args, "state new") {
			got = steady(r.out)
		}
		if got != c.want {
			t.Errorf("group %s:\n%s\nwant\n%s", c.args, got, c.want)
		}
	}
	for _, c := range []struct{ args, want string }{
		{"reset-offsets old --topic orders --to-earliest --execute", "Assignments can only be reset if the group 'old' is inactive, but the current state is Stable."},
		{"delete old", "not empty"},
		{"delete old --dry-run", "would be refused"},
		{"delete-offsets old --topic orders", "orders-0: a member of the group reads the topic"},
	} {
		if r := s.run("", append([]string{"group"}, strings.Fields(c.args)...)...); r.code != 4 || !strings.Contains(r.err, c.want) {
			t.Errorf("group %s: exit code %d: %s, want 4 and %q", c.args, r.code, r.err, c.want)
		}
	}
}

func TestGroupReset(t *testing.T) {
	s := newTopicSession(t)
	s.records("orders", "2", "a\nb\nc\nd\ne\n")
	s.ok("", "group", "reset-offsets", "g", "--topic", "orders:0", "--to-offset", "3", "--execute")
	file := filepath.Join(t.TempDir(), "plan.csv")
	if err := os.WriteFile(file, []byte("orders,0,4\n\"orders\", 1, 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	grouped := "g,orders,1,1\nother,orders,0,5\n"
	for _, c := range []struct {
		args, want, remark string
	}{
		{"--topic orders --to-earliest", "orders,0,0\norders,1,0\n", "dry run"},
		{"--topic orders:1 --to-latest", "orders,1,5\n", "dry run"},
		{"--topic orders --to-current", "orders,0,3\norders,1,5\n", ""},
		{"--all-topics --to-current", "orders,0,3\n", ""},
		{"--topic orders:1 --topic orders:0 --to-offset 2", "orders,0,2\norders,1,2\n", ""},
		{"--topic orders --to-offset 9", "orders,0,5\norders,1,5\n", "New offset (9) is higher than latest offset for topic partition orders-0. Value will be set to 5."},
		{"--all-topics --shift-by 1", "orders,0,4\n", ""},
		{"--all-topics --shift-by=-4", "orders,0,0\n", "New offset (-1) is lower than earliest offset for topic partition orders-0. Value will be set to 0."},
		{"--topic orders --by-duration PT1H", "orders,0,0\norders,1,0\n", ""},
		{"--topic orders --by-duration PT0S", "orders,0,5\norders,1,5\n", ""},
		{"--topic orders --to-datetime 2020-01-01T00:00:00.000", "orders,0,0\norders,1,0\n", ""},
		{"--topic orders --to-datetime 2999-01-01T00:00:00.000+02:00", "orders,0,5\norders,1,5\n", ""},
		{"--from-file " + file, "orders,0,4\norders,1,2\n", ""},
		{"--from-file -", "orders,1,1\n", ""},
		{"other --from-file -", "g,orders,1,1\nother,orders,0,5\n", "other is not there yet"},
	} {
		r := s.ok(grouped, append([]string{"group", "reset-offsets", "g", "--export"}, strings.Fields(c.args)...)...)
		if r.out != c.want || !strings.Contains(r.err, c.remark) {
			t.Errorf("%s: %q and %q, want %q and %q", c.args, r.out, r.err, c.want, c.remark)
		}
	}
	if r := s.ok("", "group", "describe", "g"); steady(r.out) != `GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID
g orders 0 3 5 2 - - -
` || !strings.Contains(r.err, "Consumer group 'g' has no active members.") {
		t.Errorf("after dry runs: %s %s", r.out, r.err)
	}
	r := s.ok("", "group", "reset-offsets", "--all-groups", "--all-topics", "--to-latest", "--execute", "-o", "json")
	var plan struct {
		Executed bool
		Offsets  []struct {
			Group string
			New   int64 `json:"new_offset"`
		}
	}
	if err := json.Unmarshal([]byte(r.out), &plan); err != nil {
		t.Fatal(err)
	}
	if !plan.Executed || len(plan.Offsets) != 1 || plan.Offsets[0].Group != "g" || plan.Offsets[0].New != 5 {
		t.Errorf("plan: %s", r.out)
	}
	if r := s.ok("", "group", "describe", "g"); !strings.Contains(steady(r.out), "g orders 0 5 5 0") {
		t.Errorf("after --execute: %s", r.out)
	}
}

func TestGroupDelete(t *testing.T) {
	s := newTopicSession(t)
	s.records("orders", "2", "a\n")
	s.ok("", "group", "reset-offsets", "a", "b", "--topic", "orders", "--to-latest", "--execute")
	s.ok("", "group", "delete-offsets", "a", "--topic", "orders:1", "--dry-run")
	if r := s.ok("", "group", "delete-offsets", "a", "--topic", "orders:1"); steady(r.out) != "TOPIC PARTITION STATUS\norders 1 deleted\n" {
		t.Errorf("delete-offsets: %s", r.out)
	}
	if r := s.ok("", "group", "describe", "a"); strings.Count(r.out, "orders") != 1 {
		t.Errorf("after delete-offsets: %s", r.out)
	}
	if r := s.ok("", "group", "delete", "--all-groups", "--dry-run"); steady(r.out) != "GROUP STATE OFFSETS\na Empty 1\nb Empty 2\n" {
		t.Errorf("dry run: %s", r.out)
	}
	if r := s.run("", "group", "delete", "a", "nope", "b"); r.code != 3 || r.err != "group a deleted\ngroup b deleted\ngroup nope: there is no consumer group nope; leat group list shows those that are\n" {
		t.Errorf("delete: %d %s", r.code, r.err)
	}
	if r := s.ok("", "group", "list", "-o", "json"); strings.TrimSpace(r.out) != "[]" {
		t.Errorf("groups are left: %s", r.out)
	}
}

func TestGroupErrors(t *testing.T) {
	s := newTopicSession(t)
	s.records("orders", "1", "a\n")
	for _, c := range []struct {
		stdin, args string
		code        int
		want        string
	}{
		{"", "describe", 2, "name a group"},
		{"", "describe g --all-groups", 2, "not both"},
		{"", "describe g --state Empty", 2, "--all-groups"},
		{"", "describe nope", 3, "there is no consumer group nope"},
		{"", "list --state Sleeping", 2, "Sleeping"},
		{"", "list --type old", 2, "classic"},
		{"", "reset-offsets g --topic orders", 2, "--to-earliest"},
		{"", "reset-offsets g --to-latest", 2, "--all-topics"},
		{"", "reset-offsets g --to-latest --to-earliest --topic orders", 2, "to-latest"},
		{"", "reset-offsets g --to-latest --all-topics", 3, "no committed offsets"},
		{"", "reset-offsets g --to-latest --topic nope", 3, "no topic nope"},
		{"", "reset-offsets g --to-latest --topic orders:7", 3, "no partition 7"},
		{"", "reset-offsets g --to-latest --topic orders:x", 2, "not a partition number"},
		{"", "reset-offsets g --shift-by 1 --topic orders", 6, "Cannot shift offset for partition orders-0"},
		{"", "reset-offsets g --by-duration P1M --topic orders", 2, "P1M"},
		{"", "reset-offsets g --to-datetime yesterday --topic orders", 2, "yesterday"},
		{"", "reset-offsets g --from-file /nope", 1, "/nope"},
		{"orders;0;1\n", "reset-offsets g --from-file -", 6, "line 1"},
		{"orders,0,1\norders,x,1\n", "reset-offsets g --from-file -", 6, "line 2"},
		{"h,orders,0,1\n", "reset-offsets g --from-file -", 6, "no line of this group"},
		{"", "reset-offsets g --from-file -", 6, "no lines"},
		{"", "delete-offsets g", 2, "--topic"},
		{"", "delete-offsets g --topic orders", 3, "there is no consumer group g"},
	} {
		t.Run(c.args, func(t *testing.T) {
			if r := s.run(c.stdin, append([]string{"group"}, strings.Fields(c.args)...)...); r.code != c.code || !strings.Contains(r.err, c.want) {
				t.Errorf("exit code %d: %q, want %d and %q", r.code, r.err, c.code, c.want)
			}
		})
	}
}

func TestCompletionOfGroupsAndTopics(t *testing.T) {
	s := newTopicSession(t)
	s.records("orders", "1", "a\n")
	s.ok("", "group", "reset-offsets", "readers", "--topic", "orders", "--to-latest", "--execute")
	for _, args := range [][]string{{"topic", "describe", ""}, {"group", "reset-offsets", "g", "--topic", ""}} {
		if r := s.ok("", append([]string{"__complete"}, args...)...); !strings.Contains(r.out, "orders\n") {
			t.Errorf("completion of %v: %q", args, r.out)
		}
	}
	if r := s.ok("", "__complete", "group", "describe", ""); !strings.Contains(r.out, "readers\n") {
		t.Errorf("completion of groups: %q", r.out)
	}
}

// TestGroupTimeout bounds a command by --timeout, which is a broker that did not answer.
func TestGroupTimeout(t *testing.T) {
	s := newTopicSession(t)
	s.steps("group", []step{
		{"", "list --timeout 1ns", 5, "", "no answer from a broker"},
		{"", "list --timeout 1m", 0, "", ""},
		{"", "describe g --timeout soon", 2, "", "--timeout"},
	})
}
