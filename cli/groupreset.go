package cli

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const resetLong = `Set the committed offsets of groups without members. Without --execute the
command only shows the plan.

What is reset is --topic (repeated; orders or orders:0,1) or --all-topics, which
are those that the group has offsets of. Where to is one of --to-earliest,
--to-latest, --to-current, --to-offset, --shift-by, --by-duration, --to-datetime
and --from-file. An offset outside of the log becomes the nearest end of it.

A file is CSV: lines of topic,partition,offset for one group, or of
group,topic,partition,offset, as --export prints them.`

// reset is group reset-offsets.
type reset struct {
	groupArgs
	topics            []string
	allTopics         bool
	earliest, latest  bool
	current           bool
	offset, shift     int64
	duration, instant string
	file              string
	execute, export   bool
	dryRun            bool
	cmd               *cobra.Command
}

// The flags that say where to; exactly one is given.
var resetTargets = []string{"to-earliest", "to-latest", "to-current", "to-offset", "shift-by", "by-duration", "to-datetime", "from-file"}

func (k *cluster) groupResetCommand() *cobra.Command {
	r := &reset{groupArgs: groupArgs{cluster: k}}
	c := &cobra.Command{Use: "reset-offsets GROUP...", Short: "Set the committed offsets of groups; shows the plan first", Long: resetLong, ValidArgsFunction: k.groups,
		RunE: k.client(r.run)}
	r.cmd = c
	r.bindAll(c, false)
	f := c.Flags()
	f.StringArrayVar(&r.topics, "topic", nil, "topic, or topic and partitions as in orders:0,1; may be repeated")
	completeFlag(c, "topic", k.topics)
	f.BoolVar(&r.allTopics, "all-topics", false, "all topics that the group has offsets of")
	f.BoolVar(&r.earliest, "to-earliest", false, "to the first record that is kept")
	f.BoolVar(&r.latest, "to-latest", false, "to the end of the log")
	f.BoolVar(&r.current, "to-current", false, "to what is committed, where nothing is to the end: for --export")
	f.Int64Var(&r.offset, "to-offset", 0, "to this offset")
	f.Int64Var(&r.shift, "shift-by", 0, "so many records on, or back if negative (--shift-by=-10)")
	f.StringVar(&r.duration, "by-duration", "", "to what was written so long ago: ISO 8601, such as P1DT12H or PT30M")
	f.StringVar(&r.instant, "to-datetime", "", "to what was written then: 2026-01-31T15:04:05.000, UTC unless a zone follows (Z, +02:00)")
	f.StringVar(&r.file, "from-file", "", "to the offsets of a CSV file; - for standard input")
	f.BoolVar(&r.execute, "execute", false, "do it; without this flag the plan is shown and nothing changes")
	f.BoolVar(&r.dryRun, "dry-run", false, "only show the plan, which is the default, too")
	f.BoolVar(&r.export, "export", false, "print the plan as CSV, which --from-file reads")
	c.MarkFlagsMutuallyExclusive(resetTargets...)
	c.MarkFlagsMutuallyExclusive("topic", "all-topics")
	c.MarkFlagsMutuallyExclusive("execute", "dry-run")
	return c
}

// resetPlan is what -o json shows.
type resetPlan struct {
	Executed bool       `json:"executed"`
	Offsets  []resetRow `json:"offsets"`
}

type resetRow struct {
	Group     string `json:"group"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Current   *int64 `json:"current_offset"`
	New       int64  `json:"new_offset"`
}

func (r *reset) run(ctx context.Context, cl *kgo.Client, named []string) error {
	target, err := r.target()
	if err != nil {
		return err
	}
	names, err := r.names(ctx, cl, named)
	if err != nil {
		return err
	}
	plan := resetPlan{Offsets: []resetRow{}}
	var refused []error
	var several = len(names) > 1 || r.all
	for _, name := range names {
		if err := r.inactive(ctx, cl, name); err != nil {
			refused = append(refused, err)
			continue
		}
		rows, err := r.plan(ctx, cl, name, target)
		if err != nil {
			return fmt.Errorf("group %s: %w", name, err)
		}
		if r.execute {
			if err := commit(ctx, cl, name, rows); err != nil {
				return err
			}
		}
		plan.Offsets = append(plan.Offsets, rows...)
	}
	plan.Executed = r.execute
	if len(plan.Offsets) > 0 || len(refused) == 0 {
		refused = append([]error{r.show(plan, several)}, refused...)
	}
	return errors.Join(refused...)
}

// inactive refuses groups with members: their commits would undo the reset.
func (r *reset) inactive(ctx context.Context, cl *kgo.Client, name string) error {
	views, err := describeGroups(ctx, cl, []string{name})
	var missing *notFoundError
	switch {
	case errors.As(err, &missing):
		_, err := fmt.Fprintf(r.Err, "group %s is not there yet: committing offsets creates it\n", name)
		return err
	case err != nil:
		return err
	case views[0].active():
		return &activeError{fmt.Sprintf("Assignments can only be reset if the group '%s' is inactive, but the current state is %s. "+
			"Stop its consumers first (leat group members %s shows them).", name, views[0].State, name)}
	}
	return nil
}

func commit(ctx context.Context, cl *kgo.Client, group string, rows []resetRow) error {
	offsets := kadm.Offsets{}
	for _, row := range rows {
		offsets.Add(kadm.Offset{Topic: row.Topic, Partition: row.Partition, At: row.New, LeaderEpoch: -1})
	}
	done, err := kadm.NewClient(cl).CommitOffsets(ctx, group, offsets)
	if err != nil {
		return fmt.Errorf("committing the offsets of group %s: %w", group, err)
	}
	var errs []error
	for _, o := range done.Sorted() {
		switch {
		case errors.Is(o.Err, kerr.UnknownMemberID), errors.Is(o.Err, kerr.RebalanceInProgress), errors.Is(o.Err, kerr.IllegalGeneration):
			return &activeError{fmt.Sprintf("group %s has got members meanwhile: stop its consumers first", group)}
		case o.Err != nil:
			errs = append(errs, fmt.Errorf("committing %s-%d of group %s: %w", o.Topic, o.Partition, group, o.Err))
		}
	}
	return errors.Join(errs...)
}

func (r *reset) show(plan resetPlan, withGroup bool) error {
	if !r.execute {
		if _, err := fmt.Fprintln(r.Err, "dry run, nothing is changed: --execute does it"); err != nil {
			return err
		}
	}
	if r.export {
		w := csv.NewWriter(r.Out)
		for _, row := range plan.Offsets {
			fields := []string{row.Topic, strconv.Itoa(int(row.Partition)), strconv.FormatInt(row.New, 10)}
			if withGroup {
				fields = append([]string{row.Group}, fields...)
			}
			if err := w.Write(fields); err != nil {
				return err
			}
		}
		w.Flush()
		return w.Error()
	}
	t := table{header: []string{"GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "NEW-OFFSET"}}
	for _, row := range plan.Offsets {
		t.add(row.Group, row.Topic, strconv.Itoa(int(row.Partition)), number(row.Current), strconv.FormatInt(row.New, 10))
	}
	return show(r.Out, r.output, plan, t)
}
