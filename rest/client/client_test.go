package client_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/leat-project/leat/rest/client"
	"github.com/leat-project/leat/rest/resttest"
	"github.com/leat-project/leat/worker/model"
)

func TestEveryCall(t *testing.T) {
	c, err := client.New(resttest.StartDefault(t).Addr(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	config := map[string]string{"connector.class": "TestSource", "topic": "t"}
	const name = "with space/and slash"
	info, err := c.Create(ctx, name, config, "PAUSED")
	if err != nil || info.Name != name || info.Type != model.SourceType {
		t.Fatalf("created %+v: %v", info, err)
	}
	if s, err := c.Status(ctx, name); err != nil || s.Connector.State != model.Paused {
		t.Errorf("status %+v: %v", s, err)
	}
	if err := c.Resume(ctx, name); err != nil {
		t.Error(err)
	}
	if names, err := c.Connectors(ctx); err != nil || !slices.Equal(names, []string{name}) {
		t.Errorf("names %v: %v", names, err)
	}
	if views, err := c.Views(ctx); err != nil || views[name].Status.Connector.State != model.Running || views[name].Info.Config.Text("topic") != "t" {
		t.Errorf("views %+v: %v", views, err)
	}
	if _, created, err := c.PutConfig(ctx, "other", config); err != nil || !created {
		t.Errorf("put: created %v: %v", created, err)
	}
	value := "u"
	if info, err := c.PatchConfig(ctx, name, map[string]*string{"topic": &value}); err != nil || info.Config.Text("topic") != "u" {
		t.Errorf("patched %+v: %v", info, err)
	}
	if tasks, err := c.Tasks(ctx, name); err != nil || len(tasks) != 1 {
		t.Errorf("tasks %v: %v", tasks, err)
	}
	if s, err := c.Restart(ctx, model.RestartRequest{Connector: name, IncludeTasks: true}); err != nil || s.Connector.State != model.Restarting {
		t.Errorf("restart %+v: %v", s, err)
	}
	if err := c.RestartTask(ctx, model.TaskID{Connector: name, Task: 0}); err != nil {
		t.Error(err)
	}
	if topics, err := c.Topics(ctx, name); err != nil || !slices.Equal(topics, []string{"t"}) {
		t.Errorf("topics %v: %v", topics, err)
	}
	if msg, err := c.ResetOffsets(ctx, name); err != nil || msg == "" {
		t.Errorf("reset %q: %v", msg, err)
	}
	if plugins, err := c.Plugins(ctx, false); err != nil || len(plugins) != 1 {
		t.Errorf("plugins %v: %v", plugins, err)
	}
	if keys, err := c.Keys(ctx, "TestSource"); err != nil || keys[0].Name != "file" {
		t.Errorf("keys %v: %v", keys, err)
	}
	if report, err := c.Validate(ctx, config); err != nil || report.ErrorCount != 1 {
		t.Errorf("report %+v: %v", report, err)
	}
	if s, err := c.Server(ctx); err != nil || s.ClusterID != resttest.Cluster {
		t.Errorf("server %+v: %v", s, err)
	}
	if v, err := c.Version(ctx); err != nil || v.Version == "" {
		t.Errorf("version %+v: %v", v, err)
	}
	for _, op := range []error{c.Pause(ctx, name), c.Stop(ctx, name), c.Delete(ctx, name)} {
		if op != nil {
			t.Error(op)
		}
	}
}

func TestErrors(t *testing.T) {
	c, err := client.New(resttest.StartDefault(t).URL()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	var answered *client.Error
	if _, err := c.Connector(t.Context(), "nope"); !errors.As(err, &answered) || answered.Status != http.StatusNotFound || answered.Message != "Connector nope not found" {
		t.Errorf("error %v", err)
	}
	gone, err := client.New("127.0.0.1:1", nil)
	if err != nil {
		t.Fatal(err)
	}
	var unreachable *client.UnreachableError
	if _, err := gone.Connectors(t.Context()); !errors.As(err, &unreachable) {
		t.Errorf("error %v", err)
	}
	if _, err := client.New("http://", nil); err == nil {
		t.Error("an address without a host is accepted")
	}
	for _, base := range []string{"http://user:hush@127.0.0.1:1", "http://user:hush@%zz"} {
		c, err := client.New(base, nil)
		if err == nil {
			_, err = c.Connectors(t.Context())
		}
		if err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("error %v", err)
		}
	}
}

// Offsets come as they are, also those that a float64 would round.
func TestLargeOffsets(t *testing.T) {
	const body = `{"offsets":[{"partition":{"p":"a"},"offset":{"lsn":9007199254740993}}]}`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))
	defer s.Close()
	c, err := client.New(s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := c.Offsets(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := json.Marshal(o); err != nil || string(text) != body {
		t.Errorf("%s, error %v", text, err)
	}
}
