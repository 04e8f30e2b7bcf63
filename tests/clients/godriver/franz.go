package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const heartbeat = 200 * time.Millisecond

// franz is the client franz-go.
type franz struct {
	addr      string
	admin     *kadm.Client
	consumers handles[*franzConsumer]
	producers handles[*kgo.Client]
}

func newFranz(addr string) (map[string]operation, error) {
	f := &franz{addr: addr}
	cl, err := f.client()
	if err != nil {
		return nil, err
	}
	f.admin = kadm.NewClient(cl)
	return map[string]operation{
		"create_topic": f.createTopic, "delete_topic": f.deleteTopic, "topics": f.topics, "add_partitions": f.addPartitions,
		"configs": f.configs, "set_configs": f.setConfigs, "delete_records": f.deleteRecords, "offsets": f.offsets,
		"groups": f.groups, "group": f.group, "committed": f.committed, "set_committed": f.setCommitted,
		"delete_group": f.deleteGroup, "evict": f.evict, "cluster": f.cluster, "transactions": f.transactions,
		"produce": f.produce, "read": f.read,
		"open": f.open, "poll": f.poll, "commit": f.commit, "close": f.close,
		"tx_open": f.txOpen, "tx_begin": f.txBegin, "tx_send": f.txSend, "tx_end": f.txEnd, "tx_close": f.txClose,
		"transform": f.transform,
	}, nil
}

func (f *franz) client(opts ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(f.addr), kgo.FetchMaxWait(100 * time.Millisecond), kgo.MetadataMinAge(100 * time.Millisecond)}, opts...)...)
}

func (f *franz) produce(ctx context.Context, a *args) (*result, error) {
	codec, err := franzCodec(a.Codec)
	if err != nil {
		return nil, err
	}
	opts := []kgo.Opt{kgo.ProducerBatchCompression(codec), kgo.RecordPartitioner(kgo.ManualPartitioner())}
	if a.MaxBytes > 0 {
		opts = append(opts, kgo.ProducerBatchMaxBytes(int32(a.MaxBytes)))
	}
	cl, err := f.client(opts...)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	return franzSend(ctx, cl, a)
}

func franzSend(ctx context.Context, cl *kgo.Client, a *args) (*result, error) {
	rs := make([]*kgo.Record, len(a.Records))
	for i, r := range a.Records {
		rs[i] = &kgo.Record{Topic: a.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value}
		if r.Millis != 0 {
			rs[i].Timestamp = time.UnixMilli(r.Millis)
		}
		for _, h := range r.Headers {
			rs[i].Headers = append(rs[i].Headers, kgo.RecordHeader{Key: h.Name, Value: h.Value})
		}
	}
	if err := cl.ProduceSync(ctx, rs...).FirstErr(); err != nil {
		return nil, err
	}
	res := &result{}
	for _, r := range rs {
		res.Records = append(res.Records, record{Partition: r.Partition, Offset: r.Offset})
	}
	return res, nil
}

func franzCodec(name string) (kgo.CompressionCodec, error) {
	codecs := map[string]kgo.CompressionCodec{
		"": kgo.NoCompression(), "none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	codec, ok := codecs[name]
	if !ok {
		return codec, fmt.Errorf("no codec %q", name)
	}
	return codec, nil
}

var franzCodecNames = []string{"none", "gzip", "snappy", "lz4", "zstd"}

func franzRecord(r *kgo.Record) record {
	out := record{
		Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value, Millis: r.Timestamp.UnixMilli(),
		Codec: franzCodecNames[r.Attrs.CompressionType()],
	}
	for _, h := range r.Headers {
		out.Headers = append(out.Headers, header{h.Key, h.Value})
	}
	return out
}

func (f *franz) read(ctx context.Context, a *args) (*result, error) {
	from := map[int32]kgo.Offset{}
	for p, o := range a.Offsets {
		from[p] = kgo.NewOffset().At(o)
	}
	opts := []kgo.Opt{kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{a.Topic: from}), kgo.FetchMaxBytes(64 << 20)}
	if a.Committed {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	cl, err := f.client(opts...)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	res := &result{}
	for len(res.Records) < a.Count {
		fs := cl.PollFetches(ctx)
		if err := fs.Err(); err != nil {
			return nil, fmt.Errorf("after %d of %d records: %w", len(res.Records), a.Count, err)
		}
		fs.EachRecord(func(r *kgo.Record) { res.Records = append(res.Records, franzRecord(r)) })
	}
	return res, nil
}

func (f *franz) groupOpts(a *args) ([]kgo.Opt, error) {
	opts := []kgo.Opt{
		kgo.ConsumerGroup(a.Group), kgo.ConsumeTopics(a.Topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.HeartbeatInterval(heartbeat), kgo.SessionTimeout(10 * time.Second),
	}
	if a.Protocol == "consumer" {
		opts = append(opts, kgo.ServerSideBalancer())
	}
	balancers := map[string]kgo.GroupBalancer{
		"range": kgo.RangeBalancer(), "roundrobin": kgo.RoundRobinBalancer(),
		"sticky": kgo.StickyBalancer(), "cooperative-sticky": kgo.CooperativeStickyBalancer(), "uniform": kgo.StickyBalancer(),
	}
	if a.Assignor != "" {
		b := balancers[a.Assignor]
		if b == nil {
			return nil, fmt.Errorf("no assignor %q", a.Assignor)
		}
		opts = append(opts, kgo.Balancers(b))
	}
	if a.Instance != "" {
		opts = append(opts, kgo.InstanceID(a.Instance))
	}
	if a.Committed {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	return opts, nil
}

// franzConsumer is a member of a group with what is assigned to it.
type franzConsumer struct {
	*kgo.Client

	mu       sync.Mutex // guards the field below
	assigned []int32
}

func (c *franzConsumer) gain(_ context.Context, _ *kgo.Client, gained map[string][]int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ps := range gained {
		c.assigned = append(c.assigned, ps...)
	}
	slices.Sort(c.assigned)
}

func (c *franzConsumer) lose(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ps := range lost {
		c.assigned = slices.DeleteFunc(c.assigned, func(p int32) bool { return slices.Contains(ps, p) })
	}
}

func (f *franz) open(_ context.Context, a *args) (*result, error) {
	opts, err := f.groupOpts(a)
	if err != nil {
		return nil, err
	}
	c := &franzConsumer{}
	opts = append(opts, kgo.OnPartitionsAssigned(c.gain), kgo.OnPartitionsRevoked(c.lose), kgo.OnPartitionsLost(c.lose))
	if c.Client, err = f.client(opts...); err != nil {
		return nil, err
	}
	f.consumers.put(a.On, c)
	return &result{}, nil
}

func (f *franz) poll(ctx context.Context, a *args) (*result, error) {
	c, err := f.consumers.get(a.On)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(a.Millis)*time.Millisecond)
	defer cancel()
	limit := a.Count
	if limit == 0 {
		limit = -1
	}
	fs := c.PollRecords(ctx, limit)
	for _, e := range fs.Errors() {
		if !errors.Is(e.Err, context.DeadlineExceeded) {
			return nil, e.Err
		}
	}
	res := &result{}
	fs.EachRecord(func(r *kgo.Record) { res.Records = append(res.Records, franzRecord(r)) })
	c.mu.Lock()
	defer c.mu.Unlock()
	res.Assigned = slices.Clone(c.assigned)
	return res, nil
}

func (f *franz) commit(ctx context.Context, a *args) (*result, error) {
	cl, err := f.consumers.get(a.On)
	if err != nil {
		return nil, err
	}
	return &result{}, cl.CommitUncommittedOffsets(ctx)
}

func (f *franz) close(ctx context.Context, a *args) (*result, error) {
	cl, err := f.consumers.take(a.On)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	return &result{}, cl.LeaveGroupContext(ctx)
}

func (f *franz) cluster(ctx context.Context, _ *args) (*result, error) {
	m, err := f.admin.BrokerMetadata(ctx)
	if err != nil {
		return nil, err
	}
	res := &result{Cluster: m.Cluster}
	for _, b := range m.Brokers {
		res.Brokers = append(res.Brokers, net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port))))
	}
	return res, nil
}
