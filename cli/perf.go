package cli

import (
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"
)

const mebi = 1 << 20

func (k *cluster) perfCommand() *cobra.Command {
	return group("perf", "Measure how fast a topic is written and read", k.perfProduceCommand(), k.perfConsumeCommand())
}

// perfFlags are those of both measurements.
type perfFlags struct {
	*cluster
	records    int64
	warmup     int64
	interval   time.Duration
	properties []string
}

func (p *perfFlags) bind(c *cobra.Command, side string) {
	f := c.Flags()
	f.Int64VarP(&p.records, "num-records", "n", 0, "number of records")
	f.Int64Var(&p.warmup, "warmup-records", 0, "so many of the first records are left out of the totals")
	f.DurationVar(&p.interval, "interval", 5*time.Second, "time between rows of progress")
	f.StringArrayVar(&p.properties, "property", nil, side+" setting NAME=VALUE under its Java name; may be repeated")
	if err := c.MarkFlagRequired("num-records"); err != nil {
		panic("cli: " + err.Error())
	}
}

func (p *perfFlags) check() error {
	switch {
	case p.records <= 0:
		return usagef("--num-records %d: expected at least 1", p.records)
	case p.warmup < 0 || p.warmup >= p.records:
		return usagef("--warmup-records %d: expected fewer than --num-records %d", p.warmup, p.records)
	case p.interval <= 0:
		return usagef("--interval %v: expected more than 0", p.interval)
	}
	return nil
}

// measured is what happened in a stretch of time.
type measured struct {
	Records   int64    `json:"records"`
	Bytes     int64    `json:"bytes"`
	Seconds   float64  `json:"seconds"`
	RecordsPS float64  `json:"records_per_second"`
	MBPS      float64  `json:"mb_per_second"` // of 2^20 bytes
	Latency   *latency `json:"latency_ms,omitempty"`
	FirstAt   *float64 `json:"seconds_to_first_record,omitempty"`
}

// latency is in milliseconds.
type latency struct {
	Avg  float64 `json:"avg"`
	Max  float64 `json:"max"`
	P50  float64 `json:"p50"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99_9"`
}

func (m *measured) finish(d time.Duration) {
	m.Seconds = math.Round(d.Seconds()*1000) / 1000
	if s := d.Seconds(); s > 0 {
		m.RecordsPS = math.Round(float64(m.Records)/s*10) / 10
		m.MBPS = math.Round(float64(m.Bytes)/mebi/s*100) / 100
	}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func latencies(h *histogram) *latency {
	return &latency{millis(h.average()), millis(h.max), millis(h.quantile(0.5)), millis(h.quantile(0.95)), millis(h.quantile(0.99)), millis(h.quantile(0.999))}
}

// perfReport is what -o json shows.
type perfReport struct {
	Topic     string     `json:"topic"`
	Warmup    int64      `json:"warmup_records"`
	Intervals []measured `json:"intervals"`
	Total     measured   `json:"total"` // without the warm-up
}

// row prints progress to people.
func (p *perfFlags) row(m measured, verb string) error {
	if p.output != "table" {
		return nil
	}
	text := fmt.Sprintf("%d records %s, %.1f records/sec (%.2f MB/sec)", m.Records, verb, m.RecordsPS, m.MBPS)
	if l := m.Latency; l != nil {
		text += fmt.Sprintf(", %.1f ms avg latency, %.1f ms max latency", l.Avg, l.Max)
	}
	_, err := fmt.Fprintln(p.Out, text+".")
	return err
}

// total prints the end.
func (p *perfFlags) total(r perfReport, verb string) error {
	if p.output != "table" {
		return show(p.Out, p.output, r, table{})
	}
	m := r.Total
	text := fmt.Sprintf("%d records %s, %.1f records/sec (%.2f MB/sec)", m.Records, verb, m.RecordsPS, m.MBPS)
	if l := m.Latency; l != nil {
		text += fmt.Sprintf(", %.2f ms avg latency, %.2f ms max latency, %.2f ms 50th, %.2f ms 95th, %.2f ms 99th, %.2f ms 99.9th", l.Avg, l.Max, l.P50, l.P95, l.P99, l.P999)
	}
	if m.FirstAt != nil {
		text += fmt.Sprintf(", first record after %.3f s", *m.FirstAt)
	}
	_, err := fmt.Fprintln(p.Out, text+".")
	return err
}
