package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/leat-project/leat/broker/brokertest"
)

func newTopicSession(t *testing.T) session {
	b := brokertest.Start(t, nil)
	return session{t, map[string]string{"LEAT_KAFKA": b.Addr()}}
}

type topicDescription struct {
	ID         string
	Partitions []struct{ Partition, Leader int32 }
	Configs    map[string]string
}

func TestTopicLifeCycle(t *testing.T) {
	s := newTopicSession(t)
	if r := s.ok("", "topic", "create", "orders", "-p", "3", "-r", "1", "-c", "cleanup.policy=compact"); !strings.Contains(r.err, "topic orders created") {
		t.Errorf("create: %q", r.err)
	}
	if r := s.run("", "topic", "create", "orders"); r.code != 4 {
		t.Errorf("create of an existing topic: exit code %d: %s, want 4", r.code, r.err)
	}
	s.ok("", "topic", "create", "orders", "--if-not-exists")
	if r := s.ok("", "topic", "list"); !strings.Contains(r.out, "orders  3") {
		t.Errorf("list: %q", r.out)
	}
	r := s.ok("", "topic", "describe", "orders", "-o", "json")
	all := decode[[]topicDescription](t, r.out)
	if d := all[0]; len(all) != 1 || len(d.Partitions) != 3 || d.Configs["cleanup.policy"] != "compact" {
		t.Errorf("describe: %s", r.out)
	}
	if r := s.ok("", "topic", "describe", "--topic-id", all[0].ID); !strings.Contains(r.out, "orders") || !strings.Contains(r.out, "orders: topic id "+all[0].ID+"\n") {
		t.Errorf("describe by id: %s", r.out)
	}
	s.ok("", "topic", "delete", "orders")
	for _, args := range [][]string{{"describe", "orders"}, {"consume", "orders"}, {"delete", "orders"}, {"produce", "orders"}} {
		if r := s.run("", append([]string{"topic"}, args...)...); r.code != 3 {
			t.Errorf("%s of a deleted topic: exit code %d: %s, want 3", args[0], r.code, r.err)
		}
	}
}

func TestProduceAndConsume(t *testing.T) {
	s := newTopicSession(t)
	s.ok("", "topic", "create", "t", "-p", "2")
	r := s.ok("a|{\"n\":1}\nb|two\nc|NULL\nd|\n", "topic", "produce", "t", "-K", "|", "--null-marker", "NULL", "-p", "1")
	if r.err != "4 records acknowledged\n" {
		t.Errorf("produce: %q", r.err)
	}
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"values", []string{"--from-beginning", "-e"}, "{\n  \"n\": 1\n}\ntwo\nnull\n\n"},
		{"limit", []string{"--from-beginning", "-n", "1"}, "{\n  \"n\": 1\n}\n"},
		{"keys", []string{"--offset", "1", "-p", "1", "-k", "-n", "2"}, "b\ttwo\nc\tnull\n"},
		{"before the end", []string{"--offset", "-1", "-p", "1", "-k", "-e"}, "d\t\n"},
		{"empty partition", []string{"--from-beginning", "-p", "0", "-e"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if r := s.ok("", append([]string{"topic", "consume", "t"}, c.args...)...); r.out != c.want {
				t.Errorf("output %q, want %q", r.out, c.want)
			}
		})
	}
	r = s.ok("", "topic", "consume", "t", "--from-beginning", "-n", "3", "-o", "json")
	var last struct {
		Partition int
		Offset    int64
		Key       string
		Value     any
	}
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	if len(lines) != 3 || last.Partition != 1 || last.Offset != 2 || last.Key != "c" || last.Value != nil {
		t.Errorf("json: %s", r.out)
	}
}

func TestTopicErrors(t *testing.T) {
	s := newTopicSession(t)
	s.ok("", "topic", "create", "t")
	for _, c := range []struct {
		name  string
		stdin string
		args  []string
		code  int
		want  string
	}{
		{"no such partition", "", []string{"topic", "consume", "t", "-p", "9"}, 3, "has no partition 9"},
		{"bad offset", "", []string{"topic", "consume", "t", "--offset", "x"}, 2, "expected a number, earliest or latest"},
		{"no separator", "abc\n", []string{"topic", "produce", "t", "-K", "|"}, 6, "line 1"},
		{"bad name", "", []string{"topic", "create", "a b"}, 6, "a b"},
		{"bad setting", "", []string{"topic", "create", "u", "-c", "retention.ms=x"}, 6, "retention.ms"},
		{"no broker", "", []string{"topic", "list", "-b", "127.0.0.1:1"}, 5, "127.0.0.1:1"},
		{"bad properties", "", []string{"topic", "list", "--command-config", "/nope"}, 2, "/nope"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if r := s.run(c.stdin, c.args...); r.code != c.code || !strings.Contains(r.err, c.want) {
				t.Errorf("exit code %d: %q, want %d and %q", r.code, r.err, c.code, c.want)
			}
		})
	}
}
