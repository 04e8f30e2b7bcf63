package validate

import (
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/internal/kafka"
)

// importances are those of Kafka's ProducerConfig, ConsumerConfig and
// AdminClientConfig where they are not LOW.
var importances = map[string]config.Importance{
	"bootstrap.servers": config.High, "acks": config.Low, "batch.size": config.Medium, "buffer.memory": config.High,
	"compression.type": config.High, "client.id": config.Medium, "linger.ms": config.Medium,
	"delivery.timeout.ms": config.Medium, "request.timeout.ms": config.Medium, "max.request.size": config.Medium,
	"max.block.ms": config.Medium, "connections.max.idle.ms": config.Medium, "partitioner.class": config.Medium,
	"security.protocol": config.Medium, "sasl.mechanism": config.Medium, "sasl.jaas.config": config.Medium,
	"ssl.truststore.location": config.High, "ssl.truststore.type": config.Medium, "ssl.truststore.password": config.High,
	"ssl.truststore.certificates": config.High, "ssl.keystore.location": config.High, "ssl.keystore.type": config.Medium,
	"ssl.keystore.password": config.High, "ssl.key.password": config.High, "ssl.keystore.key": config.High,
	"ssl.keystore.certificate.chain": config.High, "socket.connection.setup.timeout.ms": config.Medium,
	"group.id": config.High, "group.instance.id": config.Medium, "group.protocol": config.High,
	"session.timeout.ms": config.High, "heartbeat.interval.ms": config.High, "max.poll.interval.ms": config.Medium,
	"max.poll.records": config.Medium, "partition.assignment.strategy": config.Medium, "fetch.min.bytes": config.High,
	"fetch.max.bytes": config.Medium, "max.partition.fetch.bytes": config.High, "auto.offset.reset": config.Medium,
	"isolation.level": config.Medium, "enable.auto.commit": config.Medium, "allow.auto.create.topics": config.Medium,
	"retries": config.High, "default.api.timeout.ms": config.Medium,
}

// clientKeys are the settings of a Kafka client with Java's importances.
func clientKeys(role kafka.Role) *config.Def {
	d := kafka.Def(role)
	for _, k := range d.Keys() {
		k.Importance(config.Low).Doc("Setting " + k.Name + " of the connector's Kafka client, instead of the worker's.")
		if imp, ok := importances[k.Name]; ok {
			k.Importance(imp)
		}
	}
	return d
}
