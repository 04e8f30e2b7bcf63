package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/internal/kafka"
)

// perfProduce is topic perf produce.
type perfProduce struct {
	perfFlags
	size                int
	file, delimiter     string
	monotonic           bool
	throughput          float64
	txn                 string
	txnDuration         time.Duration
	payload             func(n int64) []byte
	mu                  sync.Mutex // guards the fields below, which acknowledgements write
	all, part           histogram
	allBytes, partBytes int64
	begin               time.Time // of the totals
	acknowledged        int64
	failed              error
}

const perfProduceLong = `Write records as fast as the topic takes them, or at a given rate, and measure the time
from handing a record to the client to its acknowledgement, as
kafka-producer-perf-test.sh does.`

func (k *cluster) perfProduceCommand() *cobra.Command {
	p := &perfProduce{perfFlags: perfFlags{cluster: k}}
	c := &cobra.Command{Use: "produce TOPIC", Short: "Measure writing", Long: perfProduceLong, Args: args(cobra.ExactArgs(1)), ValidArgsFunction: k.topics,
		RunE: func(cmd *cobra.Command, args []string) error { return p.run(cmd.Context(), args[0]) }}
	p.bind(c, "producer")
	f := c.Flags()
	f.IntVarP(&p.size, "record-size", "s", 0, "bytes of each value, random letters")
	f.StringVar(&p.file, "payload-file", "", "values are the parts of this file, taken at random")
	f.StringVar(&p.delimiter, "payload-delimiter", "\n", "what is between the parts of --payload-file")
	f.BoolVar(&p.monotonic, "payload-monotonic", false, "values are the numbers 0, 1, 2, ...")
	f.Float64VarP(&p.throughput, "throughput", "t", -1, "records a second, -1: as many as possible")
	f.StringVar(&p.txn, "transactional-id", "", "write in transactions of this id")
	f.DurationVar(&p.txnDuration, "transaction-duration", 3*time.Second, "with --transactional-id: how long each transaction is")
	c.MarkFlagsMutuallyExclusive("record-size", "payload-file", "payload-monotonic")
	c.MarkFlagsOneRequired("record-size", "payload-file", "payload-monotonic")
	return c
}

func (p *perfProduce) run(ctx context.Context, topic string) error {
	if err := p.check(); err != nil {
		return err
	}
	own, err := parseProperties(p.properties)
	if err != nil {
		return err
	}
	if p.txn != "" {
		own["transactional.id"] = p.txn
		if p.txnDuration <= 0 {
			return usagef("--transaction-duration %v: expected more than 0", p.txnDuration)
		}
	}
	if p.payload, err = p.payloads(); err != nil {
		return err
	}
	err = p.withAdmin(ctx, func(ctx context.Context, adm *kadm.Client) error {
		_, err := find(ctx, adm, topic)
		return err
	})
	if err != nil {
		return err
	}
	cl, err := p.dial(ctx, kafka.Producer, own, kgo.DefaultProduceTopic(topic))
	if err != nil {
		return err
	}
	defer cl.Close()
	return p.measure(ctx, cl, topic)
}

// payloads returns a function that makes the n-th value.
func (p *perfProduce) payloads() (func(n int64) []byte, error) {
	if p.monotonic {
		return func(n int64) []byte { return strconv.AppendInt(nil, n, 10) }, nil
	}
	if p.file != "" {
		text, err := os.ReadFile(p.file)
		if err != nil {
			return nil, fmt.Errorf("reading the payload: %w", err)
		}
		if p.delimiter == "" {
			return nil, usagef("--payload-delimiter is empty")
		}
		parts := bytes.Split(bytes.TrimSuffix(text, []byte(p.delimiter)), []byte(p.delimiter))
		if len(text) == 0 {
			return nil, &refusedError{"--payload-file " + p.file + " is empty"}
		}
		return func(int64) []byte { return parts[rand.IntN(len(parts))] }, nil
	}
	if p.size <= 0 {
		return nil, usagef("--record-size %d: expected at least 1", p.size)
	}
	// Windows of one text: values differ, and making them costs nothing.
	const windows = 1 << 16
	letters := make([]byte, p.size+windows)
	for i := range letters {
		letters[i] = 'A' + byte(rand.IntN(26))
	}
	return func(n int64) []byte {
		at := int(n * 7919 % windows)
		return letters[at : at+p.size : at+p.size]
	}, nil
}

func (p *perfProduce) measure(ctx context.Context, cl *kgo.Client, topic string) error {
	report := perfReport{Topic: topic, Warmup: p.warmup, Intervals: []measured{}}
	stop, done := make(chan struct{}), make(chan error, 1)
	p.begin = time.Now()
	go func() { done <- p.progress(&report, stop) }() // ends when stop is closed
	err := p.produce(ctx, cl)
	close(stop)
	if shown := <-done; shown != nil {
		return shown
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err = errors.Join(err, p.failed); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("after %d acknowledged records: %w", p.acknowledged, err)
	}
	report.Total = measured{Records: int64(p.all.n), Bytes: p.allBytes, Latency: latencies(&p.all)}
	report.Total.finish(time.Since(p.begin))
	return p.total(report, "sent")
}

// progress shows a row every interval.
func (p *perfProduce) progress(report *perfReport, stop <-chan struct{}) error {
	ticker := time.NewTicker(p.interval)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-stop:
			return nil
		case now := <-ticker.C:
			p.mu.Lock()
			m := measured{Records: int64(p.part.n), Bytes: p.partBytes, Latency: latencies(&p.part)}
			p.part, p.partBytes = histogram{}, 0
			p.mu.Unlock()
			m.finish(now.Sub(last))
			last = now
			report.Intervals = append(report.Intervals, m)
			if err := p.row(m, "sent"); err != nil {
				return err
			}
		}
	}
}

// flight is a record on its way; flights are used again.
type flight struct {
	record kgo.Record
	sent   time.Time
	done   func(*kgo.Record, error)
}

func (p *perfProduce) produce(ctx context.Context, cl *kgo.Client) error {
	flights := sync.Pool{}
	flights.New = func() any {
		f := &flight{}
		f.done = func(r *kgo.Record, err error) {
			p.acknowledge(f, len(r.Value), err)
			f.record = kgo.Record{}
			flights.Put(f)
		}
		return f
	}
	start := time.Now()
	var txnEnd time.Time
	for n := int64(0); n < p.records && ctx.Err() == nil; n++ {
		if p.txn != "" {
			if err := p.transact(ctx, cl, &txnEnd); err != nil {
				return err
			}
		}
		if err := p.pace(ctx, start, n); err != nil {
			return err
		}
		f := flights.Get().(*flight)
		f.record.Value = p.payload(n)
		f.sent = time.Now()
		cl.Produce(ctx, &f.record, f.done)
		if n&1023 == 0 && p.error() != nil {
			break
		}
	}
	if err := cl.Flush(ctx); err != nil {
		return err
	}
	if p.txn != "" {
		how := kgo.TransactionEndTry(p.error() == nil && ctx.Err() == nil)
		return cl.EndTransaction(ctx, how)
	}
	return ctx.Err()
}

func (p *perfProduce) error() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed
}

// transact begins the first transaction, and the next ones when the time of one is
// over.
func (p *perfProduce) transact(ctx context.Context, cl *kgo.Client, end *time.Time) error {
	now := time.Now()
	if now.Before(*end) {
		return nil
	}
	if !end.IsZero() {
		if err := cl.Flush(ctx); err != nil {
			return err
		}
		if err := cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
			return fmt.Errorf("committing a transaction: %w", err)
		}
	}
	if err := cl.BeginTransaction(); err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	*end = time.Now().Add(p.txnDuration)
	return nil
}

// pace waits until the n-th record is due.
func (p *perfProduce) pace(ctx context.Context, start time.Time, n int64) error {
	if p.throughput <= 0 {
		return nil
	}
	early := time.Until(start.Add(time.Duration(float64(n) / p.throughput * float64(time.Second))))
	if early < time.Millisecond { // a sleep is not more exact
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(early):
		return nil
	}
}

func (p *perfProduce) acknowledge(f *flight, size int, err error) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		if p.failed == nil {
			p.failed = err
		}
		return
	}
	took := now.Sub(f.sent)
	p.part.add(took)
	p.partBytes += int64(size)
	if p.acknowledged++; p.acknowledged <= p.warmup {
		p.begin = now
		return
	}
	p.all.add(took)
	p.allBytes += int64(size)
}
