package broker_test

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/brokertest"
	"github.com/leat-project/leat/broker/recordbatch"
)

// rawProducer sends single requests of a transactional producer, as no client
// would.
type rawProducer struct {
	t     *testing.T
	ctx   context.Context
	cl    *kgo.Client
	id    int64
	epoch int16
}

func newRawProducer(t *testing.T, ctx context.Context, b *brokertest.Broker, timeout time.Duration) *rawProducer {
	t.Helper()
	p := &rawProducer{t: t, ctx: ctx, cl: client(t, b)}
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID, req.TransactionTimeoutMillis = kmsg.StringPtr("raw"), int32(timeout.Milliseconds())
	for {
		resp, err := req.RequestWith(ctx, p.cl)
		if err != nil {
			t.Fatal(err)
		}
		if err = kerr.ErrorForCode(resp.ErrorCode); kerr.IsRetriable(err) { // the coordinator is coming up
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		p.id, p.epoch = resp.ProducerID, resp.ProducerEpoch
		return p
	}
}

// batch is one transactional record.
func (p *rawProducer) batch(seq int32) []byte {
	b := recordbatch.Builder{}
	b.Transactional, b.ProducerID, b.ProducerEpoch, b.BaseSequence = true, p.id, p.epoch, seq
	b.Add(time.Now().UnixMilli(), nil, []byte("v"))
	out, err := b.Build(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return out
}

func (p *rawProducer) produce(version int16, topic string, seq int32) int16 {
	p.t.Helper()
	req := kmsg.NewPtrProduceRequest()
	req.TransactionID, req.Acks, req.TimeoutMillis = kmsg.StringPtr("raw"), -1, 10000
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic = topic
	rp := kmsg.NewProduceRequestTopicPartition()
	rp.Records = p.batch(seq)
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	resp, err := pin(p.cl, req, version).Request(p.ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.Topics[0].Partitions[0].ErrorCode
}

func (p *rawProducer) add(topic string) {
	p.t.Helper()
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = "raw", p.id, p.epoch
	rt := kmsg.NewAddPartitionsToTxnRequestTopic()
	rt.Topic, rt.Partitions = topic, []int32{0}
	req.Topics = append(req.Topics, rt)
	resp, err := pin(p.cl, req, 3).Request(p.ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode); err != nil {
		p.t.Fatalf("adding %s: %v", topic, err)
	}
}

func (p *rawProducer) end(commit bool) int16 {
	p.t.Helper()
	req := kmsg.NewPtrEndTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = "raw", p.id, p.epoch, commit
	resp, err := pin(p.cl, req, 4).Request(p.ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.ErrorCode
}

// pinned sends a request at one version to the first broker.
type pinned[Q kmsg.Request, R kmsg.Response] struct {
	cl      *kgo.Client
	req     Q
	version int16
}

func (p pinned[Q, R]) Request(ctx context.Context) (R, error) {
	var none R
	brokers, err := kadm.NewClient(p.cl).ListBrokers(ctx)
	if err != nil {
		return none, err
	}
	resp, err := p.cl.Broker(int(brokers[0].NodeID)).Request(ctx, versioned{p.req, p.version})
	if err != nil {
		return none, err
	}
	return resp.(R), nil
}

// versioned keeps a client from choosing another version.
type versioned struct {
	kmsg.Request
	version int16
}

func (v versioned) MaxVersion() int16 { return v.version }

func TestUnverifiedTransactionIsRefused(t *testing.T) {
	b := brokertest.Start(t, nil)
	ctx := testContext(t)
	produce(t, ctx, client(t, b, kgo.AllowAutoTopicCreation()), "tt", 1)
	p := newRawProducer(t, ctx, b, time.Minute)
	if code := p.produce(9, "tt", 0); code != kerr.InvalidTxnState.Code {
		t.Errorf("version 9 without AddPartitionsToTxn: %v, want INVALID_TXN_STATE", kerr.ErrorForCode(code))
	}
	if code := p.produce(11, "tt", 0); code != kerr.TransactionAbortable.Code {
		t.Errorf("version 11 without AddPartitionsToTxn: %v, want TRANSACTION_ABORTABLE", kerr.ErrorForCode(code))
	}
	p.add("tt")
	for seq := range int32(3) {
		if code := p.produce(9, "tt", seq); code != 0 {
			t.Fatalf("sequence %d after AddPartitionsToTxn: %v", seq, kerr.ErrorForCode(code))
		}
	}
	if code := p.end(true); code != 0 {
		t.Fatalf("committing: %v", kerr.ErrorForCode(code))
	}
	awaitTxn(t, ctx, b, "CompleteCommit")
	// What arrives late belongs to no transaction.
	if code := p.produce(9, "tt", 3); code != kerr.InvalidTxnState.Code {
		t.Errorf("after the end: %v, want INVALID_TXN_STATE", kerr.ErrorForCode(code))
	}
	p.id++
	if code := p.produce(9, "tt", 0); code != kerr.InvalidProducerIDMapping.Code {
		t.Errorf("with another producer id: %v, want INVALID_PRODUCER_ID_MAPPING", kerr.ErrorForCode(code))
	}
}

func awaitTxn(t *testing.T, ctx context.Context, b *brokertest.Broker, state string) {
	t.Helper()
	for {
		txns, err := admin(t, b).DescribeTransactions(ctx, "raw")
		if err != nil {
			t.Fatal(err)
		}
		if txns["raw"].State == state {
			return
		}
	}
}

// A transaction that the coordinator does not know hangs for ever, until a tool
// writes the marker (KIP-664).
func TestHangingTransactionIsAborted(t *testing.T) {
	b := brokertest.Start(t, map[string]string{"transaction.partition.verification.enable": "false"})
	ctx := testContext(t)
	produce(t, ctx, client(t, b, kgo.AllowAutoTopicCreation()), "tt", 1)
	p := newRawProducer(t, ctx, b, time.Minute)
	if code := p.produce(9, "tt", 0); code != 0 {
		t.Fatalf("producing without verification: %v", kerr.ErrorForCode(code))
	}
	produce(t, ctx, client(t, b), "tt", 1)
	stable := func() int64 {
		end, err := admin(t, b).ListCommittedOffsets(ctx, "tt")
		if err != nil {
			t.Fatal(err)
		}
		o, _ := end.Lookup("tt", 0)
		return o.Offset
	}
	if at := stable(); at != 1 {
		t.Fatalf("last stable offset = %d, want 1 while the transaction hangs", at)
	}
	described, err := admin(t, b).DescribeProducers(ctx, kadm.TopicsSet{"tt": {0: {}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range described.SortedProducers() {
		if d.CurrentTxnStartOffset < 0 {
			continue
		}
		m := kadm.TxnMarkers{ProducerID: d.ProducerID, ProducerEpoch: d.ProducerEpoch, CoordinatorEpoch: d.CoordinatorEpoch, Topics: kadm.TopicsSet{"tt": {0: {}}}}
		resp, err := admin(t, b).WriteTxnMarkers(ctx, m)
		if err != nil {
			t.Fatal(err)
		}
		resp.EachPartition(func(r kadm.TxnMarkersPartitionResponse) {
			if r.Err != nil {
				t.Fatalf("aborting: %v", r.Err)
			}
		})
	}
	if at := stable(); at != 4 {
		t.Fatalf("last stable offset = %d after the abort, want 4", at)
	}
}

// With acks=all a producer whose time is up is told so; the record stays.
func TestProduceTimesOut(t *testing.T) {
	b := brokertest.StartInMemory(t, 1, nil)
	ctx := testContext(t)
	p := client(t, b, kgo.AllowAutoTopicCreation())
	produce(t, ctx, p, "slow", 1)
	resume := b.Stall()
	defer resume()
	batch := recordbatch.Builder{}
	batch.Add(time.Now().UnixMilli(), nil, []byte("late"))
	records, err := batch.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, 50
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic = "slow"
	rp := kmsg.NewProduceRequestTopicPartition()
	rp.Records = records
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	resp, err := pin(p, req, 9).Request(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Topics[0].Partitions[0]; got.ErrorCode != kerr.RequestTimedOut.Code || got.BaseOffset != 1 {
		t.Fatalf("answer = %+v, want REQUEST_TIMED_OUT at offset 1", got)
	}
	resume()
	consume(t, ctx, client(t, b, kgo.ConsumeTopics("slow")), 2)
}

// A commit whose write takes too long is to be tried again.
func TestCommitTimesOut(t *testing.T) {
	b := brokertest.StartInMemory(t, 1, map[string]string{"offsets.commit.timeout.ms": "50"})
	ctx := testContext(t)
	produce(t, ctx, client(t, b, kgo.AllowAutoTopicCreation()), "in", 1)
	commit := func() error {
		offsets := kadm.Offsets{}
		offsets.AddOffset("in", 0, 1, -1)
		cl := client(t, b, kgo.RetryTimeout(time.Millisecond))
		resp, err := kadm.NewClient(cl).CommitOffsets(ctx, "g", offsets)
		if err != nil {
			return err
		}
		o, _ := resp.Lookup("in", 0)
		return o.Err
	}
	for commit() != nil { // until the coordinator is up
		if ctx.Err() != nil {
			t.Fatal("no commit worked")
		}
	}
	resume := b.Stall()
	defer resume()
	if err := commit(); err != kerr.CoordinatorNotAvailable {
		t.Fatalf("commit on a stalled disk: %v, want COORDINATOR_NOT_AVAILABLE", err)
	}
	resume()
	for commit() != nil {
		if ctx.Err() != nil {
			t.Fatal("no commit worked after the disk came back")
		}
	}
}

func pin[Q interface {
	kmsg.Request
	RequestWith(context.Context, kmsg.Requestor) (R, error)
}, R kmsg.Response](cl *kgo.Client, req Q, version int16) pinned[Q, R] {
	return pinned[Q, R]{cl, req, version}
}
