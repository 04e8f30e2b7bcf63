package worker_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connect/plugin"
)

// The plugins below are ports of the misbehaving plugins that errors.jsonl was
// recorded with; the README of the fixtures says what they do.

func registerProbes(r *plugin.Registry) {
	r.AddSink("probe.ProbeSink", "1.0", func() connect.SinkConnector { return &probeSink{} })
	r.AddSource("probe.ProbeSource", "1.0", func() connect.SourceConnector { return &probeSource{} })
	r.AddTransform("probe.ProbeTransform", "1.0", func() connect.Transform { return &probeTransform{} })
	r.AddPredicate("probe.ProbePredicate", "1.0", func() connect.Predicate { return &probePredicate{} })
}

type probeConnector struct{ props map[string]string }

func (c *probeConnector) Start(_ connect.ConnectorContext, props map[string]string) error {
	c.props = props
	return nil
}

func (c *probeConnector) TaskConfigs(int) ([]map[string]string, error) {
	out := map[string]string{}
	for k, v := range c.props {
		out[k] = v
	}
	return []map[string]string{out}, nil
}

func (c *probeConnector) Stop() error { return nil }

type probeSink struct{ probeConnector }

// TaskConfigs gives as many tasks as it may.
func (c *probeSink) TaskConfigs(most int) ([]map[string]string, error) {
	var out []map[string]string
	for range most {
		one, err := c.probeConnector.TaskConfigs(1)
		if err != nil {
			return nil, err
		}
		out = append(out, one[0])
	}
	return out, nil
}

func (*probeSink) Define(d *config.Def)          { d.String(nil, "file").Default(nil) }
func (*probeSink) NewTask() connect.SinkTask     { return &probeSinkTask{tries: map[string]int{}} }
func (*probeSink) TaskClass() string             { return "probe.ProbeSink$Task" }
func (*probeSource) TaskClass() string           { return "probe.ProbeSource$Task" }
func (*probeSource) NewTask() connect.SourceTask { return &probeSourceTask{} }
func (*probeSource) Define(d *config.Def) {
	d.String(nil, "topic").Default(nil)
	d.String(nil, "values").Default(nil)
}

type probeSinkTask struct {
	file  string
	ctx   connect.SinkContext
	tries map[string]int
}

func (t *probeSinkTask) Start(ctx connect.SinkContext, props map[string]string) error {
	t.file, t.ctx = props["file"], ctx
	return nil
}

func (t *probeSinkTask) write(format string, args ...any) error {
	f, err := os.OpenFile(t.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintf(f, format+"\n", args...)
	return err
}

func (t *probeSinkTask) Put(_ context.Context, b *connect.Batch) error {
	for i := range b.Records {
		r := &b.Records[i]
		if err := t.put(r); err != nil {
			return err
		}
	}
	return nil
}

func (t *probeSinkTask) put(r *connect.Record) error {
	v := r.Value.String()
	kind, rest, _ := strings.Cut(v, ":")
	switch kind {
	case "report":
		reporter := t.ctx.ErrantReporter()
		if reporter == nil {
			return t.write("NOREPORTER %s", v)
		}
		if err := reporter.Report(r, connect.Errorf(connect.ClassIllegalState, "reported %s", v)); err != nil {
			return err
		}
		return t.write("REPORTED %s", v)
	case "putfail":
		return connect.ConnectErrorf("put failed on %s", v)
	case "putnpe":
		return connect.Errorf(connect.ClassNullPointer, "null in put")
	case "putretry":
		n, _, _ := strings.Cut(rest, ":")
		most, err := strconv.Atoi(n)
		if err != nil {
			return err
		}
		t.tries[v]++
		if err := t.write("TRY %d %s", t.tries[v], v); err != nil {
			return err
		}
		if t.tries[v] <= most {
			return connect.Errorf(connect.ClassRetriable, "try again %s", v)
		}
		return nil
	}
	return t.write("%s/%d/%d %s %s", r.OriginalTopic, r.OriginalPartition, r.Offset, r.Key, v)
}

func (t *probeSinkTask) Stop() error { return nil }

type probeSource struct{ probeConnector }

type probeSourceTask struct {
	topic     string
	values    []string
	partition *connect.Partition
	next      int
	tries     int
}

func (t *probeSourceTask) Start(ctx connect.SourceContext, props map[string]string) error {
	t.topic, t.values = props["topic"], strings.Split(props["values"], "|")
	t.partition = connect.NewPartition(map[string]any{"p": t.topic})
	stored, err := ctx.Offsets().Offsets(ctx.Context(), t.partition)
	if err == nil && stored[0] != nil {
		t.next = int(stored[0]["n"].(int64))
	}
	return err
}

func (t *probeSourceTask) Poll(ctx context.Context, b *connect.Batch) error {
	if t.next >= len(t.values) {
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
		return nil
	}
	for ; t.next < len(t.values); t.next++ {
		v := t.values[t.next]
		if b.Len() > 0 && strings.HasPrefix(v, "poll") {
			return nil
		}
		switch {
		case strings.HasPrefix(v, "pollfail:"):
			return connect.ConnectErrorf("poll failed on %s", v)
		case strings.HasPrefix(v, "pollretry:") && t.tries < 2:
			t.tries++
			return connect.Errorf(connect.ClassRetriable, "poll again %s", v)
		}
		r := b.Add()
		r.Topic, r.SourcePartition = t.topic, t.partition
		r.SourceOffset = connect.OffsetMap{"n": int64(t.next + 1)}
		r.KeySchema, r.Key = data.StringSchema, data.String("k"+strconv.Itoa(t.next+1))
		r.ValueSchema, r.Value = data.StringSchema, data.String(v)
		if n, ok := strings.CutPrefix(v, "repeat:"); ok {
			count, err := strconv.Atoi(n)
			if err != nil {
				return err
			}
			r.Value = data.String(strings.Repeat("x", count))
		}
		if strings.HasPrefix(v, "convfail:") {
			r.Value = data.Int32(5)
		}
		if strings.HasPrefix(v, "hdrfail:") {
			r.Headers = append(r.Headers, connect.Header{Key: "h", Schema: data.Int32Schema, Value: data.Int32(1)})
		}
	}
	return nil
}

func (t *probeSourceTask) Stop() error { return nil }

type probeTransform struct {
	tries map[string]int
}

func (*probeTransform) Define(*config.Def)                  {}
func (t *probeTransform) Configure(map[string]string) error { t.tries = map[string]int{}; return nil }
func (*probeTransform) Close() error                        { return nil }

func (t *probeTransform) Apply(r *connect.Record) (bool, error) {
	if r.Value.Kind() != data.KindString {
		return true, nil
	}
	v := r.Value.Str()
	kind, rest, _ := strings.Cut(v, ":")
	switch kind {
	case "smtfail":
		return false, connect.Cause(connect.ClassData, "transform failed on "+v, connect.Errorf(connect.ClassIllegalArg, "inner cause"))
	case "smtnpe":
		return false, connect.Errorf(connect.ClassNullPointer, "null in transform")
	case "smterror":
		return false, connect.Errorf("java.lang.StackOverflowError", "error in transform")
	case "smtpanic":
		panic("probe panics on " + v)
	case "smtretry":
		n, _, _ := strings.Cut(rest, ":")
		most, err := strconv.Atoi(n)
		if err != nil {
			return false, err
		}
		if t.tries[v]++; t.tries[v] <= most {
			return false, connect.Errorf(connect.ClassRetriable, "transform again %s", v)
		}
	}
	return true, nil
}

type probePredicate struct{}

func (probePredicate) Define(*config.Def)                {}
func (probePredicate) Configure(map[string]string) error { return nil }
func (probePredicate) Close() error                      { return nil }
func (probePredicate) Test(r *connect.Record) (bool, error) {
	if v := r.Value.String(); strings.HasPrefix(v, "predfail:") {
		return false, connect.DataErrorf("predicate failed on %s", v)
	}
	return true, nil
}
