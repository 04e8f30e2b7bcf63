package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// starts measures exec to the first Metadata on an existing folder, and the
// memory of a broker that has done nothing since.
func (m *match) starts(ctx context.Context, like *side) (map[string]float64, error) {
	s, err := m.newSide(ctx, like.name, "start")
	if err != nil {
		return nil, err
	}
	defer s.remove()
	out := map[string]float64{}
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	out["first"] = s.started.Seconds()
	if err := s.createTopic(ctx, "some", 10, pageCache); err != nil {
		return nil, err
	}
	s.stop()
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	out["start"] = s.started.Seconds()
	if err := sleep(ctx, m.idle()); err != nil {
		return nil, err
	}
	out["idle"], err = memoryMB(s.proc.Pid, "VmRSS")
	return out, err
}

// idle is how long after its start a broker's memory is looked at.
func (m *match) idle() time.Duration {
	if m.quick {
		return 5 * time.Second
	}
	return time.Minute
}

// restartGB is what the logs hold when the broker is killed.
const restartGB = 5.0

// restart kills a broker with SIGKILL right behind the last acknowledgement and
// measures exec to the first acknowledgement of a record.
func (m *match) restart(ctx context.Context, like *side) (map[string]float64, error) {
	s, err := m.newSide(ctx, like.name, "restart")
	if err != nil {
		return nil, err
	}
	defer s.remove()
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	const topic = "logs"
	if err := s.createTopic(ctx, topic, lanes, pageCache); err != nil {
		return nil, err
	}
	volume := restartGB
	if m.quick {
		volume /= 8
	}
	batch := newBatch(900, 1000)
	sent, err := produceBulk(s.addr, topic, batch, int(volume*1e9)/lanes)
	if err != nil {
		return nil, err
	}
	s.client.Close()
	s.kill()
	begin := time.Now()
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	out := map[string]float64{"metadata": s.started.Seconds()}
	frame, _ := produceFrame(topic, 0, newBatch(1, recordSize))
	for {
		err := produceOnce(s.addr, topic, frame)
		if err == nil {
			break
		}
		if time.Since(begin) > 3*time.Minute {
			return nil, err
		}
		if err := sleep(ctx, time.Millisecond); err != nil {
			return nil, err
		}
	}
	out["produce"] = time.Since(begin).Seconds()
	n, err := s.records(ctx, topic)
	if want := int64(sent)*900 + 1; err == nil && n != want {
		err = fmt.Errorf("%d records are in the topic after the restart, %d were acknowledged", n, want)
	}
	return out, err
}

// produceOnce makes one connection and one Produce request.
func produceOnce(addr, topic string, frame []byte) error {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	if err := nc.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	if _, err := nc.Write(frame); err != nil {
		return err
	}
	answer, err := readFrame(bufio.NewReader(nc), nil)
	if err != nil {
		return err
	}
	return checkProduced(topic, answer)
}

// Long polls.
const (
	pollPartitions = 1000
	pollConsumers  = 200
)

// polls has consumers wait for records that do not come, each with a session
// over its share of the partitions, as clients do.
func (m *match) polls(ctx context.Context, s *side) (map[string]float64, error) {
	const topic = "polls"
	if ends, err := s.admin.ListEndOffsets(ctx, topic); err != nil || ends.Error() != nil {
		if err := s.createTopic(ctx, topic, pollPartitions, pageCache); err != nil {
			return nil, err
		}
	}
	pollers := make([]*poller, pollConsumers)
	for i := range pollers {
		const share = pollPartitions / pollConsumers
		p, err := newPoller(s.addr, topic, i*share, share)
		if err != nil {
			return nil, err
		}
		defer p.nc.Close()
		pollers[i] = p
	}
	stopped := make(chan struct{})
	errs := make([]error, len(pollers))
	var wg sync.WaitGroup
	for i, p := range pollers {
		wg.Go(func() { errs[i] = p.poll(stopped) })
	}
	if err := sleep(ctx, time.Second); err != nil { // sessions are made
		return nil, err
	}
	from, err := measure(s)
	if err != nil {
		return nil, err
	}
	if err := sleep(ctx, m.seconds()); err != nil {
		return nil, err
	}
	cpu, wall, err := from.since()
	close(stopped)
	wg.Wait()
	answers := 0
	for _, p := range pollers {
		answers += p.answers
	}
	return map[string]float64{"core": 100 * cpu / wall, "answers": float64(answers) / wall}, errors.Join(append(errs, err)...)
}

type poller struct {
	nc     net.Conn
	br     *bufio.Reader
	req    *kmsg.FetchRequest
	topics []kmsg.FetchRequestTopic

	answers int
}

func newPoller(addr, topic string, from, count int) (*poller, error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	p := &poller{nc: nc, br: bufio.NewReader(nc), req: kmsg.NewPtrFetchRequest()}
	p.req.Version, p.req.MaxWaitMillis, p.req.MinBytes, p.req.MaxBytes = fetchVersion, 500, 1, 50<<20
	t := kmsg.FetchRequestTopic{Topic: topic}
	for i := range count {
		part := kmsg.NewFetchRequestTopicPartition()
		part.Partition, part.PartitionMaxBytes = int32(from+i), 1<<20
		t.Partitions = append(t.Partitions, part)
	}
	p.req.SessionEpoch = 0
	p.topics = []kmsg.FetchRequestTopic{t}
	return p, nil
}

// poll fetches until stopped: the first time all partitions, then what changed,
// which is nothing. The last request closes the session.
func (p *poller) poll(stopped <-chan struct{}) error {
	var buf []byte
	for {
		select {
		case <-stopped:
			p.req.SessionEpoch = -1
		default:
		}
		p.req.Topics = nil
		if p.req.SessionID == 0 {
			p.req.Topics = p.topics
		}
		if _, err := p.nc.Write(frameOf(p.req)); err != nil {
			return err
		}
		var err error
		if buf, err = readFrame(p.br, buf); err != nil {
			return err
		}
		resp := kmsg.NewPtrFetchResponse()
		resp.Version = fetchVersion
		if err := resp.ReadFrom(buf[headerLen:]); err != nil {
			return err
		}
		p.answers++
		if p.req.SessionEpoch == -1 {
			return nil
		}
		switch err := kerr.ErrorForCode(resp.ErrorCode); {
		case errors.Is(err, kerr.FetchSessionIDNotFound): // made room for another one
			p.req.SessionID, p.req.SessionEpoch = 0, 0
		case err != nil:
			return err
		case resp.SessionID == 0: // no room for a session
			p.req.SessionEpoch = 0
		default:
			p.req.SessionID = resp.SessionID
			p.req.SessionEpoch++
		}
	}
}

// manyTopics times manyPartitions is how many partitions are opened.
const (
	manyTopics     = 10
	manyPartitions = 1000
)

// many creates 10,000 partitions, starts again and looks at the memory.
func (m *match) many(ctx context.Context, like *side) (map[string]float64, error) {
	s, err := m.newSide(ctx, like.name, "many")
	if err != nil {
		return nil, err
	}
	defer s.remove()
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	begin := time.Now()
	for i := range manyTopics {
		if err := s.createTopic(ctx, fmt.Sprintf("many-%d", i), manyPartitions, pageCache); err != nil {
			return nil, err
		}
	}
	out := map[string]float64{"create": time.Since(begin).Seconds()}
	s.stop()
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	// Ready is when the last of them has its end offset told.
	begin = time.Now()
	for {
		ends, err := s.admin.ListEndOffsets(ctx, fmt.Sprintf("many-%d", manyTopics-1))
		if err == nil && ends.Error() == nil {
			break
		}
		if time.Since(begin) > 3*time.Minute {
			return nil, errors.Join(errors.New("partitions are not served after the start"), err, ends.Error())
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return nil, err
		}
	}
	out["start"] = s.started.Seconds() + time.Since(begin).Seconds()
	if err := sleep(ctx, 5*time.Second); err != nil {
		return nil, err
	}
	out["memory"], err = memoryMB(s.proc.Pid, "VmRSS")
	return out, err
}

// raiseFiles lets the brokers hold as many files as the machine allows.
func raiseFiles() {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil {
		limit.Cur = limit.Max
		err = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench: raising the limit of open files:", err)
		}
	}
}
