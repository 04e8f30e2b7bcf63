package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/converters"
	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/pipeline"
)

// step is a transform that a test writes.
type step struct {
	apply func(r *connect.Record) (bool, error)
}

func (*step) Define(*config.Def)                      {}
func (*step) Configure(map[string]string) error       { return nil }
func (*step) Close() error                            { return nil }
func (s *step) Apply(r *connect.Record) (bool, error) { return s.apply(r) }

func registry(steps ...func(r *connect.Record) (bool, error)) (*plugin.Registry, map[string]string) {
	reg := &plugin.Registry{}
	converters.Register(reg)
	config := map[string]string{"key.converter": "org.apache.kafka.connect.storage.StringConverter",
		"value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false"}
	var aliases []string
	for i, s := range steps {
		class := fmt.Sprintf("test.Step%d", i)
		reg.AddTransform(class, "1", func() connect.Transform { return &step{s} })
		aliases = append(aliases, fmt.Sprint(i))
		config[fmt.Sprintf("transforms.%d.type", i)] = class
	}
	config["transforms"] = strings.Join(aliases, ",")
	return reg, config
}

func parts(t testing.TB, ec pipeline.ErrorConfig, steps ...func(r *connect.Record) (bool, error)) (pipeline.Chain, *pipeline.Converters, *pipeline.Errors) {
	t.Helper()
	reg, cfg := registry(steps...)
	chain, err := pipeline.BuildChain(reg, cfg)
	if err != nil {
		t.Fatal(err)
	}
	conv, err := pipeline.BuildConverters(reg, cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return chain, conv, pipeline.NewErrors(ec, model.TaskID{Connector: "c"}, nil, slog.New(slog.DiscardHandler))
}

func batch(values ...string) *connect.Batch {
	b := connect.NewBatch(0, 0, nil)
	for _, v := range values {
		r := b.Add()
		r.Topic, r.KeySchema, r.Key = "t", data.StringSchema, data.String("k")
		r.ValueSchema, r.Value = data.StringSchema, data.String(v)
	}
	return b
}

func encoded(out *pipeline.Encoded) string {
	var texts []string
	for _, it := range out.Items {
		if it.Record < 0 {
			texts = append(texts, "-")
			continue
		}
		texts = append(texts, string(out.Records[it.Record].Value))
	}
	return strings.Join(texts, " ")
}

// A retry resumes at the transform that failed; those before it do not run again.
func TestRetryResumesAtTheFailedTransform(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, tries := 0, 0
		chain, conv, errs := parts(t, pipeline.ErrorConfig{Tolerance: "none", RetryTimeout: 10000, RetryDelayMax: 60000},
			func(*connect.Record) (bool, error) { first++; return true, nil },
			func(*connect.Record) (bool, error) {
				if tries++; tries <= 3 {
					return false, connect.Retriable(errors.New("not yet"))
				}
				return true, nil
			})
		var out pipeline.Encoded
		start := time.Now()
		if _, err := pipeline.NewSource(chain, conv, errs).Encode(t.Context(), batch("a"), 0, &out); err != nil {
			t.Fatal(err)
		}
		if first != 1 || tries != 4 || encoded(&out) != `"a"` {
			t.Fatalf("first ran %d times, second %d, encoded %s", first, tries, encoded(&out))
		}
		if d := time.Since(start); d != 2100*time.Millisecond { // 300 + 600 + 1200
			t.Fatalf("waited %v", d)
		}
	})
}

func TestRetriesEndWithTheTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		chain, conv, errs := parts(t, pipeline.ErrorConfig{Tolerance: "none", RetryTimeout: 1000, RetryDelayMax: 60000},
			func(*connect.Record) (bool, error) { tries++; return false, connect.Retriable(errors.New("never")) })
		var out pipeline.Encoded
		_, err := pipeline.NewSource(chain, conv, errs).Encode(t.Context(), batch("a"), 0, &out)
		if err == nil || !strings.HasPrefix(err.Error(), "Tolerance exceeded in error handler") || tries != 4 { // at 0, 300, 900, 1000 ms
			t.Fatalf("%d tries, error %v", tries, err)
		}
	})
}

func TestAnEndedContextNeitherSkipsNorFails(t *testing.T) {
	chain, conv, errs := parts(t, pipeline.ErrorConfig{Tolerance: "all", RetryTimeout: -1, RetryDelayMax: 60000},
		func(*connect.Record) (bool, error) { return false, connect.Retriable(errors.New("never")) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out pipeline.Encoded
	_, err := pipeline.NewSource(chain, conv, errs).Encode(ctx, batch("a"), 0, &out)
	if !errors.Is(err, context.Canceled) || len(out.Items) != 0 {
		t.Fatalf("error %v, items %v", err, out.Items)
	}
}

func TestSourceSkipsBadRecords(t *testing.T) {
	chain, conv, errs := parts(t, pipeline.ErrorConfig{Tolerance: "all"}, func(r *connect.Record) (bool, error) {
		switch v := r.Value.Str(); v {
		case "drop":
			return false, nil
		case "bad":
			return false, connect.DataErrorf("bad record")
		case "panic":
			panic("oh")
		}
		return true, nil
	})
	b := batch("a", "bad", "drop", "panic", "b")
	b.Records[4].Timestamp = 17
	var out pipeline.Encoded
	if _, err := pipeline.NewSource(chain, conv, errs).Encode(t.Context(), b, 0, &out); err != nil {
		t.Fatal(err)
	}
	if got := encoded(&out); got != `"a" - - - "b"` {
		t.Fatalf("encoded %s", got)
	}
	if got := errs.Stats.Skipped.Load(); got != 2 {
		t.Fatalf("skipped = %d, want 2", got)
	}
	if ms := out.Records[1].Timestamp.UnixMilli(); ms != 17 {
		t.Fatalf("timestamp = %d", ms)
	}
}

func TestNegativeTimestampFailsInSpiteOfTolerance(t *testing.T) {
	chain, conv, errs := parts(t, pipeline.ErrorConfig{Tolerance: "all"})
	b := batch("a")
	b.Records[0].Timestamp = -5
	var out pipeline.Encoded
	_, err := pipeline.NewSource(chain, conv, errs).Encode(t.Context(), b, 0, &out)
	if err == nil || err.Error() != "Invalid record timestamp -5" {
		t.Fatalf("error = %v", err)
	}
}

func TestSinkKeepsOriginals(t *testing.T) {
	chain, conv, errs := parts(t, pipeline.ErrorConfig{Tolerance: "all"}, func(r *connect.Record) (bool, error) {
		r.Topic = "renamed"
		return r.Value.Kind() != data.KindString, nil
	})
	recs := []*kgo.Record{
		{Topic: "t", Partition: 1, Offset: 5, Key: []byte("k"), Value: []byte(`{"a":1}`)},
		{Topic: "t", Partition: 1, Offset: 6, Value: []byte(`{bad`)},
		{Topic: "t", Partition: 1, Offset: 7, Value: []byte(`"dropped"`)},
		{Topic: "t", Partition: 1, Offset: 8},
	}
	b := connect.NewBatch(0, 0, nil)
	origin, err := pipeline.NewSink(chain, conv, errs).Decode(t.Context(), recs, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(origin) != 2 || b.Len() != 2 || origin[0] != recs[0] || origin[1] != recs[3] {
		t.Fatalf("%d records, %d originals", b.Len(), len(origin))
	}
	if r := b.Records[1]; r.Topic != "renamed" || r.OriginalTopic != "t" || r.OriginalPartition != 1 || r.Offset != 8 || !r.Value.IsNull() {
		t.Fatalf("record = %+v", r)
	}
}

func TestTrace(t *testing.T) {
	inner := connect.Errorf(connect.ClassIllegalArg, "inner")
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"class and message", connect.DataErrorf("bad"), connect.ClassData + ": bad\n"},
		{"no message", connect.Errorf(connect.ClassNullPointer, ""), connect.ClassNullPointer + "\n"},
		{"causes", connect.Cause(connect.ClassConnect, "outer", connect.Cause(connect.ClassData, "middle", inner)),
			connect.ClassConnect + ": outer\nCaused by: " + connect.ClassData + ": middle\nCaused by: " + connect.ClassIllegalArg + ": inner\n"},
		{"a plain cause", connect.Cause(connect.ClassConnect, "outer", errors.New("dial tcp: refused")),
			connect.ClassConnect + ": outer\nCaused by: " + connect.ClassConnect + ": dial tcp: refused\n"},
		{"go wrapping", fmt.Errorf("doing this: %w", inner), connect.ClassIllegalArg + ": doing this: inner\nCaused by: " + connect.ClassIllegalArg + ": inner\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := pipeline.Trace(c.err); got != c.want {
				t.Fatalf("trace\n%swant\n%s", got, c.want)
			}
		})
	}
}

func TestEncodeDoesNotAllocate(t *testing.T) {
	chain, conv, errs := parts(t, pipeline.ErrorConfig{Tolerance: "none"}, func(*connect.Record) (bool, error) { return true, nil })
	s := pipeline.NewSource(chain, conv, errs)
	b := batch(strings.Split(strings.Repeat("value,", 500), ",")...)
	for i := range b.Records {
		b.Records[i].Headers = []connect.Header{{Key: "h", Value: data.String("1")}, {Key: "i", Value: data.String("2")}}
	}
	var out pipeline.Encoded
	encode := func() {
		out.Reset()
		if _, err := s.Encode(t.Context(), b, 0, &out); err != nil {
			t.Fatal(err)
		}
	}
	encode()
	if n := testing.AllocsPerRun(20, encode); n > 2 {
		t.Fatalf("%.0f allocations for a batch of %d records, want at most 2", n, b.Len())
	}
}

// at is a source offset.
type at string

func (o at) OffsetMap() map[string]any { return map[string]any{"at": string(o)} }

// TestOffsetWithoutRecord: it keeps its place between the records, and neither
// transforms nor converters see it.
func TestOffsetWithoutRecord(t *testing.T) {
	seen := 0
	chain, conv, errs := parts(t, pipeline.ErrorConfig{Tolerance: "none"}, func(*connect.Record) (bool, error) { seen++; return true, nil })
	b := batch("a")
	partition := connect.NewPartition(map[string]any{"server": "s"})
	b.AddOffset(partition, at("mark"))
	r := b.Add()
	r.Topic, r.ValueSchema, r.Value = "t", data.StringSchema, data.String("b")
	var out pipeline.Encoded
	if _, err := pipeline.NewSource(chain, conv, errs).Encode(t.Context(), b, 0, &out); err != nil {
		t.Fatal(err)
	}
	if seen != 2 || encoded(&out) != `"a" - "b"` {
		t.Fatalf("%d records were transformed, encoded %s: want 2 and a mark between", seen, encoded(&out))
	}
	if it := out.Items[1]; it.Partition != partition || it.Offset != at("mark") {
		t.Errorf("the item of the mark is %+v", it)
	}
}

// A batch is encoded in parts, in order and each record once, also where one is
// tried again.
func TestEncodeInParts(t *testing.T) {
	big := strings.Repeat("x", 700<<10)
	seen := map[string]int{}
	tries := 0
	chain, conv, errs := parts(t, pipeline.ErrorConfig{Tolerance: "none", RetryTimeout: 60_000, RetryDelayMax: 1},
		func(r *connect.Record) (bool, error) { seen[r.Value.Str()[:1]]++; return true, nil },
		func(r *connect.Record) (bool, error) {
			if tries++; r.Value.Str()[:1] == "c" && tries < 6 {
				return false, connect.Retriable(errors.New("not yet"))
			}
			return true, nil
		})
	b := batch("a"+big, "b"+big, "c"+big, "d"+big, "e"+big, "f"+big, "g")
	for i := range b.Records {
		b.Records[i].Headers = []connect.Header{{Key: "n", Value: data.Int64(int64(i))}}
	}
	s := pipeline.NewSource(chain, conv, errs)
	var got []string
	var ends []int
	for next := 0; next < b.Len(); {
		var out pipeline.Encoded
		var err error
		if next, err = s.Encode(t.Context(), b, next, &out); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, next)
		for _, r := range out.Records {
			got = append(got, string(r.Value[1:2])+string(r.Headers[0].Value))
		}
	}
	if want := "a0 b1 c2 d3 e4 f5 g6"; strings.Join(got, " ") != want {
		t.Errorf("encoded %s, want %s", strings.Join(got, " "), want)
	}
	if want := []int{3, 6, 7}; !slices.Equal(ends, want) {
		t.Errorf("parts end at %d, want %d", ends, want)
	}
	for v, n := range seen {
		if n != 1 {
			t.Errorf("record %s was transformed %d times", v, n)
		}
	}
}
