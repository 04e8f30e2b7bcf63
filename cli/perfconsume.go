package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/internal/kafka"
	"github.com/leat-project/leat/internal/props"
)

// perfConsume is topic perf consume.
type perfConsume struct {
	perfFlags
	group   string
	latest  bool
	timeout time.Duration
	// joined is when a group assigned the partitions; nil without a group.
	joined atomic.Pointer[time.Time]
}

const perfConsumeLong = `Read records as fast as they come and measure the rate, as kafka-consumer-perf-test.sh
does. The time to join the group is not part of the rates, nor with --from-latest the
time until something is written; the time to the first record is shown apart.`

func (k *cluster) perfConsumeCommand() *cobra.Command {
	p := &perfConsume{perfFlags: perfFlags{cluster: k}}
	c := &cobra.Command{Use: "consume TOPIC", Short: "Measure reading", Long: perfConsumeLong, Args: args(cobra.ExactArgs(1)), ValidArgsFunction: k.topics,
		RunE: func(cmd *cobra.Command, args []string) error { return p.run(cmd.Context(), args[0]) }}
	p.bind(c, "consumer")
	f := c.Flags()
	f.StringVarP(&p.group, "group", "g", "", "read as a member of this group; else all partitions are read without one")
	completeFlag(c, "group", k.groups)
	f.BoolVar(&p.latest, "from-latest", false, "begin with what is written from now on")
	f.DurationVar(&p.timeout, "timeout", 10*time.Second, "end when nothing came for so long")
	return c
}

func (p *perfConsume) run(ctx context.Context, topic string) error {
	if err := p.check(); err != nil {
		return err
	}
	if p.timeout <= 0 {
		return usagef("--timeout %v: expected more than 0", p.timeout)
	}
	own, err := parseProperties(p.properties)
	if err != nil {
		return err
	}
	var partitions []partition
	err = p.withClient(ctx, func(ctx context.Context, cl *kgo.Client) error {
		partitions, err = resolve(ctx, cl, []topicArg{{topic: topic}})
		return err
	})
	if err != nil {
		return err
	}
	reset, start := "earliest", kgo.NewOffset().AtStart()
	if p.latest {
		reset, start = "latest", kgo.NewOffset().AtEnd()
	}
	own = props.Merge(map[string]string{"auto.offset.reset": reset, "enable.auto.commit": "false"}, own)
	var opts []kgo.Opt
	if p.group != "" {
		own["group.id"] = p.group
		opts = append(opts, kgo.ConsumeTopics(topic), kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) {
			now := time.Now()
			p.joined.CompareAndSwap(nil, &now)
		}))
	} else {
		from := map[int32]kgo.Offset{}
		for _, at := range partitions {
			from[at.id] = start
		}
		opts = append(opts, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))
	}
	cl, err := p.dial(ctx, kafka.Consumer, own, opts...)
	if err != nil {
		return err
	}
	defer cl.Close()
	return p.measure(ctx, cl, topic)
}

func (p *perfConsume) measure(ctx context.Context, cl *kgo.Client, topic string) error {
	report := perfReport{Topic: topic, Warmup: p.warmup, Intervals: []measured{}}
	start := time.Now()
	var begin, rowBegin, end time.Time // of the totals, of the row, of the last records
	var read int64
	var row measured
	for read < p.records {
		fetches, idle, err := p.fetch(ctx, cl)
		if err != nil {
			return fmt.Errorf("after %d records: %w", read, err)
		}
		if idle {
			break
		}
		now := time.Now()
		if begin.IsZero() {
			begin = start
			if joined := p.joined.Load(); joined != nil {
				begin = *joined
			}
			if p.latest {
				begin = now
			}
			rowBegin = begin
			first := math.Round(now.Sub(start).Seconds()*1000) / 1000
			report.Total.FirstAt = &first
		}
		n, size := volume(fetches, p.records-read)
		if read += n; read <= p.warmup {
			begin = now
		} else {
			report.Total.Records += n
			report.Total.Bytes += size
		}
		end = now
		row.Records += n
		row.Bytes += size
		if now.Sub(rowBegin) >= p.interval {
			row.finish(now.Sub(rowBegin))
			report.Intervals = append(report.Intervals, row)
			if err := p.row(row, "read"); err != nil {
				return err
			}
			row, rowBegin = measured{}, now
		}
	}
	report.Total.finish(end.Sub(begin))
	if err := p.total(report, "read"); err != nil {
		return err
	}
	if read < p.records && ctx.Err() == nil {
		return fmt.Errorf("only %d of %d records came: nothing more within %v (--timeout)", read, p.records, p.timeout)
	}
	return nil
}

// fetch polls once; idle says that the time is over or the user has had enough.
func (p *perfConsume) fetch(ctx context.Context, cl *kgo.Client) (fetches kgo.Fetches, idle bool, err error) {
	limited, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	fetches = cl.PollFetches(limited)
	if limited.Err() != nil && fetches.NumRecords() == 0 {
		return nil, true, nil
	}
	var errs []error
	fetches.EachError(func(t string, id int32, err error) { errs = append(errs, fmt.Errorf("reading %s-%d: %w", t, id, err)) })
	return fetches, false, errors.Join(errs...)
}

// volume counts records, at most limit, and the bytes of their keys and values.
func volume(fetches kgo.Fetches, limit int64) (n, size int64) {
	fetches.EachRecord(func(r *kgo.Record) {
		if n < limit {
			n++
			size += int64(len(r.Key) + len(r.Value))
		}
	})
	return n, size
}
