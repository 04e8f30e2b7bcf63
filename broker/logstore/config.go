package logstore

import (
	"log/slog"
	"math"
	"time"

	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

// Config is what Open needs. Zero fields take the defaults named beside them, Kafka's.
type Config struct {
	Dirs      []string     // log.dirs, at least one; created when missing
	FS        vfs.FS       // default vfs.OS{}
	Logger    *slog.Logger // default: discard
	Now       func() time.Time
	NodeID    int32
	ClusterID string // default: the one in meta.properties, else a new one
	// Default is the configuration of partitions found on disk until SetConfig.
	Default LogConfig
	// OnDirOffline is called once, on a goroutine of the store, when a log dir fails. May be nil.
	OnDirOffline func(dir string, err error)

	RecoveryThreads         int           // num.recovery.threads.per.data.dir, 2
	RetentionCheckInterval  time.Duration // log.retention.check.interval.ms, 5m
	InitialTaskDelay        time.Duration // log.initial.task.delay.ms, 30s
	FlushCheckpointInterval time.Duration // log.flush.offset.checkpoint.interval.ms, 60s
	StartCheckpointInterval time.Duration // log.flush.start.offset.checkpoint.interval.ms, 60s
	HWCheckpointInterval    time.Duration // replica.high.watermark.checkpoint.interval.ms, 5s
	FlushCheckInterval      time.Duration // log.flush.scheduler.interval.ms, 1s
	ProducerExpiration      time.Duration // producer.id.expiration.ms, 24h
	ProducerExpirationCheck time.Duration // producer.id.expiration.check.interval.ms, 10m
	IdleClose               time.Duration // files of segments unused for so long are closed, 1m

	Cleaner CleanerConfig

	// NeverCut says of which logs recovery may take away only what one append left behind that was never flushed.
	// Their appender waits for the flush of each batch before the next append. nil is none.
	NeverCut func(TopicPartition) bool
}

// CleanerConfig bounds compaction. Zero fields take Kafka's defaults.
type CleanerConfig struct {
	Disabled         bool          // log.cleaner.enable=false
	DedupeBufferSize int           // log.cleaner.dedupe.buffer.size, bytes, 128 MiB; allocated only as far as needed
	LoadFactor       float64       // log.cleaner.io.buffer.load.factor, 0.9
	Backoff          time.Duration // log.cleaner.backoff.ms, 15s
	MaxBytesPerSec   float64       // log.cleaner.io.max.bytes.per.second, 0 is unlimited
}

// Tuning is what can change while the store runs. Zero fields take the defaults of Config, but for
// CleanerThreads, which is 1 until Tune is called.
type Tuning struct {
	CleanerThreads     int // log.cleaner.threads: compactions at a time; they share the buffer and the rate
	Cleaner            CleanerConfig
	ProducerExpiration time.Duration
}

// Tune changes the tuning.
func (s *Store) Tune(t Tuning) {
	t.setDefaults()
	s.tuning.Store(&t)
	select {
	case s.tuned <- struct{}{}:
	default: // the loop has yet to look
	}
}

func (t *Tuning) setDefaults() {
	setDefault(&t.ProducerExpiration, 24*time.Hour)
	setDefault(&t.Cleaner.DedupeBufferSize, 128<<20)
	setDefault(&t.Cleaner.LoadFactor, 0.9)
	setDefault(&t.Cleaner.Backoff, 15*time.Second)
}

func (c *Config) setDefaults() {
	if c.FS == nil {
		c.FS = vfs.OS{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Default.setDefaults()
	setDefault(&c.RecoveryThreads, 2)
	setDefault(&c.RetentionCheckInterval, 5*time.Minute)
	setDefault(&c.InitialTaskDelay, 30*time.Second)
	setDefault(&c.FlushCheckpointInterval, time.Minute)
	setDefault(&c.StartCheckpointInterval, time.Minute)
	setDefault(&c.HWCheckpointInterval, 5*time.Second)
	setDefault(&c.FlushCheckInterval, time.Second)
	setDefault(&c.ProducerExpiration, 24*time.Hour)
	setDefault(&c.ProducerExpirationCheck, 10*time.Minute)
	setDefault(&c.IdleClose, time.Minute)
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// Unlimited is the value of limits that do not apply.
const Unlimited = -1

// Forever is a duration in ms that never passes.
const Forever int64 = math.MaxInt64

// LogConfig is the part of a topic's configuration that its log obeys. Start from DefaultLogConfig. Durations
// are in ms because Kafka's values exceed time.Duration.
type LogConfig struct {
	Delete, Compact bool // cleanup.policy; neither keeps everything

	RetentionMs    int64 // retention.ms, Unlimited
	RetentionBytes int64 // retention.bytes, Unlimited

	SegmentBytes       int32 // segment.bytes
	SegmentMs          int64 // segment.ms
	SegmentJitterMs    int64 // segment.jitter.ms
	SegmentIndexBytes  int32 // segment.index.bytes: a segment rolls when an index reaches it
	IndexIntervalBytes int32 // index.interval.bytes

	MaxMessageBytes   int32 // max.message.bytes
	LogAppendTime     bool  // message.timestamp.type
	TimestampBeforeMs int64 // message.timestamp.before.max.ms
	TimestampAfterMs  int64 // message.timestamp.after.max.ms

	// Compression is compression.type: Producer keeps what the client chose.
	Compression      Compression
	CompressionLevel int // of that codec, 0 default

	DeleteRetentionMs  int64   // delete.retention.ms
	MinCompactionLagMs int64   // min.compaction.lag.ms
	MaxCompactionLagMs int64   // max.compaction.lag.ms
	MinDirtyRatio      float64 // min.cleanable.dirty.ratio

	FileDeleteDelayMs int64 // file.delete.delay.ms
	FlushMessages     int64 // flush.messages
	FlushMs           int64 // flush.ms
	// FlushBeforeAck is leat.flush.before.ack, resolved: acks and the high watermark wait for the flush.
	FlushBeforeAck bool
}

// Compression is a resolved compression.type.
type Compression struct {
	// Recompress is false for "producer": batches are stored as they came.
	Recompress bool
	Codec      recordbatch.Codec
}

// DefaultLogConfig returns Kafka's defaults for a topic, with FlushBeforeAck set (replication factor 1).
func DefaultLogConfig() LogConfig {
	return LogConfig{
		Delete:             true,
		RetentionMs:        7 * 24 * 3600 * 1000,
		RetentionBytes:     Unlimited,
		SegmentBytes:       1 << 30,
		SegmentMs:          7 * 24 * 3600 * 1000,
		SegmentIndexBytes:  10 << 20,
		IndexIntervalBytes: 4096,
		MaxMessageBytes:    1<<20 + recordbatch.LogOverhead,
		TimestampBeforeMs:  Forever,
		TimestampAfterMs:   3600 * 1000,
		DeleteRetentionMs:  24 * 3600 * 1000,
		MaxCompactionLagMs: Forever,
		MinDirtyRatio:      0.5,
		FileDeleteDelayMs:  60 * 1000,
		FlushMessages:      math.MaxInt64,
		FlushMs:            Forever,
		FlushBeforeAck:     true,
	}
}

// setDefaults replaces the zero LogConfig.
func (c *LogConfig) setDefaults() {
	if *c == (LogConfig{}) {
		*c = DefaultLogConfig()
	}
}

// rollMs is the largest time a segment covers: what must be compacted in time must be out of the active segment.
func (c *LogConfig) rollMs() int64 {
	if c.Compact {
		return min(c.SegmentMs, max(c.MaxCompactionLagMs, 1))
	}
	return c.SegmentMs
}
