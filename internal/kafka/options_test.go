package kafka_test

import (
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/internal/kafka"
)

func TestOptionsMakeAClient(t *testing.T) {
	for _, role := range []kafka.Role{kafka.Admin, kafka.Producer, kafka.Consumer} {
		props := map[string]string{"bootstrap.servers": "127.0.0.1:1, 127.0.0.1:2", "client.id": "c"}
		if role == kafka.Consumer {
			props["group.id"] = "g"
			props["group.instance.id"] = "i"
			props["enable.auto.commit"] = "false"
		}
		opts, err := kafka.Options(props, role, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatalf("role %d: %v", role, err)
		}
		cl, err := kgo.NewClient(opts...)
		if err != nil {
			t.Fatalf("role %d: %v", role, err)
		}
		cl.Close()
	}
}

func TestOptionsHaveJavasDefaults(t *testing.T) {
	opts, err := kafka.Options(map[string]string{"bootstrap.servers": "127.0.0.1:1"}, kafka.Producer, nil)
	if err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if got := cl.OptValue(kgo.ProducerBatchMaxBytes).(int32); got != 1048576 {
		t.Errorf("max.request.size = %d, want 1048576", got)
	}
	if got := cl.OptValue(kgo.MaxBufferedBytes).(int64); got != 33554432 {
		t.Errorf("buffer.memory = %d, want 33554432", got)
	}
}

func TestOptionsRefuse(t *testing.T) {
	for _, c := range []struct {
		name  string
		role  kafka.Role
		props map[string]string
		want  string
	}{
		{"no bootstrap", kafka.Admin, map[string]string{"bootstrap.servers": ""}, "bootstrap.servers"},
		{"old TLS", kafka.Admin, map[string]string{"bootstrap.servers": "a:1", "security.protocol": "SSL", "ssl.enabled.protocols": "TLSv1.1"}, "ssl.enabled.protocols"},
		{"no such suite", kafka.Admin, map[string]string{"bootstrap.servers": "a:1", "security.protocol": "SSL", "ssl.cipher.suites": "TLS_AES_128_GCM_SHA256"}, "ssl.cipher.suites"},
		{"bad number", kafka.Producer, map[string]string{"bootstrap.servers": "a:1", "linger.ms": "x"},
			"Invalid value x for configuration linger.ms: Not a number of type LONG"},
		{"acks and idempotence", kafka.Producer,
			map[string]string{"bootstrap.servers": "a:1", "acks": "1", "enable.idempotence": "true"}, "Must set acks to all"},
		{"unknown assignor", kafka.Consumer,
			map[string]string{"bootstrap.servers": "a:1", "group.id": "g", "partition.assignment.strategy": "my.Assignor"}, "my.Assignor"},
		{"unknown mechanism", kafka.Admin, map[string]string{"bootstrap.servers": "a:1", "security.protocol": "SASL_SSL",
			"sasl.jaas.config": `X required username="u" password="p";`, "sasl.mechanism": "GSSAPI"}, "sasl.mechanism"},
		{"JKS store", kafka.Admin, map[string]string{"bootstrap.servers": "a:1", "security.protocol": "SSL",
			"ssl.truststore.location": "/x.jks"}, "ssl.truststore.type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := kafka.Options(c.props, c.role, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error = %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestUnknown(t *testing.T) {
	got := kafka.Unknown(map[string]string{"acks": "1", "zz": "", "aa": "", "key.serializer": ""}, kafka.Producer)
	if want := []string{"aa", "zz"}; !slices.Equal(got, want) {
		t.Fatalf("unknown = %v, want %v", got, want)
	}
}
