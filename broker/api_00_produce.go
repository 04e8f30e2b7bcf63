package broker

import (
	"context"
	"errors"
	"sync/atomic"

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
	// transactional says that a batch is; txnCode is the error for those.
	transactional bool
	txnCode       int16
	flushes       []flushWait
	left          atomic.Int32
}

// flushWait is a partition whose answer waits for its flush.
type flushWait struct {
	part   *logstore.Partition
	offset int64
	out    *kmsg.ProduceResponseTopicPartition
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
	if code == 0 && op.txnCode != 0 && isTransactional(p) {
		code = op.txnCode
	}
	if code != 0 {
		out.ErrorCode = code
		return
	}
	info, err := part.Append(p.Records, logstore.AppendOptions{
		Origin: logstore.OriginClient, LeaderEpoch: state.LeaderEpoch, NoZstd: op.req.Version < 7,
	})
	if err != nil {
		out.ErrorCode = storeCode(err)
		op.explain(out, err)
		return
	}
	op.broker.metrics.topic(topic.Name).messagesIn.Add(info.LastOffset - info.BaseOffset + 1)
	out.BaseOffset, out.LogAppendTime, out.LogStartOffset = info.BaseOffset, info.LogAppendTime, info.LogStartOffset
	if info.MustFlush && op.req.Acks != 0 {
		op.flushes = append(op.flushes, flushWait{part, info.LastOffset + 1, out})
	}
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

// await answers when the last flush is done.
func (op *produceOp) await() {
	op.request.finishLater()
	op.left.Store(int32(len(op.flushes)))
	for i := range op.flushes {
		w := &op.flushes[i]
		w.part.AfterFlush(w.offset, func(err error) {
			if err != nil {
				w.out.ErrorCode, w.out.BaseOffset = storeCode(err), -1
			}
			if op.left.Add(-1) == 0 {
				op.request.finish(op.resp)
			}
		})
	}
}
