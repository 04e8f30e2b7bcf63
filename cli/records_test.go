package cli_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestProduceForms(t *testing.T) {
	s := newTopicSession(t)
	s.ok("", "topic", "create", "t", "-p", "2")
	s.steps("topic", []step{
		{"a:1,b:NULL|k1=v1\nNULL|NULL=v2\n|k3=\n", "produce t -p 0 --header-separator | -K = --null-marker NULL -H all=x -z gzip", 0, "", "3 records acknowledged"},
		{"two\nlines\n", "produce t -p 1 --whole --acks 1 --property linger.ms=0", 0, "", "1 records acknowledged"},
		{"", "consume t -p 0 -e --from-beginning --format %t-%p@%o|%h|%k|%K|%v|%V%%\\n", 0,
			"t-0@0|a:1,b:null,all:x|k1|2|v1|2%\nt-0@1|all:x||-1|v2|2%\nt-0@2|all:x|k3|2||0%\n", ""},
		{"", "consume t -p 1 --from-beginning --timeout 1s --format %v\\0", 0, "two\nlines\n\x00", ""},
		{"no colon|x=y\n", "produce t --header-separator | -K =", 6, "", `line 1: no ":" in header "no colon"; expected name:value,name:value`},
		{"x\n", "produce t --header-separator |", 6, "", `line 1: no header separator "|"`},
		{"x\n", "produce t -H x", 2, "", "NAME=VALUE"},
		{"x\n", "produce t -z zip", 6, "", "compression.type"},
		{"x\n", "produce t --acks 2", 6, "", "acks"},
		{"x\n", "produce t --property x", 2, "", "NAME=VALUE"},
		{"x\n", "produce t --json -K :", 2, "", "none of the others"},
		{"x\n", "produce t --json", 6, "", "line 1: invalid character"},
		{`{"value":"x","encoding":{"value":"rot13"}}` + "\n", "produce t --json", 6, "", `value has encoding "rot13"`},
		{`{"value":"x","timestamp":"noon"}` + "\n", "produce t --json", 6, "", `timestamp "noon"`},
		{"x\n", "produce t --transaction-records 5", 2, "", "--transactional-id"},
		{"", "consume t --format %q", 2, "", `"%q" is not known`},
		{"", "consume t --format abc%", 2, "", "ends within"},
		{"", "consume t -p 5", 3, "", "no partition 5"},
		{"", "consume t -p x", 2, "", "not a partition number"},
		{"", "consume t -g g -p 0", 2, "", "none of the others"},
		{"", "consume t --property x", 2, "", "NAME=VALUE"},
	})
}

// TestRecordsCopied reads records as JSON and writes them back: they are the same.
func TestRecordsCopied(t *testing.T) {
	s := newTopicSession(t)
	s.ok("", "topic", "create", "a")
	s.ok("", "topic", "create", "b")
	in := `{"timestamp":"2026-01-31T15:04:05.678Z","headers":[{"key":"h","value":"x"},{"key":"bin","value":"/w==","encoding":"base64"},{"key":"n","value":null}],"key":null,"value":{"n":1.0}}
{"key":"\"quoted\"","value":"/wA=","encoding":{"value":"base64"}}
{"key":"text","value":null}
{"key":"7","value":""}
`
	s.ok(in, "topic", "produce", "a", "--json")
	first := s.ok("", "topic", "consume", "a", "-e", "--from-beginning", "-o", "json").out
	s.ok(first, "topic", "produce", "b", "--json")
	second := s.ok("", "topic", "consume", "b", "-e", "--from-beginning", "-o", "json").out
	if strings.ReplaceAll(second, `"topic":"b"`, `"topic":"a"`) != first || strings.Count(first, "\n") != 4 {
		t.Errorf("read\n%sbut the copy is\n%s", first, second)
	}
	var r struct {
		Timestamp string
		Value     json.RawMessage
		Headers   []struct{ Key, Encoding string }
	}
	if err := json.Unmarshal([]byte(strings.Split(first, "\n")[0]), &r); err != nil {
		t.Fatal(err)
	}
	if r.Timestamp != "2026-01-31T15:04:05.678Z" || string(r.Value) != `{"n":1.0}` || r.Headers[0].Encoding != "" || r.Headers[1].Encoding != "base64" {
		t.Errorf("first record: %+v", r)
	}
}

func TestTransactionalProduce(t *testing.T) {
	s := newTopicSession(t)
	s.ok("", "topic", "create", "t")
	s.steps("topic", []step{
		{"1\n2\n3\n", "produce t --transactional-id x --transaction-records 2", 0, "", "3 records acknowledged"},
		{"a=4\na=5\nno separator\n", "produce t --transactional-id x -K =", 6, "", "line 3: no key separator"},
		{"a=6\n", "produce t --transactional-id x -K =", 0, "", "1 records acknowledged"},
		{"", "consume t --from-beginning -n 4 --read-committed", 0, "1\n2\n3\n6\n", ""},
	})
	if r := s.run("a=4\nno separator\n", "topic", "produce", "t", "--transactional-id", "x", "-K", "="); !strings.Contains(r.err, "its transaction is aborted") {
		t.Errorf("error of an aborted transaction: %q", r.err)
	}
}

func TestConsumeAsGroup(t *testing.T) {
	s := newTopicSession(t)
	s.ok("", "topic", "create", "t")
	s.ok("", "topic", "create", "u")
	s.ok("1\n2\n3\n", "topic", "produce", "t")
	s.ok("4\n", "topic", "produce", "u")
	s.steps("topic", []step{
		{"", "consume t -g g --from-beginning -n 2", 0, "1\n2\n", ""},
		{"", "consume t -g g -n 1", 0, "3\n", ""},
		{"", "consume t --offset 2020-01-01T00:00:00 -n 1", 0, "1\n", ""},
		{"", "consume t --offset latest --timeout 300ms", 0, "", ""},
	})
	if r := s.ok("", "group", "describe", "g"); !strings.Contains(steady(r.out), "g t 0 3 3 0") {
		t.Errorf("group after reading: %s", r.out)
	}
	r := s.ok("", "topic", "consume", "__consumer_offsets", "--decode", "-e", "--from-beginning", "-k")
	if !strings.Contains(steady(r.out), `{"kind":"OffsetCommitKey","data":{"group":"g","topic":"t","partition":0}}`) || !strings.Contains(steady(r.out), `"offset": 3,`) {
		t.Errorf("what the group wrote: %s", r.out)
	}
	s.steps("topic", []step{{"", "consume t --decode", 2, "", "--decode: the records of t are its own"}})
	if r := s.ok("", "topic", "consume", "t", "u", "-e", "--from-beginning", "--format", "%t%v,"); !strings.Contains(r.out, "t1,t2,t3,") || !strings.Contains(r.out, "u4,") {
		t.Errorf("two topics: %q", r.out)
	}
}

// TestProduceBlame shows the broker's words about the record that is to blame, not
// about the first one of its batch.
func TestProduceBlame(t *testing.T) {
	s := newTopicSession(t)
	s.ok("", "topic", "create", "t", "-c", "cleanup.policy=compact")
	const words = "INVALID_RECORD: Compacted topic cannot accept message without key."
	for _, args := range []string{"", " --transactional-id x", " --property enable.idempotence=false"} {
		s.steps("topic", []step{
			{"k=1\nNULL=2\nk=3\n", "produce t -K = --null-marker NULL --property linger.ms=10000" + args, 6, "", "writing line 2: " + words},
			{"1\n2\n", "produce t" + args, 6, "", "writing line 1: " + words},
		})
	}
	r := s.run("1\n", "topic", "produce", "t")
	if strings.Count(r.err, "\n") != 1 {
		t.Errorf("the error is told more than once: %s", r.err)
	}
	s.steps("topic", []step{{"k=4\n", "produce t -K =", 0, "", "1 records acknowledged"}})
}

func TestProduceSeparators(t *testing.T) {
	s := newTopicSession(t)
	s.ok("", "topic", "create", "t")
	s.steps("topic", []step{
		{"a=1;b=2|k:v\nk:w\nx\na;b=3|y\n", "produce t --header-separator | --header-list-separator ; --header-value-separator = -K : --ignore-errors", 0, "", "4 records acknowledged"},
		{"", "consume t -e --from-beginning --format %h/%k/%v\\n", 0, "a:1,b:2/k/v\n/k/w\n//x\na:null,b:3//y\n", ""},
		{"a:1|v\n", "produce t --header-separator | --header-value-separator =", 6, "", `no "=" in header "a:1"; expected name=value,name=value`},
		{"v\n", "produce t --header-list-separator=", 2, "", "must not be empty"},
	})
}

func TestConsumeTypes(t *testing.T) {
	s := newTopicSession(t)
	s.ok("", "topic", "create", "t")
	base64 := func(b ...byte) string { return base64.StdEncoding.EncodeToString(b) }
	in := ""
	values := [][]byte{{0xff, 0xfe}, {0, 0, 1, 0}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf9}, {0x3f, 0xc0, 0, 0}, {0x7f, 0xf8, 0, 0, 0, 0, 0, 0}, {1}, {0xca, 0xfe}}
	for i, v := range values {
		in += fmt.Sprintf(`{"key":"%s","value":"%s","encoding":{"key":"base64","value":"base64"},"headers":[{"key":"h","value":"%[1]s","encoding":"base64"}]}`+"\n", base64(0, byte(i)), base64(v...))
	}
	s.ok(in+`{"key":null,"value":null}`+"\n", "topic", "produce", "t", "--json")
	for i, c := range []struct{ name, want string }{{"short", "-2"}, {"int", "256"}, {"long", "-7"}, {"float", "1.5"}, {"double", "NaN"}, {"boolean", "true"}, {"hex", "cafe"}} {
		args := fmt.Sprintf("consume t --offset %d -n 1 --key-type short --header-type hex --value-type %s", i, c.name)
		s.steps("topic", []step{
			{"", args + " --format %h/%k/%v\\n", 0, fmt.Sprintf("h:000%d/%d/%s\n", i, i, c.want), ""},
			{"", args + " -k", 0, fmt.Sprintf("%d\t%s\n", i, c.want), ""},
		})
	}
	s.steps("topic", []step{
		{"", "consume t --offset 7 -n 1 --value-type long -k --key-type long", 0, "null\tnull\n", ""},
		{"", "consume t --offset 1 -n 1 --value-type long", 6, "", "t-0@1: the value has 4 bytes, expected 8 for long"},
		{"", "consume t --value-type decimal", 2, "", "--value-type decimal: expected one of boolean, double"},
		{"", "consume __consumer_offsets --decode --value-type long", 2, "", "none of the others"},
		{"", "perf produce t -n 3 --payload-monotonic", 0, "-", ""},
		{"", "consume t --offset 8 -n 3", 0, "0\n1\n2\n", ""},
	})
}
