package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"
)

// groupShow is a command that shows groups in one of three ways.
type groupShow struct {
	groupArgs
	verbose bool
}

func (k *cluster) groupShowCommand(use, short, long string, offsets bool, tabulate func(t *table, v groupView, verbose bool)) *cobra.Command {
	g := &groupShow{groupArgs: groupArgs{cluster: k}}
	c := &cobra.Command{Use: use + " GROUP...", Short: short, Long: long, ValidArgsFunction: k.groups,
		RunE: k.client(func(ctx context.Context, cl *kgo.Client, named []string) error {
			names, err := g.names(ctx, cl, named)
			if err != nil {
				return err
			}
			views, missing := describeGroups(ctx, cl, names)
			if views == nil && missing != nil {
				return missing
			}
			if offsets {
				if err := addOffsets(ctx, cl, views); err != nil {
					return err
				}
			}
			t := table{}
			for _, v := range views {
				if err := g.remark(v); err != nil {
					return err
				}
				tabulate(&t, v, g.verbose)
			}
			return errors.Join(show(k.Out, k.output, views, t), missing)
		})}
	g.bindAll(c, true)
	c.Flags().BoolVarP(&g.verbose, "verbose", "v", false, "more columns")
	return c
}

// remark says what Java's tool says of a group that nobody reads in.
func (g *groupShow) remark(v groupView) (err error) {
	switch v.State {
	case "Empty":
		_, err = fmt.Fprintf(g.Err, "Consumer group '%s' has no active members.\n", v.Group)
	case "Stable", "Dead":
	default:
		_, err = fmt.Fprintf(g.Err, "Warning: Consumer group '%s' is rebalancing.\n", v.Group)
	}
	return err
}

func (k *cluster) groupDescribeCommand() *cobra.Command {
	return k.groupShowCommand("describe", "Show the offsets and the lag of groups",
		"Show for every partition that a group has committed or reads: the committed offset, the end of the log, the lag, and who reads it. "+
			"-v adds the leader epoch of the committed offset. -o json shows members and epochs too.", true,
		func(t *table, v groupView, verbose bool) {
			t.header = []string{"GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", "CONSUMER-ID", "HOST", "CLIENT-ID"}
			if verbose {
				t.header = append(t.header[:3:3], append([]string{"LEADER-EPOCH"}, t.header[3:]...)...)
			}
			for _, o := range v.Offsets {
				cells := []string{v.Group, o.Topic, strconv.Itoa(int(o.Partition))}
				if verbose {
					cells = append(cells, number(o.LeaderEpoch))
				}
				t.add(append(cells, number(o.Committed), number(o.End), number(o.Lag), o.ConsumerID, o.Host, o.ClientID)...)
				if o.Error != "" {
					t.after += fmt.Sprintf("%s-%d: %s\n", o.Topic, o.Partition, o.Error)
				}
			}
		})
}

// number is a number that may not be known.
func number[T int32 | int64](n *T) string {
	if n == nil {
		return "-"
	}
	return strconv.FormatInt(int64(*n), 10)
}

func (k *cluster) groupMembersCommand() *cobra.Command {
	return k.groupShowCommand("members", "Show the members of groups",
		"Show the members of groups. -v adds the assignment, and for groups of the consumer protocol (KIP-848) epochs and target assignment.", false,
		func(t *table, v groupView, verbose bool) {
			t.header = []string{"GROUP", "CONSUMER-ID", "INSTANCE-ID", "HOST", "CLIENT-ID", "#PARTITIONS"}
			if verbose {
				t.header = append(t.header, "PROTOCOL", "CURRENT-EPOCH", "CURRENT-ASSIGNMENT", "TARGET-EPOCH", "TARGET-ASSIGNMENT")
			}
			for _, m := range v.Members {
				cells := []string{v.Group, m.ID, m.InstanceID, m.Host, m.ClientID, strconv.Itoa(count(m.Assigned))}
				if verbose {
					kind := m.Type
					if kind == "" {
						kind = v.Type
					}
					assigned := assignmentText(m.Assigned)
					if len(m.Work) > 0 {
						assigned = strings.Join(m.Work, ",")
					}
					cells = append(cells, kind, number(m.Epoch), assigned, number(v.AssignmentEpoch), assignmentText(m.Target))
				}
				t.add(cells...)
			}
		})
}

func (k *cluster) groupStateCommand() *cobra.Command {
	return k.groupShowCommand("state", "Show state and coordinator of groups",
		"Show state, coordinator, assignor and number of members of groups. -v adds the epochs of groups of the consumer protocol (KIP-848).", false,
		func(t *table, v groupView, verbose bool) {
			t.header = []string{"GROUP", "TYPE", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE", "#MEMBERS"}
			if verbose {
				t.header = append(t.header, "GROUP-EPOCH", "TARGET-ASSIGNMENT-EPOCH")
			}
			cells := []string{v.Group, v.Type, fmt.Sprintf("%s (%d)", v.Coordinator, v.CoordinatorID), v.Assignor, v.State, strconv.Itoa(len(v.Members))}
			if verbose {
				cells = append(cells, number(v.Epoch), number(v.AssignmentEpoch))
			}
			t.add(cells...)
		})
}
