package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Connections of the workload hostile.
const (
	idleConns = 10_000
	slowConns = 1_000
)

// runHostile measures one producer with one record in flight and the memory of
// the broker: alone, beside 10,000 idle connections, and beside 1,000 more that
// are slow on purpose: a third dribbles requests byte by byte, a third announces
// a large frame and sends its beginning, a third asks for data and reads none.
func runHostile(ctx context.Context, b *bench) error {
	raiseFiles()
	s, err := b.newSide(ctx, ours, "hostile")
	if err != nil {
		return err
	}
	defer s.remove()
	if err := s.start(ctx); err != nil {
		return err
	}
	if err := errors.Join(s.createTopic(ctx, "work", 1, pageCache), s.createTopic(ctx, "bulk", 1, pageCache)); err != nil {
		return err
	}
	if err := fillBulk(ctx, s); err != nil {
		return err
	}
	h := &crowd{addr: s.addr}
	defer h.leave()
	for _, phase := range []struct {
		name string
		join func(context.Context) error
	}{
		{"alone", func(context.Context) error { return nil }},
		{fmt.Sprintf("beside %d idle connections", idleConns), h.idle},
		{fmt.Sprintf("beside these and %d slow ones", slowConns), h.slow},
	} {
		if err := phase.join(ctx); err != nil {
			return fmt.Errorf("%s: %w", phase.name, err)
		}
		if err := b.hostilePhase(ctx, s, phase.name); err != nil {
			return fmt.Errorf("%s: %w", phase.name, err)
		}
	}
	return nil
}

func (b *bench) hostilePhase(ctx context.Context, s *side, name string) error {
	took, err := produceOneByOne(ctx, s, b.span)
	if err != nil {
		return err
	}
	rss, err := memoryMB(s.proc.Pid, "VmRSS")
	if err != nil {
		return err
	}
	mode := pageCache.mode()
	return errors.Join(
		b.report(result{Workload: "hostile", What: "produce p50, " + name, Value: ms(percentile(took, 0.5)), Unit: "ms", Lower: true, Mode: mode}),
		b.report(result{Workload: "hostile", What: "produce p99, " + name, Value: ms(percentile(took, 0.99)), Unit: "ms", Lower: true, Mode: mode}),
		b.report(result{Workload: "hostile", What: "acknowledged, " + name, Value: float64(len(took)) / b.span.Seconds(), Unit: "records/s", Mode: mode}),
		b.report(result{Workload: "hostile", What: "memory of the broker, " + name, Value: rss, Unit: "MB", Lower: true, Mode: mode}),
	)
}

// produceOneByOne returns how long each acknowledgement took.
func produceOneByOne(ctx context.Context, s *side, span time.Duration) ([]time.Duration, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.addr), kgo.ProducerLinger(0), kgo.DefaultProduceTopic("work"))
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	value := make([]byte, 1024)
	var took []time.Duration
	for warm := 0; warm < 200; warm++ {
		if err := cl.ProduceSync(ctx, &kgo.Record{Value: value}).FirstErr(); err != nil {
			return nil, err
		}
	}
	for end := time.Now().Add(span); time.Now().Before(end); {
		begin := time.Now()
		if err := cl.ProduceSync(ctx, &kgo.Record{Value: value}).FirstErr(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(begin))
	}
	return took, nil
}

// fillBulk writes what slow readers ask for.
func fillBulk(ctx context.Context, s *side) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.addr), kgo.DefaultProduceTopic("bulk"), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		return err
	}
	defer cl.Close()
	for range 64 {
		if err := cl.ProduceSync(ctx, &kgo.Record{Value: make([]byte, 900<<10)}).FirstErr(); err != nil {
			return err
		}
	}
	return nil
}

// crowd is many connections.
type crowd struct {
	addr  string
	conns []net.Conn
	stop  context.CancelFunc
	wg    sync.WaitGroup
}

// open makes n connections and calls begin with each.
func (h *crowd) open(ctx context.Context, n int, begin func(i int, nc net.Conn) error) ([]net.Conn, error) {
	var d net.Dialer
	var made []net.Conn
	for i := range n {
		nc, err := d.DialContext(ctx, "tcp", h.addr)
		if err != nil {
			return nil, fmt.Errorf("connection %d: %w", i, err)
		}
		h.conns = append(h.conns, nc)
		made = append(made, nc)
		if err := begin(i, nc); err != nil {
			return nil, fmt.Errorf("connection %d: %w", i, err)
		}
	}
	return made, nil
}

// idle opens connections that were used once.
func (h *crowd) idle(ctx context.Context) error {
	frame := metadataFrame()
	_, err := h.open(ctx, idleConns, func(_ int, nc net.Conn) error {
		if _, err := nc.Write(frame); err != nil {
			return err
		}
		_, err := nc.Read(make([]byte, 4096))
		return err
	})
	return err
}

// slow opens the three kinds of slow connections; the dribblers go on until
// leave.
func (h *crowd) slow(ctx context.Context) error {
	fetch := kmsg.NewPtrFetchRequest()
	fetch.SetVersion(4)
	fetch.MaxBytes, fetch.MinBytes, fetch.MaxWaitMillis = 50<<20, 1, 100
	fetch.Topics = []kmsg.FetchRequestTopic{{Topic: "bulk", Partitions: []kmsg.FetchRequestTopicPartition{{PartitionMaxBytes: 50 << 20}}}}
	ask := kmsg.NewRequestFormatter().AppendRequest(nil, fetch, 1)
	half := append(binary.BigEndian.AppendUint32(nil, 50<<20), make([]byte, 20)...)
	var dribblers []net.Conn
	_, err := h.open(ctx, slowConns, func(i int, nc net.Conn) error {
		var err error
		switch i % 3 {
		case 0:
			dribblers = append(dribblers, nc)
		case 1:
			_, err = nc.Write(half)
		case 2:
			for range 4 {
				if _, err = nc.Write(ask); err != nil {
					break
				}
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	dribbling, stop := context.WithCancel(ctx)
	h.stop = stop
	h.wg.Go(func() { dribble(dribbling, dribblers) }) // leave waits for it
	return nil
}

// dribble sends a Metadata request on each connection, a byte of it every 50 ms,
// over and over, and never reads.
func dribble(ctx context.Context, conns []net.Conn) {
	frame := metadataFrame()
	for at := 0; ; at = (at + 1) % len(frame) {
		for _, nc := range conns {
			if _, err := nc.Write(frame[at : at+1]); err != nil {
				return // the broker or the bench has closed it
			}
		}
		if sleep(ctx, 50*time.Millisecond) != nil {
			return
		}
	}
}

// leave closes everything.
func (h *crowd) leave() {
	if h.stop != nil {
		h.stop()
	}
	for _, nc := range h.conns {
		nc.Close()
	}
	h.wg.Wait()
}
