package conf

import (
	"maps"
	"strings"

	"github.com/leat-project/leat/connect/config"
)

// internalBase is the start of client ids of the worker's own clients.
func (c *Config) internalBase() string {
	if c.Mode == Standalone {
		return "connect-"
	}
	if id := c.Props["client.id"]; id != "" {
		return c.GroupID + "-" + id + "-"
	}
	return c.GroupID + "-"
}

// Internal returns the properties of a client of the worker itself: every worker
// property, and the client id for a purpose (configs, offsets, statuses,
// shared-admin).
func (c *Config) Internal(purpose string) map[string]string {
	p := maps.Clone(c.Props)
	if p["bootstrap.servers"] == "" {
		p["bootstrap.servers"] = strings.Join(c.bootstrap, ",")
	}
	// Keys of other clients' sections and those that mean something else here.
	for _, k := range []string{"group.id", "session.timeout.ms", "heartbeat.interval.ms", "listeners"} {
		delete(p, k)
	}
	p["client.id"] = c.internalBase() + purpose
	return p
}

// overlay lays properties over p, the last on top.
func overlay(p map[string]string, over ...map[string]string) map[string]string {
	for _, m := range over {
		maps.Copy(p, m)
	}
	return p
}

// Producer returns the properties of a source task's producer, or with dlq those of
// a sink task's dead letter queue. Connector clients inherit bootstrap.servers only;
// idempotence is on, where Java has it off, so that order survives retries.
func (c *Config) Producer(connector string, n int, settings map[string]string, dlq bool) map[string]string {
	id := "connector-producer-" + task(connector, n)
	if dlq {
		id = "connector-dlq-producer-" + task(connector, n)
	}
	return overlay(map[string]string{"bootstrap.servers": strings.Join(c.bootstrap, ","), "client.id": id,
		// A task hands over whole batches: waiting for more would only add to the latency.
		"linger.ms": "0",
		"acks":      "all", "max.block.ms": "9223372036854775807", "delivery.timeout.ms": "2147483647"},
		config.Sub(c.Props, "producer."), config.Sub(settings, "producer.override."))
}

// Consumer returns the properties of a sink task's consumer.
func (c *Config) Consumer(connector string, n int, settings map[string]string) map[string]string {
	return overlay(map[string]string{"bootstrap.servers": strings.Join(c.bootstrap, ","),
		"client.id": "connector-consumer-" + task(connector, n), "group.id": "connect-" + connector,
		"enable.auto.commit": "false", "auto.offset.reset": "earliest"},
		config.Sub(c.Props, "consumer."), config.Sub(settings, "consumer.override."))
}

// Admin returns the properties of an admin client for a connector; clientID is its
// client.id. Unlike producers and consumers it inherits every worker property.
func (c *Config) Admin(clientID string, settings map[string]string) map[string]string {
	p := c.Internal("")
	for k := range p {
		if strings.HasPrefix(k, "producer.") || strings.HasPrefix(k, "consumer.") || strings.HasPrefix(k, "admin.") {
			delete(p, k)
		}
	}
	p["client.id"] = clientID
	return overlay(p, config.Sub(c.Props, "admin."), config.Sub(settings, "admin.override."))
}

// TaskAdminID is the client id of a task's admin client.
func TaskAdminID(connector string, n int) string {
	return "connector-adminclient-" + task(connector, n)
}
