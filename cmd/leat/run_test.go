package main

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLayers lays --set over the environment, that over the file, and all over the
// defaults, for broker and worker alike.
func TestLayers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "leat.properties")
	text := "broker.num.partitions=2\nbroker.log.retention.hours=2\nbroker.log.segment.bytes=2000000\nworker.group.id=file\nworker.rest.advertised.port=2\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KAFKA_NUM_PARTITIONS", "3")
	t.Setenv("KAFKA_LOG_RETENTION_HOURS", "3")
	t.Setenv("CONNECT_GROUP_ID", "environment")
	f := runFlags{kafka: "127.0.0.1:1", rest: "127.0.0.1:2", file: file, set: []string{"broker.num.partitions=4"}}
	broker, worker, _, err := f.keys("data")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"num.partitions": "4", "log.retention.hours": "3", "log.segment.bytes": "2000000",
		"default.replication.factor": "1", "log.dirs": "data"} {
		if got := broker[key]; got != want {
			t.Errorf("broker.%s = %s, want %s", key, got, want)
		}
	}
	for key, want := range map[string]string{"group.id": "environment", "rest.advertised.port": "2", "config.storage.topic": "connect-configs"} {
		if got := worker[key]; got != want {
			t.Errorf("worker.%s = %s, want %s", key, got, want)
		}
	}
}

// TestUnreachable says how leat run takes the key that an address for all needs.
func TestUnreachable(t *testing.T) {
	p := &program{log: slog.New(slog.DiscardHandler)}
	err := p.runAll(t.Context(), runFlags{data: t.TempDir(), kafka: "0.0.0.0:9092", rest: "127.0.0.1:0"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "--set broker.advertised.listeners=PLAINTEXT://<host name>:9092") {
		t.Errorf("error %v, want what to add", err)
	}
}
