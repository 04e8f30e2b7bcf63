package cli_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leat-project/leat/broker/brokertest"
	"github.com/leat-project/leat/broker/inspect/inspecttest"
)

// logSession has a broker with a topic of 20 records in small index intervals.
func logSession(t *testing.T) (session, *brokertest.Broker) {
	b := brokertest.Start(t, nil)
	s := session{t, map[string]string{"LEAT_KAFKA": b.Addr()}}
	s.ok("", "topic", "create", "orders", "-c", "index.interval.bytes=0")
	for i := range 20 {
		s.ok(fmt.Sprintf("k%d|value %d\n", i, i), "topic", "produce", "orders", "-K", "|")
	}
	return s, b
}

func TestLogDump(t *testing.T) {
	s, b := logSession(t)
	b.Stop()
	folder := filepath.Join(b.Dir(), "orders-0")
	r := s.ok("", "log", "dump", "--print-data-log", folder)
	for _, want := range []string{"k7  ->  value 7", "OFFSET  POSITION", "FILE " + filepath.Join(folder, "leader-epoch-checkpoint"), "topic_id  "} {
		if !strings.Contains(r.out, want) {
			t.Errorf("dump: %q is not in\n%s", want, r.out)
		}
	}
	// The same as JSON, one object a line.
	kinds := map[string]int{}
	for in := bufio.NewScanner(strings.NewReader(s.ok("", "log", "dump", "-d", "-o", "json", b.Dir()).out)); in.Scan(); {
		var item struct{ Type string }
		if err := json.Unmarshal(in.Bytes(), &item); err != nil {
			t.Fatalf("%s: %v", in.Text(), err)
		}
		kinds[item.Type]++
	}
	for _, k := range []string{"file", "batch", "record", "index", "timeindex", "producer", "epoch", "mark", "property"} {
		if kinds[k] == 0 {
			t.Errorf("no %s in %v", k, kinds)
		}
	}

	log := filepath.Join(folder, "00000000000000000000.log")
	r = s.ok("", "log", "dump", "--print-data-log", "--skip-record-metadata", log)
	if !strings.Contains(r.out, "\n| key k7  value value 7\n") || strings.Contains(r.out, "offset 7") {
		t.Errorf("dump without metadata: %s", r.out)
	}
	first := decode[struct{ Size int64 }](t, strings.Split(s.ok("", "log", "dump", "-o", "json", log).out, "\n")[1]).Size
	for limit, want := range map[int64]int{0: 20, first - 1: 0, first: 1, first + 1: 1} {
		r := s.ok("", "log", "dump", "-o", "json", "--max-bytes", fmt.Sprint(limit), log)
		if n := strings.Count(r.out, `"type":"batch"`); n != want {
			t.Errorf("dump --max-bytes %d: %d batches, want %d", limit, n, want)
		}
	}
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if err := os.WriteFile(log, data, 0o600); err != nil {
		t.Fatal(err)
	}
	r = s.run("", "log", "dump", "-q", b.Dir())
	if r.code != 1 || strings.Count(r.out, "\n") != 1 || !strings.HasPrefix(r.out, "PROBLEM "+log+" at byte ") || !strings.Contains(r.out, "CRC") {
		t.Errorf("dump of a damaged file: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	for _, c := range []struct {
		code int
		args []string
	}{{2, nil}, {3, []string{"/nope"}}, {2, []string{"--decoder", "x", log}}, {2, []string{"-o", "yaml", log}},
		{2, []string{"--max-bytes", "-1", log}}, {2, []string{"--skip-record-metadata", log}}, {2, []string{"--skip-record-metadata", "--print-data-log", "-o", "json", log}}} {
		if r := s.run("", append([]string{"log", "dump"}, c.args...)...); r.code != c.code {
			t.Errorf("dump %q: exit code %d: %s, want %d", c.args, r.code, r.err, c.code)
		}
	}
}

func TestLogDumpOfKafka(t *testing.T) {
	s := session{t, nil}
	dir := inspecttest.Kafka(t)
	if r := s.ok("", "log", "dump", "-q", dir); r.out != "" {
		t.Errorf("dump of Apache Kafka's files: %s", r.out)
	}
	r := s.ok("", "log", "dump", "--print-data-log", filepath.Join(dir, "__consumer_offsets-1"))
	if want := `OffsetCommitKey{"group":"readers","topic":"orders","partition":0}  ->  OffsetCommitValue{"offset":11,`; !strings.Contains(r.out, want) {
		t.Errorf("%s is not in\n%s", want, r.out)
	}
}
