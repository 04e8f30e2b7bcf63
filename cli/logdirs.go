package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
)

// dirView is one log dir of a broker.
type dirView struct {
	Broker int32  `json:"broker"`
	Dir    string `json:"dir"`
	Error  string `json:"error,omitempty"`
	// TotalBytes and UsableBytes are those of the volume, -1 unknown.
	TotalBytes  int64         `json:"total_bytes"`
	UsableBytes int64         `json:"usable_bytes"`
	Size        int64         `json:"size"` // bytes, of the partitions shown
	Partitions  []replicaView `json:"partitions"`
}

// replicaView is a partition in a log dir.
type replicaView struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Size      int64  `json:"size"` // bytes
	OffsetLag int64  `json:"offset_lag"`
	IsFuture  bool   `json:"is_future"`
}

func (k *cluster) logDirsCommand() *cobra.Command {
	var topics []string
	var brokers []int32
	c := &cobra.Command{Use: "dirs", Short: "Show log dirs with their partitions and sizes, on any Kafka", Args: args(cobra.NoArgs),
		Long: "Show the log dirs of every broker with the partitions in them. OFFSET LAG is how far a copy that is being\n" +
			"made (FUTURE) is behind, or how far a replica's log end is behind its high watermark.",
		RunE: k.admin(func(ctx context.Context, adm *kadm.Client, _ []string) error {
			dirs, err := describeDirs(ctx, adm, topics, brokers)
			if err != nil {
				return err
			}
			return errors.Join(show(k.Out, k.output, dirs, dirsTable(dirs)), offline(dirs))
		})}
	c.Flags().StringArrayVar(&topics, "topic", nil, "partitions of this topic only; may be repeated")
	c.Flags().Int32SliceVar(&brokers, "broker", nil, "log dirs of these brokers only")
	return k.bind(c)
}

func describeDirs(ctx context.Context, adm *kadm.Client, topics []string, brokers []int32) ([]dirView, error) {
	var set kadm.TopicsSet
	for _, name := range topics {
		t, err := find(ctx, adm, name)
		if err != nil {
			return nil, err
		}
		set.Add(name, t.Partitions.Numbers()...)
	}
	all, err := adm.DescribeAllLogDirs(ctx, set)
	if err != nil {
		return nil, fmt.Errorf("describing log dirs: %w", err)
	}
	for _, id := range brokers {
		if _, ok := all[id]; !ok {
			return nil, &notFoundError{fmt.Sprintf("there is no broker %d", id)}
		}
	}
	views := []dirView{}
	for _, d := range all.Sorted() {
		if len(brokers) > 0 && !slices.Contains(brokers, d.Broker) {
			continue
		}
		v := dirView{Broker: d.Broker, Dir: d.Dir, TotalBytes: d.TotalBytes, UsableBytes: d.UsableBytes, Size: d.Size(), Partitions: []replicaView{}}
		if d.Err != nil {
			v.Error = d.Err.Error()
		}
		for _, p := range d.Topics.Sorted() {
			v.Partitions = append(v.Partitions, replicaView{p.Topic, p.Partition, p.Size, p.OffsetLag, p.IsFuture})
		}
		views = append(views, v)
	}
	return views, nil
}

func dirsTable(dirs []dirView) table {
	t := table{header: []string{"BROKER", "LOG DIR", "PARTITION", "SIZE", "OFFSET LAG", "FUTURE"}}
	for _, d := range dirs {
		state := fmt.Sprintf("%d bytes in %d partitions; volume: %s bytes, %s usable", d.Size, len(d.Partitions), none(d.TotalBytes), none(d.UsableBytes))
		if d.Error != "" {
			state = "OFFLINE: " + d.Error
		}
		t.after += fmt.Sprintf("broker %d %s: %s\n", d.Broker, d.Dir, state)
		for _, p := range d.Partitions {
			future := ""
			if p.IsFuture {
				future = "yes"
			}
			t.add(num(d.Broker), d.Dir, fmt.Sprintf("%s-%d", p.Topic, p.Partition), num(p.Size), num(p.OffsetLag), future)
		}
	}
	return t
}

// offline is an error if a log dir does not serve.
func offline(dirs []dirView) error {
	var errs []error
	for _, d := range dirs {
		if d.Error != "" {
			errs = append(errs, fmt.Errorf("log dir %s of broker %d: %s", d.Dir, d.Broker, d.Error))
		}
	}
	return errors.Join(errs...)
}
