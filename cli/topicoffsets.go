package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// offsetRow is one partition of topic offsets.
type offsetRow struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    *int64 `json:"offset"`              // null: there is none
	Timestamp string `json:"timestamp,omitempty"` // of the record there, where the broker tells
	Error     string `json:"error,omitempty"`
}

// namedTimes are the words of --time with what stands for them in the protocol.
var namedTimes = map[string]int64{"latest": latestOffset, "earliest": earliestOffset, "max-timestamp": maxTimestamp,
	"earliest-local": earliestLocal, "latest-tiered": latestTiered, "earliest-pending-upload": earliestPending}

// parseTime reads a word of namedTimes, milliseconds since 1970, or a date and time.
func parseTime(text string) (int64, error) {
	if t, ok := namedTimes[text]; ok {
		return t, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= earliestPending {
		return n, nil
	}
	t, err := parseDateTime(text)
	if err != nil {
		return 0, usagef("--time %s: expected earliest, latest, max-timestamp, earliest-local, latest-tiered, earliest-pending-upload, "+
			"milliseconds since 1970, or a date and time as in 2026-01-31T15:04:05", text)
	}
	return t.UnixMilli(), nil
}

func (k *cluster) topicOffsetsCommand() *cobra.Command {
	f := &topicFilter{}
	var when string
	var committed bool
	c := &cobra.Command{Use: "offsets [TOPIC[:0,2-4,7-]...]", Short: "Show offsets of partitions at a time", ValidArgsFunction: k.topics,
		Long: "Show where each partition begins or ends, or its first record not older than a time. Without topics, of all.\n" +
			"Both ends of a range of partitions belong to it, and either may be left out: 7-, -3.",
		RunE: k.client(func(ctx context.Context, cl *kgo.Client, given []string) error {
			at, err := parseTime(when)
			if err != nil {
				return err
			}
			topics, err := parseTopicArgs("topic", given)
			if err != nil {
				return err
			}
			if len(given) == 0 {
				details, err := f.topics(ctx, kadm.NewClient(cl), nil)
				if err != nil {
					return err
				}
				for _, d := range details {
					topics = append(topics, topicArg{topic: d.Topic})
				}
			} else if f.match != "" {
				return usagef("name topics or give --match, not both")
			}
			partitions, err := resolve(ctx, cl, topics)
			if err != nil {
				return err
			}
			return k.showOffsets(partitions, listOffsets(ctx, cl, partitions, at, committed))
		})}
	f.bind(c)
	c.Flags().StringVarP(&when, "time", "t", "latest", "earliest, latest, max-timestamp, earliest-local, latest-tiered, earliest-pending-upload, milliseconds since 1970, or a date and time")
	complete(c, "time", "earliest", "latest", "max-timestamp", "earliest-local", "latest-tiered", "earliest-pending-upload")
	k.bindTimeout(c.Flags().DurationVar)
	c.Flags().BoolVar(&committed, "read-committed", false, "latest is the end of what transactions have committed")
	return c
}

func (k *cluster) showOffsets(partitions []partition, answers map[partition]listed) error {
	var errs []error
	rows := []offsetRow{}
	t := table{header: []string{"TOPIC", "PARTITION", "OFFSET", "TIMESTAMP"}}
	for _, p := range partitions {
		a, answered := answers[p]
		if !answered {
			a.Err = errors.New("no answer")
		}
		row := offsetRow{Topic: p.topic, Partition: p.id, Offset: offsetOf(a)}
		if a.Err == nil && a.Timestamp >= 0 && a.Offset >= 0 {
			row.Timestamp = time.UnixMilli(a.Timestamp).UTC().Format(timeFormat)
		}
		if a.Err != nil {
			row.Error = a.Err.Error()
			errs = append(errs, fmt.Errorf("reading the offset of %s: %w", p, a.Err))
		}
		rows = append(rows, row)
		t.add(p.topic, strconv.Itoa(int(p.id)), number(row.Offset), row.Timestamp)
	}
	return errors.Join(show(k.Out, k.output, rows, t), errors.Join(errs...))
}
