// Package tests holds the tests of the whole: the real binary as a process, a
// real PostgreSQL as source and target, and what users do to them, kill -9
// included.
package tests

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/leat-project/leat/internal/pgserver"
	"github.com/leat-project/leat/internal/postgrestest"
	"github.com/leat-project/leat/internal/proctest"
)

// patience bounds every wait for what must come in the end. It is far beyond what
// a busy machine needs; where the time itself counts, a test says so.
const patience = 2 * time.Minute

// api makes one REST request and returns status and body. A process that is
// down gives status 0.
func api(p *proctest.Process, method, path string, body any) (int, string) {
	var data bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&data).Encode(body); err != nil {
			return 0, err.Error()
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, p.URL(path), &data)
	if err != nil {
		return 0, err.Error()
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(text)
}

// mustAPI is api for a request that must succeed.
func mustAPI(t *testing.T, p *proctest.Process, method, path string, body any) string {
	t.Helper()
	status, text := api(p, method, path, body)
	if status < 200 || status > 299 {
		t.Fatalf("%s %s answered %d: %s\nlog:\n%s", method, path, status, text, p.Log.Tail(4000))
	}
	return text
}

// config is a connector configuration.
type config map[string]string

// with returns a copy with some keys changed; an empty value removes a key.
func (c config) with(kv ...string) config {
	out := config{}
	for k, v := range c {
		out[k] = v
	}
	for i := 0; i < len(kv); i += 2 {
		if kv[i+1] == "" {
			delete(out, kv[i])
			continue
		}
		out[kv[i]] = kv[i+1]
	}
	return out
}

// sourceConfig captures orders and customers of a database.
func sourceConfig(pg *postgrestest.Server, db, prefix string) config {
	return config{
		"connector.class":   "io.debezium.connector.postgresql.PostgresConnector",
		"tasks.max":         "1",
		"database.hostname": pgserver.Host, "database.port": fmt.Sprint(pg.Port), "database.user": pg.User,
		"database.password": pg.Password, "database.dbname": db,
		"plugin.name": "pgoutput", "topic.prefix": prefix, "table.include.list": "public.orders,public.customers",
		"slot.name": prefix, "publication.name": prefix, "publication.autocreate.mode": "filtered",
		"heartbeat.interval.ms": "1000",
	}
}

// sinkConfig writes the topics of a prefix into a database.
func sinkConfig(pg *postgrestest.Server, db, prefix string) config {
	return config{
		"connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector", "tasks.max": "2",
		"topics.regex":        prefix + `\.public\..*`,
		"connection.url":      fmt.Sprintf("jdbc:postgresql://%s:%d/%s", pgserver.Host, pg.Port, db),
		"connection.username": pg.User, "connection.password": pg.Password,
		"insert.mode": "upsert", "delete.enabled": "true", "primary.key.mode": "record_key",
		"schema.evolution": "basic", "collection.name.format": "${source.table}",
	}
}

// create posts a connector.
func create(t *testing.T, p *proctest.Process, name string, c config) {
	t.Helper()
	mustAPI(t, p, "POST", "/connectors", map[string]any{"name": name, "config": c})
}

// status is the answer to GET .../status.
type status struct {
	Connector struct{ State, Trace string }
	Tasks     []struct {
		ID           int
		State, Trace string
	}
}

// statusOf returns a connector's status as value and as text for messages.
func statusOf(p *proctest.Process, name string) (status, string) {
	code, text := api(p, "GET", "/connectors/"+name+"/status", nil)
	var s status
	if code != http.StatusOK {
		return s, fmt.Sprintf("status of %s: %d %s", name, code, text)
	}
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return s, err.Error()
	}
	return s, text
}

// waitTasks waits until the connector has n tasks and all are in a state.
func waitTasks(t *testing.T, p *proctest.Process, name string, n int, state string) status {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		s, text := statusOf(p, name)
		ok := len(s.Tasks) == n
		for _, task := range s.Tasks {
			ok = ok && task.State == state
		}
		if ok {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s has not %d tasks %s after %v: %s\nlog:\n%s", name, n, state, patience, text, p.Log.Tail(4000))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// restartFailed restarts failed tasks, as an operator would.
func restartFailed(p *proctest.Process, name string) {
	s, _ := statusOf(p, name)
	for _, task := range s.Tasks {
		if task.State == "FAILED" {
			api(p, "POST", fmt.Sprintf("/connectors/%s/tasks/%d/restart", name, task.ID), nil)
		}
	}
}

// eventually waits until check returns "", and fails with what it returned last.
// It returns how long that took.
func eventually(t *testing.T, what string, check func() string) time.Duration {
	t.Helper()
	begun := time.Now()
	for {
		problem := check()
		if problem == "" {
			return time.Since(begun)
		}
		if time.Since(begun) > patience {
			t.Fatalf("%s: not within %v: %s", what, patience, problem)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// once requires that one of several attempts at something, each of which comes to
// its end, takes no longer than limit: it is a promise about leat, and the rest
// may be the machine's doing.
func once(t *testing.T, what string, limit time.Duration, attempt func(i int) time.Duration) {
	t.Helper()
	const attempts = 6
	var took []time.Duration
	for i := range attempts {
		took = append(took, attempt(i).Round(time.Millisecond))
		if i >= 1 && slices.Min(took) <= limit {
			t.Logf("%s took %v", what, took)
			return
		}
	}
	t.Errorf("%s took %v, want one within %v", what, took, limit)
}
