package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/internal/kafka"
)

// consumption is topic consume.
type consumption struct {
	*cluster
	beginning, keys, headers, meta, exit bool
	limit                                int
	partition                            int32
	offset                               string
}

func (k *cluster) consumeCommand() *cobra.Command {
	o := &consumption{cluster: k}
	c := &cobra.Command{Use: "consume TOPIC", Short: "Print records of a topic", Args: args(cobra.ExactArgs(1)), ValidArgsFunction: k.topics,
		Long: "Print the values of records as they come, JSON values indented when the output is a table (the default). " +
			"-o json prints one line a record with everything that belongs to it. Ends with -n or --exit, else on interrupt.",
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) }}
	f := c.Flags()
	f.BoolVar(&o.beginning, "from-beginning", false, "begin with the first record that is kept")
	f.IntVarP(&o.limit, "max-messages", "n", 0, "end after this many records, 0: never")
	f.BoolVarP(&o.exit, "exit", "e", false, "end when all records there are at the start are printed")
	f.Int32VarP(&o.partition, "partition", "p", -1, "read this partition only")
	f.StringVar(&o.offset, "offset", "", "begin at this offset, at earliest or at latest; -N: N before the end")
	f.BoolVarP(&o.keys, "print-key", "k", false, "print the key before the value")
	f.BoolVar(&o.headers, "print-headers", false, "print the headers before the value")
	f.BoolVarP(&o.meta, "print-position", "m", false, "print partition, offset and timestamp before the value")
	c.MarkFlagsMutuallyExclusive("from-beginning", "offset")
	return c
}

func (o *consumption) run(ctx context.Context, topic string) error {
	start, err := o.start()
	if err != nil {
		return err
	}
	ends, err := o.partitions(ctx, topic)
	if err != nil {
		return err
	}
	if o.done(ends) {
		return nil
	}
	from := map[int32]kgo.Offset{}
	for p := range ends {
		from[p] = start
	}
	cl, err := o.dial(ctx, kafka.Consumer, map[string]string{"enable.auto.commit": "false"},
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))
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
	n, err := strconv.ParseInt(o.offset, 10, 64)
	if err != nil {
		return kgo.Offset{}, usagef("--offset %s: expected a number, earliest or latest", o.offset)
	}
	if n < 0 {
		return kgo.NewOffset().AtEnd().Relative(n), nil
	}
	return kgo.NewOffset().At(n), nil
}

// partitions returns the partitions to read and where they end now; with --exit
// only those that have records.
func (o *consumption) partitions(ctx context.Context, topic string) (map[int32]int64, error) {
	ends := map[int32]int64{}
	err := o.withAdmin(ctx, func(ctx context.Context, adm *kadm.Client) error {
		t, err := find(ctx, adm, topic)
		if err != nil {
			return err
		}
		listed, err := adm.ListEndOffsets(ctx, topic)
		if err != nil {
			return fmt.Errorf("reading end offsets of %s: %w", topic, err)
		}
		if _, there := t.Partitions[o.partition]; o.partition >= 0 && !there {
			return noPartition(topic, o.partition, len(t.Partitions))
		}
		starts, err := adm.ListStartOffsets(ctx, topic)
		if err != nil {
			return fmt.Errorf("reading start offsets of %s: %w", topic, err)
		}
		for p := range t.Partitions {
			if o.partition >= 0 && p != o.partition {
				continue
			}
			start, _ := starts.Lookup(topic, p)
			end, _ := listed.Lookup(topic, p)
			if end.Err != nil {
				return fmt.Errorf("reading the end offset of %s-%d: %w", topic, p, end.Err)
			}
			if !o.exit || start.Offset < end.Offset {
				ends[p] = end.Offset
			}
		}
		return nil
	})
	return ends, err
}

func (o *consumption) poll(ctx context.Context, cl *kgo.Client, ends map[int32]int64) error {
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
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			if o.exit && r.Offset >= ends[r.Partition] {
				continue
			}
			if err := o.print(r); err != nil {
				return err
			}
			if printed++; printed == o.limit {
				return nil
			}
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
	if !o.exit {
		return cl.PollFetches(ctx), false
	}
	limited, cancel := context.WithTimeout(ctx, idleEnd)
	defer cancel()
	fetches = cl.PollFetches(limited)
	return fetches, fetches.NumRecords() == 0 && limited.Err() != nil
}

// advance drops partitions that were read to the end known at the start.
func (o *consumption) advance(fetches kgo.Fetches, ends map[int32]int64) {
	if !o.exit {
		return
	}
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if n := len(p.Records); n > 0 && p.Records[n-1].Offset+1 >= ends[p.Partition] {
			delete(ends, p.Partition)
		}
	})
}

func (o *consumption) done(ends map[int32]int64) bool { return o.exit && len(ends) == 0 }

// record is a record in -o json.
type record struct {
	Topic     string            `json:"topic"`
	Partition int32             `json:"partition"`
	Offset    int64             `json:"offset"`
	Timestamp string            `json:"timestamp"` // RFC 3339 with milliseconds
	Headers   []header          `json:"headers,omitempty"`
	Key       json.RawMessage   `json:"key"`
	Value     json.RawMessage   `json:"value"`
	Encoding  map[string]string `json:"encoding,omitempty"` // of what is not text
}

type header struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

func (o *consumption) print(r *kgo.Record) error {
	switch o.output {
	case "json":
		text, err := json.Marshal(o.record(r))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(o.Out, "%s\n", text)
		return err
	case "yaml":
		text, err := toYAML(o.record(r))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(o.Out, "---\n%s", text)
		return err
	}
	return o.printText(r)
}

func (o *consumption) printText(r *kgo.Record) error {
	var b bytes.Buffer
	if o.meta {
		fmt.Fprintf(&b, "%s-%d@%d %s\t", r.Topic, r.Partition, r.Offset, r.Timestamp.UTC().Format(timeFormat))
	}
	if o.headers {
		for i, h := range r.Headers {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "%s:%s", h.Key, readable(h.Value))
		}
		b.WriteByte('\t')
	}
	if o.keys {
		fmt.Fprintf(&b, "%s\t", readable(r.Key))
	}
	var pretty bytes.Buffer
	if isObject(r.Value) && json.Indent(&pretty, r.Value, "", "  ") == nil {
		b.Write(pretty.Bytes())
	} else {
		b.WriteString(readable(r.Value))
	}
	b.WriteByte('\n')
	_, err := io.Copy(o.Out, &b)
	return err
}

const timeFormat = "2006-01-02T15:04:05.000Z07:00"

func isObject(b []byte) bool { return len(b) > 0 && (b[0] == '{' || b[0] == '[') }

// readable is text as it is, null for a tombstone, base64 for anything else.
func readable(b []byte) string {
	switch {
	case b == nil:
		return "null"
	case utf8.Valid(b):
		return string(b)
	}
	return "base64:" + base64.StdEncoding.EncodeToString(b)
}

func (o *consumption) record(r *kgo.Record) record {
	out := record{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset,
		Timestamp: r.Timestamp.UTC().Format(timeFormat), Encoding: map[string]string{}}
	for _, h := range r.Headers {
		out.Headers = append(out.Headers, header{h.Key, out.raw("headers", h.Value)})
	}
	out.Key, out.Value = out.raw("key", r.Key), out.raw("value", r.Value)
	return out
}

// raw embeds JSON as it is, text as a string, and anything else in base64, which
// it notes.
func (r *record) raw(what string, b []byte) json.RawMessage {
	switch {
	case b == nil:
		return json.RawMessage("null")
	case isObject(b) && json.Valid(b):
		return b
	case !utf8.Valid(b):
		r.Encoding[what] = "base64"
		b = []byte(base64.StdEncoding.EncodeToString(b))
	}
	text, err := json.Marshal(string(b))
	if err != nil {
		panic("cli: a valid text is not JSON: " + err.Error())
	}
	return text
}
