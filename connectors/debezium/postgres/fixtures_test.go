package postgres

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/converters/jsonconv"
	"github.com/leat-project/leat/converters/primitive"
	"github.com/leat-project/leat/internal/postgrestest"
)

// openScenarios are recordings that need what is not built. The list only shrinks.
var openScenarios = map[string]string{
	"incr-table": "signals, incremental snapshots and notifications are not built",
	"incr-kafka": "signals, incremental snapshots and notifications are not built",
	"unwrap":     "transforms run in the worker",
}

type scenario struct {
	ID, Doc string
	Setup   string
	Config  map[string]string
	Steps   []struct {
		SQL             string
		Stop            bool
		SQLWhileStopped string
		Resume          bool
		Wait            string
	}
	Task        string
	Trace       []string
	CreateError json.RawMessage
	Records     map[string][]recorded
	Offsets     []struct{ Value map[string]any }
}

type recorded struct {
	Key, Value *message
	Headers    [][2]any
}

type message struct {
	Schema  json.RawMessage
	Payload json.RawMessage
}

type fixtureFile struct {
	schemas   map[string]json.RawMessage
	scenarios []scenario
}

func loadFixtures(t *testing.T) []fixtureFile {
	paths := []string{"testdata/postgres.jsonl"}
	if dir := os.Getenv("LEAT_FIXTURES"); dir != "" {
		for _, p := range []string{"postgres.jsonl", "debezium/postgres.jsonl"} {
			if p = filepath.Join(dir, p); exists(p) {
				paths = append(paths, p)
			}
		}
	}
	var files []fixtureFile
	for _, p := range paths {
		raw, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		var f fixtureFile
		lines := bufio.NewScanner(bytes.NewReader(raw))
		lines.Buffer(nil, len(raw)+1)
		for lines.Scan() {
			var head struct{ Schemas map[string]json.RawMessage }
			var s scenario
			if err := json.Unmarshal(lines.Bytes(), &head); err != nil {
				t.Fatal(err)
			}
			if head.Schemas != nil {
				f.schemas = head.Schemas
			} else if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
				t.Fatal(err)
			} else {
				f.scenarios = append(f.scenarios, s)
			}
		}
		files = append(files, f)
	}
	return files
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func TestFixturesDebezium(t *testing.T) {
	for _, f := range loadFixtures(t) {
		// A server for each file: files may hold scenarios of the same name.
		pg := postgrestest.Start(t, postgrestest.Setting("max_replication_slots", "50"), postgrestest.Setting("max_wal_senders", "50"))
		for _, s := range f.scenarios {
			t.Run(s.ID, func(t *testing.T) {
				if why := openScenarios[s.ID]; why != "" {
					t.Logf("open: %s", why)
					return
				}
				s.run(t, pg, &f)
			})
		}
	}
}

// psql runs statements as the recorder did: in one session, each committed.
func psql(t *testing.T, pg *postgrestest.Server, db, sql string) {
	t.Helper()
	cmd := pg.Command(t.Context(), "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", db, "-o", "/dev/null", "-f", "-")
	cmd.Stdin = strings.NewReader(sql)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
}

func (s *scenario) run(t *testing.T, pg *postgrestest.Server, f *fixtureFile) {
	db := s.Config["database.dbname"]
	pg.CreateDatabase(t, db)
	psql(t, pg, db, s.Setup)
	props := maps.Clone(s.Config)
	for _, key := range []string{"database.hostname", "database.port", "database.user", "database.password"} {
		delete(props, key)
	}
	h := newHarness(t, pg, db, props)
	defer h.stop()
	h.start()
	s.settle(t, h, pg)
	for _, step := range s.Steps {
		if step.Stop {
			h.stop()
			if sql, ok := strings.CutPrefix(step.SQLWhileStopped, "drop the slot, "); ok {
				psql(t, pg, db, "SELECT pg_drop_replication_slot('"+s.Config["slot.name"]+"');"+sql)
			} else {
				psql(t, pg, db, step.SQLWhileStopped)
			}
			h.start()
			if s.Task == "FAILED" {
				break
			}
			s.settle(t, h, pg)
			continue
		}
		psql(t, pg, db, step.SQL)
	}
	if s.Task == "FAILED" {
		s.checkTrace(t, h.awaitError())
	} else if !strings.EqualFold(s.Config["snapshot.mode"], "initial_only") {
		psql(t, pg, db, "select pg_logical_emit_message(true,'leat-end','x')")
		h.await("the end of the scenario", func(rs []*connect.Record) bool {
			return len(rs) > 0 && slices.ContainsFunc(rs, isEnd) && (props["provide.transaction.metadata"] != "true" || !isEnd(rs[len(rs)-1]))
		})
	}
	h.stop()
	s.compare(t, h, f)
	s.compareOffset(t, h)
}

func isEnd(r *connect.Record) bool { return plain(r.Key) == "{prefix=leat-end}" }

// settle waits until the snapshot is over.
func (s *scenario) settle(t *testing.T, h *harness, pg *postgrestest.Server) {
	if strings.EqualFold(s.Config["snapshot.mode"], "initial_only") {
		n := 0
		for _, rs := range s.Records {
			n += len(rs)
		}
		h.awaitLen(n)
		return
	}
	awaitStreaming(t, h, pg, s.Config["slot.name"])
}

// awaitStreaming waits until the slot is in use.
func awaitStreaming(t testing.TB, h *harness, pg *postgrestest.Server, slot string) {
	t.Helper()
	conn := pg.Connect(t, "postgres")
	h.await("the stream", func([]*connect.Record) bool {
		var active bool
		err := conn.QueryRow(t.Context(), "SELECT EXISTS (SELECT 1 FROM pg_replication_slots s JOIN pg_stat_replication r ON r.pid = s.active_pid WHERE s.slot_name = $1 AND r.state = 'streaming')", slot).Scan(&active)
		if err != nil {
			t.Fatal(err)
		}
		return active
	})
}

// checkTrace compares the part of the message that is not a Java object.
func (s *scenario) checkTrace(t *testing.T, err error) {
	want := s.Trace[0]
	for _, part := range []string{"The connector is trying to read change stream starting at", "but this is no longer available on the server. Reconfigure the connector to use a snapshot mode when needed."} {
		if err == nil || !strings.Contains(err.Error(), part) || !strings.Contains(want, part) {
			t.Fatalf("error %v: want %s", err, want)
		}
	}
}

func (s *scenario) compare(t *testing.T, h *harness, f *fixtureFile) {
	conv, keyConv := jsonconv.New(), jsonconv.New()
	props := map[string]string{"schemas.enable": "true"}
	for k, v := range s.Config {
		if name, ok := strings.CutPrefix(k, "value.converter."); ok {
			props[name] = v
		}
	}
	if err := conv.Configure(props, false); err != nil {
		t.Fatal(err)
	}
	if err := keyConv.Configure(map[string]string{"schemas.enable": "true"}, true); err != nil {
		t.Fatal(err)
	}
	got := map[string][]recorded{}
	for _, r := range withoutEnd(h.records, s.Config) {
		got[r.Topic] = append(got[r.Topic], recorded{encode(t, keyConv, r, true), encode(t, conv, r, false), headersOf(t, r)})
	}
	for topic := range got {
		if _, ok := s.Records[topic]; !ok {
			t.Errorf("topic %s: %d records, want none", topic, len(got[topic]))
		}
	}
	for topic, want := range s.Records {
		if len(got[topic]) != len(want) {
			t.Errorf("topic %s: %d records, want %d", topic, len(got[topic]), len(want))
			continue
		}
		for i := range want {
			var diff differ
			diff.scenario, diff.f = s.ID, f
			diff.message(fmt.Sprintf("%s[%d].key", topic, i), got[topic][i].Key, want[i].Key)
			diff.message(fmt.Sprintf("%s[%d].value", topic, i), got[topic][i].Value, want[i].Value)
			diff.headers(fmt.Sprintf("%s[%d].headers", topic, i), got[topic][i].Headers, want[i].Headers)
			for _, d := range diff.found {
				t.Error(d)
			}
		}
	}
}

// withoutEnd leaves out the message that ends a scenario, and its transaction.
func withoutEnd(rs []*connect.Record, cfg map[string]string) []*connect.Record {
	i := slices.IndexFunc(rs, isEnd)
	if i < 0 {
		return rs
	}
	if cfg["provide.transaction.metadata"] == "true" {
		return rs[:i-1]
	}
	return rs[:i]
}

func encode(t *testing.T, c connect.Converter, r *connect.Record, key bool) *message {
	t.Helper()
	s, v := r.ValueSchema, r.Value
	if key {
		s, v = r.KeySchema, r.Key
	}
	raw, err := c.FromConnect([]byte{}, r.Topic, &r.Headers, s, v)
	if err != nil {
		t.Fatalf("encoding %s: %v", describe(r), err)
	}
	if raw == nil {
		return nil
	}
	var m message
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return &m
}

func headersOf(t *testing.T, r *connect.Record) [][2]any {
	list := [][2]any{}
	for _, hd := range r.Headers {
		raw, err := primitive.NewSimpleHeader().FromConnectHeader([]byte{}, r.Topic, hd.Key, hd.Schema, hd.Value)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, [2]any{hd.Key, string(raw)})
	}
	return list
}

// compareOffset checks that the last offset has the keys that Debezium stored.
func (s *scenario) compareOffset(t *testing.T, h *harness) {
	if len(s.Offsets) == 0 {
		return
	}
	want := s.Offsets[len(s.Offsets)-1].Value
	got := h.stored
	normal := func(m map[string]any) []string {
		var keys []string
		for k := range m {
			if !strings.HasPrefix(k, "transaction_data_collection_order_") {
				keys = append(keys, k)
			}
		}
		slices.Sort(keys)
		return keys
	}
	if !slices.Equal(normal(got), normal(want)) {
		t.Errorf("last offset %s: want the keys of %s", offsetJSON(got), offsetJSON(want))
	}
	for _, key := range []string{"messageType", "snapshot", "snapshot_completed", "last_snapshot_record"} {
		if fmt.Sprint(got[key]) != fmt.Sprint(want[key]) {
			t.Errorf("last offset %s: %v, want %v", key, got[key], want[key])
		}
	}
}
