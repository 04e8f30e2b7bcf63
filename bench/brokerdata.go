package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Sizes of the data rows.
const (
	lanes     = 4       // connections, one partition each
	inFlight  = 5       // requests of a connection, Java's default
	batchSize = 900_000 // bytes of records in a batch: a busy client fills up to 1 MB
	// gigabytes are written in a run: little enough to stay in the page cache of a small
	// machine, so that its disk does not set the pace.
	gigabytes = 2.0
)

func (m *match) volume() float64 {
	if m.quick {
		return gigabytes / 8
	}
	return gigabytes
}

// bulk produces size-byte records into a fresh topic.
func (m *match) bulk(size int) func(ctx context.Context, s *side) (map[string]float64, error) {
	return func(ctx context.Context, s *side) (map[string]float64, error) {
		topic := m.topic("bulk")
		if err := s.createTopic(ctx, topic, lanes, pageCache); err != nil {
			return nil, err
		}
		per := max(batchSize/size, 1)
		from, err := measure(s)
		if err != nil {
			return nil, err
		}
		sent, err := produceBulk(s.addr, topic, newBatch(per, size), int(m.volume()*1e9)/lanes)
		if err != nil {
			return nil, err
		}
		cpu, wall, err := from.since()
		if err != nil {
			return nil, err
		}
		n, err := s.records(ctx, topic)
		if err != nil {
			return nil, err
		}
		peak, err := memoryMB(s.proc.Pid, "VmHWM")
		if err != nil {
			return nil, err
		}
		if want := int64(sent) * int64(per); n != want {
			return nil, fmt.Errorf("%d records are in the topic, %d were acknowledged", n, want)
		}
		gb := float64(n) * float64(size) / 1e9
		out := map[string]float64{"cpu": cpu / gb, "rate": gb * 1000 / wall, "records": float64(n) / wall, "peak": peak}
		if err := s.deleteTopic(ctx, topic); err != nil || s.name != ours {
			return out, err
		}
		out["raw"], err = rawReceive(m.dir, batchSize, int(m.volume()*1e9))
		return out, err
	}
}

// produceBulk sends the batch to every partition until bytes were sent to each,
// and returns how many batches were acknowledged.
func produceBulk(addr, topic string, batch []byte, bytes int) (int, error) {
	total := 0
	var mu sync.Mutex
	var errs []error
	var wg sync.WaitGroup
	for lane := range lanes {
		wg.Go(func() {
			frame, _ := produceFrame(topic, int32(lane), batch)
			count := bytes/len(batch) + 1
			err := pipeline(addr, topic, frame, count)
			mu.Lock()
			defer mu.Unlock()
			total += count
			errs = append(errs, err)
		})
	}
	wg.Wait()
	return total, errors.Join(errs...)
}

// pipeline sends a frame count times on one connection.
func pipeline(addr, topic string, frame []byte, count int) error {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	window := make(chan struct{}, inFlight)
	sending := make(chan error, 1)
	go func() {
		for range count {
			window <- struct{}{}
			if _, err := nc.Write(frame); err != nil {
				sending <- err
				return
			}
		}
		sending <- nil
	}()
	br := bufio.NewReader(nc)
	var buf []byte
	for range count {
		if buf, err = readFrame(br, buf); err != nil {
			break
		}
		if err = checkProduced(topic, buf); err != nil {
			break
		}
		<-window
	}
	if err != nil {
		nc.Close()
		for {
			select {
			case <-window: // let the sender see the closed connection
			case sent := <-sending:
				return errors.Join(err, sent)
			}
		}
	}
	return <-sending
}

// fetchBatch is the size of the batches that the fetch row reads: Java's
// batch.size.
const fetchBatch = 16 << 10

// fetch reads a topic that lies in the page cache, again and again, with two
// consumers of two partitions each.
func (m *match) fetch(ctx context.Context, s *side) (map[string]float64, error) {
	topic := "fetch"
	if ends, err := s.records(ctx, topic); err != nil || ends == 0 {
		if err := s.createTopic(ctx, topic, lanes, pageCache); err != nil {
			return nil, err
		}
		if _, err := produceBulk(s.addr, topic, newBatch(fetchBatch/1024, 1024), int(m.volume()*1e9)/2/lanes); err != nil {
			return nil, err
		}
	}
	want, err := s.records(ctx, topic)
	if err != nil {
		return nil, err
	}
	from, err := measure(s)
	if err != nil {
		return nil, err
	}
	const rounds = 4
	var total int64
	for range rounds {
		n, err := fetchAll(s.addr, topic, want)
		if err != nil {
			return nil, err
		}
		total += n
	}
	cpu, wall, err := from.since()
	if err != nil {
		return nil, err
	}
	gb := float64(total) / 1e9
	out := map[string]float64{"cpu": cpu / gb, "rate": gb * 1000 / wall}
	if s.name == ours {
		out["raw"], err = rawSend(m.dir, 1<<20, int(total))
	}
	return out, err
}

// fetchAll reads all records of a topic once and returns the bytes of their
// batches.
func fetchAll(addr, topic string, want int64) (int64, error) {
	const consumers = 2
	var bytes, records [consumers]int64
	var errs [consumers]error
	var wg sync.WaitGroup
	for c := range consumers {
		wg.Go(func() {
			offsets := map[int32]int64{}
			for p := c; p < lanes; p += consumers {
				offsets[int32(p)] = 0
			}
			var r *reader
			if r, errs[c] = newReader(addr, topic, 1<<20, offsets); errs[c] != nil {
				return
			}
			defer r.nc.Close()
			for records[c] < want/consumers && errs[c] == nil {
				errs[c] = r.next(func(_ int32, batch []byte) {
					bytes[c] += int64(len(batch))
					records[c] += int64(binary.BigEndian.Uint32(batch[57:]))
				})
			}
		})
	}
	wg.Wait()
	return bytes[0] + bytes[1], errors.Join(errs[:]...)
}

// recordSize is the size of the records of the latency rows.
const recordSize = 100

// single has n producers with one record in flight each, on one partition or on
// as many as there are producers.
func (m *match) single(n, partitions int, mode flushMode) func(ctx context.Context, s *side) (map[string]float64, error) {
	return func(ctx context.Context, s *side) (map[string]float64, error) {
		topic := m.topic("single")
		if err := s.createTopic(ctx, topic, partitions, mode); err != nil {
			return nil, err
		}
		frames := make([][]byte, n)
		for i := range frames {
			frames[i], _ = produceFrame(topic, int32(i%partitions), newBatch(1, recordSize))
		}
		out := map[string]float64{}
		if mode == fsync && s.name == ours {
			took, span, err := rawSync(m.dir, partitions, len(frames[0]), m.seconds()/2)
			if err != nil {
				return nil, err
			}
			out["raw"] = float64(len(took)) / span.Seconds()
			out["raw p50"], out["raw p99"] = ms(percentile(took, 0.5)), ms(percentile(took, 0.99))
		}
		from, err := measure(s)
		if err != nil {
			return nil, err
		}
		run, err := runOneInFlight(s.addr, topic, frames, m.seconds())
		if err != nil {
			return nil, err
		}
		cpu, _, err := from.since()
		if err != nil {
			return nil, err
		}
		stored, err := s.records(ctx, topic)
		if err != nil {
			return nil, err
		}
		if stored != int64(len(run.took)) {
			return nil, fmt.Errorf("%d records are in the topic, %d were acknowledged", stored, len(run.took))
		}
		out["acks"] = float64(stored) / run.span.Seconds()
		out["cpu"] = cpu / float64(stored) * 1e6
		out["p50"], out["p99"] = ms(percentile(run.took, 0.5)), ms(percentile(run.took, 0.99))
		return out, s.deleteTopic(ctx, topic)
	}
}

// seconds is how long a latency run takes.
func (m *match) seconds() time.Duration {
	if m.quick {
		return time.Second
	}
	return m.span
}

// endToEnd sends records at a steady rate and measures from before the write to
// after the consumer has it.
func (m *match) endToEnd(ctx context.Context, s *side) (map[string]float64, error) {
	const rate = 1000
	topic := m.topic("endtoend")
	if err := s.createTopic(ctx, topic, 1, pageCache); err != nil {
		return nil, err
	}
	r, err := newReader(s.addr, topic, 1<<20, map[int32]int64{0: 0})
	if err != nil {
		return nil, err
	}
	defer r.nc.Close()
	total := int(m.seconds().Seconds() * rate)
	took := make([]time.Duration, 0, total)
	began := time.Now()
	relayed := make(chan relayResult, 1)
	if s.name == ours {
		go func() { relayed <- rawRelay(rate, total) }()
	}
	reading := make(chan error, 1)
	go func() {
		var err error
		for len(took) < total && err == nil {
			err = r.next(func(_ int32, batch []byte) {
				now := time.Since(began)
				sent := time.Duration(binary.BigEndian.Uint64(batch[len(batch)-9:])) // one byte of headers follows
				took = append(took, now-sent)
			})
		}
		reading <- err
	}()
	if err := produceSteadily(s.addr, topic, rate, total, began); err != nil {
		return nil, err
	}
	select {
	case err = <-reading:
	case <-time.After(time.Minute):
		r.nc.Close()
		err = errors.Join(errors.New("records are missing a minute after the last was sent"), <-reading)
	}
	if err != nil {
		return nil, err
	}
	out := map[string]float64{"p50": ms(percentile(took, 0.5)), "p99": ms(percentile(took, 0.99)), "p999": ms(percentile(took, 0.999))}
	if s.name == ours {
		raw := <-relayed
		if raw.err != nil {
			return nil, raw.err
		}
		out["raw p50"], out["raw p99"], out["raw p999"] = ms(percentile(raw.took, 0.5)), ms(percentile(raw.took, 0.99)), ms(percentile(raw.took, 0.999))
	}
	return out, s.deleteTopic(ctx, topic)
}

// produceSteadily sends records that carry the moment at which they were sent.
func produceSteadily(addr, topic string, rate, total int, began time.Time) error {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	answers := make(chan error, 1)
	go func() {
		br := bufio.NewReader(nc)
		var buf []byte
		var err error
		for range total {
			if buf, err = readFrame(br, buf); err != nil {
				break
			}
			if err = checkProduced(topic, buf); err != nil {
				break
			}
		}
		answers <- err
	}()
	batch := newBatch(1, recordSize)
	frame, at := produceFrame(topic, 0, batch)
	batch = frame[at : at+len(batch)]
	err = steadily(rate, total, func() error {
		binary.BigEndian.PutUint64(batch[len(batch)-9:], uint64(time.Since(began)))
		seal(batch)
		_, err := nc.Write(frame)
		return err
	})
	if err != nil {
		return err
	}
	return <-answers
}
