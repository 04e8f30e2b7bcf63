package tests

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/internal/proctest"
)

// TestTopicMadeJustBeforeAKill makes a topic that matches topics.regex and kills
// leat before the sink has seen it. Static members come back to their assignment
// of before, in which the topic is missing; it must be read all the same.
func TestTopicMadeJustBeforeAKill(t *testing.T) {
	p := proctest.Start(t, proctest.Config{})
	out := filepath.Join(t.TempDir(), "out.txt")
	produce := func(topic, value string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		cl, err := kgo.NewClient(kgo.SeedBrokers(p.Kafka()))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte(value)}).FirstErr(); err != nil {
			t.Fatalf("producing to %s: %v", topic, err)
		}
	}
	makeTopic := func(topic string) {
		t.Helper()
		cl, err := kgo.NewClient(kgo.SeedBrokers(p.Kafka()))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		if _, err := kadm.NewClient(cl).CreateTopic(context.Background(), 1, 1, nil, topic); err != nil {
			t.Fatalf("creating %s: %v", topic, err)
		}
	}
	written := func(value string) func() string {
		return func() string {
			text, err := os.ReadFile(out)
			if err == nil && strings.Contains(string(text), value) {
				return ""
			}
			return "the file holds " + string(text)
		}
	}
	makeTopic("near.a")
	produce("near.a", "first")
	create(t, p, "near", config{"connector.class": "FileStreamSink", "tasks.max": "2", "topics.regex": `near\..*`, "file": out,
		"value.converter": "org.apache.kafka.connect.storage.StringConverter"})
	eventually(t, "the first topic is read", written("first"))
	makeTopic("near.b")
	p.Kill(t)
	p.Start(t)
	produce("near.b", "second")
	eventually(t, "the topic made before the kill is read", written("second"))
	p.Stop(t)
}
