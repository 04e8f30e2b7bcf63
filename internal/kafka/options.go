package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/connect/config"
)

// Role says which of Java's client classes the properties are for.
type Role int

// The roles.
const (
	Admin Role = iota + 1
	Producer
	Consumer
)

// Options returns the options of a client in the given role. A Consumer with a
// group.id gets the group options, without auto-commit unless
// enable.auto.commit says so; topics and start positions without a group are the
// caller's. log receives what the client warns about. The error joins one message
// a bad property.
func Options(props map[string]string, role Role, log *slog.Logger) ([]kgo.Opt, error) {
	switch role {
	case Producer:
		var c producer
		if err := config.Parse(&c, props); err != nil {
			return nil, err
		}
		return c.options(props, log)
	case Consumer:
		var c consumer
		if err := config.Parse(&c, props); err != nil {
			return nil, err
		}
		return c.options(log)
	default:
		var c admin
		if err := config.Parse(&c, props); err != nil {
			return nil, err
		}
		opts, err := c.common.options(log)
		return append(opts, kgo.RetryTimeout(ms(c.APITimeout))), err
	}
}

// Def returns the keys of a role, for validating overrides.
func Def(role Role) *config.Def {
	var d config.Def
	switch role {
	case Producer:
		new(producer).Define(&d)
	case Consumer:
		new(consumer).Define(&d)
	default:
		new(admin).Define(&d)
	}
	return &d
}

// harmless are Java client properties that have nothing to act on here.
var harmless = []string{"key.serializer", "value.serializer", "key.deserializer", "value.deserializer",
	"client.dns.lookup", "metric.reporters", "metrics.num.samples", "metrics.sample.window.ms",
	"metrics.recording.level", "enable.metrics.push", "send.buffer.bytes", "receive.buffer.bytes",
	"reconnect.backoff.ms", "reconnect.backoff.max.ms", "socket.connection.setup.timeout.max.ms",
	"auto.include.jmx.reporter", "metadata.recovery.strategy", "default.api.timeout.ms"}

// Unknown returns, sorted, the properties that no client of the role knows.
func Unknown(props map[string]string, role Role) []string {
	d := Def(role)
	var unknown []string
	for name := range props {
		if d.Key(name) == nil && !slices.Contains(harmless, name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown
}

// MaxPollRecords returns max.poll.records of a consumer's properties.
func MaxPollRecords(props map[string]string) (int, error) {
	var c consumer
	if err := config.Parse(&c, props); err != nil {
		return 0, err
	}
	return c.MaxPollRecords, nil
}

func ms[T int | int64](n T) time.Duration {
	const most = int64(1<<63-1) / int64(time.Millisecond)
	return time.Duration(min(int64(n), most)) * time.Millisecond
}

func (c *common) options(log *slog.Logger) ([]kgo.Opt, error) {
	if len(c.Bootstrap) == 0 {
		return nil, errors.New("bootstrap.servers is empty: name at least one host:port of the Kafka cluster")
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.Bootstrap...),
		kgo.SoftwareNameAndVersion("leat", "1"),
		kgo.MetadataMaxAge(max(ms(c.MetadataMaxAge), time.Second)),
		kgo.MetadataMinAge(min(100*time.Millisecond, max(ms(c.MetadataMaxAge), 10*time.Millisecond))),
		kgo.RequestTimeoutOverhead(max(ms(c.RequestTimeout), 100*time.Millisecond)),
		kgo.RetryBackoffFn(backoff(ms(c.RetryBackoff), ms(c.RetryBackoffMax))),
		kgo.DisableClientMetrics(),
	}
	if c.ConnMaxIdle > 0 {
		opts = append(opts, kgo.ConnIdleTimeout(max(ms(c.ConnMaxIdle), time.Second)))
	}
	if c.ClientID != "" {
		opts = append(opts, kgo.ClientID(c.ClientID))
	}
	if log != nil {
		opts = append(opts, kgo.WithLogger(&logger{log: log}))
	}
	secure, err := c.security()
	return append(opts, secure...), err
}

// backoff is Java's ExponentialBackoff without its jitter.
func backoff(first, most time.Duration) func(int) time.Duration {
	return func(tries int) time.Duration {
		d := first
		for i := 1; i < tries && d < most; i++ {
			d *= 2
		}
		return min(d, max(most, first))
	}
}

func (c *producer) options(props map[string]string, log *slog.Logger) ([]kgo.Opt, error) {
	opts, err := c.common.options(log)
	if err != nil {
		return nil, err
	}
	idempotent := c.Idempotence
	if _, set := props["enable.idempotence"]; !set && (c.Acks == "0" || c.Acks == "1" || c.Retries == 0) {
		idempotent = false // as Java: conflicting settings switch the default off
	}
	switch {
	case idempotent && (c.Acks == "0" || c.Acks == "1"):
		return nil, errors.New("Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence.")
	case c.TransactionalID != "" && !idempotent:
		return nil, errors.New("Cannot set a transactional.id without also enabling idempotence.")
	case idempotent && c.InFlight > 5:
		return nil, errors.New("Must set max.in.flight.requests.per.connection to at most 5 to use the idempotent producer.")
	}
	if !idempotent { // the idempotent producer keeps order with its own five in flight
		opts = append(opts, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(c.InFlight))
	}
	acks := map[string]kgo.Acks{"all": kgo.AllISRAcks(), "-1": kgo.AllISRAcks(), "1": kgo.LeaderAck(), "0": kgo.NoAck()}[c.Acks]
	codec := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}[c.Compression]
	opts = append(opts,
		kgo.RequiredAcks(acks),
		kgo.ProducerBatchCompression(codec),
		kgo.ProducerBatchMaxBytes(int32(max(c.MaxRequestSize, 512))),
		kgo.BrokerMaxWriteBytes(int32(max(100<<20, c.MaxRequestSize+1<<20))),
		kgo.MaxBufferedRecords(1<<30),
		kgo.MaxBufferedBytes(int(max(c.BufferMemory, int64(c.MaxRequestSize)))),
		kgo.ProducerLinger(ms(c.Linger)),
		kgo.ProduceRequestTimeout(max(ms(c.RequestTimeout), 100*time.Millisecond)),
		kgo.RecordPartitioner(kgo.UniformBytesPartitioner(max(c.BatchSize, 1), true, true, nil)),
	)
	if c.DeliveryTimeout < 2147483647 {
		opts = append(opts, kgo.RecordDeliveryTimeout(max(ms(c.DeliveryTimeout), time.Second)))
	}
	if c.Retries < 2147483647 {
		opts = append(opts, kgo.RecordRetries(c.Retries))
	}
	if c.TransactionalID != "" {
		opts = append(opts, kgo.TransactionalID(c.TransactionalID), kgo.TransactionTimeout(ms(c.TransactionTimeout)))
	}
	return opts, nil
}

func (c *consumer) options(log *slog.Logger) ([]kgo.Opt, error) {
	opts, err := c.common.options(log)
	if err != nil {
		return nil, err
	}
	opts = append(opts,
		kgo.FetchMinBytes(int32(max(c.FetchMinBytes, 1))),
		kgo.FetchMaxBytes(int32(c.FetchMaxBytes)),
		kgo.FetchMaxPartitionBytes(int32(c.MaxPartitionBytes)),
		kgo.FetchMaxWait(ms(c.FetchMaxWait)),
		kgo.BrokerMaxReadBytes(1<<30),
	)
	if !c.CheckCRCs {
		opts = append(opts, kgo.DisableFetchCRCValidation())
	}
	if c.Isolation == "read_committed" {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	if c.Rack != "" {
		opts = append(opts, kgo.Rack(c.Rack))
	}
	reset := map[string]kgo.Offset{"earliest": kgo.NewOffset().AtStart(), "latest": kgo.NewOffset().AtEnd(),
		"none": kgo.NoResetOffset()}[c.AutoOffsetReset]
	opts = append(opts, kgo.ConsumeResetOffset(reset))
	if c.AutoCreateTopics {
		opts = append(opts, kgo.AllowAutoTopicCreation())
	}
	if c.GroupID == "" {
		return opts, nil
	}
	group, err := c.groupOptions()
	return append(opts, group...), err
}

func (c *consumer) groupOptions() ([]kgo.Opt, error) {
	opts := []kgo.Opt{
		kgo.ConsumerGroup(c.GroupID),
		kgo.SessionTimeout(ms(c.SessionTimeout)),
		kgo.HeartbeatInterval(ms(c.HeartbeatInterval)),
		kgo.RebalanceTimeout(ms(c.MaxPollInterval)),
	}
	if !c.AutoCommit {
		opts = append(opts, kgo.DisableAutoCommit())
	}
	if strings.EqualFold(c.GroupProtocol, "consumer") { // KIP-848
		opts = append(opts, kgo.ServerSideBalancer())
	}
	if c.InstanceID != "" {
		opts = append(opts, kgo.InstanceID(c.InstanceID))
	}
	var balancers []kgo.GroupBalancer
	for _, s := range c.Strategies {
		switch s {
		case rangeAssignor:
			balancers = append(balancers, kgo.RangeBalancer())
		case roundRobinAssignor:
			balancers = append(balancers, kgo.RoundRobinBalancer())
		case stickyAssignor:
			balancers = append(balancers, kgo.StickyBalancer())
		case cooperativeAssignor:
			balancers = append(balancers, kgo.CooperativeStickyBalancer())
		default:
			return nil, fmt.Errorf("partition.assignment.strategy: %s is not built in; use one of %s", s,
				strings.Join([]string{rangeAssignor, roundRobinAssignor, stickyAssignor, cooperativeAssignor}, ", "))
		}
	}
	if len(balancers) > 0 {
		opts = append(opts, kgo.Balancers(eager(balancers)...))
	}
	return opts, nil
}

// eager drops the cooperative balancer from a mixed list: Java offers both and
// runs the eager protocol then; franz-go takes the protocol of the list as a whole.
func eager(list []kgo.GroupBalancer) []kgo.GroupBalancer {
	if len(list) < 2 {
		return list
	}
	return slices.DeleteFunc(list, func(b kgo.GroupBalancer) bool { return b.IsCooperative() })
}

// logger hands the client's messages to slog. What the client calls info is
// debug for us: rebalances and metadata updates are normal operation.
type logger struct{ log *slog.Logger }

func (l *logger) Level() kgo.LogLevel {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		return kgo.LogLevelInfo
	}
	return kgo.LogLevelWarn
}

func (l *logger) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	to := slog.LevelDebug
	switch level {
	case kgo.LogLevelError, kgo.LogLevelWarn:
		to = slog.LevelWarn
	}
	l.log.Log(context.Background(), to, msg, keyvals...)
}

// dialer is the TCP dialer of every client; tls wraps it.
func (c *common) dialer() *net.Dialer {
	return &net.Dialer{Timeout: max(ms(c.ConnSetupTimeout), 100*time.Millisecond)}
}
