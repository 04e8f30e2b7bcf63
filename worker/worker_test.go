package worker_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leat-project/leat/worker/model"
)

const stringConverter = "org.apache.kafka.connect.storage.StringConverter"

func sourceConfig(topic, values string) map[string]string {
	return map[string]string{"connector.class": "probe.ProbeSource", "topic": topic, "values": values,
		"key.converter": stringConverter, "value.converter": stringConverter}
}

func sinkConfig(topic, file string) map[string]string {
	return map[string]string{"connector.class": "probe.ProbeSink", "topics": topic, "file": file,
		"key.converter": stringConverter, "value.converter": stringConverter}
}

func lines(t *testing.T, file string) []string {
	t.Helper()
	b, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

func TestSourceToSink(t *testing.T) {
	b := startBroker(t)
	n := startNode(t, b.Addr(), nil)
	file := filepath.Join(t.TempDir(), "out")
	n.create("src", sourceConfig("lines", "a|b|c"))
	n.create("snk", sinkConfig("lines", file))
	n.await("src", model.Running, model.Running)
	n.await("snk", model.Running, model.Running)
	eventually(t, "the sink has written", func() bool { return len(lines(t, file)) == 3 })
	if got := lines(t, file)[2]; got != "lines/0/2 k3 c" {
		t.Fatalf("third line = %q", got)
	}
	eventually(t, "the offsets are committed", func() bool {
		src, err := n.herder.Offsets(t.Context(), "src")
		if err != nil {
			t.Fatal(err)
		}
		snk, err := n.herder.Offsets(t.Context(), "snk")
		if err != nil {
			t.Fatal(err)
		}
		return len(src) == 1 && src[0].Offset["n"] == int64(3) && len(snk) == 1 && snk[0].Offset["kafka_offset"] == int64(3)
	})
	if err := n.herder.Delete(t.Context(), "snk"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the status is gone", func() bool {
		_, err := n.herder.ConnectorStatus(t.Context(), "snk")
		return err != nil
	})
}
