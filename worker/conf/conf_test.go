package conf_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/leat-project/leat/worker/conf"
)

func props(overrides ...string) map[string]string {
	m := map[string]string{"bootstrap.servers": "b:9092", "group.id": "g", "config.storage.topic": "c", "offset.storage.topic": "o",
		"status.storage.topic": "s", "key.converter": "K", "value.converter": "V"}
	for i := 0; i < len(overrides); i += 2 {
		m[overrides[i]] = overrides[i+1]
	}
	return m
}

func TestDefaults(t *testing.T) {
	c, err := conf.Parse(conf.Distributed, props())
	if err != nil {
		t.Fatal(err)
	}
	if c.FlushInterval().Milliseconds() != 60000 || c.FlushTimeout().Milliseconds() != 5000 || c.ShutdownTimeout().Milliseconds() != 5000 ||
		c.OffsetPartitions != 25 || c.StatusPartitions != 5 || c.ConfigRF != 3 || !c.TopicCreation || !c.TopicTracking ||
		c.HeaderConverter != "org.apache.kafka.connect.storage.SimpleHeaderConverter" {
		t.Fatalf("defaults = %+v", c)
	}
}

func TestBadValues(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"offset.storage.partitions", "0", "Invalid value 0 for configuration offset.storage.partitions: Value must be -1 or larger than 0"},
		{"group.id", "", "group.id"},
		{"offset.flush.interval.ms", "soon", "Not a number of type LONG"},
		{"exactly.once.source.support", "enabled", "not built in yet"},
	} {
		_, err := conf.Parse(conf.Distributed, props(c.key, c.value))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s=%s: error = %v, want one with %q", c.key, c.value, err, c.want)
		}
	}
	m := props()
	delete(m, "status.storage.topic")
	if _, err := conf.Parse(conf.Distributed, m); err == nil || !strings.Contains(err.Error(), `Missing required configuration "status.storage.topic"`) {
		t.Errorf("missing key: error = %v", err)
	}
}

func TestUnknown(t *testing.T) {
	c, err := conf.Parse(conf.Distributed, props("producer.x", "1", "nonsense", "2", "plugin.path", "/x", "ssl.keystore.type", "PEM", "config.storage.min.insync.replicas", "1"))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Unknown(); !slices.Equal(got, []string{"nonsense"}) {
		t.Fatalf("unknown = %v", got)
	}
	if got := c.Moot(); len(got) != 1 || !strings.Contains(got["plugin.path"], "leat plugin list") {
		t.Errorf("moot = %v", got)
	}
}

// Connector producers and consumers inherit bootstrap.servers only, admin clients
// every worker property; overrides of the connector win.
func TestClientProperties(t *testing.T) {
	c, err := conf.Parse(conf.Distributed, props("security.protocol", "SSL", "producer.linger.ms", "9", "consumer.fetch.min.bytes", "2",
		"admin.retries", "3", "config.storage.retention.ms", "5", "config.storage.cleanup.policy", "delete"))
	if err != nil {
		t.Fatal(err)
	}
	connector := map[string]string{"producer.override.linger.ms": "1", "consumer.override.group.id": "mine", "admin.override.retries": "4"}
	p := c.Producer("a", 2, connector, false)
	if p["client.id"] != "connector-producer-a-2" || p["linger.ms"] != "1" || p["security.protocol"] != "" || p["acks"] != "all" || p["bootstrap.servers"] != "b:9092" {
		t.Errorf("producer = %v", p)
	}
	if id := c.Producer("a", 2, connector, true)["client.id"]; id != "connector-dlq-producer-a-2" {
		t.Errorf("client.id of dead letters = %s", id)
	}
	s := c.Consumer("a", 2, connector)
	if s["client.id"] != "connector-consumer-a-2" || s["group.id"] != "mine" || s["fetch.min.bytes"] != "2" || s["auto.offset.reset"] != "earliest" || s["security.protocol"] != "" {
		t.Errorf("consumer = %v", s)
	}
	if g := c.Consumer("a", 0, nil)["group.id"]; g != "connect-a" {
		t.Errorf("group = %s", g)
	}
	a := c.Admin(conf.TaskAdminID("a", 2), connector)
	if a["client.id"] != "connector-adminclient-a-2" || a["retries"] != "4" || a["security.protocol"] != "SSL" || a["producer.linger.ms"] != "" {
		t.Errorf("admin = %v", a)
	}
	i := c.Internal("configs")
	if i["client.id"] != "g-configs" || i["security.protocol"] != "SSL" || i["group.id"] != "" {
		t.Errorf("internal = %v", i)
	}
	if got := c.TopicSettings("config.storage."); len(got) != 1 || got["retention.ms"] != "5" {
		t.Errorf("topic settings = %v", got)
	}
	if err := c.CheckGroup("g"); err == nil {
		t.Error("a sink may use the worker's group")
	}
}
