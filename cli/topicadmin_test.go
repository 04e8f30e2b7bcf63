package cli_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// step is a command with what it prints and its exit code.
type step struct {
	stdin, args string
	code        int
	out         string // whole standard output; "-" is not looked at
	remark      string // part of standard error
}

func (s session) steps(command string, steps []step) {
	s.t.Helper()
	topicID := regexp.MustCompile(`topic id [\w-]{22}`)
	stamp := regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`)
	for _, c := range steps {
		r := s.run(c.stdin, append([]string{command}, strings.Fields(c.args)...)...)
		out := topicID.ReplaceAllString(stamp.ReplaceAllString(steady(r.out), "TIME"), "topic id ID")
		if r.code != c.code || (c.out != "-" && out != c.out) || !strings.Contains(r.err, c.remark) {
			s.t.Errorf("leat %s %s: exit code %d, output\n%s\nand %q; want %d,\n%s\nand %q", command, c.args, r.code, out, r.err, c.code, c.out, c.remark)
		}
	}
}

func TestTopicAdministration(t *testing.T) {
	newTopicSession(t).steps("topic", []step{
		{"", "create a b -p 2 --dry-run", 0, "", "topic b would be created; dry run, nothing is"},
		{"", "list", 0, "", ""},
		{"", "create a --replica-assignment 1,1 -c min.insync.replicas=1", 0, "", "topic a created"},
		{"", "create a b --if-not-exists -c retention.ms=5000", 0, "", "topic a exists already\ntopic b created\n"},
		{"", "create a", 4, "", "TOPIC_ALREADY_EXISTS: Topic 'a' already exists."},
		{"", "create c --replica-assignment 1:1", 2, "", "broker 1 twice"},
		{"", "create c --replica-assignment 1:2,1", 2, "", "differ"},
		{"", "create c --replica-assignment x", 2, "", `"x" is not the id of a broker`},
		{"", "create c --replica-assignment 9", 6, "", "topic c"},
		{"", "create c -p 0", 6, "", "topic c"},
		{"", "create c -r 3", 6, "", "topic c"},
		{"", "alter a -p 3 --dry-run", 0, "", "dry run, nothing is"},
		{"", "alter a nope -p 3 --if-exists", 0, "", "topic nope is not there\ntopic a altered: 3 partitions\n"},
		{"", "alter a -p 2", 6, "", "INVALID_PARTITIONS"},
		{"", "alter a", 2, "", "partitions"},
		{"", "alter nope -p 2", 3, "", "no topic nope"},
		{"1\n2\n3\n", "produce a -p 0", 0, "", ""},
		{"", "list", 0, "NAME PARTITIONS REPLICAS\na 3 1\nb 1 1\n", ""},
		{"", "list --match [bc]+", 0, "NAME PARTITIONS REPLICAS\nb 1 1\n", ""},
		{"", "list --match (", 2, "", "--match"},
		{"", "describe a", 0, `TOPIC PARTITION LEADER REPLICAS ISR START END
a 0 1 1 1 0 3
a 1 1 1 1 0 0
a 2 1 1 1 0 0
a: topic id ID
a: min.insync.replicas=1
`, ""},
		{"", "describe --at-min-isr --match b", 0, "TOPIC PARTITION LEADER REPLICAS ISR START END\nb 0 1 1 1 0 0\nb: topic id ID\nb: retention.ms=5000\n", ""},
		{"", "describe --under-replicated --unavailable --under-min-isr", 0, "", ""},
		{"", "describe --with-overrides", 0, "a: min.insync.replicas=1\nb: retention.ms=5000\n", ""},
		{"", "describe nope", 3, "", "no topic nope"},
		{"", "offsets a:0,1-2", 0, "TOPIC PARTITION OFFSET TIMESTAMP\na 0 3 -\na 1 0 -\na 2 0 -\n", ""},
		{"", "offsets a:1- --timeout 30s", 0, "TOPIC PARTITION OFFSET TIMESTAMP\na 1 0 -\na 2 0 -\n", ""},
		{"", "offsets a:-1 b", 0, "TOPIC PARTITION OFFSET TIMESTAMP\na 0 3 -\na 1 0 -\nb 0 0 -\n", ""},
		{"", "offsets a:0,2-", 0, "TOPIC PARTITION OFFSET TIMESTAMP\na 0 3 -\na 2 0 -\n", ""},
		{"", "offsets a:3-", 3, "", "no partition 3"},
		{"", "offsets a:-", 2, "", "not a partition number"},
		{"", "offsets a:1--", 2, "", "not a partition number"},
		{"", "offsets a --timeout 1ns", 5, "", "no answer"},
		{"", "offsets a --timeout -1s", 2, "", "--timeout"},
		{"", "describe --topic-id x", 2, "", "22 characters"},
		{"", "describe --topic-id AAAAAAAAAAAAAAAAAAAAAA", 3, "", "no topic with the id"},
		{"", "describe a --topic-id x", 2, "", "or name topics"},
		{"", "offsets --match a --time earliest", 0, "TOPIC PARTITION OFFSET TIMESTAMP\na 0 0 -\na 1 0 -\na 2 0 -\n", ""},
		{"", "offsets a:0 --time 0", 0, "TOPIC PARTITION OFFSET TIMESTAMP\na 0 0 TIME\n", ""},
		{"", "offsets a:0,1 --time max-timestamp", 0, "-", ""},
		{"", "offsets a:0,1 --time 2999-01-01T00:00:00", 0, "TOPIC PARTITION OFFSET TIMESTAMP\na 0 - -\na 1 - -\n", ""},
		{"", "offsets a:0 --time latest-tiered", 0, "TOPIC PARTITION OFFSET TIMESTAMP\na 0 - -\n", ""},
		{"", "offsets a:0 --time earliest-local --read-committed", 0, "TOPIC PARTITION OFFSET TIMESTAMP\na 0 0 -\n", ""},
		{"", "offsets a:0 --time soon", 2, "", "max-timestamp"},
		{"", "offsets a:9", 3, "", "no partition 9"},
		{"", "offsets a:3-1", 2, "", "not a partition number"},
		{"", "offsets a:0-99999999999", 2, "", "not a partition number"},
		{"", "delete-records a:0 --before 2 --dry-run", 0, "TOPIC PARTITION START BEFORE NEW START\na 0 0 2 -\n", "dry run"},
		{"", "delete-records a:0 --before 2", 0, "TOPIC PARTITION START BEFORE NEW START\na 0 0 2 2\n", ""},
		{`{"partitions":[{"topic":"a","partition":0,"offset":-1}],"version":1}`, "delete-records -f -", 0, "TOPIC PARTITION START BEFORE NEW START\na 0 2 3 3\n", ""},
		{`{"partitions":[{"topic":"a","partition":0}],"version":1}`, "delete-records -f -", 6, "", "partitions[0]"},
		{`{"partitions":[{"topic":"a","partition":0,"offset":1},{"topic":"a","partition":0,"offset":1}]}`, "delete-records -f -", 6, "", "a-0 twice"},
		{`{"partitions":[],"version":2}`, "delete-records -f -", 6, "", "version 2"},
		{`[]`, "delete-records -f -", 6, "", "expected"},
		{"", "delete-records a:0 --before 99", 6, "", "a-0: cannot delete before offset 99, the log ends at 3"},
		{"", "delete-records a:0 --before x", 2, "", "an offset or latest"},
		{"", "delete-records a", 2, "", "--before"},
		{"", "delete-records nope --before 1", 3, "", "no topic nope"},
		{"", "create c -c cleanup.policy=compact", 0, "", ""},
		{"", "delete-records c --before latest", 6, "-", "c-0: POLICY_VIOLATION: its cleanup.policy does not include delete"},
		{"", "delete --match [ab] --dry-run", 0, "TOPIC PARTITIONS RECORDS (AT MOST)\na 3 0\nb 1 0\n", "dry run"},
		{"", "delete", 2, "", "name topics or give --match"},
		{"", "delete --match x", 3, "", "no topic matches x"},
		{"", "delete nope", 3, "", "no topic nope"},
		{"", "delete nope --if-exists", 0, "", "topic nope is not there"},
		{"", "delete --match [ab]", 0, "", "topic a deleted\ntopic b deleted\n"},
		{"", "list", 0, "NAME PARTITIONS REPLICAS\nc 1 1\n", ""},
	})
}

func TestTopicJSON(t *testing.T) {
	s := newTopicSession(t)
	s.ok("", "topic", "create", "a", "-p", "2")
	s.ok("x\n", "topic", "produce", "a", "-p", "1")
	for _, c := range []struct{ args, want string }{
		{"list", `[{"internal":false,"name":"a","partitions":2,"replication_factor":1}]`},
		{"offsets a:1", `[{"offset":1,"partition":1,"topic":"a"}]`},
		{"delete-records a:1 --before 1 --dry-run", `[{"before_offset":1,"low_watermark":null,"partition":1,"start_offset":0,"topic":"a"}]`},
		{"delete a --dry-run", `[{"name":"a","offsets":1,"partitions":2}]`},
	} {
		r := s.ok("", append(append([]string{"topic"}, strings.Fields(c.args)...), "-o", "json")...)
		var v any
		if err := json.Unmarshal([]byte(r.out), &v); err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(v); err != nil || string(got) != c.want {
			t.Errorf("topic %s: %s (%v), want %s", c.args, got, err, c.want)
		}
	}
}
