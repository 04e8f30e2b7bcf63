package cli

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// resetTarget says where the offsets of partitions are set to. It gets the
// partitions to reset and what is committed of them.
type resetTarget func(ctx context.Context, cl *kgo.Client, group string, partitions []partition, committed map[partition]kadm.Offset) (map[partition]int64, error)

// target reads the flags.
func (r *reset) target() (resetTarget, error) {
	given := ""
	for _, name := range resetTargets {
		if r.cmd.Flags().Changed(name) {
			given = name
		}
	}
	if given == "" {
		return nil, usagef("say where to reset to: one of --%s", strings.Join(resetTargets, ", --"))
	}
	if given != "from-file" && len(r.topics) == 0 && !r.allTopics {
		return nil, usagef("say what to reset: --topic TOPIC[:0,1], which may be repeated, or --all-topics")
	}
	switch given {
	case "to-earliest":
		return r.toPlace(earliestOffset), nil
	case "to-latest":
		return r.toPlace(latestOffset), nil
	case "to-current":
		return r.toCurrent, nil
	case "to-offset":
		return r.toOffset, nil
	case "shift-by":
		return r.shiftBy, nil
	case "by-duration":
		d, err := parseDuration(r.duration)
		if err != nil {
			return nil, usagef("--by-duration: %v", err)
		}
		return r.toTime(time.Now().Add(-d).UnixMilli()), nil
	case "to-datetime":
		at, err := parseDateTime(r.instant)
		if err != nil {
			return nil, usagef("--to-datetime: %v", err)
		}
		return r.toTime(at.UnixMilli()), nil
	}
	return r.fromFile()
}

// plan returns the rows of one group.
func (r *reset) plan(ctx context.Context, cl *kgo.Client, group string, target resetTarget) ([]resetRow, error) {
	all, err := committedOffsets(ctx, cl, []string{group})
	if err != nil {
		return nil, err
	}
	committed := all[group]
	var partitions []partition
	if r.allTopics {
		partitions = slices.SortedFunc(maps.Keys(committed), byPartition)
		if len(partitions) == 0 && !r.all {
			return nil, &notFoundError{"it has no committed offsets, so --all-topics means none: name them with --topic"}
		}
	} else {
		topics, err := parseTopicArgs("--topic", r.topics)
		if err != nil {
			return nil, err
		}
		if partitions, err = resolve(ctx, cl, topics); err != nil {
			return nil, err
		}
	}
	offsets, err := target(ctx, cl, group, partitions, committed)
	if err != nil {
		return nil, err
	}
	rows := []resetRow{}
	for _, p := range slices.SortedFunc(maps.Keys(offsets), byPartition) {
		row := resetRow{Group: group, Topic: p.topic, Partition: p.id, New: offsets[p]}
		if c, there := committed[p]; there {
			row.Current = &c.At
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (r *reset) toPlace(timestamp int64) resetTarget {
	return func(ctx context.Context, cl *kgo.Client, _ string, partitions []partition, _ map[partition]kadm.Offset) (map[partition]int64, error) {
		return places(ctx, cl, partitions, timestamp, false)
	}
}

func (r *reset) toTime(timestamp int64) resetTarget {
	return func(ctx context.Context, cl *kgo.Client, _ string, partitions []partition, _ map[partition]kadm.Offset) (map[partition]int64, error) {
		offsets, err := places(ctx, cl, partitions, timestamp, false)
		if err != nil {
			return nil, err
		}
		var none []partition
		for p, o := range offsets {
			if o < 0 {
				none = append(none, p)
				if _, err := fmt.Fprintf(r.Err, "Partition %s has no record from then on. Falling back to its latest offset.\n", p); err != nil {
					return nil, err
				}
			}
		}
		ends, err := places(ctx, cl, none, latestOffset, false)
		maps.Copy(offsets, ends)
		return offsets, err
	}
}

func (r *reset) toCurrent(ctx context.Context, cl *kgo.Client, _ string, partitions []partition, committed map[partition]kadm.Offset) (map[partition]int64, error) {
	offsets := map[partition]int64{}
	var none []partition
	for _, p := range partitions {
		if c, there := committed[p]; there {
			offsets[p] = c.At
		} else {
			none = append(none, p)
		}
	}
	ends, err := places(ctx, cl, none, latestOffset, false)
	maps.Copy(offsets, ends)
	return offsets, err
}

func (r *reset) toOffset(ctx context.Context, cl *kgo.Client, _ string, partitions []partition, _ map[partition]kadm.Offset) (map[partition]int64, error) {
	wanted := map[partition]int64{}
	for _, p := range partitions {
		wanted[p] = r.offset
	}
	return r.inRange(ctx, cl, wanted)
}

func (r *reset) shiftBy(ctx context.Context, cl *kgo.Client, _ string, partitions []partition, committed map[partition]kadm.Offset) (map[partition]int64, error) {
	wanted := map[partition]int64{}
	for _, p := range partitions {
		c, there := committed[p]
		if !there {
			return nil, &refusedError{fmt.Sprintf("Cannot shift offset for partition %s since there is no current committed offset", p)}
		}
		wanted[p] = c.At + r.shift
	}
	return r.inRange(ctx, cl, wanted)
}

// inRange moves offsets outside of the log to its ends, and says so.
func (r *reset) inRange(ctx context.Context, cl *kgo.Client, wanted map[partition]int64) (map[partition]int64, error) {
	partitions := slices.SortedFunc(maps.Keys(wanted), byPartition)
	starts, err := places(ctx, cl, partitions, earliestOffset, false)
	if err != nil {
		return nil, err
	}
	ends, err := places(ctx, cl, partitions, latestOffset, false)
	if err != nil {
		return nil, err
	}
	for _, p := range partitions {
		fits := min(max(wanted[p], starts[p]), ends[p])
		if fits == wanted[p] {
			continue
		}
		how := "higher than latest"
		if wanted[p] < fits {
			how = "lower than earliest"
		}
		if _, err := fmt.Fprintf(r.Err, "New offset (%d) is %s offset for topic partition %s. Value will be set to %d.\n", wanted[p], how, p, fits); err != nil {
			return nil, err
		}
		wanted[p] = fits
	}
	return wanted, nil
}

func (r *reset) fromFile() (resetTarget, error) {
	if len(r.topics) > 0 || r.allTopics {
		return nil, usagef("--from-file names the topics: leave out --topic and --all-topics")
	}
	text, err := r.readFile(r.file)
	if err != nil {
		return nil, fmt.Errorf("reading the plan: %w", err)
	}
	rows, err := parsePlan(r.file, text)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, cl *kgo.Client, group string, _ []partition, _ map[partition]kadm.Offset) (map[partition]int64, error) {
		wanted := map[partition]int64{}
		for _, row := range rows {
			if row.Group == group || row.Group == "" {
				wanted[partition{row.Topic, row.Partition}] = row.New
			}
		}
		if len(wanted) == 0 && !r.all {
			return nil, &refusedError{fmt.Sprintf("%s has no line of this group", r.file)}
		}
		var topics []topicArg
		for p := range wanted {
			topics = append(topics, topicArg{p.topic, partitionList{ids: []int32{p.id}}})
		}
		if _, err := resolve(ctx, cl, topics); err != nil {
			return nil, err
		}
		return r.inRange(ctx, cl, wanted)
	}, nil
}

// parsePlan reads lines of [group,]topic,partition,offset; Group is "" without one.
func parsePlan(file string, text []byte) ([]resetRow, error) {
	in := csv.NewReader(bytes.NewReader(text))
	in.FieldsPerRecord, in.TrimLeadingSpace = -1, true
	var rows []resetRow
	for {
		fields, err := in.Read()
		if err == io.EOF {
			if len(rows) == 0 {
				return nil, &refusedError{file + ": no lines in it; expected topic,partition,offset or group,topic,partition,offset"}
			}
			return rows, nil
		}
		if err != nil {
			return nil, &refusedError{fmt.Sprintf("%s: %v", file, err)}
		}
		line, _ := in.FieldPos(0)
		n := len(fields)
		if n != 3 && n != 4 {
			return nil, &refusedError{fmt.Sprintf("%s, line %d: %d fields; expected topic,partition,offset or group,topic,partition,offset", file, line, n)}
		}
		id, err := strconv.ParseInt(strings.TrimSpace(fields[n-2]), 10, 32)
		if err != nil || id < 0 {
			return nil, &refusedError{fmt.Sprintf("%s, line %d: %q is not a partition number", file, line, fields[n-2])}
		}
		offset, err := strconv.ParseInt(strings.TrimSpace(fields[n-1]), 10, 64)
		if err != nil {
			return nil, &refusedError{fmt.Sprintf("%s, line %d: %q is not an offset", file, line, fields[n-1])}
		}
		row := resetRow{Topic: fields[n-3], Partition: int32(id), New: offset}
		if n == 4 {
			row.Group = fields[0]
		}
		rows = append(rows, row)
	}
}
