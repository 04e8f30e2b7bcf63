package worker_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/connect/connecttest/fixture"
	"github.com/leat-project/leat/worker/model"
)

// internalCase is connect.json: requests, then what they left in the topics.
type internalCase struct {
	Sequence []struct {
		Files   map[string]string
		Request struct{ Method, Path, Body string }
		Wait    string
		// Response is what the REST API's own suite compares.
		Response struct {
			Status int
			JSON   json.RawMessage
		}
	}
	Topics map[string][]struct {
		Partition  int32
		Key, Value *string
	}
}

func TestFixturesInternalTopics(t *testing.T) {
	paths := []string{filepath.Join("testdata", "connect.json")}
	if dir := os.Getenv(fixture.Env); dir != "" {
		for _, p := range []string{filepath.Join(dir, "connect.json"), filepath.Join(dir, "internal", "connect.json")} {
			if _, err := os.Stat(p); err == nil {
				paths = append(paths, p)
			}
		}
	}
	for _, p := range paths {
		t.Run(p, func(t *testing.T) { runInternal(t, p) })
	}
}

func runInternal(t *testing.T, path string) {
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := strings.ReplaceAll(strings.ReplaceAll(string(raw), "<DATA>", dir), "<GROUP>", "g")
	var c internalCase
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	b := startBroker(t)
	n := startNode(t, b.Addr(), nil, registerFiles)
	for i, s := range c.Sequence {
		for name, content := range s.Files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if s.Request.Method == "" {
			continue
		}
		if err := n.request(s.Request.Method, s.Request.Path, s.Request.Body, s.Wait, s.Response.JSON); err != nil {
			t.Fatalf("step %d, %s %s: %v", i, s.Request.Method, s.Request.Path, err)
		}
	}
	for name, want := range c.Topics {
		keys, bytes := map[string][]string{}, map[string][]string{}
		for _, w := range want {
			add(keys, w.Key, w.Value)
		}
		within(t, func() string {
			clear(bytes)
			for _, r := range all(t, n.addr, name) {
				add(bytes, text2(r.Key), text2(r.Value))
			}
			return compareTopic(name, bytes, keys)
		})
	}
}

func text2(b []byte) *string {
	if b == nil {
		return nil
	}
	s := string(b)
	return &s
}

func add(m map[string][]string, key, value *string) {
	k, v := "", "<tombstone>"
	if key != nil {
		k = *key
	}
	if value != nil {
		v = *value
	}
	m[k] = append(m[k], v)
}

var (
	keyMaterial = regexp.MustCompile(`"key":"[^"]*","algorithm"`)
	timestamps  = regexp.MustCompile(`"(creation-timestamp|discoverTimestamp)":(\d+|<EPOCH_MS>)`)
	generations = regexp.MustCompile(`"generation":\d+`)
	workers     = regexp.MustCompile(`"worker_id":"[^"]*"`)
)

// compareTopic compares the records of every key in order. Per README of the
// fixtures, passing UNASSIGNED states and the number of repeated records are not
// significant.
func compareTopic(name string, got, want map[string][]string) string {
	norm := func(key string, values []string) []string {
		var out []string
		for _, v := range values {
			v = keyMaterial.ReplaceAllString(v, `"key":"<KEY>","algorithm"`)
			v = timestamps.ReplaceAllString(v, `"$1":<MS>`)
			v = workers.ReplaceAllString(generations.ReplaceAllString(v, `"generation":N`), `"worker_id":W`)
			if strings.HasPrefix(v, `{"properties":`) {
				// Java's order depends on the order of the members as posted: in
				// connector- records and, within a bucket, in task- records.
				v = sortedJSON(v)
			}
			if strings.Contains(v, `"state":"UNASSIGNED"`) || len(out) > 0 && out[len(out)-1] == v {
				continue
			}
			out = append(out, v)
		}
		return out
	}
	if strings.HasSuffix(name, "-lines") {
		return diff(got, want)
	}
	for k := range want {
		g, w := norm(k, got[k]), norm(k, want[k])
		if strings.HasSuffix(name, "-status") {
			w = passed(g, w)
		}
		if d := diff(g, w); d != "" {
			return name + " key " + k + ": " + d
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			return fmt.Sprintf("%s: unexpected key %s: %v", name, k, got[k])
		}
	}
	return ""
}

// passed leaves out of the recorded states those that a worker may have passed
// without being seen, all but the last: whether a task that is paused and resumed at
// once is ever reported as paused depends on how busy the machine is. What must be
// seen the sequence itself asks for, by GET status.
func passed(got, want []string) []string {
	var out []string
	for i, w := range want {
		if n := len(out); i == len(want)-1 || n < len(got) && got[n] == w {
			out = append(out, w)
		}
	}
	return out
}

func sortedJSON(s string) string {
	var v any
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return s
	}
	return string(b)
}

// all reads what a topic holds now.
func all(t *testing.T, addr, name string) []*kgo.Record {
	t.Helper()
	ends, err := newAdmin(t, addr).ListEndOffsets(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, p := range ends[name] {
		total += int(p.Offset)
	}
	if total == 0 {
		return nil
	}
	recs := topic(t, addr, name, total)
	slices.SortStableFunc(recs, func(a, b *kgo.Record) int { return int(a.Partition) - int(b.Partition) })
	return recs
}

// request carries out a REST request on the herder and waits for the recorded state.
func (n *node) request(method, path, body, wait string, want json.RawMessage) error {
	path, query, _ := strings.Cut(path, "?")
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	q, err := url.ParseQuery(query)
	if err != nil {
		return err
	}
	ctx, h := n.t.Context(), n.herder
	if parts[0] == "admin" {
		var v struct{ Level string }
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			return err
		}
		return h.SetClusterLogLevel(ctx, parts[2], v.Level)
	}
	name, what := parts[1], strings.Join(parts[2:], "/")
	config := model.Config{}
	if what == "config" {
		if err := json.Unmarshal([]byte(body), &config); err != nil {
			return err
		}
	}
	switch method + " " + what {
	case "PUT config":
		_, _, err = h.PutConfig(ctx, name, config)
	case "PATCH config":
		// The recorder saw each step through before the next; without waiting, a
		// quick worker folds them.
		before := n.count("g-configs", "commit-"+name, "")
		defer within(n.t, func() string {
			return unless(n.count("g-configs", "commit-"+name, "") > before && n.runs(name), "new task configurations run")
		})
		_, err = h.PatchConfig(ctx, name, config)
	case "DELETE ":
		err = h.Delete(ctx, name)
	case "PUT pause":
		err = h.Pause(ctx, name)
	case "PUT resume":
		err = h.Resume(ctx, name)
	case "PUT stop":
		err = h.Stop(ctx, name)
	case "POST restart":
		if q.Get("includeTasks") == "" {
			err = h.RestartConnector(ctx, name)
		} else {
			_, err = h.Restart(ctx, model.RestartRequest{Connector: name, IncludeTasks: true})
			within(n.t, func() string {
				return unless(n.count("g-status", "status-task-"+name+"-0", "RESTARTING") > 0 && n.runs(name), "all is restarted")
			})
		}
	case "PATCH offsets":
		var o model.ConnectorOffsets
		if err := json.Unmarshal([]byte(body), &o); err != nil {
			return err
		}
		for i := range o.Offsets {
			for k, v := range o.Offsets[i].Offset {
				if f, ok := v.(float64); ok {
					o.Offsets[i].Offset[k] = int64(f)
				}
			}
		}
		_, err = h.AlterOffsets(ctx, name, o.Offsets)
	case "DELETE offsets":
		_, err = h.ResetOffsets(ctx, name)
	case "PUT topics/reset":
		err = h.ResetTopics(ctx, name)
	case "GET status", "GET offsets", "GET topics":
		return n.awaitAnswer(name, what, want)
	default:
		return fmt.Errorf("a request that this driver does not know")
	}
	return err
}

func unless(ok bool, what string) string {
	if ok {
		return ""
	}
	return "waited in vain until " + what
}

// count returns how many records of a key hold a text.
func (n *node) count(topic, key, text string) int {
	found := 0
	for _, r := range all(n.t, n.addr, topic) {
		if string(r.Key) == key && strings.Contains(string(r.Value), text) {
			found++
		}
	}
	return found
}

// runs reports whether the last status records of a connector and its task say so.
func (n *node) runs(name string) bool {
	last := map[string]string{}
	for _, r := range all(n.t, n.addr, "g-status") {
		last[string(r.Key)] = string(r.Value)
	}
	return strings.Contains(last["status-connector-"+name], "RUNNING") && strings.Contains(last["status-task-"+name+"-0"], "RUNNING")
}

func (n *node) awaitAnswer(name, what string, want json.RawMessage) error {
	expected := workers.ReplaceAllString(sortedJSON(string(want)), `"worker_id":W`)
	last := ""
	within(n.t, func() string {
		ctx := n.t.Context()
		var answer any
		var err error
		switch what {
		case "status":
			answer, err = n.herder.ConnectorStatus(ctx, name)
		case "offsets":
			var list []model.ConnectorOffset
			list, err = n.herder.Offsets(ctx, name)
			answer = model.ConnectorOffsets{Offsets: list}
		default:
			var list []string
			list, err = n.herder.Topics(ctx, name)
			answer = map[string]any{name: map[string]any{"topics": list}}
		}
		if err != nil {
			return err.Error()
		}
		b, err := json.Marshal(answer)
		if err != nil {
			return err.Error()
		}
		last = workers.ReplaceAllString(sortedJSON(string(b)), `"worker_id":W`)
		if last == expected {
			return ""
		}
		return "answer " + last + ", want " + expected
	})
	if last != expected {
		return fmt.Errorf("the answer never came")
	}
	return nil
}

func TestPassed(t *testing.T) {
	want := []string{"RUNNING", "PAUSED", "RUNNING", "STOPPED"}
	for _, c := range []struct {
		got []string
		ok  bool
	}{
		{want, true},
		{[]string{"RUNNING", "STOPPED"}, true},
		{[]string{"RUNNING", "PAUSED"}, false},
		{[]string{"PAUSED", "PAUSED", "STOPPED"}, false},
		{[]string{"FAILED", "STOPPED"}, false},
		{nil, false},
	} {
		if ok := diff(c.got, passed(c.got, want)) == ""; ok != c.ok {
			t.Errorf("%v: %v, want %v", c.got, ok, c.ok)
		}
	}
}
