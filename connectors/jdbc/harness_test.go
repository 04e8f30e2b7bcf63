package jdbc_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/connectors/jdbc"
	"github.com/leat-project/leat/internal/postgrestest"
)

const (
	debezium  = "io.debezium.connector.jdbc.JdbcSinkConnector"
	confluent = "io.confluent.connect.jdbc.JdbcSinkConnector"
)

// sink drives one task as the runtime does.
type sink struct {
	t       testing.TB
	task    connect.SinkTask
	offset  map[connect.TopicPartition]int64
	reports []string
	log     *logBuffer

	ctx      context.Context // of calls
	run      context.Context // of the task: ends before the last PreCommit
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	goErr    error
	timeout  time.Duration
	reporter bool
	stamp    int64 // of records; 0 is none
}

type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (s *sink) Context() context.Context { return s.run }
func (s *sink) Connector() string        { return "test" }
func (s *sink) Task() int                { return 0 }
func (s *sink) Logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
func (s *sink) Assignment() []connect.TopicPartition  { return nil }
func (s *sink) Seek(map[connect.TopicPartition]int64) {}
func (s *sink) Pause(...connect.TopicPartition)       {}
func (s *sink) Resume(...connect.TopicPartition)      {}
func (s *sink) RequestCommit()                        {}
func (s *sink) Timeout(d time.Duration)               { s.timeout = d }
func (s *sink) ByteBudget() int                       { return 64 << 20 }
func (s *sink) Report(r *connect.Record, err error) error {
	s.reports = append(s.reports, fmt.Sprintf("%s@%d: %v", r.Topic, r.Offset, err))
	return nil
}

func (s *sink) ErrantReporter() connect.ErrantReporter {
	if !s.reporter {
		return nil
	}
	return s
}

func (s *sink) Go(fn func(context.Context) error) {
	s.wg.Go(func() {
		if err := fn(s.run); err != nil {
			s.goErr = err
		}
	})
}

func newTask(t testing.TB, class string) (connect.SinkConnector, connect.SinkTask) {
	t.Helper()
	var reg plugin.Registry
	jdbc.Register(&reg)
	p, err := reg.Find(class, plugin.Sink)
	if err != nil {
		t.Fatal(err)
	}
	c := p.NewSink()
	return c, c.NewTask()
}

// startSink starts a task. props are pairs of key and value.
func startSink(t testing.TB, class string, props map[string]string) *sink {
	t.Helper()
	s := &sink{t: t, offset: map[connect.TopicPartition]int64{}, log: &logBuffer{}}
	s.ctx = context.WithoutCancel(t.Context())
	s.run, s.cancel = context.WithCancel(s.ctx)
	_, s.task = newTask(t, class)
	if err := s.task.Start(s, props); err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() {
		s.cancel()
		if err := s.task.Stop(); err != nil {
			t.Errorf("Stop: %v", err)
		}
		s.wg.Wait()
		if s.goErr != nil {
			t.Errorf("a goroutine of the task ended with: %v", s.goErr)
		}
		if t.Failed() {
			t.Logf("log of the task:\n%s", s.log)
		}
	})
	return s
}

// rec is a record to put.
type rec struct {
	topic      string // default: orders
	partition  int32
	key, value *data.Struct
	keySchema  *data.Schema // when key is nil
	keyValue   data.Value   // primitive key of keySchema
	valSchema  *data.Schema // when value is nil
	headers    []connect.Header
}

func (s *sink) batch(recs ...rec) *connect.Batch {
	b := connect.NewBatch(0, 0, func(b *connect.Batch) { b.Reset() })
	for _, r := range recs {
		if r.topic == "" {
			r.topic = "orders"
		}
		tp := connect.TopicPartition{Topic: r.topic, Partition: r.partition}
		c := b.Add()
		c.Topic, c.Partition, c.OriginalTopic, c.OriginalPartition = r.topic, r.partition, r.topic, r.partition
		c.Offset = s.offset[tp]
		if s.stamp != 0 {
			c.Timestamp = s.stamp
		}
		s.offset[tp]++
		c.Key, c.KeySchema, c.Value, c.ValueSchema = data.StructOf(r.key), r.keySchema, data.StructOf(r.value), r.valSchema
		if r.key != nil {
			c.KeySchema = r.key.Schema()
		} else if !r.keyValue.IsNull() {
			c.Key = r.keyValue
		}
		if r.value != nil {
			c.ValueSchema = r.value.Schema()
		}
		c.Headers = r.headers
	}
	return b
}

// put puts a batch and gives it up, as the runtime does.
func (s *sink) put(recs ...rec) error {
	b := s.batch(recs...)
	err := s.task.Put(s.ctx, b)
	if err == nil || !connect.IsRetriable(err) {
		b.Release()
	}
	return err
}

// mustPut puts and commits; nothing may go wrong.
func (s *sink) mustPut(recs ...rec) {
	s.t.Helper()
	if err := s.put(recs...); err != nil {
		s.t.Fatalf("Put: %v", err)
	}
	s.mustCommit()
}

func (s *sink) mustCommit() {
	s.t.Helper()
	got := s.commit()
	for tp, want := range s.offset {
		if got[tp] != want {
			err := s.task.Put(s.ctx, connect.NewBatch(0, 0, nil))
			s.t.Fatalf("PreCommit of %v = %d, want %d; next Put: %v", tp, got[tp], want, err)
		}
	}
}

func (s *sink) commit() map[connect.TopicPartition]int64 {
	s.t.Helper()
	offsets := map[connect.TopicPartition]int64{}
	for tp, o := range s.offset {
		offsets[tp] = o
	}
	got, err := s.task.(connect.PreCommitter).PreCommit(s.ctx, offsets)
	if err != nil {
		s.t.Fatalf("PreCommit: %v", err)
	}
	return got
}

// rejected returns the errors of single records of a Put.
func rejected(err error) []string {
	var be *connect.BatchError
	if !errors.As(err, &be) {
		return nil
	}
	var out []string
	for _, f := range be.Failed {
		out = append(out, fmt.Sprintf("%d: %v", f.Index, f.Err))
	}
	return out
}

// rows returns the result of a query, one line a row, columns as text behind |.
func rows(t testing.TB, conn *pgx.Conn, sql string) string {
	t.Helper()
	mrr := conn.PgConn().Exec(t.Context(), sql)
	res, err := mrr.ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var lines []string
	for _, r := range res[len(res)-1].Rows {
		var cells []string
		for _, c := range r {
			if c == nil {
				cells = append(cells, "NULL")
			} else {
				cells = append(cells, string(c))
			}
		}
		lines = append(lines, strings.Join(cells, "|"))
	}
	return strings.Join(lines, "\n")
}

func wantRows(t testing.TB, conn *pgx.Conn, sql, want string) {
	t.Helper()
	if got := rows(t, conn, sql); got != want {
		t.Errorf("%s\n got: %s\nwant: %s", sql, strings.ReplaceAll(got, "\n", "\n      "), strings.ReplaceAll(want, "\n", "\n      "))
	}
}

// database gives a test a database of its own on the package's server.
func database(t testing.TB, pg *postgrestest.Server) (conn *pgx.Conn, url map[string]string) {
	t.Helper()
	name := "d" + strings.ToLower(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, t.Name()))
	if len(name) > 50 {
		name = name[:50]
	}
	name += fmt.Sprint(databases.Add(1)) // a benchmark runs more than once
	pg.CreateDatabase(t, name)
	return pg.Connect(t, name), map[string]string{"name": "test",
		"connection.url":      fmt.Sprintf("jdbc:postgresql://%s:%d/%s?sslmode=disable", pg.Host, pg.Port, name),
		"connection.username": pg.User, "connection.user": pg.User, "connection.password": pg.Password}
}

var databases atomic.Int64

// with returns props and more pairs of key and value.
func with(props map[string]string, pairs ...string) map[string]string {
	out := map[string]string{}
	for k, v := range props {
		out[k] = v
	}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

func structSchema(name string, fields ...any) *data.Schema {
	b := data.NewStruct(name)
	for i := 0; i < len(fields); i += 2 {
		b.Field(fields[i].(string), fields[i+1].(*data.Schema))
	}
	return b.Build()
}

func row(s *data.Schema, values ...data.Value) *data.Struct { return data.RowOf(s, values) }
