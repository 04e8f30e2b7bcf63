package broker_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker"
	"github.com/leat-project/leat/broker/brokertest"
)

// alter sets one key of a resource and returns the error.
func alter(t *testing.T, ctx context.Context, b *brokertest.Broker, kind kmsg.ConfigResourceType, name, key string, value *string) error {
	t.Helper()
	return alterBy(t, ctx, client(t, b), kind, name, key, value)
}

func alterBy(t *testing.T, ctx context.Context, cl *kgo.Client, kind kmsg.ConfigResourceType, name, key string, value *string) error {
	t.Helper()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	res := kmsg.NewIncrementalAlterConfigsRequestResource()
	res.ResourceType, res.ResourceName = kind, name
	c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	c.Name, c.Value = key, value
	if value == nil {
		c.Op = kmsg.IncrementalAlterConfigOpDelete
	}
	res.Configs = append(res.Configs, c)
	req.Resources = append(req.Resources, res)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		t.Fatal(err)
	}
	r := resp.Resources[0]
	if r.ErrorCode == 0 {
		return nil
	}
	return errors.Join(kerr.ErrorForCode(r.ErrorCode), errors.New(*r.ErrorMessage))
}

func set(t *testing.T, ctx context.Context, b *brokertest.Broker, kind kmsg.ConfigResourceType, name, key, value string) {
	t.Helper()
	if err := alter(t, ctx, b, kind, name, key, &value); err != nil {
		t.Fatalf("setting %s=%s: %v", key, value, err)
	}
}

func described(t *testing.T, ctx context.Context, b *brokertest.Broker, kind kmsg.ConfigResourceType, name, key string) kmsg.DescribeConfigsResponseResourceConfig {
	t.Helper()
	req := kmsg.NewPtrDescribeConfigsRequest()
	res := kmsg.NewDescribeConfigsRequestResource()
	res.ResourceType, res.ResourceName, res.ConfigNames = kind, name, []string{key}
	req.Resources, req.IncludeSynonyms = append(req.Resources, res), true
	resp, err := req.RequestWith(ctx, client(t, b))
	if err != nil {
		t.Fatal(err)
	}
	r := resp.Resources[0]
	if r.ErrorCode != 0 || len(r.Configs) != 1 {
		t.Fatalf("describing %s of %s: %v, %d entries", key, name, kerr.ErrorForCode(r.ErrorCode), len(r.Configs))
	}
	return r.Configs[0]
}

// chain is value, source and synonyms of a described key, in short.
func chain(c kmsg.DescribeConfigsResponseResourceConfig) string {
	var out strings.Builder
	if c.Value != nil {
		out.WriteString(*c.Value)
	}
	out.WriteString(" " + c.Source.String())
	for _, s := range c.ConfigSynonyms {
		out.WriteString(" " + s.Source.String() + ":" + s.Name + "=" + *s.Value)
	}
	return out.String()
}

func TestSourcesAndSynonyms(t *testing.T) {
	b := brokertest.Start(t, map[string]string{"log.retention.hours": "24", "log.segment.bytes": "2097152"})
	ctx := testContext(t)
	const topic, br = kmsg.ConfigResourceTypeTopic, kmsg.ConfigResourceTypeBroker
	produce(t, ctx, client(t, b, kgo.AllowAutoTopicCreation()), "c", 1)
	for _, tc := range []struct {
		kind            kmsg.ConfigResourceType
		name, key, want string
	}{
		{topic, "c", "retention.ms", "86400000 DEFAULT_CONFIG"}, // Kafka does not show the hours
		{topic, "c", "segment.bytes", "2097152 STATIC_BROKER_CONFIG STATIC_BROKER_CONFIG:log.segment.bytes=2097152 DEFAULT_CONFIG:log.segment.bytes=1073741824"},
		{topic, "c", "max.message.bytes", "1048588 DEFAULT_CONFIG DEFAULT_CONFIG:message.max.bytes=1048588"},
		{topic, "c", "flush.ms", "9223372036854775807 DEFAULT_CONFIG"}, // nor the interval of the check, which gives it its default
		{br, "1", "log.retention.hours", "24 STATIC_BROKER_CONFIG STATIC_BROKER_CONFIG:log.retention.hours=24 DEFAULT_CONFIG:log.retention.hours=168"},
		{br, "1", "log.retention.ms", " DEFAULT_CONFIG"},
		{br, "1", "node.id", "1 DEFAULT_CONFIG DEFAULT_CONFIG:node.id=1"},
	} {
		if got := chain(described(t, ctx, b, tc.kind, tc.name, tc.key)); got != tc.want {
			t.Errorf("%s of %q:\n got %s\nwant %s", tc.key, tc.name, got, tc.want)
		}
	}
	set(t, ctx, b, br, "", "message.max.bytes", "3000000")
	set(t, ctx, b, br, "1", "message.max.bytes", "2000000")
	set(t, ctx, b, topic, "c", "max.message.bytes", "1000000")
	const all = "DYNAMIC_BROKER_CONFIG:message.max.bytes=2000000 DYNAMIC_DEFAULT_BROKER_CONFIG:message.max.bytes=3000000 DEFAULT_CONFIG:message.max.bytes=1048588"
	if got, want := chain(described(t, ctx, b, topic, "c", "max.message.bytes")), "1000000 DYNAMIC_TOPIC_CONFIG DYNAMIC_TOPIC_CONFIG:max.message.bytes=1000000 "+all; got != want {
		t.Errorf("topic:\n got %s\nwant %s", got, want)
	}
	if got, want := chain(described(t, ctx, b, br, "1", "message.max.bytes")), "2000000 DYNAMIC_BROKER_CONFIG "+all; got != want {
		t.Errorf("broker:\n got %s\nwant %s", got, want)
	}
	if got, want := chain(described(t, ctx, b, br, "", "message.max.bytes")), "3000000 DYNAMIC_DEFAULT_BROKER_CONFIG DYNAMIC_DEFAULT_BROKER_CONFIG:message.max.bytes=3000000"; got != want {
		t.Errorf("cluster:\n got %s\nwant %s", got, want)
	}
}

// Blanks around a value mean nothing: not that hours are taken for
// milliseconds, and not the end of the broker.
func TestBlanksAroundValues(t *testing.T) {
	b := brokertest.Start(t, map[string]string{"log.retention.hours": "24 ", "auto.create.topics.enable": " true"})
	ctx := testContext(t)
	const topic, br = kmsg.ConfigResourceTypeTopic, kmsg.ConfigResourceTypeBroker
	produce(t, ctx, client(t, b, kgo.AllowAutoTopicCreation()), "c", 1)
	if got := *described(t, ctx, b, topic, "c", "retention.ms").Value; got != "86400000" {
		t.Errorf("retention.ms is %s, want 24 hours", got)
	}
	set(t, ctx, b, br, "", "log.cleaner.io.buffer.load.factor", "0.8 ")
	set(t, ctx, b, topic, "c", "min.cleanable.dirty.ratio", " 0.7")
	produce(t, ctx, client(t, b), "c", 1)
}

func TestBrokerKeysAreValidated(t *testing.T) {
	b := brokertest.Start(t, nil)
	ctx := testContext(t)
	for _, tc := range []struct{ name, key, value, want string }{
		{"1", "num.partitions", "2", "INVALID_REQUEST Cannot update these configs dynamically: [num.partitions]"},
		{"1", "message.max.bytes", "x", "INVALID_REQUEST Invalid value x for configuration message.max.bytes: Not a number of type INT"},
		{"1", "log.cleaner.threads", "9", "INVALID_REQUEST Log cleaner threads cannot be increased to more than double the current value 1"},
		{"1", "num.io.threads", "99", "INVALID_REQUEST Dynamic thread count update validation failed for num.io.threads=99, value should not be greater than double the current value 8"},
		// These would lock everybody out, for ever.
		{"1", "max.connections.per.ip", "0", "INVALID_REQUEST max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set."},
		{"", "max.connections.per.ip", "0", "INVALID_REQUEST max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set."},
		{"1", "max.connections", "0", "INVALID_REQUEST max.connections is 0: no connection would be accepted, not even one that changes it back. Set it to 1 or more."},
	} {
		err := alter(t, ctx, b, kmsg.ConfigResourceTypeBroker, tc.name, tc.key, &tc.value)
		got := ""
		if err != nil {
			var ke *kerr.Error
			errors.As(err, &ke)
			_, text, _ := strings.Cut(err.Error(), "\n")
			got = ke.Message + " " + text
		}
		if got != tc.want {
			t.Errorf("%s=%s:\n got %s\nwant %s", tc.key, tc.value, got, tc.want)
		}
	}
	for _, tc := range []struct{ key, value, want string }{
		{"consumer.session.timeout.ms", "1000", "consumer.session.timeout.ms must be greater than or equal to group.consumer.min.session.timeout.ms"},
		{"consumer.heartbeat.interval.ms", "60000", "consumer.heartbeat.interval.ms must be less than or equal to group.consumer.max.heartbeat.interval.ms"},
		{"share.session.timeout.ms", "1", "Unknown group config name: share.session.timeout.ms"},
	} {
		err := alter(t, ctx, b, 32, "g", tc.key, &tc.value)
		if err == nil || !errors.Is(err, kerr.InvalidConfig) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s=%s: %v, want INVALID_CONFIG %s", tc.key, tc.value, err, tc.want)
		}
	}
}

// A group's own timings are used from its next heartbeat on.
func TestGroupKeysApply(t *testing.T) {
	b := brokertest.Start(t, map[string]string{"group.consumer.min.heartbeat.interval.ms": "10", "group.consumer.min.session.timeout.ms": "100"})
	ctx := testContext(t)
	produce(t, ctx, client(t, b, kgo.AllowAutoTopicCreation()), "in", 1)
	beat := func() int32 {
		req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
		req.Group, req.MemberID, req.RebalanceTimeoutMillis, req.SubscribedTopicNames = "g", "m", 1000, []string{"in"}
		req.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		for {
			resp, err := req.RequestWith(ctx, client(t, b))
			if err != nil {
				t.Fatal(err)
			}
			if err := kerr.ErrorForCode(resp.ErrorCode); err == nil {
				return resp.HeartbeatIntervalMillis
			} else if !kerr.IsRetriable(err) {
				t.Fatal(err)
			}
		}
	}
	if got := beat(); got != 5000 {
		t.Fatalf("heartbeat interval = %d, want 5000", got)
	}
	set(t, ctx, b, 32, "g", "consumer.heartbeat.interval.ms", "70")
	set(t, ctx, b, 32, "g", "consumer.session.timeout.ms", "200")
	if got := beat(); got != 70 {
		t.Fatalf("heartbeat interval = %d, want 70", got)
	}
	if got := chain(described(t, ctx, b, 32, "g", "consumer.heartbeat.interval.ms")); got != "70 GROUP_CONFIG GROUP_CONFIG:consumer.heartbeat.interval.ms=70" {
		t.Fatalf("described as %s", got)
	}
	for { // the member is silent from here on
		req := kmsg.NewPtrConsumerGroupDescribeRequest()
		req.Groups = []string{"g"}
		resp, err := req.RequestWith(ctx, client(t, b))
		if err != nil {
			t.Fatal(err)
		}
		if resp.Groups[0].State == "Empty" {
			return
		}
	}
}

func TestDynamicMessageSize(t *testing.T) {
	b := brokertest.Start(t, nil)
	ctx := testContext(t)
	p := client(t, b, kgo.AllowAutoTopicCreation(), kgo.ProducerBatchMaxBytes(2<<20), kgo.ProducerBatchCompression(kgo.NoCompression()))
	large := &kgo.Record{Topic: "big", Value: make([]byte, 1500000)}
	if err := p.ProduceSync(ctx, large).FirstErr(); !errors.Is(err, kerr.MessageTooLarge) {
		t.Fatalf("1.5 MB by default: %v, want MESSAGE_TOO_LARGE", err)
	}
	set(t, ctx, b, kmsg.ConfigResourceTypeBroker, "", "message.max.bytes", "3000000")
	if err := p.ProduceSync(ctx, large).FirstErr(); err != nil {
		t.Fatalf("after message.max.bytes was raised: %v", err)
	}
	b.Restart()
	if err := p.ProduceSync(ctx, large).FirstErr(); err != nil {
		t.Fatalf("after the restart: %v", err)
	}
	if err := alter(t, ctx, b, kmsg.ConfigResourceTypeBroker, "", "message.max.bytes", nil); err != nil {
		t.Fatal(err)
	}
	if err := p.ProduceSync(ctx, large).FirstErr(); !errors.Is(err, kerr.MessageTooLarge) {
		t.Fatalf("after the key was deleted: %v, want MESSAGE_TOO_LARGE", err)
	}
}

// accepted says whether a new connection is served: it asks for versions.
func accepted(t *testing.T, addr string) (net.Conn, bool) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	// ApiVersions v0, correlation id 0, no client id.
	if _, err := c.Write([]byte{0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 0, 255, 255}); err != nil {
		return c, false
	}
	c.SetReadDeadline(time.Now().Add(testTime))
	n, err := c.Read(make([]byte, 4))
	return c, err == nil && n > 0
}

func TestDynamicConnectionLimits(t *testing.T) {
	b := brokertest.Start(t, map[string]string{"listeners": "PLAINTEXT://127.0.0.1:0,OTHER://127.0.0.1:0", "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,OTHER:PLAINTEXT"})
	ctx := testContext(t)
	other := b.ListenerAddr("OTHER")
	// One client whose connections are there before there are limits.
	cl := client(t, b)
	alterOne := func(key string, value *string) error {
		return alterBy(t, ctx, cl, kmsg.ConfigResourceTypeBroker, "1", key, value)
	}
	if err := alterOne("max.connections", nil); err != nil {
		t.Fatal(err)
	}
	first, ok := accepted(t, other)
	if !ok {
		t.Fatal("refused without limits")
	}
	for _, tc := range []struct{ key, value string }{
		{"listener.name.other.max.connections", "1"},
		{"max.connections.per.ip.overrides", "127.0.0.1:1"},
		{"max.connections.per.ip", "1"},
	} {
		if err := alterOne(tc.key, &tc.value); err != nil {
			t.Fatal(err)
		}
		if _, ok := accepted(t, other); ok {
			t.Errorf("%s=%s: a second connection was accepted", tc.key, tc.value)
		}
		if err := alterOne(tc.key, nil); err != nil {
			t.Fatal(err)
		}
		if c, ok := accepted(t, other); !ok {
			t.Errorf("%s deleted: refused", tc.key)
		} else {
			c.Close()
		}
	}
	first.Close()
	zero, mine := "0", "127.0.0.1:9"
	if err := errors.Join(alterOne("max.connections.per.ip.overrides", &mine), alterOne("max.connections.per.ip", &zero)); err != nil {
		t.Fatal(err)
	}
	if err := alterOne("max.connections.per.ip.overrides", nil); err == nil {
		t.Error("the only addresses that may connect were taken away")
	}
	bad := "nonsense"
	if err := alterOne("max.connections.per.ip.overrides", &bad); err == nil {
		t.Error("a malformed override was accepted")
	}
}

func TestConnectionRate(t *testing.T) {
	b := brokertest.Start(t, nil)
	ctx := testContext(t)
	set(t, ctx, b, kmsg.ConfigResourceTypeBroker, "1", "max.connection.creation.rate", "10")
	began := time.Now()
	for range 15 {
		if _, ok := accepted(t, b.Addr()); !ok {
			t.Fatal("a connection was refused, not delayed")
		}
	}
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Fatalf("15 connections took %v at 10 a second", took)
	}
}

func TestLoggersChangeLevels(t *testing.T) {
	b := brokertest.Start(t, nil)
	ctx := testContext(t)
	const kind = kmsg.ConfigResourceTypeBrokerLogger
	if got := chain(described(t, ctx, b, kind, "1", "leat.broker.logstore")); got != "INFO DYNAMIC_BROKER_LOGGER_CONFIG" {
		t.Fatalf("described as %s", got)
	}
	set(t, ctx, b, kind, "1", "leat.broker", "DEBUG")
	for name, want := range map[string]string{"leat.broker": "DEBUG", "leat.broker.logstore": "DEBUG", "root": "INFO"} {
		if got := *described(t, ctx, b, kind, "1", name).Value; got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if err := alter(t, ctx, b, kind, "1", "leat.broker", nil); err != nil {
		t.Fatal(err)
	}
	if got := *described(t, ctx, b, kind, "1", "leat.broker").Value; got != "INFO" {
		t.Errorf("after the reset: %s", got)
	}
	for _, tc := range []struct{ name, value string }{{"root", "LOUD"}, {"no.such.logger", "INFO"}} {
		if err := alter(t, ctx, b, kind, "1", tc.name, &tc.value); !errors.Is(err, kerr.InvalidConfig) {
			t.Errorf("%s=%s: %v, want INVALID_CONFIG", tc.name, tc.value, err)
		}
	}
}

// The level of a logger decides what is written.
func TestLoggerLevelFilters(t *testing.T) {
	var out bytes.Buffer
	b := brokertest.StartLogged(t, &out, nil)
	ctx := testContext(t)
	closed := func() {
		c, _ := accepted(t, b.Addr())
		if _, err := c.Write([]byte{0, 0, 0, 1}); err != nil { // too short for a request
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, c) // until the broker hangs up
	}
	set(t, ctx, b, kmsg.ConfigResourceTypeBrokerLogger, "1", "leat.broker", "ERROR")
	closed()
	set(t, ctx, b, kmsg.ConfigResourceTypeBrokerLogger, "1", "leat.broker", "WARN")
	closed()
	b.Stop()
	if n := strings.Count(out.String(), "closing a connection"); n != 1 {
		t.Fatalf("%d lines about closed connections, want the one at WARN:\n%s", n, out.String())
	}
}

func TestEachResourceOnce(t *testing.T) {
	b := brokertest.Start(t, nil)
	ctx := testContext(t)
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	for range 2 {
		res := kmsg.NewIncrementalAlterConfigsRequestResource()
		res.ResourceType = kmsg.ConfigResourceTypeBroker
		req.Resources = append(req.Resources, res)
	}
	resp, err := req.RequestWith(ctx, client(t, b))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range resp.Resources {
		if r.ErrorCode != kerr.InvalidRequest.Code {
			t.Errorf("code = %d, want INVALID_REQUEST", r.ErrorCode)
		}
	}
}

func TestStartWarnsAndRefuses(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	if _, err := broker.ParseConfig(map[string]string{"num.io.threads": "4", "num.cooks": "2"}, log); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"broker key has no effect", "num.io.threads", "unknown broker key", "num.cooks"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the warnings lack %q:\n%s", want, out.String())
		}
	}
	for key, value := range map[string]string{
		"controller.quorum.voters": "1@a:9093,2@b:9093", "process.roles": "controller", "group.consumer.assignors": "mine",
		"max.connections.per.ip.overrides": "a", "offsets.topic.compression.codec": "1", "inter.broker.listener.name": "X",
		"group.coordinator.rebalance.protocols": "classic,share", "metadata.log.dir": "/elsewhere",
	} {
		if _, err := broker.ParseConfig(map[string]string{key: value}, log); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s=%s: %v, want an error that names the key", key, value, err)
		}
	}
}
