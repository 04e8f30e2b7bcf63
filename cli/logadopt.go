package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/leat-project/leat/broker/adopt"
	"github.com/leat-project/leat/broker/inspect"
	"github.com/leat-project/leat/internal/datadir"
	"github.com/leat-project/leat/internal/props"
	"github.com/leat-project/leat/internal/vfs"
)

const adoptLong = `Take topics out of log dirs of Apache Kafka (4.x, or any that holds record
format 2) into the data folder of a broker that is not running. DIR is a log
dir, or a single folder <topic>-<n>; give all log dirs that a topic is spread
over. Without --execute the files are checked, the plan is shown, and nothing
is changed.

The broker of the log dirs must be stopped, and its files stay as they are.
Every file is checked first: record batches with their CRC, epochs, producers,
aborted transactions; damage refuses the adoption and is shown with file and
position. Damaged indexes are made anew. Topic ids, offsets, log starts, leader
epochs and producers are kept. Settings come from the metadata of the cluster,
if that is in the log dir (nodes that are controllers, too), and --config.

All topics are adopted or none; killed in the middle, the command leaves none.`

// adoptFlags are the flags of log adopt.
type adoptFlags struct {
	adopt.Options
	data, properties, output string
	configs                  []string
	execute                  bool
}

func adoptCommand(d *Deps) *cobra.Command {
	var f adoptFlags
	c := &cobra.Command{
		Use:     "adopt DIR...",
		Short:   "Take topics out of log dirs of Apache Kafka",
		Long:    adoptLong,
		Example: "  leat log adopt /var/lib/kafka\n  leat log adopt --topic orders --config retention.ms=-1 --execute /var/lib/kafka",
		Args:    args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, paths []string) error {
			if err := f.parse(); err != nil {
				return err
			}
			return adoptLogs(cmd.Context(), d, &f, paths)
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.data, "data", "leat-data", "data folder of leat run that takes them")
	fl.StringVar(&f.properties, "properties", "", "instead of --data: the server.properties of leat broker")
	fl.StringArrayVar(&f.Topics, "topic", nil, "adopt this topic; may be repeated (default: all but internal ones)")
	fl.BoolVar(&f.Internal, "internal", false, "also __consumer_offsets (committed offsets) and __transaction_state, if the broker has none yet")
	fl.Int32Var(&f.Partitions, "partitions", 0, "number of partitions of the topics; those not in the log dirs begin empty")
	fl.StringArrayVarP(&f.configs, "config", "c", nil, "setting of the topics, NAME=VALUE, or NAME- to leave one out; may be repeated")
	fl.BoolVar(&f.execute, "execute", false, "do it; without this flag the plan is shown and nothing changes")
	outputFlag(c, &f.output)
	return c
}

func (f *adoptFlags) parse() error {
	f.Configs = map[string]*string{}
	for _, c := range f.configs {
		if name, ok := strings.CutSuffix(c, "-"); ok && !strings.Contains(c, "=") {
			f.Configs[name] = nil
			continue
		}
		name, value, ok := strings.Cut(c, "=")
		if !ok {
			return usagef("--config %s: expected NAME=VALUE or NAME-", c)
		}
		f.Configs[name] = &value
	}
	if f.Partitions < 0 {
		return usagef("--partitions %d: expected a number above 0", f.Partitions)
	}
	return nil
}

// adoptLogs reads the sources, shows the plan and carries it out.
func adoptLogs(ctx context.Context, d *Deps, f *adoptFlags, paths []string) error {
	plan, err := adopt.Read(paths, f.Options)
	if locked := (*vfs.LockedError)(nil); errors.As(err, &locked) {
		return err
	}
	if err != nil {
		return &refusedError{err.Error()}
	}
	if err := show(d.Out, f.output, plan.Topics, planTable(plan)); err != nil {
		return err
	}
	fresh, err := f.intoTarget(func(keys map[string]string) error {
		return plan.Run(ctx, keys, !f.execute, slog.New(slog.NewTextHandler(d.Err, &slog.HandlerOptions{Level: slog.LevelWarn})))
	})
	if err != nil {
		return err
	}
	remark := fmt.Sprintf("%d topics adopted", len(plan.Topics))
	switch {
	case !f.execute && fresh:
		remark = "dry run: nothing was changed; the data folder would be made (--execute does it)"
	case !f.execute:
		remark = "dry run: nothing was changed (--execute does it)"
	}
	_, err = fmt.Fprintln(d.Err, remark)
	return err
}

// intoTarget calls run with the keys of the broker that adopts, holding its data
// folder. In a dry run a folder that is not there is left so, and run not called.
func (f *adoptFlags) intoTarget(run func(keys map[string]string) error) (fresh bool, err error) {
	if f.properties != "" {
		keys, err := props.Load(f.properties)
		if err != nil {
			return false, usagef("--properties: %v", err)
		}
		keys = props.Merge(keys, props.FromEnv("KAFKA_", os.Environ()))
		dirs := strings.Split(keys["log.dirs"]+","+keys["log.dir"], ",")
		if !f.execute && !slices.ContainsFunc(dirs, isDir) {
			return true, nil
		}
		return false, run(keys)
	}
	if !f.execute && !isDir(f.data) {
		return true, nil
	}
	dir, err := datadir.Open(f.data)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	return false, run(map[string]string{"log.dirs": dir.Join("broker"), "listeners": "PLAINTEXT://127.0.0.1:0"})
}

func isDir(path string) bool {
	info, err := os.Stat(strings.TrimSpace(path))
	return err == nil && info.IsDir()
}

func planTable(plan *adopt.Plan) table {
	t := table{header: []string{"TOPIC", "PARTITION", "OFFSETS", "SEGMENTS", "BYTES", "EPOCH", "FROM"}}
	var notes strings.Builder
	for _, topic := range plan.Topics {
		for _, p := range topic.Partitions {
			t.add(topic.Name, num(p.Partition), fmt.Sprintf("%d..%d", p.Start, p.End), fmt.Sprint(p.Segments), num(p.Bytes), none(p.LeaderEpoch), p.Folder)
			partitionNotes(&notes, topic.Name, p)
		}
		for _, key := range slices.Sorted(maps.Keys(topic.Configs)) {
			fmt.Fprintf(&notes, "%s: %s=%s\n", topic.Name, key, topic.Configs[key])
		}
	}
	for _, s := range plan.Skipped {
		fmt.Fprintf(&notes, "skipped %s\n", s)
	}
	for _, dir := range plan.Unclean {
		fmt.Fprintf(&notes, "%s: its broker was not shut down cleanly; the files are whole, but records that were only in memory are not there\n", dir)
	}
	t.after = notes.String()
	return t
}

func partitionNotes(b *strings.Builder, topic string, p *inspect.Partition) {
	for _, id := range slices.Sorted(maps.Keys(p.Open)) {
		fmt.Fprintf(b, "%s-%d: the transaction of producer %d from offset %d never ended: read_committed consumers stop there until leat txn abort ends it\n", topic, p.Partition, id, p.Open[id])
	}
	for _, name := range p.Rebuild {
		fmt.Fprintf(b, "%s-%d: %s is damaged and will be made anew\n", topic, p.Partition, filepath.Base(name))
	}
}
