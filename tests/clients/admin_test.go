package clients

import (
	"slices"
	"testing"
	"time"
)

// topics goes through the life of a topic and its configs.
func topics(t *testing.T, w *world) {
	topic := w.topic("topic")
	create := args{Topic: topic, Partitions: 3, Configs: map[string]string{"retention.ms": "3600000", "cleanup.policy": "compact"}}
	w.do(t, "admin", "create_topic", create)
	if _, err := w.try("admin", "create_topic", create); err == nil {
		t.Error("a topic was created twice")
	}
	bad := args{Topic: w.topic("bad"), Partitions: 1, Configs: map[string]string{"retention.ms": "soon"}}
	if _, err := w.try("admin", "create_topic", bad); err == nil {
		t.Error("a topic with retention.ms=soon was created")
	}
	checkPartitions(t, w, topic, 3)
	checkPartitions(t, w, bad.Topic, 0)
	w.do(t, "admin", "add_partitions", args{Topic: topic, Partitions: 5})
	checkPartitions(t, w, topic, 5)
	checkConfigs(t, w, topic, map[string]string{"retention.ms": "3600000", "cleanup.policy": "compact", "segment.bytes": "1073741824"})
	w.do(t, "admin", "set_configs", args{Topic: topic, Configs: map[string]string{"segment.bytes": "2000000", "max.message.bytes": "4000"}, Unset: []string{"cleanup.policy"}})
	checkConfigs(t, w, topic, map[string]string{"retention.ms": "3600000", "cleanup.policy": "delete", "segment.bytes": "2000000", "max.message.bytes": "4000"})
	if _, err := w.try("admin", "set_configs", args{Topic: topic, Configs: map[string]string{"max.message.bytes": "-5"}}); err == nil {
		t.Error("max.message.bytes=-5 was accepted")
	}
	w.do(t, "admin", "delete_topic", args{Topic: topic})
	checkPartitions(t, w, topic, 0)
	if _, err := w.try("admin", "delete_topic", args{Topic: topic}); err == nil {
		t.Error("a topic was deleted twice")
	}
	// Under the same name it is another one, empty.
	w.do(t, "admin", "create_topic", args{Topic: topic, Partitions: 1})
	checkPartitions(t, w, topic, 1)
	rs := makeRecords(10, 1)
	w.produce(t, args{Topic: topic, Records: rs})
	got := w.do(t, "reader", "read", args{Topic: topic, Offsets: starts(1), Count: len(rs)}).Records
	checkRecords(t, w.name, got, rs)
}

// checkPartitions waits until the client sees so many partitions: some ask for
// metadata that they keep for a while.
func checkPartitions(t *testing.T, w *world, topic string, want int32) {
	t.Helper()
	var got int32
	for deadline := time.Now().Add(settleTime); time.Now().Before(deadline); {
		if got = w.do(t, "admin", "topics", args{}).Topics[topic]; got == want {
			return
		}
	}
	t.Errorf("topic %s has %d partitions, want %d", topic, got, want)
}

func checkConfigs(t *testing.T, w *world, topic string, want map[string]string) {
	t.Helper()
	got := w.do(t, "admin", "configs", args{Topic: topic}).Configs
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s = %q, want %q", k, got[k], v)
		}
	}
}

// cluster describes the cluster.
func cluster(t *testing.T, w *world) {
	got := w.do(t, "admin", "cluster", args{})
	if want := []string{w.broker.Kafka()}; !slices.Equal(got.Brokers, want) {
		t.Errorf("brokers = %v, want %v", got.Brokers, want)
	}
	if got.Cluster == "" && w.name != "sarama" { // sarama does not say it
		t.Error("the cluster has no id")
	}
}
