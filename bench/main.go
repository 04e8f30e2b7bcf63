// Command bench measures the product as its users run it: the built binary, a
// real PostgreSQL, results counted at the destination. Every workload prints what
// Leat did beside the physical limit of the same run on the same machine (COPY
// for a table, the raw replication stream for changes), so that ratios hold where
// absolute figures do not.
//
//	go run ./bench                      all workloads
//	go run ./bench -only snapshot,sink  some of them
//	go run ./bench -only broker         the broker beside Apache Kafka (fetched with Maven; Java 17)
//	go run ./bench -rows 200000 -quick  a short look, not for figures
//
// It writes one JSON object a result to -json (default bench.jsonl below the
// temporary folder) and a table to standard output. It imports nothing of the
// server.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// options are the flags.
type options struct {
	binary string
	dir    string
	rows   int
	events int
	quick  bool
	only   []string

	// Of the broker's comparison with Apache Kafka.
	match   []string // rows to run
	alone   bool     // without Kafka
	against string   // another binary of ours in Kafka's place
	span    time.Duration
}

// workload measures one thing and reports its rows.
type workload struct {
	name string
	doc  string
	run  func(ctx context.Context, b *bench) error
}

var workloads = []workload{
	{"start", "exec to the first 200, on a new and on an existing folder; idle memory 60 s later", runStart},
	{"snapshot", "initial snapshot of a 12-column table into the topic", runSnapshot},
	{"stream", "backlog of changes drained into the topic, 1,000-row and single-row transactions", runStream},
	{"latency", "commit to topic at 2,000 events/s", runLatency},
	{"sink", "topic to table, insert and upsert", runSink},
	{"hostile", "one producer beside 10,000 idle and 1,000 slow connections", runHostile},
	{"broker", "the broker beside Apache Kafka: CPU, throughput, latency, memory, starts", runBroker},
}

func main() {
	var o options
	var only, match, jsonFile string
	flag.StringVar(&o.binary, "leat", "bin/leat", "the binary to measure")
	flag.StringVar(&o.dir, "dir", "", "folder for state (default: a new one below the temporary folder)")
	flag.IntVar(&o.rows, "rows", 2_000_000, "rows of the snapshot and the sink")
	flag.IntVar(&o.events, "events", 4_000_000, "events of the streaming backlog; a quarter as many in single-row transactions")
	flag.BoolVar(&o.quick, "quick", false, "shorten waits and phases; such figures are not for quoting")
	flag.StringVar(&only, "only", "", "workloads to run, separated by commas: "+names())
	flag.StringVar(&match, "rows-of-broker", "", "rows of the workload broker to run (names in brokerrows.go), separated by commas")
	flag.BoolVar(&o.alone, "alone", false, "measure the broker without Apache Kafka beside it")
	flag.StringVar(&o.against, "against", "", "a leat binary that takes Apache Kafka's place: before and after a change")
	flag.DurationVar(&o.span, "span", 10*time.Second, "length of one run of the broker's latency rows")
	flag.StringVar(&jsonFile, "json", filepath.Join(os.TempDir(), "bench.jsonl"), "where results go, one JSON object a line")
	flag.Parse()
	if only != "" {
		o.only = strings.Split(only, ",")
	}
	if match != "" {
		o.match = strings.Split(match, ",")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, jsonFile); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func names() string {
	var n []string
	for _, w := range workloads {
		n = append(n, w.name)
	}
	return strings.Join(n, ",")
}

func run(ctx context.Context, o options, jsonFile string) error {
	for _, name := range o.only {
		if !slices.ContainsFunc(workloads, func(w workload) bool { return w.name == name }) {
			return fmt.Errorf("-only: there is no workload %q; there are %s", name, names())
		}
	}
	out, err := os.Create(jsonFile)
	if err != nil {
		return err
	}
	defer out.Close()
	b, err := newBench(o, out)
	if err != nil {
		return err
	}
	defer b.close()
	for _, w := range workloads {
		if len(o.only) > 0 && !slices.Contains(o.only, w.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "== %s: %s\n", w.name, w.doc)
		if err := w.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
	}
	b.print(os.Stdout)
	fmt.Fprintln(os.Stderr, "results:", jsonFile)
	return nil
}

// result is one measured figure.
type result struct {
	Workload string  `json:"workload"`
	What     string  `json:"what"`
	Value    float64 `json:"value"`
	Unit     string  `json:"unit"`
	Limit    float64 `json:"limit,omitempty"` // the same of the physical limit
	LimitOf  string  `json:"limit_of,omitempty"`
	Target   float64 `json:"target,omitempty"`
	Lower    bool    `json:"lower_is_better,omitempty"`
	Mode     string  `json:"mode,omitempty"` // converter and durability

	// Where sides alternate: the peer's median, and all runs of both.
	Peer     float64   `json:"peer,omitempty"`
	Runs     []float64 `json:"runs,omitempty"`
	PeerRuns []float64 `json:"peer_runs,omitempty"`
}

// toPeer is the ratio to the peer.
func (r result) toPeer() string {
	if r.Peer == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", r.Value/r.Peer)
}

func (r result) ratio() string {
	if r.Limit == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", r.Value/r.Limit)
}

func (r result) verdict() string {
	switch {
	case r.Target == 0:
		return ""
	case (r.Lower && r.Value <= r.Target) || (!r.Lower && r.Value >= r.Target):
		return "met"
	}
	return "MISSED"
}

// report keeps a result and writes its JSON line.
func (b *bench) report(r result) error {
	b.results = append(b.results, r)
	fmt.Fprintf(os.Stderr, "   %-46s %14.5g %-10s peer %.5g limit %.5g %s\n", r.What, r.Value, r.Unit, r.Peer, r.Limit, r.LimitOf)
	return json.NewEncoder(b.out).Encode(r)
}

func (b *bench) print(to *os.File) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WORKLOAD\tWHAT\tLEAT\t+-\tUNIT\tPEER\t+-\tRATIO\tLIMIT\tOF\tRATIO\tTARGET\t\tMODE")
	for _, r := range b.results {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Workload, r.What, human(r.Value), spread(r.Runs), r.Unit,
			human(r.Peer), spread(r.PeerRuns), r.toPeer(), human(r.Limit), r.LimitOf, r.ratio(), human(r.Target), r.verdict(), r.Mode)
	}
	w.Flush()
}

func human(f float64) string {
	switch {
	case f == 0:
		return ""
	case f >= 1000:
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.3g", f)
}
