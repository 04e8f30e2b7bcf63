package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/broker/inspect"
	"github.com/leat-project/leat/internal/kafka"
	"github.com/leat-project/leat/internal/props"
)

// consumption is topic consume.
type consumption struct {
	*cluster
	beginning, keys, headers, meta, exit, committed, decode bool

	limit                       int
	list, offset, group, format string
	timeout                     time.Duration
	properties                  []string
	form                        form
	types                       recordTypes
}

const consumeLong = `Print the values of records as they come, JSON values indented when the output is a
table (the default). -o json prints one line a record with everything that belongs to
it, which leat topic produce --json reads; --format prints what it says.

Ends with -n, --exit or --timeout, else on interrupt. With --group the partitions are
shared with the other members of the group, and what was printed is committed.`

func (k *cluster) consumeCommand() *cobra.Command {
	o := &consumption{cluster: k}
	c := &cobra.Command{Use: "consume TOPIC...", Short: "Print records of topics", Long: consumeLong, Args: args(cobra.MinimumNArgs(1)), ValidArgsFunction: k.topics,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) }}
	f := c.Flags()
	f.BoolVar(&o.beginning, "from-beginning", false, "begin with the first record that is kept")
	f.IntVarP(&o.limit, "max-messages", "n", 0, "end after this many records, 0: never")
	f.BoolVarP(&o.exit, "exit", "e", false, "end when all records there are at the start are printed")
	f.DurationVar(&o.timeout, "timeout", 0, "end when nothing came for so long, as in 500ms or 10s; 0: never")
	f.StringVarP(&o.list, "partition", "p", "", "read these partitions only, as in 0,4-7, or 8- for those from 8 on")
	f.StringVar(&o.offset, "offset", "", "begin at this offset, at earliest, at latest, or at a date and time; -N: N before the end")
	f.StringVarP(&o.group, "group", "g", "", "read as a member of this group")
	completeFlag(c, "group", k.groups)
	f.BoolVar(&o.committed, "read-committed", false, "leave out records of transactions that are open or aborted")
	f.BoolVarP(&o.keys, "print-key", "k", false, "print the key before the value")
	f.BoolVar(&o.headers, "print-headers", false, "print the headers before the value")
	f.BoolVarP(&o.meta, "print-position", "m", false, "print partition, offset and timestamp before the value")
	f.BoolVar(&o.decode, "decode", false, "print keys and values of __consumer_offsets and __transaction_state as what they mean, in JSON")
	o.types.bind(c)
	f.StringVar(&o.format, "format", "", "print this for each record: "+formHelp)
	f.StringArrayVar(&o.properties, "property", nil, "consumer setting NAME=VALUE under its Java name; may be repeated")
	c.MarkFlagsMutuallyExclusive("from-beginning", "offset")
	for _, flag := range []string{"key-type", "value-type"} {
		c.MarkFlagsMutuallyExclusive("decode", flag)
	}
	for _, flag := range []string{"offset", "partition", "exit"} {
		c.MarkFlagsMutuallyExclusive("group", flag)
	}
	return c
}

// parseProperties reads the NAME=VALUE pairs of --property.
func parseProperties(pairs []string) (map[string]string, error) {
	p := map[string]string{}
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, usagef("--property %s: expected NAME=VALUE", pair)
		}
		p[name] = value
	}
	return p, nil
}

func (o *consumption) run(ctx context.Context, topics []string) (err error) {
	if o.form, err = parseForm(o.format); err != nil {
		return err
	}
	if err := o.types.check(); err != nil {
		return err
	}
	for _, t := range topics {
		if o.decode && !inspect.Decodes(t) {
			return usagef("--decode: the records of %s are its own; those of __consumer_offsets and __transaction_state can be decoded", t)
		}
	}
	start, err := o.start()
	if err != nil {
		return err
	}
	own, err := parseProperties(o.properties)
	if err != nil {
		return err
	}
	own = props.Merge(own, map[string]string{"enable.auto.commit": "false"})
	if o.committed {
		own["isolation.level"] = "read_committed"
	}
	if o.beginning {
		own["auto.offset.reset"] = "earliest"
	}
	ends, err := o.partitions(ctx, topics)
	if err != nil || o.done(ends) {
		return err
	}
	var opts []kgo.Opt
	if o.group != "" {
		own["group.id"] = o.group
		opts = append(opts, kgo.ConsumeTopics(topics...))
	} else {
		from := map[string]map[int32]kgo.Offset{}
		for p := range ends {
			if from[p.topic] == nil {
				from[p.topic] = map[int32]kgo.Offset{}
			}
			from[p.topic][p.id] = start
		}
		opts = append(opts, kgo.ConsumePartitions(from))
	}
	cl, err := o.dial(ctx, kafka.Consumer, own, opts...)
	if err != nil {
		return err
	}
	defer cl.Close()
	return o.poll(ctx, cl, ends)
}

func (o *consumption) start() (kgo.Offset, error) {
	switch {
	case o.beginning, o.offset == "earliest":
		return kgo.NewOffset().AtStart(), nil
	case o.offset == "", o.offset == "latest":
		return kgo.NewOffset().AtEnd(), nil
	}
	if at, err := parseDateTime(o.offset); err == nil {
		return kgo.NewOffset().AfterMilli(at.UnixMilli()), nil
	}
	n, err := strconv.ParseInt(o.offset, 10, 64)
	if err != nil {
		return kgo.Offset{}, usagef("--offset %s: expected a number, earliest or latest, or a date and time as in 2026-01-31T15:04:05", o.offset)
	}
	if n < 0 {
		return kgo.NewOffset().AtEnd().Relative(n), nil
	}
	return kgo.NewOffset().At(n), nil
}

// partitions returns the partitions to read and where they end now; with --exit
// only those that have records.
func (o *consumption) partitions(ctx context.Context, topics []string) (map[partition]int64, error) {
	var wanted []topicArg
	for _, t := range topics {
		arg := topicArg{topic: t}
		if o.list != "" {
			var err error
			if arg.partitionList, err = parsePartitions(o.list); err != nil {
				return nil, usagef("--partition %s: %v; expected for instance 0 or 0,4-7", o.list, err)
			}
		}
		wanted = append(wanted, arg)
	}
	ends := map[partition]int64{}
	err := o.withClient(ctx, func(ctx context.Context, cl *kgo.Client) error {
		all, err := resolve(ctx, cl, wanted)
		if err != nil {
			return err
		}
		starts := map[partition]int64{}
		listed := map[partition]int64{}
		if o.exit {
			if starts, err = places(ctx, cl, all, earliestOffset, false); err != nil {
				return err
			}
			if listed, err = places(ctx, cl, all, latestOffset, o.committed); err != nil {
				return err
			}
		}
		for _, p := range all {
			if !o.exit || starts[p] < listed[p] {
				ends[p] = listed[p]
			}
		}
		return nil
	})
	return ends, err
}

func (o *consumption) poll(ctx context.Context, cl *kgo.Client, ends map[partition]int64) error {
	printed := 0
	for !o.done(ends) {
		fetches, idle := o.fetch(ctx, cl)
		if ctx.Err() != nil || idle {
			return nil // interrupted, or all is printed
		}
		var failed error
		fetches.EachError(func(t string, p int32, err error) {
			failed = errors.Join(failed, fmt.Errorf("reading %s-%d: %w", t, p, err))
		})
		if failed != nil {
			return failed
		}
		var shown []*kgo.Record
		for it := fetches.RecordIter(); !it.Done() && (o.limit == 0 || printed < o.limit); {
			r := it.Next()
			if o.exit && r.Offset >= ends[partition{r.Topic, r.Partition}] {
				continue
			}
			if err := o.print(r); err != nil {
				return err
			}
			printed++
			shown = append(shown, r)
		}
		if o.group != "" && len(shown) > 0 {
			if err := cl.CommitRecords(ctx, shown...); err != nil {
				return fmt.Errorf("committing the offsets of group %s: %w", o.group, err)
			}
		}
		if o.limit > 0 && printed == o.limit {
			return nil
		}
		o.advance(fetches, ends)
	}
	return nil
}

// idleEnd: with --exit, reading ends when nothing comes for so long. It is for
// partitions whose last offsets hold no records (compacted, or markers of
// transactions), where the end known at the start is never seen.
const idleEnd = 2 * time.Second

func (o *consumption) fetch(ctx context.Context, cl *kgo.Client) (fetches kgo.Fetches, idle bool) {
	patience := o.timeout
	if o.exit && patience == 0 {
		patience = idleEnd
	}
	if patience == 0 {
		return cl.PollFetches(ctx), false
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	fetches = cl.PollFetches(limited)
	return fetches, fetches.NumRecords() == 0 && limited.Err() != nil
}

// advance drops partitions that were read to the end known at the start.
func (o *consumption) advance(fetches kgo.Fetches, ends map[partition]int64) {
	if !o.exit {
		return
	}
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		at := partition{p.Topic, p.Partition}
		if n := len(p.Records); n > 0 && p.Records[n-1].Offset+1 >= ends[at] {
			delete(ends, at)
		}
	})
}

func (o *consumption) done(ends map[partition]int64) bool { return o.exit && len(ends) == 0 }
