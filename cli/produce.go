package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/internal/kafka"
	"github.com/leat-project/leat/internal/props"
)

// maxLine is the longest line of topic produce in bytes.
const maxLine = 64 << 20

// production is topic produce.
type production struct {
	*cluster
	lineForm
	partition              int32
	create, whole          bool
	compression, acks, txn string
	txnRecords             int
	properties             []string
}

const produceLong = `Write every line of standard input as a record, and wait until all are acknowledged.

A line is the value. With --header-separator the part before that text holds headers
(name:value,name:value); with --key-separator the part before that is the key. With
--json a line is a record as leat topic consume -o json prints it. With --whole all of
standard input is the value of one record.

With --transactional-id the records are written in one transaction, or in one for every
--transaction-records; an error aborts the one that is open.`

func (k *cluster) produceCommand() *cobra.Command {
	o := &production{cluster: k}
	c := &cobra.Command{Use: "produce TOPIC", Short: "Write lines of standard input as records", Long: produceLong, Args: args(cobra.ExactArgs(1)), ValidArgsFunction: k.topics,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) }}
	f := c.Flags()
	f.StringVarP(&o.keySeparator, "key-separator", "K", "", "text between key and value of a line")
	f.StringVar(&o.headerSeparator, "header-separator", "", "text between headers and the rest of a line")
	f.StringVar(&o.headerList, "header-list-separator", ",", "text between headers of a line")
	f.StringVar(&o.headerValue, "header-value-separator", ":", "text between name and value of a header of a line")
	f.BoolVar(&o.lenient, "ignore-errors", false, "a line without its separators is no error: it has no headers or no key, a header no value")
	f.StringArrayVarP(&o.headers, "header", "H", nil, "NAME=VALUE: header of every record; may be repeated")
	f.StringVar(&o.null, "null-marker", "", "a key, value or value of a header that is this text is null; a null value deletes in a compacted topic")
	f.BoolVar(&o.json, "json", false, "lines are JSON as leat topic consume -o json prints it")
	f.BoolVar(&o.whole, "whole", false, "all of standard input is one value")
	f.Int32VarP(&o.partition, "partition", "p", -1, "write to this partition")
	f.BoolVar(&o.create, "create", false, "create the topic if it is not there, with the broker's defaults")
	f.StringVarP(&o.compression, "compression", "z", "", "none, gzip, snappy, lz4 or zstd")
	complete(c, "compression", "none", "gzip", "snappy", "lz4", "zstd")
	f.StringVar(&o.acks, "acks", "", "which replicas acknowledge: all, 1 (the leader) or 0 (none)")
	complete(c, "acks", "all", "1", "0")
	f.StringVar(&o.txn, "transactional-id", "", "write in transactions of this id")
	f.IntVar(&o.txnRecords, "transaction-records", 0, "commit after so many records, 0: at the end")
	f.StringArrayVar(&o.properties, "property", nil, "producer setting NAME=VALUE under its Java name; may be repeated")
	c.MarkFlagsMutuallyExclusive("json", "key-separator")
	c.MarkFlagsMutuallyExclusive("json", "header-separator")
	c.MarkFlagsMutuallyExclusive("json", "whole")
	return c
}

// settings are the producer's, from the flags.
func (o *production) settings() (map[string]string, error) {
	p, err := parseProperties(o.properties)
	if err != nil {
		return nil, err
	}
	if o.txnRecords < 0 || (o.txnRecords > 0 && o.txn == "") {
		return nil, usagef("--transaction-records %d: expected a number of records, with --transactional-id", o.txnRecords)
	}
	if _, said := p["delivery.timeout.ms"]; o.json && !said {
		// The client counts that time from the record's timestamp, which may be long ago.
		p = props.Merge(p, map[string]string{"delivery.timeout.ms": "2147483647"})
	}
	for name, value := range map[string]string{"compression.type": o.compression, "acks": o.acks, "transactional.id": o.txn} {
		if value != "" {
			p = props.Merge(p, map[string]string{name: value})
		}
	}
	return p, nil
}

func (o *production) run(ctx context.Context, topic string) error {
	own, err := o.settings()
	if err != nil {
		return err
	}
	if err := o.prepareLines(); err != nil {
		return err
	}
	if err := o.prepare(ctx, topic); err != nil {
		return err
	}
	w := &writer{transactional: o.txn != "", every: o.txnRecords}
	opts, err := o.clientOptions(own, topic, &w.blame)
	if err != nil {
		return err
	}
	if w.cl, err = o.connect(ctx, opts); err != nil {
		return err
	}
	defer w.cl.Close()
	err = o.send(ctx, w)
	if err = w.end(ctx, err); err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.Err, "%d records acknowledged\n", w.acknowledged.Load())
	return err
}

func (o *production) clientOptions(own map[string]string, topic string, b *blame) ([]kgo.Opt, error) {
	opts, err := o.options(kafka.Producer, own)
	if err != nil {
		return nil, err
	}
	opts = append(opts, kgo.DefaultProduceTopic(topic))
	if o.partition >= 0 {
		opts = append(opts, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	}
	if own["acks"] == "0" { // there are no answers
		return opts, nil
	}
	dialer, err := b.dialer(opts)
	return append(opts, dialer), err
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

func (o *production) send(ctx context.Context, w *writer) error {
	if o.whole {
		text, err := io.ReadAll(o.In)
		if err != nil {
			return fmt.Errorf("reading standard input: %w", err)
		}
		r, err := o.record(text)
		if err != nil {
			return err
		}
		r.Partition = o.partition
		return w.write(ctx, 1, r)
	}
	lines := bufio.NewScanner(o.In)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		r, err := o.record(lines.Bytes())
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		r.Partition = o.partition
		if err := w.write(ctx, n, r); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading standard input: %w", err)
	}
	return nil
}
