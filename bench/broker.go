package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// runBroker compares the broker with Apache Kafka's. Both run all the time, with
// the same client; each row is measured in the order Leat, Kafka, Kafka, Leat
// after a run of each that does not count.
func runBroker(ctx context.Context, b *bench) error {
	raiseFiles()
	m := &match{bench: b}
	defer m.close()
	if err := m.begin(ctx); err != nil {
		return err
	}
	rows := m.rows()
	for _, name := range b.match {
		if !slices.ContainsFunc(rows, func(r row) bool { return r.name == name }) {
			return fmt.Errorf("-rows-of-broker: there is no row %q", name)
		}
	}
	for _, r := range rows {
		if len(b.match) > 0 && !slices.Contains(b.match, r.name) {
			continue
		}
		if err := m.row(ctx, r); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return nil
}

// match is the comparison of the two brokers.
type match struct {
	*bench
	sides [2]*side // ours first
	seq   int      // of topics
}

// row is one measurement with the figures that come out of it.
type row struct {
	name    string
	mode    string
	figures []figure
	// measure makes one run on a side. Keys of what it returns are those of
	// the figures.
	measure func(ctx context.Context, s *side) (map[string]float64, error)
	// cold rows start processes of their own and are not warmed up.
	cold bool
	// limit names keys of our run's outcome that hold the physical limit.
	limitOf string
}

// figure is one result of a row.
type figure struct {
	key    string
	what   string
	unit   string
	target float64
	lower  bool
	limit  string // key of the physical limit, measured in the same run
	// ofLimit makes the target a fraction of the limit, ofPeer of the peer.
	ofLimit, ofPeer bool
}

func (m *match) begin(ctx context.Context) error {
	for i, name := range []string{ours, theirs} {
		if name == theirs && m.alone {
			continue
		}
		s, err := m.newSide(ctx, name, "broker")
		if err != nil {
			return err
		}
		m.sides[i] = s
		if err := s.start(ctx); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stderr, "   %s; load before the runs: %s\n", machine(), load())
	return nil
}

func (m *match) close() {
	for _, s := range m.sides {
		if s != nil {
			s.remove()
		}
	}
}

// row measures and reports one row.
func (m *match) row(ctx context.Context, r row) error {
	fmt.Fprintf(os.Stderr, " - %s (load %s)\n", r.name, load())
	order := []*side{m.sides[0], m.sides[1], m.sides[1], m.sides[0]}
	if m.alone {
		order = []*side{m.sides[0], m.sides[0], m.sides[0]}
	}
	if !r.cold && !m.alone {
		order = append([]*side{m.sides[0], m.sides[1]}, order...)
	}
	warm := len(order) - 4
	got := map[string]map[string][]float64{ours: {}, theirs: {}}
	for i, s := range order {
		if s == nil {
			continue
		}
		values, err := r.measure(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if i < warm {
			continue
		}
		for k, v := range values {
			got[s.name][k] = append(got[s.name][k], v)
		}
	}
	for _, f := range r.figures {
		if err := m.report(f.result(r, got)); err != nil {
			return err
		}
	}
	return nil
}

// result makes the row's result of one figure.
func (f figure) result(r row, got map[string]map[string][]float64) result {
	out := result{Workload: "broker", What: f.what, Unit: f.unit, Target: f.target, Lower: f.lower, Mode: r.mode,
		Runs: got[ours][f.key], PeerRuns: got[theirs][f.key]}
	out.Value, out.Peer = median(out.Runs), median(out.PeerRuns)
	if f.limit != "" {
		out.Limit, out.LimitOf = median(got[ours][f.limit]), r.limitOf
	}
	switch {
	case f.ofLimit:
		out.Target *= out.Limit
	case f.ofPeer:
		out.Target *= out.Peer
	}
	return out
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// spread is half of the distance of the extremes, in percent of the median.
func spread(v []float64) string {
	mid := median(v)
	if len(v) < 2 || mid == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f%%", 50*(slices.Max(v)-slices.Min(v))/math.Abs(mid))
}

// topic is a new name.
func (m *match) topic(what string) string {
	m.seq++
	return fmt.Sprintf("%s-%d", what, m.seq)
}

// measured is what one run cost the broker.
type measured struct {
	side *side
	cpu  float64
	at   time.Time
}

func measure(s *side) (measured, error) {
	cpu, err := cpuSeconds(s.proc.Pid)
	return measured{s, cpu, time.Now()}, err
}

// since returns CPU seconds and wall-clock seconds since measure.
func (m measured) since() (cpu, wall float64, err error) {
	wall = time.Since(m.at).Seconds()
	now, err := cpuSeconds(m.side.proc.Pid)
	return now - m.cpu, wall, err
}

// records is the sum of a topic's end offsets, as its broker says.
func (s *side) records(ctx context.Context, topic string) (int64, error) {
	return endOf(ctx, s.admin, topic)
}

func machine() string {
	out, err := exec.Command("uname", "-srm").Output()
	if err != nil {
		return "unknown machine"
	}
	return strings.TrimSpace(string(out))
}

// load is the machine's load averages, so that a figure from a busy machine is
// known as one.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	f := strings.Fields(string(text))
	return strings.Join(f[:3], " ")
}

func percentile(took []time.Duration, p float64) time.Duration {
	slices.Sort(took)
	return took[min(len(took)-1, int(float64(len(took))*p))]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
