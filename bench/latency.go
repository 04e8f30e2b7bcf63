package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const latencyRate = 2000 // events/s

// runLatency inserts single rows at a steady rate and measures from the moment
// the commit returned to the moment a consumer of the topic has the record.
func runLatency(ctx context.Context, b *bench) error {
	const db = "benchlatency"
	c, err := b.database(ctx, db)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	if err := createTable(ctx, c, "orders"); err != nil {
		return err
	}
	l, err := b.start(ctx, "latency")
	if err != nil {
		return err
	}
	defer l.stop()
	if err := l.put(db, b.source(db, "orders", db, nil)); err != nil {
		return err
	}
	if err := l.waitRunning(ctx, db); err != nil {
		return err
	}
	if err := fill(ctx, c, "orders", -1, -1, 0); err != nil {
		return err
	}
	topic := db + ".public.orders"
	if _, _, err := waitEnd(ctx, l, topic, 1, time.Minute); err != nil {
		return err
	}
	total := 30 * latencyRate
	if b.quick {
		total = 3 * latencyRate
	}
	// The moments of the commits, by id; written before the record can be read
	// only if the lock is taken first, hence the wait in arrived.
	committed := make([]time.Time, total+1)
	arrived := make([]time.Time, total+1)
	readCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	var readErr error
	wg.Go(func() { readErr = readArrivals(readCtx, l.kafka, topic, arrived, total) })
	// A commit that is not flushed is not sent either: fill has switched that off.
	if _, err := c.Exec(ctx, "SET synchronous_commit = on"); err != nil {
		return err
	}
	_, err = c.Prepare(ctx, "one", "INSERT INTO orders SELECT "+rowExpr+" FROM (SELECT $1::bigint AS i) s")
	if err != nil {
		return err
	}
	begin := time.Now()
	for i := 1; i <= total; i++ {
		due := begin.Add(time.Duration(i) * time.Second / latencyRate)
		if d := time.Until(due); d > 0 {
			time.Sleep(d)
		}
		if _, err := c.Exec(ctx, "one", i); err != nil {
			return err
		}
		committed[i] = time.Now()
	}
	sent := time.Since(begin)
	timer := time.AfterFunc(30*time.Second, cancel)
	wg.Wait()
	timer.Stop()
	if readErr != nil {
		return readErr
	}
	took := make([]float64, 0, total)
	for i := 1; i <= total; i++ {
		// A record may be read before the commit's answer is: that is 0.
		took = append(took, max(0, arrived[i].Sub(committed[i]).Seconds()*1000))
	}
	slices.Sort(took)
	mode := fmt.Sprintf("JSON schemas=false, fsync before ack, %.0f events/s", float64(total)/sent.Seconds())
	for _, r := range []result{
		{What: "commit to consumer of the topic, p50", Value: took[len(took)/2], Target: 5},
		{What: "commit to consumer of the topic, p99", Value: took[len(took)*99/100], Target: 25},
		{What: "commit to consumer of the topic, max", Value: took[len(took)-1]},
	} {
		r.Workload, r.Unit, r.Lower, r.Mode = "latency", "ms", true, mode
		if err := b.report(r); err != nil {
			return err
		}
	}
	return l.remove(db)
}

func readArrivals(ctx context.Context, kafka, topic string, arrived []time.Time, total int) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(kafka), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(500*time.Millisecond))
	if err != nil {
		return err
	}
	defer cl.Close()
	for n := 0; n < total; {
		fetches := cl.PollFetches(ctx)
		now := time.Now()
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%d of %d records arrived: %w", n, total, err)
		}
		for _, e := range fetches.Errors() {
			return e.Err
		}
		for r := range fetches.RecordsAll() {
			var key struct{ ID int }
			if err := json.Unmarshal(r.Key, &key); err != nil {
				return fmt.Errorf("key %s: %w", r.Key, err)
			}
			if key.ID >= 1 && key.ID <= total && arrived[key.ID].IsZero() {
				arrived[key.ID] = now
				n++
			}
		}
	}
	return nil
}
