package broker

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
)

// Produce (0), versions 3-13, advertised from 0 (KAFKA-18659).
//
// One batch a partition is appended as it came, in the order of arrival on the
// connection. acks=0 has no answer; a failure closes the connection so that
// the producer looks again. acks=1 and -1 are answered after the flush where
// the topic wants one (leat.flush.before.ack), without holding up the requests
// behind: the answer is a pending one. v8 adds record errors, v10 the current
// leader, v12 implicit transactions (KIP-890), v13 topic ids (KIP-516).

// adminClientID may write to internal topics, as in Kafka.
const adminClientID = "__admin_client"

func (b *Broker) produce(ctx context.Context, r *request, req *kmsg.ProduceRequest) kmsg.Response {
	op := produceOp{broker: b, request: r, req: req, img: b.ctl.Image(), resp: kmsg.NewPtrProduceResponse()}
	op.txnCode = op.openTransaction(ctx)
	op.run()
	if req.Acks == 0 {
		r.hangUp = op.failed
		return nil
	}
	if len(op.flushes) == 0 {
		return op.resp
	}
	op.await()
	return nil
}

// produceOp is one Produce request at work.
type produceOp struct {
	broker  *Broker
	request *request
	req     *kmsg.ProduceRequest
	img     *controller.Image
	resp    *kmsg.ProduceResponse
	failed  bool
	// txnCode is the error for transactional batches; admissions are for
	// partitions that the coordinator was asked about. guarded asks the log to
	// check that nothing came in between.
	txnCode    int16
	guarded    bool
	admissions map[*logstore.Partition]admission
	flushes    []flushWait

	mu       sync.Mutex // guards what follows, and resp while flushes run
	here     bool       // the handler itself makes the flush, and its connection's reader waits
	left     int
	answered bool
}

// flushWait is a partition whose answer waits for its flush.
type flushWait struct {
	part   *logstore.Partition
	offset int64
	out    *kmsg.ProduceResponseTopicPartition
	done   bool
}

func (op *produceOp) run() {
	op.resp.Topics = make([]kmsg.ProduceResponseTopic, len(op.req.Topics))
	for i := range op.req.Topics {
		t := &op.req.Topics[i]
		out := &op.resp.Topics[i]
		out.Default()
		out.Topic, out.TopicID = t.Topic, t.TopicID
		out.Partitions = make([]kmsg.ProduceResponseTopicPartition, len(t.Partitions))
		topic, code := op.topic(t)
		var counters *topicMetrics
		if topic != nil {
			counters = op.broker.metrics.topic(topic.Name)
		}
		for j := range t.Partitions {
			p := &out.Partitions[j]
			p.Default()
			p.Partition, p.BaseOffset, p.LogStartOffset, p.ErrorCode = t.Partitions[j].Partition, -1, -1, code
			if code == 0 {
				op.partition(topic, &t.Partitions[j], p)
			}
			op.failed = op.failed || p.ErrorCode != 0
			if counters != nil {
				counters.produced(p.ErrorCode, len(t.Partitions[j].Records))
			}
		}
	}
}

func (op *produceOp) topic(t *kmsg.ProduceRequestTopic) (*controller.Topic, int16) {
	if op.req.Acks < -1 || op.req.Acks > 1 {
		return nil, kerr.InvalidRequiredAcks.Code
	}
	var topic *controller.Topic
	if op.req.Version >= 13 {
		if topic = op.img.TopicByID(t.TopicID); topic == nil {
			return nil, kerr.UnknownTopicID.Code
		}
	} else if topic = op.img.Topic(t.Topic); topic == nil {
		return nil, kerr.UnknownTopicOrPartition.Code
	}
	if controller.IsInternal(topic.Name) && op.request.clientID != adminClientID {
		return nil, kerr.InvalidTopicException.Code
	}
	return topic, 0
}

func (op *produceOp) partition(topic *controller.Topic, p *kmsg.ProduceRequestTopicPartition, out *kmsg.ProduceResponseTopicPartition) {
	part, state, code := op.broker.partition(topic, p.Partition)
	opts := logstore.AppendOptions{Origin: logstore.OriginClient, LeaderEpoch: state.LeaderEpoch, NoZstd: op.req.Version < 7}
	if code == 0 && op.guarded && isTransactional(p) {
		a := op.admissions[part]
		code, opts.Guarded, opts.Guard = cmp.Or(op.txnCode, a.code), true, a.guard
	}
	if code != 0 {
		out.ErrorCode = code
		return
	}
	opts.OwnFlush = op.flushesHere()
	info, err := part.Append(p.Records, opts)
	if err != nil {
		out.ErrorCode = storeCode(err)
		op.explain(out, err)
		return
	}
	op.broker.metrics.topic(topic.Name).messagesIn.Add(info.LastOffset - info.BaseOffset + 1)
	out.BaseOffset, out.LogAppendTime, out.LogStartOffset = info.BaseOffset, info.LogAppendTime, info.LogStartOffset
	if info.MustFlush && op.req.Acks != 0 {
		op.flushes = append(op.flushes, flushWait{part: part, offset: info.LastOffset + 1, out: out})
	}
}

// flushesHere says whether the handler makes the flush that the answer waits
// for. Several are better made side by side.
func (op *produceOp) flushesHere() bool {
	return op.request.lone && op.req.Acks != 0 && len(op.req.Topics) == 1 && len(op.req.Topics[0].Partitions) == 1
}

// explain adds what is wrong with which record.
func (op *produceOp) explain(out *kmsg.ProduceResponseTopicPartition, err error) {
	var bad *recordbatch.Error
	if !errors.As(err, &bad) {
		return
	}
	out.ErrorMessage = kmsg.StringPtr(bad.Msg)
	for _, re := range bad.Records {
		er := kmsg.NewProduceResponseTopicPartitionErrorRecord()
		er.RelativeOffset, er.ErrorMessage = re.Index, kmsg.StringPtr(re.Msg)
		out.ErrorRecords = append(out.ErrorRecords, er)
	}
}

// await answers when the last flush is done, or with acks=all when the
// request's time is up: what is not flushed by then is REQUEST_TIMED_OUT, and
// stays appended.
func (op *produceOp) await() {
	op.request.finishLater()
	op.broker.metrics.pending.Add(1)
	op.left = len(op.flushes)
	op.here = op.flushesHere()
	if op.here {
		op.request.held = true
		op.request.noteHandled()
		op.request.releaseFrame()
	}
	var timer *time.Timer
	if op.req.Acks == -1 {
		timer = time.AfterFunc(time.Duration(op.req.TimeoutMillis)*time.Millisecond, op.expire)
	}
	for i := range op.flushes {
		w := &op.flushes[i]
		done := func(err error) {
			if op.flushed(w, err) && timer != nil {
				timer.Stop()
			}
		}
		if op.here {
			w.part.FlushHere(w.offset, done)
			op.mu.Lock()
			op.here = false
			op.mu.Unlock()
			return
		}
		w.part.AfterFlush(w.offset, done)
	}
}

// flushed takes in the end of one flush and says whether that was the answer.
func (op *produceOp) flushed(w *flushWait, err error) bool {
	op.mu.Lock()
	defer op.mu.Unlock()
	if op.answered {
		return false
	}
	w.done = true
	if err != nil {
		w.out.ErrorCode, w.out.BaseOffset = storeCode(err), -1
	}
	if op.left--; op.left > 0 {
		return false
	}
	op.answer()
	return true
}

func (op *produceOp) expire() {
	op.mu.Lock()
	defer op.mu.Unlock()
	if op.answered {
		return
	}
	for i := range op.flushes {
		if w := &op.flushes[i]; !w.done {
			w.out.ErrorCode = kerr.RequestTimedOut.Code
		}
	}
	op.answer()
	if op.here {
		op.request.handOver()
	}
}

// answer sends what is there; op.mu is held.
func (op *produceOp) answer() {
	op.answered = true
	op.broker.metrics.pending.Add(-1)
	op.request.finish(op.resp)
}
