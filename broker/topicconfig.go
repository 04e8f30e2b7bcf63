package broker

import (
	"slices"
	"strconv"
	"strings"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/broker/settings"
)

// source says where a value comes from, with the numbers of DescribeConfigs.
type source int8

const (
	sourceTopic   source = 1
	sourceBroker  source = 2
	sourceDefault source = 3 // cluster-wide dynamic default
	sourceStatic  source = 4
	sourceBuiltIn source = 5
	sourceLogger  source = 6
	sourceGroup   source = 8
)

// sourced is one link of the chain of values of a key.
type sourced struct {
	name   string
	value  string
	source source
	null   bool
}

// brokerChain lists the values of a broker key, the one in force first.
func (c *Config) brokerChain(img *controller.Image, name string) []sourced {
	return c.brokerChains(img, name)
}

// brokerChains lists the values of broker keys that stand in for one another:
// by source, and within a source in the order of names.
func (c *Config) brokerChains(img *controller.Image, names ...string) []sourced {
	var out []sourced
	dynamic := func(r controller.Resource, s source) {
		set := img.Config(r)
		for _, name := range names {
			if v, ok := set[name]; ok {
				out = append(out, sourced{name: name, value: v, source: s})
			}
		}
	}
	dynamic(controller.Resource{Type: controller.BrokerResource, Name: strconv.Itoa(int(c.NodeID))}, sourceBroker)
	dynamic(controller.Resource{Type: controller.BrokerResource}, sourceDefault)
	for _, name := range names {
		if v, ok := c.static[name]; ok {
			out = append(out, sourced{name: name, value: v, source: sourceStatic})
		}
	}
	for _, name := range names {
		if d, ok := settings.Broker.Lookup(name); ok {
			out = append(out, sourced{name: name, value: d.Default, source: sourceBuiltIn, null: d.NoDefault})
		}
	}
	return out
}

// synonyms is what DescribeConfigs shows as the chain of a broker key: as
// Kafka, only from the first value under the key's own name on.
func (c *Config) synonyms(img *controller.Image, name string) []sourced {
	chain := c.brokerChains(img, settings.BrokerSynonyms(name)...)
	chain = slices.DeleteFunc(chain, func(s sourced) bool { return s.null })
	i := slices.IndexFunc(chain, func(s sourced) bool { return s.name == name })
	if i < 0 {
		return nil
	}
	return chain[i:]
}

// listenerKeys are the keys that are set for single listeners.
func (c *Config) listenerKeys(img *controller.Image) []string {
	var names []string
	for _, set := range []map[string]string{
		img.Config(controller.Resource{Type: controller.BrokerResource, Name: strconv.Itoa(int(c.NodeID))}),
		img.Config(controller.Resource{Type: controller.BrokerResource}), c.static,
	} {
		for name := range set {
			if strings.HasPrefix(name, "listener.name.") {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// topicChain lists the values of a topic key, the one in force first. Values
// of synonyms are in the synonym's own unit; topicValue scales.
func (c *Config) topicChain(img *controller.Image, overrides map[string]string, d settings.Def) []sourced {
	var out []sourced
	if v, ok := overrides[d.Name]; ok {
		out = append(out, sourced{name: d.Name, value: v, source: sourceTopic})
	}
	names := make([]string, len(d.Synonyms))
	for i, syn := range d.Synonyms {
		names[i] = syn.Name
	}
	for _, s := range c.brokerChains(img, names...) {
		if !s.null {
			out = append(out, s)
		}
	}
	return append(out, sourced{name: d.Name, value: d.Default, source: sourceBuiltIn})
}

// topicValue is the value of a topic key in force, in the key's own unit.
func (c *Config) topicValue(img *controller.Image, overrides map[string]string, name string) (string, source) {
	d, ok := settings.Topic.Lookup(name)
	if !ok {
		return "", sourceBuiltIn
	}
	first := c.topicChain(img, overrides, d)[0]
	for _, syn := range d.Synonyms {
		if syn.Name == first.name && first.source != sourceTopic {
			return settings.Scaled(first.value, syn.Factor), first.source
		}
	}
	return first.value, first.source
}

// logConfig resolves everything a topic's logs obey.
func (c *Config) logConfig(img *controller.Image, t *controller.Topic) logstore.LogConfig {
	overrides := img.Config(controller.Resource{Type: controller.TopicResource, Name: t.Name})
	str := func(name string) string { v, _ := c.topicValue(img, overrides, name); return v }
	long := func(name string) int64 { return parseLong(str(name)) }
	cfg := logstore.LogConfig{
		RetentionMs:        long("retention.ms"),
		RetentionBytes:     long("retention.bytes"),
		SegmentBytes:       int32(long("segment.bytes")),
		SegmentMs:          long("segment.ms"),
		SegmentJitterMs:    long("segment.jitter.ms"),
		SegmentIndexBytes:  int32(long("segment.index.bytes")),
		IndexIntervalBytes: int32(long("index.interval.bytes")),
		MaxMessageBytes:    int32(long("max.message.bytes")),
		LogAppendTime:      str("message.timestamp.type") == "LogAppendTime",
		TimestampBeforeMs:  long("message.timestamp.before.max.ms"),
		TimestampAfterMs:   long("message.timestamp.after.max.ms"),
		DeleteRetentionMs:  long("delete.retention.ms"),
		MinCompactionLagMs: long("min.compaction.lag.ms"),
		MaxCompactionLagMs: long("max.compaction.lag.ms"),
		MinDirtyRatio:      parseDouble(str("min.cleanable.dirty.ratio")),
		FileDeleteDelayMs:  long("file.delete.delay.ms"),
		FlushMessages:      long("flush.messages"),
		FlushMs:            long("flush.ms"),
		FlushBeforeAck:     flushBeforeAck(str(settings.FlushBeforeAck), t),
	}
	for _, p := range settings.SplitList(str("cleanup.policy")) {
		cfg.Delete = cfg.Delete || p == "delete"
		cfg.Compact = cfg.Compact || p == "compact"
	}
	cfg.Compression, cfg.CompressionLevel = compression(str, long)
	return cfg
}

// flushBeforeAck resolves "auto": yes where no other replica would have it.
func flushBeforeAck(value string, t *controller.Topic) bool {
	if value != "auto" {
		return value == "always"
	}
	return len(t.Partitions) == 0 || len(t.Partitions[0].Replicas) == 1
}

func compression(str func(string) string, long func(string) int64) (logstore.Compression, int) {
	switch str("compression.type") {
	case "uncompressed":
		return logstore.Compression{Recompress: true, Codec: recordbatch.None}, 0
	case "gzip":
		return logstore.Compression{Recompress: true, Codec: recordbatch.Gzip}, int(max(long("compression.gzip.level"), 0))
	case "snappy":
		return logstore.Compression{Recompress: true, Codec: recordbatch.Snappy}, 0
	case "lz4":
		return logstore.Compression{Recompress: true, Codec: recordbatch.LZ4}, int(long("compression.lz4.level"))
	case "zstd":
		return logstore.Compression{Recompress: true, Codec: recordbatch.Zstd}, int(long("compression.zstd.level"))
	}
	return logstore.Compression{}, 0
}
