package controller

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/settings"
)

// ConfigOp says what IncrementalAlterConfigs does with a key, with the
// numbers of the protocol (KIP-339).
type ConfigOp int8

// The operations.
const (
	SetConfig      ConfigOp = 0
	DeleteConfig   ConfigOp = 1
	AppendConfig   ConfigOp = 2
	SubtractConfig ConfigOp = 3
)

// ConfigChange changes one key.
type ConfigChange struct {
	Name  string
	Op    ConfigOp
	Value *string
}

// AlterConfigs applies changes to one resource: all of them or none.
// effective gives the present value of a key without an override, the base of
// AppendConfig and SubtractConfig.
func (c *Controller) AlterConfigs(ctx context.Context, r Resource, changes []ConfigChange, effective func(name string) string, validateOnly bool) error {
	return c.propose(ctx, func(img *Image) ([]Record, error) {
		if err := c.checkResource(img, r); err != nil {
			return nil, err
		}
		next := maps.Clone(img.Config(r))
		if next == nil {
			next = map[string]string{}
		}
		seen := map[string]bool{}
		for _, ch := range changes {
			if seen[ch.Name] {
				return nil, fault.New(kerr.InvalidRequest, "Error due to duplicate config keys")
			}
			seen[ch.Name] = true
			if err := alterOne(r, next, ch, effective); err != nil {
				return nil, err
			}
		}
		return c.planConfigs(img, r, next, validateOnly)
	})
}

// ReplaceConfigs gives a resource exactly the entries (AlterConfigs of old).
func (c *Controller) ReplaceConfigs(ctx context.Context, r Resource, entries []ConfigEntry, validateOnly bool) error {
	return c.propose(ctx, func(img *Image) ([]Record, error) {
		if err := c.checkResource(img, r); err != nil {
			return nil, err
		}
		next := map[string]string{}
		for _, e := range entries {
			if e.Value == nil {
				return nil, fault.New(kerr.InvalidConfig, "Null value not supported for : %s", e.Name)
			}
			value, err := parse(r, e.Name, *e.Value)
			if err != nil {
				return nil, err
			}
			next[e.Name] = value
		}
		return c.planConfigs(img, r, next, validateOnly)
	})
}

// planConfigs returns the records that turn the present overrides into next.
func (c *Controller) planConfigs(img *Image, r Resource, next map[string]string, validateOnly bool) ([]Record, error) {
	if r.Type == TopicResource {
		if err := c.checkTogether(img, next); err != nil {
			return nil, err
		}
	}
	if r.Type == BrokerResource && c.cfg.CheckBroker != nil {
		if err := c.cfg.CheckBroker(img, r, next); err != nil {
			return nil, fault.New(kerr.InvalidRequest, "%s", err)
		}
	}
	if r.Type == GroupResource && c.cfg.CheckGroup != nil {
		if err := c.cfg.CheckGroup(img, next); err != nil {
			return nil, fault.New(kerr.InvalidConfig, "%s", err)
		}
	}
	if validateOnly {
		return nil, nil
	}
	old := img.Config(r)
	var records []Record
	for _, name := range slices.Sorted(maps.Keys(old)) {
		if _, ok := next[name]; !ok {
			records = append(records, &ConfigRecord{Resource: r, Name: name})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(next)) {
		value := next[name]
		if was, ok := old[name]; !ok || was != value {
			records = append(records, &ConfigRecord{Resource: r, Name: name, Value: &value})
		}
	}
	return records, nil
}

func (c *Controller) checkResource(img *Image, r Resource) error {
	switch r.Type {
	case TopicResource:
		if img.Topic(r.Name) == nil {
			return fault.New(kerr.UnknownTopicOrPartition, "The topic '%s' does not exist.", r.Name)
		}
	case BrokerResource:
		if r.Name != "" && r.Name != strconv.Itoa(int(c.cfg.NodeID)) {
			return fault.New(kerr.InvalidRequest, "No broker with id %s found.", r.Name)
		}
	case GroupResource:
		if r.Name == "" {
			return fault.New(kerr.InvalidRequest, "Default group resources are not allowed.")
		}
	default:
		return fault.New(kerr.InvalidRequest, "Unknown resource type: %d", r.Type)
	}
	return nil
}

func alterOne(r Resource, next map[string]string, ch ConfigChange, effective func(string) string) error {
	if ch.Op == DeleteConfig {
		if _, ok := table(r.Type).Lookup(ch.Name); !ok && r.Type == TopicResource {
			return fault.New(kerr.InvalidConfig, "Unknown topic config name: %s", ch.Name)
		}
		delete(next, ch.Name)
		return nil
	}
	if ch.Value == nil {
		return fault.New(kerr.InvalidRequest, "Null value not supported for : %s", ch.Name)
	}
	value := *ch.Value
	if ch.Op == AppendConfig || ch.Op == SubtractConfig {
		present, ok := next[ch.Name]
		if !ok {
			present = effective(ch.Name)
		}
		var err error
		if value, err = alterList(r, ch, present); err != nil {
			return err
		}
	} else if ch.Op != SetConfig {
		return fault.New(kerr.InvalidRequest, "Unknown configuration operation %d for %s.", ch.Op, ch.Name)
	}
	value, err := parse(r, ch.Name, value)
	if err != nil {
		return err
	}
	if r.Type == BrokerResource {
		if err := settings.CheckThreads(ch.Name, effective(ch.Name), value); err != nil {
			return fault.New(kerr.InvalidRequest, "%s", err)
		}
	}
	next[ch.Name] = value
	return nil
}

// alterList appends elements to, or subtracts them from, a list value.
func alterList(r Resource, ch ConfigChange, present string) (string, error) {
	d, ok := table(r.Type).Lookup(ch.Name)
	if !ok || d.Type != settings.List {
		return "", fault.New(kerr.InvalidConfig, "Can't %s to key %s because its type is not LIST.", map[ConfigOp]string{AppendConfig: "APPEND", SubtractConfig: "SUBTRACT"}[ch.Op], ch.Name)
	}
	list := settings.SplitList(present)
	for _, v := range settings.SplitList(*ch.Value) {
		if ch.Op == SubtractConfig {
			list = slices.DeleteFunc(list, func(x string) bool { return x == v })
			continue
		}
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return strings.Join(list, ","), nil
}

func table(t ResourceType) settings.Set {
	switch t {
	case TopicResource:
		return settings.Topic
	case GroupResource:
		return settings.Group
	}
	return settings.Broker
}

// parse validates one value for a resource and returns it as it is kept.
func parse(r Resource, name, value string) (string, error) {
	var err error
	switch r.Type {
	case TopicResource:
		value, err = settings.ParseTopic(name, &value)
	case GroupResource:
		d, ok := settings.Group.Lookup(name)
		if !ok {
			return "", fault.New(kerr.InvalidConfig, "Unknown group config name: %s", name)
		}
		value, err = d.Parse(value)
	case BrokerResource:
		return parseBroker(r, name, value)
	}
	if err != nil {
		return "", fault.New(kerr.InvalidConfig, "%s", err)
	}
	return value, nil
}

// parseBroker accepts only keys that the broker can change while it runs
// (KIP-226).
func parseBroker(r Resource, name, value string) (string, error) {
	d, ok := settings.LookupBroker(name)
	if !ok || d.Dynamic == settings.ReadOnly {
		return "", fault.New(kerr.InvalidRequest, "Cannot update these configs dynamically: [%s]", name)
	}
	if d.Dynamic == settings.PerBroker && r.Name == "" {
		return "", fault.New(kerr.InvalidRequest, "Cannot update these configs at default cluster level, broker id must be specified: [%s]", name)
	}
	// Kafka answers INVALID_REQUEST here (KAFKA-13609), and clients know it.
	value, err := d.Parse(value)
	if err != nil {
		return "", fault.New(kerr.InvalidRequest, "%s", err)
	}
	return value, nil
}
