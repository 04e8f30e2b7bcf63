package herder

import (
	"context"
	"maps"
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/worker/conf"
	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/store"
)

// offsetAccess is the worker's offset store or a connector's layered one.
type offsetAccess interface {
	Put(ctx context.Context, connector string, offsets []store.SourceOffset) error
	Read(ctx context.Context, connector string, partitions ...*connect.Partition) ([]map[string]any, error)
	All(ctx context.Context, connector string) ([]model.ConnectorOffset, error)
}

// offsetsOf returns where a source connector keeps its offsets, and a function that
// gives it back. config is resolved.
func (h *Herder) offsetsOf(name string, config map[string]string) (offsetAccess, func()) {
	topic := strings.TrimSpace(config["offsets.storage.topic"])
	if topic == "" || topic == h.Conf.OffsetTopic || h.Conf.Mode == conf.Standalone {
		return h.offsets, func() {}
	}
	l := store.NewLayeredOffsets(h.offsets, func() (*store.OffsetStore, error) {
		client := h.Conf.Internal("offsets-" + name)
		for _, prefix := range []string{"consumer.override.", "producer.override.", "admin.override."} {
			for k, v := range config {
				if rest, ok := strings.CutPrefix(k, prefix); ok {
					client[rest] = v
				}
			}
		}
		own, err := store.NewKafkaLog(store.TopicConfig{Topic: topic, Partitions: int32(h.Conf.OffsetPartitions),
			Replication: int16(h.Conf.OffsetRF), Settings: maps.Clone(h.Conf.TopicSettings("offset.storage.")),
			Property: "offsets.storage.topic", Client: client}, h.log)
		if err != nil {
			return nil, err
		}
		return store.NewOffsetStore(own, h.log), nil
	}, h.log)
	return l, l.Close
}
