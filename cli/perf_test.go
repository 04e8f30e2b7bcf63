package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// perfReport is topic perf -o json.
type perfReport struct {
	Topic  string
	Warmup int64 `json:"warmup_records"`
	Total  struct {
		Records, Bytes int64
		Seconds        float64
		PerSecond      float64 `json:"records_per_second"`
		First          float64 `json:"seconds_to_first_record"`
		Latency        struct {
			Avg, Max, P50, P95, P99 float64
			P999                    float64 `json:"p99_9"`
		} `json:"latency_ms"`
	}
}

func (s session) perf(args string) (r perfReport) {
	s.t.Helper()
	out := s.ok("", append(append([]string{"topic", "perf"}, strings.Fields(args)...), "-o", "json")...).out
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		s.t.Fatalf("topic perf %s: %v: %s", args, err, out)
	}
	return r
}

func TestPerf(t *testing.T) {
	s := newTopicSession(t)
	s.ok("", "topic", "create", "t", "-p", "2")
	r := s.perf("produce t -n 3000 -s 50 --warmup-records 1000")
	if r.Topic != "t" || r.Warmup != 1000 || r.Total.Records != 2000 || r.Total.Bytes != 100_000 || r.Total.PerSecond <= 0 {
		t.Errorf("produce: %+v", r)
	}
	if l := r.Total.Latency; l.Avg <= 0 || l.P50 <= 0 || l.P50 > l.P95 || l.P95 > l.P99 || l.P99 > l.P999 || l.P999 > l.Max {
		t.Errorf("latencies: %+v", l)
	}
	if r := s.perf("consume t -n 3000 --warmup-records 1"); r.Total.Bytes > 150_000 || r.Total.Records > 3000 {
		t.Errorf("consume: %+v", r)
	}
	if r := s.perf("consume t -n 3000 -g g"); r.Total.Records != 3000 || r.Total.Bytes != 150_000 || r.Total.PerSecond <= 0 {
		t.Errorf("consume as a group: %+v", r)
	}
	// 300 records at 1,000 a second: the last is due after 0.299 s.
	if r := s.perf("produce t -n 300 -s 1 -t 1000 --transactional-id x --transaction-duration 50ms"); r.Total.Records != 300 || r.Total.Seconds < 0.29 {
		t.Errorf("limited, in transactions: %+v", r)
	}
	file := filepath.Join(t.TempDir(), "payload")
	if err := os.WriteFile(file, []byte("aa;bb;aa;"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.ok("", "topic", "create", "u")
	text := s.ok("", "topic", "perf", "produce", "u", "-n", "20", "--payload-file", file, "--payload-delimiter", ";").out
	if !regexp.MustCompile(`^20 records sent, [0-9.]+ records/sec \([0-9.]+ MB/sec\), [0-9.]+ ms avg latency, [0-9.]+ ms max latency, [0-9.]+ ms 50th, [0-9.]+ ms 95th, [0-9.]+ ms 99th, [0-9.]+ ms 99\.9th\.\n$`).MatchString(text) {
		t.Errorf("last line: %q", text)
	}
	if out := s.ok("", "topic", "consume", "u", "-e", "--from-beginning").out; len(out) != 60 || strings.Trim(out, "ab\n") != "" {
		t.Errorf("payloads: %q", out)
	}
	if r := s.run("", "topic", "perf", "consume", "u", "-n", "21", "--timeout", "300ms"); r.code != 1 || !strings.Contains(r.out, "20 records read") || !strings.Contains(r.err, "only 20 of 21 records came") {
		t.Errorf("too few records: %d %q %q", r.code, r.out, r.err)
	}
}

func TestPerfErrors(t *testing.T) {
	s := newTopicSession(t)
	s.ok("", "topic", "create", "t", "-c", "max.message.bytes=100")
	s.steps("topic", []step{
		{"", "perf produce t -s 1", 2, "", "num-records"},
		{"", "perf produce t -n 1", 2, "", "record-size"},
		{"", "perf produce t -n 0 -s 1", 2, "", "at least 1"},
		{"", "perf produce t -n 1 -s 0", 2, "", "--record-size 0"},
		{"", "perf produce t -n 1 -s 1 --warmup-records 1", 2, "", "fewer than"},
		{"", "perf produce t -n 1 --payload-file /nope", 1, "", "/nope"},
		{"", "perf produce nope -n 1 -s 1", 3, "", "no topic nope"},
		{"", "perf produce t -n 5 -s 1000", 1, "", "MESSAGE_TOO_LARGE"},
		{"", "perf consume nope -n 1", 3, "", "no topic nope"},
		{"", "perf consume t -n 1 --timeout 0s", 2, "", "--timeout"},
	})
}
