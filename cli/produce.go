package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/internal/kafka"
)

// maxLine is the longest line of topic produce in bytes.
const maxLine = 64 << 20

// production is topic produce.
type production struct {
	*cluster
	separator, null string
	partition       int32
	create          bool
}

func (k *cluster) produceCommand() *cobra.Command {
	o := &production{cluster: k}
	c := &cobra.Command{Use: "produce TOPIC", Short: "Write lines of standard input as records", Args: args(cobra.ExactArgs(1)), ValidArgsFunction: k.topics,
		Long: "Write every line of standard input as a record, and wait until all are acknowledged. With --key-separator the part before the separator is the key.",
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) }}
	f := c.Flags()
	f.StringVarP(&o.separator, "key-separator", "K", "", "text between key and value of a line")
	f.StringVar(&o.null, "null-marker", "", "a key or value that is this text is null; a null value deletes in a compacted topic")
	f.Int32VarP(&o.partition, "partition", "p", -1, "write to this partition")
	f.BoolVar(&o.create, "create", false, "create the topic if it is not there, with the broker's defaults")
	return c
}

func (o *production) run(ctx context.Context, topic string) error {
	opts := []kgo.Opt{kgo.DefaultProduceTopic(topic)}
	if o.partition >= 0 {
		opts = append(opts, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	}
	if err := o.prepare(ctx, topic); err != nil {
		return err
	}
	cl, err := o.dial(ctx, kafka.Producer, nil, opts...)
	if err != nil {
		return err
	}
	defer cl.Close()
	return o.send(ctx, cl)
}

// prepare makes sure that the topic is there: a producer would wait for it.
func (o *production) prepare(ctx context.Context, topic string) error {
	return o.withAdmin(ctx, func(ctx context.Context, adm *kadm.Client) error {
		t, err := find(ctx, adm, topic)
		var missing *notFoundError
		if errors.As(err, &missing) && o.create {
			_, err = adm.CreateTopic(ctx, -1, -1, nil, topic)
			return err
		}
		if err == nil && o.partition >= int32(len(t.Partitions)) {
			return noPartition(topic, o.partition, len(t.Partitions))
		}
		return err
	})
}

func (o *production) send(ctx context.Context, cl *kgo.Client) error {
	var failed atomic.Pointer[error]
	var acknowledged atomic.Int64
	lines := bufio.NewScanner(o.In)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan() && failed.Load() == nil; n++ {
		r, err := o.record(lines.Bytes())
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		cl.Produce(ctx, r, func(_ *kgo.Record, err error) {
			if err != nil {
				err = fmt.Errorf("writing line %d: %w", n, err)
				failed.CompareAndSwap(nil, &err)
				return
			}
			acknowledged.Add(1)
		})
	}
	if err := cl.Flush(ctx); err != nil {
		return fmt.Errorf("waiting for acknowledgements (%d so far): %w", acknowledged.Load(), err)
	}
	if err := failed.Load(); err != nil {
		return *err
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading standard input: %w", err)
	}
	_, err := fmt.Fprintf(o.Err, "%d records acknowledged\n", acknowledged.Load())
	return err
}

func (o *production) record(line []byte) (*kgo.Record, error) {
	r := &kgo.Record{Value: bytes.Clone(line), Partition: o.partition}
	if o.separator != "" {
		key, value, ok := bytes.Cut(r.Value, []byte(o.separator))
		if !ok {
			return nil, &refusedError{fmt.Sprintf("no key separator %q in it", o.separator)}
		}
		r.Key, r.Value = key, value
	}
	if o.null != "" {
		if string(r.Key) == o.null {
			r.Key = nil
		}
		if string(r.Value) == o.null {
			r.Value = nil
		}
	}
	if r.Value == nil && o.null == "" {
		r.Value = []byte{} // an empty line is an empty value, not a null
	}
	return r, nil
}
