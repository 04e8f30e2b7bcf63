package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// cut is one partition of topic delete-records.
type cut struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Start     *int64 `json:"start_offset"`  // before
	Before    int64  `json:"before_offset"` // records below are deleted
	Low       *int64 `json:"low_watermark"` // start afterwards; null in a dry run
}

const deleteRecordsLong = `Delete the records below an offset. They are given as TOPIC or TOPIC:0,1 with
--before OFFSET (or latest: all that there are now), or by a JSON file in the form of
kafka-delete-records.sh:

  {"partitions": [{"topic": "orders", "partition": 1, "offset": 10}], "version": 1}

where the offset -1 is the end of the log.`

func (k *cluster) deleteRecordsCommand() *cobra.Command {
	var before, file string
	var dryRun bool
	c := &cobra.Command{Use: "delete-records TOPIC[:0,1]... --before OFFSET", Short: "Delete the oldest records of partitions", Long: deleteRecordsLong, ValidArgsFunction: k.topics,
		RunE: k.client(func(ctx context.Context, cl *kgo.Client, given []string) error {
			wanted, err := k.cuts(ctx, cl, given, before, file)
			if err != nil {
				return err
			}
			rows, err := planCuts(ctx, cl, wanted)
			if err != nil {
				return err
			}
			if !dryRun {
				err = deleteRecords(ctx, cl, rows)
			} else if _, err := fmt.Fprintln(k.Err, "these would be deleted; dry run, nothing is"); err != nil {
				return err
			}
			t := table{header: []string{"TOPIC", "PARTITION", "START", "BEFORE", "NEW START"}}
			for _, c := range rows {
				t.add(c.Topic, strconv.Itoa(int(c.Partition)), number(c.Start), strconv.FormatInt(c.Before, 10), number(c.Low))
			}
			return errors.Join(show(k.Out, k.output, rows, t), err)
		})}
	c.Flags().StringVar(&before, "before", "", "delete records below this offset; latest: all")
	c.Flags().StringVarP(&file, "file", "f", "", "JSON file with partitions and offsets, - for standard input")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be deleted")
	c.MarkFlagsMutuallyExclusive("before", "file")
	return c
}

// cuts reads the flags: the offset for each partition, -1 for its end.
func (k *cluster) cuts(ctx context.Context, cl *kgo.Client, given []string, before, file string) (map[partition]int64, error) {
	if file != "" {
		if len(given) > 0 {
			return nil, usagef("name topics or give --file, not both")
		}
		return k.readCuts(ctx, cl, file)
	}
	if len(given) == 0 || before == "" {
		return nil, usagef("say what to delete: TOPIC[:0,1] with --before OFFSET, or --file FILE")
	}
	offset := int64(-1)
	if before != "latest" {
		var err error
		if offset, err = strconv.ParseInt(before, 10, 64); err != nil || offset < 0 {
			return nil, usagef("--before %s: expected an offset or latest", before)
		}
	}
	topics, err := parseTopicArgs("topic", given)
	if err != nil {
		return nil, err
	}
	partitions, err := resolve(ctx, cl, topics)
	wanted := map[partition]int64{}
	for _, p := range partitions {
		wanted[p] = offset
	}
	return wanted, err
}

func (k *cluster) readCuts(ctx context.Context, cl *kgo.Client, file string) (map[partition]int64, error) {
	text, err := k.readFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading offsets: %w", err)
	}
	var plan struct {
		Partitions []struct {
			Topic     *string `json:"topic"`
			Partition *int32  `json:"partition"`
			Offset    *int64  `json:"offset"`
		} `json:"partitions"`
		Version *int `json:"version"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&plan); err != nil {
		return nil, &refusedError{fmt.Sprintf(`%s: %v; expected {"partitions": [{"topic": ..., "partition": ..., "offset": ...}], "version": 1}`, file, err)}
	}
	if plan.Version != nil && *plan.Version != 1 {
		return nil, &refusedError{fmt.Sprintf("%s: version %d is not known, expected 1", file, *plan.Version)}
	}
	wanted := map[partition]int64{}
	var topics []topicArg
	for i, e := range plan.Partitions {
		if e.Topic == nil || e.Partition == nil || e.Offset == nil || *e.Offset < -1 {
			return nil, &refusedError{fmt.Sprintf("%s: partitions[%d]: expected topic, partition and an offset, -1 for the end", file, i)}
		}
		p := partition{*e.Topic, *e.Partition}
		if _, twice := wanted[p]; twice {
			return nil, &refusedError{fmt.Sprintf("%s: partition %s twice", file, p)}
		}
		wanted[p] = *e.Offset
		topics = append(topics, topicArg{p.topic, partitionList{ids: []int32{p.id}}})
	}
	if len(wanted) == 0 {
		return nil, &refusedError{file + ": no partitions in it"}
	}
	_, err = resolve(ctx, cl, topics)
	return wanted, err
}

func planCuts(ctx context.Context, cl *kgo.Client, wanted map[partition]int64) ([]cut, error) {
	partitions := slices.SortedFunc(maps.Keys(wanted), byPartition)
	starts, err := places(ctx, cl, partitions, earliestOffset, false)
	if err != nil {
		return nil, err
	}
	ends, err := places(ctx, cl, partitions, latestOffset, false)
	if err != nil {
		return nil, err
	}
	var rows []cut
	for _, p := range partitions {
		start, before := starts[p], wanted[p]
		if before < 0 {
			before = ends[p]
		}
		if before > ends[p] {
			return nil, &refusedError{fmt.Sprintf("%s: cannot delete before offset %d, the log ends at %d", p, before, ends[p])}
		}
		rows = append(rows, cut{Topic: p.topic, Partition: p.id, Start: &start, Before: before})
	}
	return rows, nil
}

// deleteRecords carries a plan out and notes where the logs begin then.
func deleteRecords(ctx context.Context, cl *kgo.Client, rows []cut) error {
	offsets := kadm.Offsets{}
	for _, c := range rows {
		offsets.Add(kadm.Offset{Topic: c.Topic, Partition: c.Partition, At: c.Before})
	}
	done, err := kadm.NewClient(cl).DeleteRecords(ctx, offsets)
	if err != nil {
		return fmt.Errorf("deleting records: %w", err)
	}
	var errs []error
	for i, c := range rows {
		p := partition{c.Topic, c.Partition}
		r, answered := done.Lookup(c.Topic, c.Partition)
		switch {
		case !answered:
			errs = append(errs, fmt.Errorf("%s: the broker did not answer for it", p))
		case errors.Is(r.Err, kerr.PolicyViolation):
			errs = append(errs, fmt.Errorf("%s: %w", p, withDetail(r.Err, "its cleanup.policy does not include delete")))
		case r.Err != nil:
			errs = append(errs, fmt.Errorf("deleting records of %s: %w", p, r.Err))
		default:
			rows[i].Low = &r.LowWatermark
		}
	}
	return errors.Join(errs...)
}
