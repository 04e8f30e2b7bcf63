package herder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/internal/kafka"
	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/store"
)

// Offsets returns a source's stored offsets or a sink's consumer group offsets.
func (h *Herder) Offsets(ctx context.Context, name string) ([]model.ConnectorOffset, error) {
	c, ok := h.configs.Connector(name)
	if !ok {
		return nil, model.NotFound("Connector %s not found", name)
	}
	if h.typeOf(c) == model.SinkType {
		return h.sinkOffsets(ctx, c)
	}
	return h.sourceOffsets(c, func(o offsetAccess) ([]model.ConnectorOffset, error) { return o.All(ctx, name) })
}

// sourceOffsets calls fn with the offsets of a source connector.
func (h *Herder) sourceOffsets(c store.Connector, fn func(offsetAccess) ([]model.ConnectorOffset, error)) ([]model.ConnectorOffset, error) {
	config, err := h.Resolver.Resolve(c.Config.Texts())
	if err != nil {
		return nil, err
	}
	o, giveBack := h.offsetsOf(c.Name, config)
	defer giveBack()
	return fn(o)
}

// putOffsets writes offsets of a source connector.
func (h *Herder) putOffsets(ctx context.Context, c store.Connector, offsets []store.SourceOffset) error {
	_, err := h.sourceOffsets(c, func(o offsetAccess) ([]model.ConnectorOffset, error) {
		return nil, o.Put(ctx, c.Name, offsets)
	})
	return err
}

// AlterOffsets writes offsets of a stopped connector.
func (h *Herder) AlterOffsets(ctx context.Context, name string, offsets []model.ConnectorOffset) (string, error) {
	return h.changeOffsets(ctx, name, "altered", func(ctx context.Context, c store.Connector) (bool, error) {
		return h.alter(ctx, c, offsets)
	})
}

// ResetOffsets deletes the offsets of a stopped connector.
func (h *Herder) ResetOffsets(ctx context.Context, name string) (string, error) {
	return h.changeOffsets(ctx, name, "reset", h.reset)
}

// changeOffsets runs fn for a stopped connector, outside the loop: it may dial the
// connector's system.
func (h *Herder) changeOffsets(ctx context.Context, name, verb string, fn func(context.Context, store.Connector) (bool, error)) (string, error) {
	var c store.Connector
	err := h.do(ctx, func(context.Context) error {
		var ok bool
		if c, ok = h.configs.Connector(name); !ok {
			return model.NotFound("Connector %s not found", name)
		}
		alive := false
		for id, t := range h.tasks {
			alive = alive || id.Connector == name && !t.ended
		}
		if c.Target != model.TargetStopped || len(c.Tasks) > 0 {
			return model.BadRequest("Connectors must be in the STOPPED state before their offsets can be modified. This can be done "+
				"for the specified connector by issuing a 'PUT' request to the '/connectors/%s/stop' endpoint", name)
		}
		if alive {
			return fmt.Errorf("Failed to alter consumer group offsets for connector %s either because its tasks haven't stopped "+
				"completely yet or the connector was resumed before the request to alter its offsets could be successfully completed. "+
				"If the connector is in a stopped state, this operation can be safely retried. If it doesn't eventually succeed, the "+
				"Connect cluster may need to be restarted to get rid of the zombie sink tasks.", name)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	known, err := fn(ctx, c)
	if err != nil {
		return "", err
	}
	if known {
		return fmt.Sprintf("The offsets for this connector have been %s successfully", verb), nil
	}
	return fmt.Sprintf("The Connect framework-managed offsets for this connector have been %s successfully. However, if this connector "+
		"manages offsets externally, they will need to be manually %s in the system that the connector uses.", verb, verb), nil
}

// hook asks the connector to check and carry out a change.
func (h *Herder) hook(ctx context.Context, c store.Connector, offsets []model.ConnectorOffset) (known bool, p *plugin.Plugin, err error) {
	if p, err = h.Registry.Find(c.Config.Text("connector.class"), plugin.Source, plugin.Sink); err != nil {
		return false, nil, err
	}
	props, err := h.Resolver.Resolve(c.Config.Texts())
	if err != nil {
		return false, nil, err
	}
	var instance any
	if p.Kind == plugin.Source {
		instance = p.NewSource()
	} else {
		instance = p.NewSink()
	}
	a, ok := instance.(connect.OffsetAlterer)
	if !ok {
		return false, p, nil
	}
	list := make([]connect.PartitionOffset, len(offsets))
	for i, o := range offsets {
		list[i] = connect.PartitionOffset{Partition: o.Partition, Offset: o.Offset}
	}
	err = guard(func() (err error) { known, err = a.AlterOffsets(ctx, props, list); return err })
	return known, p, err
}

func (h *Herder) alter(ctx context.Context, c store.Connector, offsets []model.ConnectorOffset) (bool, error) {
	if h.typeOf(c) == model.SinkType {
		parsed, normal, err := parseSinkOffsets(offsets)
		if err != nil {
			return false, err
		}
		known, _, err := h.hook(ctx, c, normal)
		if err != nil {
			return false, err
		}
		return known, h.alterGroup(ctx, c, parsed)
	}
	known, _, err := h.hook(ctx, c, offsets)
	if err != nil {
		return false, err
	}
	return known, h.putOffsets(ctx, c, asSourceOffsets(offsets, false))
}

func asSourceOffsets(offsets []model.ConnectorOffset, reset bool) []store.SourceOffset {
	out := make([]store.SourceOffset, len(offsets))
	for i, o := range offsets {
		out[i].Partition = connect.NewPartition(o.Partition)
		if !reset {
			out[i].Offset = o.Offset
		}
	}
	return out
}

func (h *Herder) reset(ctx context.Context, c store.Connector) (bool, error) {
	current, err := h.Offsets(ctx, c.Name)
	if err != nil {
		return false, err
	}
	for i := range current {
		current[i].Offset = nil
	}
	known, p, err := h.hook(ctx, c, current)
	if err != nil {
		return false, err
	}
	if p.Kind == plugin.Source {
		return known, h.putOffsets(ctx, c, asSourceOffsets(current, true))
	}
	return known, h.deleteGroup(ctx, c)
}

// groupAdmin calls fn with an admin client and the consumer group of a sink.
func (h *Herder) groupAdmin(c store.Connector, fn func(adm *kadm.Client, group string) error) error {
	config, err := h.Resolver.Resolve(c.Config.Texts())
	if err != nil {
		return err
	}
	group := h.Conf.Consumer(c.Name, 0, config)["group.id"]
	opts, err := kafka.Options(h.Conf.Admin("connector-worker-adminclient-"+c.Name, config), kafka.Admin, h.log)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return err
	}
	defer client.Close()
	return fn(kadm.NewClient(client), group)
}

func (h *Herder) sinkOffsets(ctx context.Context, c store.Connector) ([]model.ConnectorOffset, error) {
	out := []model.ConnectorOffset{}
	err := h.groupAdmin(c, func(adm *kadm.Client, group string) error {
		offsets, err := adm.FetchOffsets(ctx, group)
		if errors.Is(err, kerr.GroupIDNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("Failed to retrieve consumer group offsets for sink connector %s: %w", c.Name, err)
		}
		for _, o := range offsets.Sorted() {
			if o.Err != nil {
				return fmt.Errorf("Failed to retrieve consumer group offsets for sink connector %s: partition %s-%d: %w", c.Name, o.Topic, o.Partition, o.Err)
			}
			if o.At < 0 {
				continue
			}
			out = append(out, model.ConnectorOffset{
				Partition: map[string]any{"kafka_topic": o.Topic, "kafka_partition": int64(o.Partition)},
				Offset:    map[string]any{"kafka_offset": o.At}})
		}
		return nil
	})
	return out, err
}

func (h *Herder) alterGroup(ctx context.Context, c store.Connector, offsets map[connect.TopicPartition]*int64) error {
	return h.groupAdmin(c, func(adm *kadm.Client, group string) error {
		set, del := kadm.Offsets{}, kadm.TopicsSet{}
		for tp, off := range offsets {
			if off == nil {
				del.Add(tp.Topic, tp.Partition)
				continue
			}
			set.AddOffset(tp.Topic, tp.Partition, *off, -1)
		}
		if len(set) > 0 {
			resp, err := adm.CommitOffsets(ctx, group, set)
			if err == nil {
				err = resp.Error()
			}
			if err != nil {
				return fmt.Errorf("Failed to alter consumer group offsets for connector %s: %w", c.Name, err)
			}
		}
		if len(del) > 0 {
			resp, err := adm.DeleteOffsets(ctx, group, del)
			if err == nil {
				err = resp.Error()
			}
			if err != nil && !errors.Is(err, kerr.GroupIDNotFound) && !errors.Is(err, kerr.UnknownTopicOrPartition) {
				return fmt.Errorf("Failed to delete consumer group offsets for connector %s: %w", c.Name, err)
			}
		}
		return nil
	})
}

func (h *Herder) deleteGroup(ctx context.Context, c store.Connector) error {
	return h.groupAdmin(c, func(adm *kadm.Client, group string) error {
		resp, err := adm.DeleteGroup(ctx, group)
		if err == nil {
			err = resp.Err
		}
		if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			return fmt.Errorf("Failed to reset consumer group offsets for connector %s: %w", c.Name, err)
		}
		return nil
	})
}

// parseSinkOffsets reads the maps of an alter request (SinkUtils.parseSinkConnectorOffsets).
// normal are the same maps with the types that connectors see.
func parseSinkOffsets(offsets []model.ConnectorOffset) (parsed map[connect.TopicPartition]*int64, normal []model.ConnectorOffset, err error) {
	parsed = map[connect.TopicPartition]*int64{}
	for _, o := range offsets {
		if o.Partition == nil {
			return nil, nil, model.BadRequest("The partition for a sink connector offset cannot be null or missing")
		}
		topic, ok := o.Partition["kafka_topic"]
		if !ok {
			return nil, nil, model.BadRequest("The partition for a sink connector offset must contain the keys 'kafka_topic' and 'kafka_partition'")
		}
		if topic == nil {
			return nil, nil, model.BadRequest("Kafka topic names must be valid strings and may not be null")
		}
		num, ok := o.Partition["kafka_partition"]
		if !ok {
			return nil, nil, model.BadRequest("The partition for a sink connector offset must contain the keys 'kafka_topic' and 'kafka_partition'")
		}
		if num == nil {
			return nil, nil, model.BadRequest("Kafka partitions must be valid numbers and may not be null")
		}
		partition, perr := strconv.ParseInt(fmt.Sprint(num), 10, 32)
		if perr != nil {
			return nil, nil, model.BadRequest("Failed to parse the following Kafka partition value in the provided offsets: '%v'. Partition values for sink connectors need to be integers.", num)
		}
		tp := connect.TopicPartition{Topic: fmt.Sprint(topic), Partition: int32(partition)}
		n := model.ConnectorOffset{Partition: map[string]any{"kafka_topic": tp.Topic, "kafka_partition": partition}}
		if o.Offset == nil {
			parsed[tp] = nil
			normal = append(normal, n)
			continue
		}
		value, ok := o.Offset["kafka_offset"]
		if !ok || value == nil {
			return nil, nil, model.BadRequest("The offset for a sink connector should either be null or contain the key 'kafka_offset'")
		}
		off, perr := strconv.ParseInt(fmt.Sprint(value), 10, 64)
		if perr != nil {
			return nil, nil, model.BadRequest("Failed to parse the following Kafka offset value in the provided offsets: '%v'. Offset values for sink connectors need to be integers.", value)
		}
		parsed[tp] = &off
		n.Offset = map[string]any{"kafka_offset": off}
		normal = append(normal, n)
	}
	return parsed, slices.Clip(normal), nil
}
