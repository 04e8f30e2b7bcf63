package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// groupView is all that is known of one group.
type groupView struct {
	Group           string            `json:"group"`
	Type            string            `json:"type"`          // classic or consumer
	ProtocolType    string            `json:"protocol_type"` // consumer, connect, ...
	State           string            `json:"state"`
	Coordinator     string            `json:"coordinator"`
	CoordinatorID   int32             `json:"coordinator_id"`
	Assignor        string            `json:"assignor"`
	Epoch           *int32            `json:"epoch,omitempty"`            // consumer groups only
	AssignmentEpoch *int32            `json:"assignment_epoch,omitempty"` // consumer groups only
	Members         []groupMember     `json:"members"`
	Offsets         []groupOffset     `json:"offsets,omitempty"`
	assigned        map[partition]int // index in Members
}

// groupMember is one member; epochs, type and target are of consumer groups only.
type groupMember struct {
	ID         string             `json:"consumer_id"`
	InstanceID string             `json:"instance_id,omitempty"`
	Host       string             `json:"host"`
	ClientID   string             `json:"client_id"`
	Rack       string             `json:"rack,omitempty"`
	Type       string             `json:"type,omitempty"` // classic or consumer protocol
	Topics     []string           `json:"subscribed_topics,omitempty"`
	Regex      string             `json:"subscribed_regex,omitempty"`
	Epoch      *int32             `json:"epoch,omitempty"`
	Assigned   map[string][]int32 `json:"assignment"`
	Target     map[string][]int32 `json:"target_assignment,omitempty"`
	// Connectors and tasks of a worker, in a group of Kafka Connect.
	Work []string `json:"work,omitempty"`
}

// groupOffset is one partition that the group has committed or is assigned.
type groupOffset struct {
	Topic       string `json:"topic"`
	Partition   int32  `json:"partition"`
	LeaderEpoch *int32 `json:"leader_epoch"` // of the committed offset
	Committed   *int64 `json:"current_offset"`
	Metadata    string `json:"metadata,omitempty"`
	End         *int64 `json:"log_end_offset"`
	Lag         *int64 `json:"lag"`
	ConsumerID  string `json:"consumer_id,omitempty"`
	Host        string `json:"host,omitempty"`
	ClientID    string `json:"client_id,omitempty"`
	// Error says why there is no end.
	Error string `json:"error,omitempty"`
}

// describeGroups returns the groups that are there, sorted by name, and an error
// about those that are not.
func describeGroups(ctx context.Context, cl *kgo.Client, names []string) ([]groupView, error) {
	if len(names) == 0 {
		return nil, nil
	}
	adm := kadm.NewClient(cl)
	views := map[string]groupView{}
	// Brokers before 4.0 do not know the request; all their groups are classic.
	if described, err := adm.DescribeConsumerGroups(ctx, names...); err == nil {
		for name, d := range described {
			if d.Err == nil {
				views[name] = consumerView(d)
			}
		}
	}
	var rest []string
	for _, name := range names {
		if _, there := views[name]; !there {
			rest = append(rest, name)
		}
	}
	var errs []error
	if len(rest) > 0 {
		described, err := adm.DescribeGroups(ctx, rest...)
		if err != nil {
			return nil, fmt.Errorf("describing groups %s: %w", strings.Join(rest, ", "), err)
		}
		for _, name := range rest {
			d, there := described[name]
			switch {
			case !there, errors.Is(d.Err, kerr.GroupIDNotFound), d.Err == nil && d.State == "Dead":
				errs = append(errs, noGroup(name))
			case d.Err != nil:
				errs = append(errs, fmt.Errorf("describing group %s: %w", name, withDetail(d.Err, d.ErrMessage)))
			default:
				views[name] = classicView(d)
			}
		}
	}
	sorted := []groupView{}
	for _, name := range slices.Sorted(maps.Keys(views)) {
		sorted = append(sorted, views[name])
	}
	return sorted, errors.Join(errs...)
}

func noGroup(name string) error {
	return &notFoundError{"there is no consumer group " + name + "; leat group list shows those that are"}
}

func consumerView(d kadm.DescribedConsumerGroup) groupView {
	v := newView(d.Group, "consumer", "consumer", d.State, d.AssignorName, d.Coordinator)
	v.Epoch, v.AssignmentEpoch = &d.Epoch, &d.AssignmentEpoch
	for _, m := range d.Members {
		member := groupMember{ID: m.MemberID, InstanceID: deref(m.InstanceID), Host: m.ClientHost, ClientID: m.ClientID,
			Rack: deref(m.RackID), Topics: m.SubscribedTopics, Regex: deref(m.SubscribedTopicRegex), Epoch: &m.MemberEpoch,
			Assigned: lists(m.Assignment), Target: lists(m.TargetAssignment)}
		switch m.MemberType {
		case 0:
			member.Type = "classic"
		case 1:
			member.Type = "consumer"
		}
		v.addMember(member)
	}
	return v
}

func classicView(d kadm.DescribedGroup) groupView {
	v := newView(d.Group, "classic", d.ProtocolType, d.State, d.Protocol, d.Coordinator)
	for _, m := range d.Members {
		member := groupMember{ID: m.MemberID, InstanceID: deref(m.InstanceID), Host: m.ClientHost, ClientID: m.ClientID, Assigned: map[string][]int32{}}
		if join, ok := m.Join.AsConsumer(); ok {
			member.Topics = join.Topics
		}
		if a, ok := m.Assigned.AsConsumer(); ok {
			for _, t := range a.Topics {
				member.Assigned[t.Topic] = append(member.Assigned[t.Topic], t.Partitions...)
			}
		}
		if a, ok := m.Assigned.AsConnect(); ok {
			for _, c := range a.Assignment {
				for _, task := range c.Tasks {
					what := fmt.Sprintf("%s-%d", c.Connector, task)
					if task < 0 {
						what = c.Connector // the connector itself
					}
					member.Work = append(member.Work, what)
				}
			}
		}
		v.addMember(member)
	}
	return v
}

func newView(group, kind, protocolType, state, assignor string, at kadm.BrokerDetail) groupView {
	return groupView{Group: group, Type: kind, ProtocolType: protocolType, State: state, Assignor: assignor, Members: []groupMember{},
		Coordinator: fmt.Sprintf("%s:%d", at.Host, at.Port), CoordinatorID: at.NodeID, assigned: map[partition]int{}}
}

func (v *groupView) addMember(m groupMember) {
	for topic, ids := range m.Assigned {
		slices.Sort(ids)
		for _, id := range ids {
			v.assigned[partition{topic, id}] = len(v.Members)
		}
	}
	v.Members = append(v.Members, m)
}

// active says that members may commit, so that others must not.
func (v *groupView) active() bool { return v.State != "Empty" && v.State != "Dead" }

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func lists(s kadm.TopicsSet) map[string][]int32 {
	m := map[string][]int32{}
	for topic, ids := range s {
		m[topic] = slices.Sorted(maps.Keys(ids))
	}
	return m
}

// assignmentText is Java's form: topic:0,1;other:2.
func assignmentText(m map[string][]int32) string {
	var parts []string
	for _, topic := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, topic+":"+join(m[topic]))
	}
	return strings.Join(parts, ";")
}

func count(m map[string][]int32) (n int) {
	for _, ids := range m {
		n += len(ids)
	}
	return n
}

// committedOffsets returns what groups have committed.
func committedOffsets(ctx context.Context, cl *kgo.Client, groups []string) (map[string]map[partition]kadm.Offset, error) {
	all := map[string]map[partition]kadm.Offset{}
	for group, fetched := range kadm.NewClient(cl).FetchManyOffsets(ctx, groups...) {
		if fetched.Err != nil && !errors.Is(fetched.Err, kerr.GroupIDNotFound) {
			return nil, fmt.Errorf("reading the offsets of group %s: %w", group, fetched.Err)
		}
		all[group] = map[partition]kadm.Offset{}
		for topic, partitions := range fetched.Fetched {
			for id, o := range partitions {
				if o.Err != nil {
					return nil, fmt.Errorf("reading the offset of group %s in %s-%d: %w", group, topic, id, o.Err)
				}
				if o.At >= 0 {
					all[group][partition{topic, id}] = o.Offset
				}
			}
		}
	}
	return all, nil
}

// addOffsets fills in the offsets of groups.
func addOffsets(ctx context.Context, cl *kgo.Client, views []groupView) error {
	var names []string
	for _, v := range views {
		names = append(names, v.Group)
	}
	committed, err := committedOffsets(ctx, cl, names)
	if err != nil {
		return err
	}
	wanted := map[partition]bool{}
	for _, v := range views {
		for p := range committed[v.Group] {
			wanted[p] = true
		}
		for p := range v.assigned {
			wanted[p] = true
		}
	}
	ends := listOffsets(ctx, cl, slices.SortedFunc(maps.Keys(wanted), byPartition), latestOffset, false)
	for i := range views {
		views[i].fill(committed[views[i].Group], ends)
	}
	return nil
}

func (v *groupView) fill(committed map[partition]kadm.Offset, ends map[partition]listed) {
	all := map[partition]bool{}
	for p := range committed {
		all[p] = true
	}
	for p := range v.assigned {
		all[p] = true
	}
	v.Offsets = []groupOffset{}
	for _, p := range slices.SortedFunc(maps.Keys(all), byPartition) {
		o := groupOffset{Topic: p.topic, Partition: p.id}
		if c, there := committed[p]; there {
			o.Committed, o.Metadata = &c.At, c.Metadata
			if c.LeaderEpoch >= 0 {
				o.LeaderEpoch = &c.LeaderEpoch
			}
		}
		switch end, there := ends[p]; {
		case !there:
			o.Error = "no answer"
		case end.Err != nil:
			o.Error = end.Err.Error()
		default:
			o.End = &end.Offset
			if o.Committed != nil {
				lag := end.Offset - *o.Committed
				o.Lag = &lag
			}
		}
		if i, there := v.assigned[p]; there {
			m := v.Members[i]
			o.ConsumerID, o.Host, o.ClientID = m.ID, m.Host, m.ClientID
		}
		v.Offsets = append(v.Offsets, o)
	}
}
