package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func groupCommand(d *Deps) *cobra.Command {
	k := &cluster{Deps: d}
	c := group("group", "Show and change consumer groups, on any Kafka",
		k.groupListCommand(), k.groupDescribeCommand(), k.groupMembersCommand(), k.groupStateCommand(),
		k.groupResetCommand(), k.groupDeleteCommand(), k.groupDeleteOffsetsCommand())
	c.Aliases = []string{"groups"}
	k.bindTimeout(c.PersistentFlags().DurationVar)
	return k.bind(c)
}

// States and types of groups, as brokers spell them.
var (
	groupStates = []string{"PreparingRebalance", "CompletingRebalance", "Assigning", "Reconciling", "Stable", "Empty", "Dead"}
	groupTypes  = []string{"classic", "consumer", "share", "streams"}
)

// groupInfo is one group of group list.
type groupInfo struct {
	Group        string `json:"group"`
	Type         string `json:"type"`          // classic, consumer, share, streams
	ProtocolType string `json:"protocol_type"` // consumer, connect, ...; empty for a classic group that only commits offsets
	State        string `json:"state"`
	Coordinator  int32  `json:"coordinator"` // broker id
}

func (k *cluster) groupListCommand() *cobra.Command {
	var states, types []string
	c := &cobra.Command{Use: "list", Aliases: []string{"ls"}, Short: "List groups", Args: args(cobra.NoArgs),
		RunE: k.client(func(ctx context.Context, cl *kgo.Client, _ []string) error {
			s, err := spelled("--state", states, groupStates)
			if err != nil {
				return err
			}
			t, err := spelled("--type", types, groupTypes)
			if err != nil {
				return err
			}
			infos, err := listGroups(ctx, cl, s, t)
			if err != nil {
				return err
			}
			tab := table{header: []string{"GROUP", "TYPE", "PROTOCOL", "STATE", "COORDINATOR"}}
			for _, g := range infos {
				tab.add(g.Group, g.Type, g.ProtocolType, g.State, fmt.Sprint(g.Coordinator))
			}
			return show(k.Out, k.output, infos, tab)
		})}
	c.Flags().StringSliceVar(&states, "state", nil, "only groups in these states: "+strings.Join(groupStates, ", "))
	c.Flags().StringSliceVar(&types, "type", nil, "only groups of these types: "+strings.Join(groupTypes, ", "))
	complete(c, "state", groupStates...)
	complete(c, "type", groupTypes...)
	return c
}

// spelled returns words as the broker spells them, whatever their case was.
func spelled(flag string, words, known []string) ([]string, error) {
	var out []string
	for _, w := range words {
		i := slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, strings.TrimSpace(w)) })
		if i < 0 {
			return nil, usagef("%s %s: expected one or more of %s", flag, w, strings.Join(known, ", "))
		}
		out = append(out, known[i])
	}
	return out, nil
}

// listGroups asks every broker for its groups; nil states or types: all. The
// filters apply to the answers, too: brokers before 2.6 and 3.8 ignore them.
func listGroups(ctx context.Context, cl *kgo.Client, states, types []string) ([]groupInfo, error) {
	req := kmsg.NewPtrListGroupsRequest()
	req.StatesFilter, req.TypesFilter = states, types
	infos := []groupInfo{}
	for _, shard := range cl.RequestSharded(ctx, req) {
		if shard.Err != nil {
			return nil, fmt.Errorf("listing groups: %w", shard.Err)
		}
		resp := shard.Resp.(*kmsg.ListGroupsResponse)
		if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
			return nil, fmt.Errorf("listing the groups of broker %d: %w", shard.Meta.NodeID, err)
		}
		for _, g := range resp.Groups {
			i := groupInfo{g.Group, strings.ToLower(g.GroupType), g.ProtocolType, g.GroupState, shard.Meta.NodeID}
			if i.Type == "" {
				i.Type = "classic" // all there was before types were told
			}
			if (states == nil || slices.Contains(states, i.State)) && (types == nil || slices.Contains(types, i.Type)) {
				infos = append(infos, i)
			}
		}
	}
	slices.SortFunc(infos, func(a, b groupInfo) int { return strings.Compare(a.Group, b.Group) })
	return infos, nil
}

// groups completes names of groups.
func (k *cluster) groups(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	err := k.withClient(cmd.Context(), func(ctx context.Context, cl *kgo.Client) error {
		infos, err := listGroups(ctx, cl, nil, nil)
		for _, i := range infos {
			names = append(names, i.Group)
		}
		return err
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// groupArgs is which groups a command is about: those named, or all.
type groupArgs struct {
	*cluster
	all    bool
	states []string // with all: only groups in these states
}

// bindAll adds --all-groups; with states also its filter --state.
func (g *groupArgs) bindAll(c *cobra.Command, withStates bool) {
	c.Flags().BoolVar(&g.all, "all-groups", false, "all consumer groups")
	if withStates {
		c.Flags().StringSliceVar(&g.states, "state", nil, "with --all-groups: only groups in these states")
		complete(c, "state", groupStates...)
	}
}

// names returns the groups; all are those of consumers. Their coordinators are
// there then.
func (g *groupArgs) names(ctx context.Context, cl *kgo.Client, named []string) ([]string, error) {
	names, err := g.choose(ctx, cl, named)
	if err != nil {
		return nil, err
	}
	return names, awaitCoordinators(ctx, cl, names)
}

func (g *groupArgs) choose(ctx context.Context, cl *kgo.Client, named []string) ([]string, error) {
	switch {
	case g.all && len(named) > 0:
		return nil, usagef("name groups or give --all-groups, not both")
	case !g.all && len(g.states) > 0:
		return nil, usagef("--state needs --all-groups")
	case !g.all && len(named) == 0:
		return nil, usagef("name a group, or give --all-groups")
	case !g.all:
		slices.Sort(named)
		return slices.Compact(named), nil
	}
	states, err := spelled("--state", g.states, groupStates)
	if err != nil {
		return nil, err
	}
	infos, err := listGroups(ctx, cl, states, []string{"classic", "consumer"})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, i := range infos {
		if i.ProtocolType == "consumer" || i.ProtocolType == "" {
			names = append(names, i.Group)
		}
	}
	return names, nil
}

// coordinatorWait is how long the first use of groups may take: the broker creates
// the topic of their offsets then.
const coordinatorWait = 20 * time.Second

// awaitCoordinators waits until each group has a coordinator.
func awaitCoordinators(ctx context.Context, cl *kgo.Client, groups []string) error {
	if len(groups) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, coordinatorWait)
	defer cancel()
	for {
		err := kadm.NewClient(cl).FindGroupCoordinators(ctx, groups...).Error()
		if err == nil {
			return nil
		}
		if !errors.Is(err, kerr.CoordinatorNotAvailable) {
			return fmt.Errorf("finding the coordinators of groups: %w", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("groups have no coordinator after %v: %w", coordinatorWait, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
