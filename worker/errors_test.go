package worker_test

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/connect/connecttest/fixture"
	"github.com/leat-project/leat/worker/model"
)

// errorCase is one line of errors.jsonl.
type errorCase struct {
	ID        string
	Config    map[string]string
	Input     []recorded
	Status    json.RawMessage
	Delivered []string
	DLQ       []recorded
	Output    []recorded
	Offsets   []model.ConnectorOffset
	Log       []string
}

// recorded is a record as the fixtures write it.
type recorded struct {
	Topic       string
	Partition   int32
	Offset      int64
	Timestamp   any
	Key, Value  *string
	KeyBase64   *string
	ValueBase64 *string
	Headers     []struct {
		Key   string
		Value *string
	}
}

func (r recorded) bytes(t *testing.T, text, b64 *string) []byte {
	t.Helper()
	if b64 != nil {
		b, err := base64.StdEncoding.DecodeString(*b64)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if text == nil {
		return nil
	}
	return []byte(*text)
}

var (
	frames    = regexp.MustCompile(`(?m)^(\tat .*|\t\.\.\. .*|<STACK>)\n?`)
	epochs    = regexp.MustCompile(`timestamp=(\d+|<EPOCH_MS>)`)
	jsonError = regexp.MustCompile(`(?s)(JsonParseException|JsonEOFException): .*?(\nCaused by|\n?$)`)
)

// comparable takes out of a text what is the JVM's: stack frames, times, the words
// of Java's JSON parser.
func comparable(s string) string {
	s = frames.ReplaceAllString(s, "")
	s = epochs.ReplaceAllString(s, "timestamp=<EPOCH_MS>")
	s = jsonError.ReplaceAllString(s, "$1: ...$2")
	return strings.TrimRight(s, "\n")
}

func TestFixturesErrors(t *testing.T) {
	for _, file := range fixture.Load(t, "errors.jsonl") {
		// A broker for each file: files may hold cases of the same name.
		b := startBroker(t)
		n := startNode(t, b.Addr(), nil)
		for _, raw := range file.Cases {
			var c errorCase
			if err := json.Unmarshal(raw, &c); err != nil {
				t.Fatal(err)
			}
			t.Run(c.ID, func(t *testing.T) { c.run(t, n) })
		}
	}
}

func (c *errorCase) run(t *testing.T, n *node) {
	data := t.TempDir()
	for k, v := range c.Config {
		c.Config[k] = strings.ReplaceAll(v, "<DATA>", data)
	}
	c.produce(t, n.addr)
	name := c.Config["name"]
	if _, _, err := n.herder.PutConfig(t.Context(), name, model.ConfigOf(c.Config)); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.herder.Delete(t.Context(), name); err != nil {
			t.Error(err)
		}
	}()
	want := c.wantStatus(t)
	within(t, func() string { return diff(c.status(t, n), want) })
	if c.Config["file"] != "" {
		within(t, func() string { return diff(lines(t, c.Config["file"]), c.Delivered) })
	}
	within(t, func() string {
		got, err := n.herder.Offsets(t.Context(), name)
		if err != nil {
			return err.Error()
		}
		return diff(offsetTexts(t, got), offsetTexts(t, c.Offsets))
	})
	if len(c.DLQ) > 0 {
		c.compareRecords(t, n, c.DLQ, c.Config["errors.deadletterqueue.topic.name"])
	}
	if len(c.Output) > 0 {
		c.compareRecords(t, n, c.Output, c.Config["topic"])
	}
	var logs []string
	for _, l := range c.Log {
		logs = append(logs, comparable(l))
	}
	within(t, func() string {
		var got []string
		for _, l := range n.logs.of(name) {
			got = append(got, comparable(l))
		}
		return diff(got, logs)
	})
}

func (c *errorCase) produce(t *testing.T, addr string) {
	if len(c.Input) == 0 {
		return
	}
	cl := client(t, addr, kgo.AllowAutoTopicCreation())
	var recs []*kgo.Record
	for _, in := range c.Input {
		r := &kgo.Record{Topic: in.Topic, Key: in.bytes(t, in.Key, in.KeyBase64), Value: in.bytes(t, in.Value, in.ValueBase64)}
		if ms, ok := in.Timestamp.(float64); ok {
			r.Timestamp = time.UnixMilli(int64(ms))
		}
		for _, h := range in.Headers {
			header := kgo.RecordHeader{Key: h.Key}
			if h.Value != nil {
				header.Value = []byte(*h.Value)
			}
			r.Headers = append(r.Headers, header)
		}
		recs = append(recs, r)
	}
	if err := cl.ProduceSync(t.Context(), recs...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

type statusForm struct {
	Connector string
	Tasks     []string
	Traces    []string
}

func (c *errorCase) wantStatus(t *testing.T) statusForm {
	var st model.ConnectorStatus
	if err := json.Unmarshal(c.Status, &st); err != nil {
		t.Fatal(err)
	}
	return formOf(st)
}

func formOf(st model.ConnectorStatus) statusForm {
	f := statusForm{Connector: string(st.Connector.State) + " " + st.Connector.Version + " " + string(st.Type)}
	for _, task := range st.Tasks {
		f.Tasks = append(f.Tasks, string(task.State)+" "+task.Version)
		f.Traces = append(f.Traces, comparable(task.Trace))
	}
	return f
}

func (c *errorCase) status(t *testing.T, n *node) statusForm {
	st, err := n.herder.ConnectorStatus(t.Context(), c.Config["name"])
	if err != nil {
		return statusForm{Connector: err.Error()}
	}
	return formOf(st)
}

func offsetTexts(t *testing.T, offsets []model.ConnectorOffset) []string {
	var out []string
	for _, o := range offsets {
		b, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(b))
	}
	return out
}

type recordForm struct {
	Key, Value string
	Timestamp  int64
	Headers    [][2]string
}

func (c *errorCase) compareRecords(t *testing.T, n *node, want []recorded, name string) {
	got := topic(t, n.addr, name, len(want))
	for i, w := range want {
		g := recordForm{Key: string(got[i].Key), Value: string(got[i].Value), Timestamp: got[i].Timestamp.UnixMilli()}
		for _, h := range got[i].Headers {
			g.Headers = append(g.Headers, [2]string{h.Key, comparable(string(h.Value))})
		}
		f := recordForm{Key: string(w.bytes(t, w.Key, w.KeyBase64)), Value: string(w.bytes(t, w.Value, w.ValueBase64)), Timestamp: g.Timestamp}
		if ms, ok := w.Timestamp.(float64); ok {
			f.Timestamp = int64(ms)
		}
		for _, h := range w.Headers {
			text := ""
			if h.Value != nil {
				text = comparable(*h.Value)
			}
			f.Headers = append(f.Headers, [2]string{h.Key, text})
		}
		if d := diff(g, f); d != "" {
			t.Errorf("record %d of %s: %s", i, name, d)
		}
	}
}

// within polls until check finds nothing to say, and fails with its last words.
func within(t *testing.T, check func() string) {
	t.Helper()
	last := ""
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(deadline) {
		if last = check(); last == "" {
			return
		}
		<-tick.C
	}
	t.Error(last)
}

func diff(got, want any) string {
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	if reflect.DeepEqual(got, want) || g.Kind() == reflect.Slice && g.Len() == 0 && w.Len() == 0 {
		return ""
	}
	a, _ := json.MarshalIndent(got, "", " ")
	b, _ := json.MarshalIndent(want, "", " ")
	return "got  " + string(a) + "\nwant " + string(b)
}
