package broker

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/logstore"
)

// Fetch (1), versions 4-18.
//
// Stored batches go to the client as they lie in the log, from file to socket
// where they are large. The first partition with data returns at least one
// whole batch, however large (KIP-74). An empty answer waits for minBytes,
// woken by the log, up to maxWait. v7 sessions (KIP-227, fetchsession.go), v9
// leader epochs (KIP-320), v12 divergence (KIP-595), v13 topic ids (KIP-516).

func (b *Broker) fetch(parked context.Context, r *request, req *kmsg.FetchRequest) kmsg.Response {
	op := &fetchOp{broker: b, req: req, request: r, resp: kmsg.NewPtrFetchResponse()}
	body := &fetchBody{FetchResponse: op.resp, op: op}
	if !b.sessions.open(op) {
		return body
	}
	op.read()
	if !op.satisfied() {
		op.park(parked)
	}
	return body
}

// fetchOp is one Fetch request at work.
type fetchOp struct {
	broker  *Broker
	request *request
	req     *kmsg.FetchRequest
	resp    *kmsg.FetchResponse
	session *fetchSession
	parts   []*fetchPart

	size   int  // bytes of data at hand
	urgent bool // an error or divergence is to be told at once
}

// fetchPart is one partition of a fetch; in a session it lives on.
type fetchPart struct {
	topic   string
	id      [16]byte
	want    kmsg.FetchRequestTopicPartition
	code    int16
	out     logstore.ReadResult
	diverge logstore.EpochEnd
	leader  controller.Partition
	log     *logstore.Partition
	served  bool // had data in the last answer

	// sent is what a session's client was last told.
	sent struct {
		hw, lso, start int64
		known          bool
	}
}

// debugReplica is the replica id of a consumer that may read any replica.
const debugReplica = -2

func (op *fetchOp) bound() logstore.Bound {
	switch {
	case op.req.ReplicaID >= 0 || op.req.ReplicaID == debugReplica:
		return logstore.BoundLogEnd
	case op.req.IsolationLevel == 1:
		return logstore.BoundLastStable
	}
	return logstore.BoundHighWatermark
}

// read reads all partitions within the limits of the request.
func (op *fetchOp) read() {
	img := op.broker.ctl.Image()
	budget := int(min(int64(op.req.MaxBytes), op.broker.cfg.int("fetch.max.bytes")))
	op.size, op.urgent = 0, false
	for _, p := range op.parts {
		p.out.Release()
		p.out = logstore.ReadResult{}
		p.diverge = logstore.EpochEnd{Epoch: -1, EndOffset: -1}
		p.code = op.readPart(img, p, budget-op.size)
		p.served = p.out.Len() > 0
		op.size += p.out.Len()
		op.urgent = op.urgent || p.code != 0 || p.diverge.Epoch >= 0
	}
}

func (op *fetchOp) readPart(img *controller.Image, p *fetchPart, budget int) int16 {
	topic, code := op.topic(img, p)
	if code != 0 {
		return code
	}
	log, state, code := op.broker.partition(topic, p.want.Partition)
	p.leader = state
	if code == kerr.KafkaStorageError.Code && p.log != nil {
		return kerr.NotLeaderForPartition.Code // the log was there: the topic is being deleted
	}
	if code != 0 {
		return code
	}
	p.log = log
	if code := fenced(p.want.CurrentLeaderEpoch, state); code != 0 {
		return code
	}
	if c := log.Config().Compression; c.Recompress && op.req.Version < 10 && c.Codec.String() == "zstd" {
		return kerr.UnsupportedCompressionType.Code
	}
	if op.diverges(p) {
		return 0
	}
	limit := min(int(p.want.PartitionMaxBytes), budget)
	out, err := log.Read(logstore.ReadOptions{
		Offset: p.want.FetchOffset, MaxBytes: max(limit, 0), MinOneBatch: op.size == 0, Bound: op.bound(),
	})
	p.out = out
	return storeCode(err)
}

func (op *fetchOp) topic(img *controller.Image, p *fetchPart) (*controller.Topic, int16) {
	if op.req.Version < 13 {
		return img.Topic(p.topic), 0
	}
	t := img.TopicByID(p.id)
	if t == nil {
		return nil, kerr.UnknownTopicID.Code
	}
	p.topic = t.Name
	return t, 0
}

// diverges answers a fetcher whose last epoch ended earlier here (KIP-595).
func (op *fetchOp) diverges(p *fetchPart) bool {
	if op.req.Version < 12 || p.want.LastFetchedEpoch < 0 {
		return false
	}
	end := p.log.EpochEndOffset(p.want.LastFetchedEpoch)
	if end.Epoch < 0 || end.Epoch == p.want.LastFetchedEpoch && end.EndOffset >= p.want.FetchOffset {
		return false
	}
	p.diverge = end
	p.out = logstore.ReadResult{HighWatermark: p.log.HighWatermark(), LastStableOffset: p.log.LastStableOffset(), LogStartOffset: p.log.LogStartOffset()}
	return true
}

// satisfied says whether the answer goes out now.
func (op *fetchOp) satisfied() bool {
	want := min(op.req.MinBytes, op.req.MaxBytes)
	return op.req.MaxWaitMillis <= 0 || len(op.parts) == 0 || op.urgent || op.size >= int(want)
}

// park waits until the answer is worth sending, the client is gone, or its
// time is up.
func (op *fetchOp) park(parked context.Context) {
	waiter := &fetchWaiter{woken: make(chan struct{}, 1)}
	mask := logstore.EventHighWatermark | logstore.EventClosed | logstore.EventLeader
	switch op.bound() {
	case logstore.BoundLastStable:
		mask |= logstore.EventLastStable
	case logstore.BoundLogEnd:
		mask |= logstore.EventAppend
	case logstore.BoundHighWatermark:
	}
	for _, p := range op.parts {
		p.log.Watch(waiter, mask)
		defer p.log.Unwatch(waiter)
	}
	op.broker.metrics.parked.Add(1)
	defer op.broker.metrics.parked.Add(-1)
	began := time.Now()
	defer func() { op.request.times.waited.Add(int64(time.Since(began))) }()
	timer := time.NewTimer(time.Duration(op.req.MaxWaitMillis) * time.Millisecond)
	defer timer.Stop()
	for {
		// Looked at again after Watch, so that nothing is missed between.
		if op.read(); op.satisfied() {
			return
		}
		select {
		case <-waiter.woken:
		case <-timer.C:
			return
		case <-parked.Done():
			return
		}
	}
}

// fetchWaiter is a parked fetch in the lists of its partitions.
type fetchWaiter struct{ woken chan struct{} }

// LogChanged implements logstore.Watcher.
func (w *fetchWaiter) LogChanged(*logstore.Partition, logstore.Event) {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}
