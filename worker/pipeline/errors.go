package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/internal/javamap"
	"github.com/leat-project/leat/worker/model"
)

// Stage is where an operation on a record failed (org.apache.kafka.connect.runtime.errors.Stage).
type Stage string

// The stages.
const (
	TaskPoll        Stage = "TASK_POLL"
	TaskPut         Stage = "TASK_PUT"
	Transformation  Stage = "TRANSFORMATION"
	KeyConverter    Stage = "KEY_CONVERTER"
	ValueConverter  Stage = "VALUE_CONVERTER"
	HeaderConverter Stage = "HEADER_CONVERTER"
	KafkaProduce    Stage = "KAFKA_PRODUCE"
	KafkaConsume    Stage = "KAFKA_CONSUME"
)

// ErrorConfig holds a connector's errors.* keys.
type ErrorConfig struct {
	Tolerance         string
	RetryTimeout      int64 // ms; 0 none, negative for ever
	RetryDelayMax     int64 // ms
	LogEnable         bool
	LogMessages       bool
	DeadLetterTopic   string
	DeadLetterRF      int
	DeadLetterHeaders bool
}

// Define declares the keys.
func (c *ErrorConfig) Define(d *config.Def) {
	d.String(&c.Tolerance, "errors.tolerance").Default("none").Check(config.OneOf("none", "all"))
	d.Long(&c.RetryTimeout, "errors.retry.timeout").Default(0)
	d.Long(&c.RetryDelayMax, "errors.retry.delay.max.ms").Default(60000)
	d.Bool(&c.LogEnable, "errors.log.enable").Default(false)
	d.Bool(&c.LogMessages, "errors.log.include.messages").Default(false)
	d.String(&c.DeadLetterTopic, "errors.deadletterqueue.topic.name").Default("")
	d.Short(&c.DeadLetterRF, "errors.deadletterqueue.topic.replication.factor").Default(3)
	d.Bool(&c.DeadLetterHeaders, "errors.deadletterqueue.context.headers.enable").Default(false)
}

// ErrorStats are the counters of Java's task-error-metrics.
type ErrorStats struct {
	Failures, Errors, Skipped, Retries, Logged atomic.Int64
	DeadLetters, DeadLetterFailures            atomic.Int64
	LastError                                  atomic.Int64 // epoch ms, 0 if none
}

// Errors decides on failed operations of one task. It is used by one goroutine.
type Errors struct {
	cfg   ErrorConfig
	id    model.TaskID
	log   *slog.Logger
	dead  *DeadLetters // nil without a dead letter queue
	Stats ErrorStats

	attempt  int // failed attempts at the current operation
	deadline time.Time
}

// NewErrors returns the decider of a task. dead is nil when no dead letter queue is
// configured.
func NewErrors(cfg ErrorConfig, id model.TaskID, dead *DeadLetters, log *slog.Logger) *Errors {
	return &Errors{cfg: cfg, id: id, dead: dead, log: log}
}

// TolerateAll reports whether errors.tolerance is all.
func (e *Errors) TolerateAll() bool { return e.cfg.Tolerance == "all" }

// Reporting reports whether errors go anywhere: a sink task then has an errant
// record reporter.
func (e *Errors) Reporting() bool { return e.dead != nil || e.cfg.LogEnable }

// DeadLetters returns the dead letter queue, nil if there is none.
func (e *Errors) DeadLetters() *DeadLetters { return e.dead }

// Failure is one failed operation and the record it failed on.
type Failure struct {
	Stage    Stage
	Class    string // Java class that was executing
	Err      error
	Consumed *kgo.Record     // sink
	Source   *connect.Record // source
}

// decide says what becomes of a failed operation: retry it (after it has waited
// long enough), or skip the record (false, nil), or fail with the error.
func (e *Errors) decide(ctx context.Context, f Failure) (retry bool, err error) {
	e.Stats.Failures.Add(1)
	e.Stats.LastError.Store(time.Now().UnixMilli())
	if fatal, ok := f.Err.(*fatal); ok {
		return false, fatal.err
	}
	if strings.HasSuffix(connect.ClassOf(f.Err), "Error") {
		return false, f.Err // a java.lang.Error: neither tolerated nor reported
	}
	if connect.IsRetriable(f.Err) {
		if again, err := e.backOff(ctx); again || err != nil {
			return again, err
		}
	}
	e.attempt = 0
	e.Report(f, nil)
	e.Stats.Errors.Add(1)
	if !e.TolerateAll() {
		return false, connect.Cause(connect.ClassConnect, "Tolerance exceeded in error handler", f.Err)
	}
	e.Stats.Skipped.Add(1)
	return false, nil
}

// backOff waits before the next attempt, as RetryWithToleranceOperator does; false
// when the time for retries is over. The error is that of an ended context: the
// record is then neither done nor skipped.
func (e *Errors) backOff(ctx context.Context) (bool, error) {
	now := time.Now()
	if e.attempt == 0 {
		e.deadline = now.Add(time.Duration(e.cfg.RetryTimeout) * time.Millisecond)
	}
	forever := e.cfg.RetryTimeout < 0
	if !forever && !now.Before(e.deadline) {
		return false, nil
	}
	e.attempt++
	delay := 300 * time.Millisecond << min(e.attempt-1, 30)
	if most := time.Duration(e.cfg.RetryDelayMax) * time.Millisecond; delay > most {
		delay = time.Duration(rand.Int64N(max(int64(most), 1)))
	}
	if !forever {
		delay = min(delay, e.deadline.Sub(now))
	}
	e.Stats.Retries.Add(1)
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-time.After(delay):
		return true, nil
	}
}

// Report hands a failure to the reporters. done, if not nil, is called once with the
// outcome, possibly from another goroutine.
func (e *Errors) Report(f Failure, done func(error)) {
	if e.cfg.LogEnable {
		e.Stats.Logged.Add(1)
		e.log.Error(e.logLine(f), Logger, "org.apache.kafka.connect.runtime.errors.LogReporter", "err", f.Err, TraceKey, Trace(f.Err))
	}
	if e.dead == nil || f.Consumed == nil {
		if done != nil {
			done(nil)
		}
		return
	}
	e.Stats.DeadLetters.Add(1)
	e.dead.send(f.Consumed, e.deadLetter(f), func(err error) {
		if err != nil {
			e.Stats.DeadLetterFailures.Add(1)
			e.log.Error(fmt.Sprintf("Could not produce message to dead letter queue. topic=%s", e.cfg.DeadLetterTopic), "err", err)
		}
		if done != nil {
			done(err)
		}
	})
}

// PutFailed handles a record that the sink's target refused: it is reported, and the
// error that comes back is nil if errors.tolerance allows to go on.
func (e *Errors) PutFailed(in *kgo.Record, err error) error {
	e.Stats.Failures.Add(1)
	e.Stats.Errors.Add(1)
	e.Stats.LastError.Store(time.Now().UnixMilli())
	e.Report(Failure{Stage: TaskPut, Class: "org.apache.kafka.connect.sink.SinkTask", Err: err, Consumed: in}, nil)
	if !e.TolerateAll() {
		return connect.Cause(connect.ClassConnect, "Tolerance exceeded in error handler", err)
	}
	e.Stats.Skipped.Add(1)
	return nil
}

// The attribute keys of log lines that Java users know.
const (
	Logger   = "logger" // Java's logger name
	TraceKey = "trace"  // stack trace in Java's form
)

func (e *Errors) logLine(f Failure) string {
	line := fmt.Sprintf("Error encountered in task %s. Executing stage '%s' with class '%s'", e.id, f.Stage, f.Class)
	switch {
	case !e.cfg.LogMessages:
	case f.Consumed != nil:
		r := f.Consumed
		line += fmt.Sprintf(", where consumed record is {topic='%s', partition=%d, offset=%d", r.Topic, r.Partition, r.Offset)
		if t := TimestampType(r); t != connect.NoTimestampType {
			line += fmt.Sprintf(", timestamp=%d, timestampType=%s", r.Timestamp.UnixMilli(), t)
		}
		line += "}"
	case f.Source != nil:
		line += ", where source record is = " + sourceRecordText(f.Source)
	}
	return line + "."
}

// sourceRecordText is SourceRecord.toString.
func sourceRecordText(r *connect.Record) string {
	var b strings.Builder
	b.WriteString("SourceRecord{sourcePartition=")
	if r.SourcePartition == nil {
		b.WriteString("null")
	} else {
		b.WriteString(javamap.Text(r.SourcePartition.Fields()))
	}
	b.WriteString(", sourceOffset=")
	if r.SourceOffset == nil {
		b.WriteString("null")
	} else {
		b.WriteString(javamap.Text(r.SourceOffset.OffsetMap()))
	}
	fmt.Fprintf(&b, "} ConnectRecord{topic='%s', kafkaPartition=", r.Topic)
	if r.Partition == connect.NoPartition {
		b.WriteString("null")
	} else {
		fmt.Fprint(&b, r.Partition)
	}
	fmt.Fprintf(&b, ", key=%s, keySchema=%s, value=%s, valueSchema=%s, timestamp=", r.Key, r.KeySchema, r.Value, r.ValueSchema)
	if r.Timestamp == connect.NoTimestamp {
		b.WriteString("null")
	} else {
		fmt.Fprint(&b, r.Timestamp)
	}
	b.WriteString(", headers=ConnectHeaders(headers=")
	for i, h := range r.Headers {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "ConnectHeader(key=%s, value=%s, schema=%s)", h.Key, h.Value, h.Schema)
	}
	b.WriteString(")}")
	return b.String()
}

// TimestampType returns how a consumed record's timestamp was set.
func TimestampType(r *kgo.Record) connect.TimestampType {
	switch r.Attrs.TimestampType() {
	case 0:
		return connect.CreateTime
	case 1:
		return connect.LogAppendTime
	}
	return connect.NoTimestampType
}
