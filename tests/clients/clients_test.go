package clients

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leat-project/leat/internal/freeport"
	"github.com/leat-project/leat/internal/proctest"
)

// scenarios is the table: every one is run by every client but those named
// with what they lack.
var scenarios = []struct {
	name string
	run  func(*testing.T, *world)
	not  map[string]string
}{
	{name: "topics", run: topics},
	{name: "cluster", run: cluster},
	{name: "codec none", run: codec("none")},
	{name: "codec gzip", run: codec("gzip")},
	{name: "codec snappy", run: codec("snappy")},
	{name: "codec lz4", run: codec("lz4")},
	{name: "codec zstd", run: codec("zstd")},
	{name: "large records", run: largeRecords},
	{name: "timestamps", run: timestamps},
	{name: "delete records", run: deleteRecords},
	{name: "group range", run: group("classic", "range")},
	{name: "group roundrobin", run: group("classic", "roundrobin")},
	{name: "group sticky", run: group("classic", "sticky"), not: map[string]string{"confluent-kafka": "librdkafka has the cooperative one only"}},
	{name: "group cooperative-sticky", run: group("classic", "cooperative-sticky")},
	{name: "group KIP-848 uniform", run: group("consumer", "uniform"), not: classicOnly},
	{name: "group KIP-848 range", run: group("consumer", "range"), not: classicOnly},
	{name: "static members", run: staticMembers("classic")},
	{name: "static members KIP-848", run: staticMembers("consumer"), not: map[string]string{
		"franz-go":     "1.22 leaves without naming the instance, which Kafka refuses",
		"kafka-python": "has no KIP-848",
		"sarama":       "has no KIP-848",
	}},
	{name: "commit and resume", run: resume("classic")},
	{name: "commit and resume KIP-848", run: resume("consumer"), not: classicOnly},
	{name: "groups", run: groups},
	{name: "transactions", run: transactions},
	{name: "fencing", run: fencing},
	{name: "transform", run: transform("classic")},
	{name: "transform KIP-848", run: transform("consumer"), not: classicOnly},
}

var classicOnly = map[string]string{
	"kafka-python": "has no KIP-848",
	"sarama":       "has no KIP-848",
}

// world is what a scenario is run with.
type world struct {
	*driver

	broker *proctest.Process
	all    []*driver // of every client, to read what this one wrote
	prefix string    // of all names
}

// topic returns a name for a topic, group or the like that no other has.
func (w *world) topic(name string) string { return w.prefix + name }

// startBroker starts a broker whose groups settle in fractions of a second.
func startBroker(t *testing.T) *proctest.Process {
	t.Helper()
	dir := t.TempDir()
	port, err := freeport.Take()
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{
		"process.roles=broker,controller",
		"node.id=1",
		fmt.Sprintf("listeners=PLAINTEXT://127.0.0.1:%d", port),
		"log.dirs=" + filepath.Join(dir, "logs"),
		"leat.http.listeners=none",
		"auto.create.topics.enable=false",
		"offsets.topic.replication.factor=1",
		"transaction.state.log.replication.factor=1",
		"transaction.state.log.min.isr=1",
		"group.initial.rebalance.delay.ms=0",
		"group.consumer.min.heartbeat.interval.ms=100",
		"group.consumer.heartbeat.interval.ms=200",
	}
	file := filepath.Join(dir, "server.properties")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return proctest.Start(t, proctest.Config{Args: []string{"broker", file}, KafkaPort: port})
}

func TestClients(t *testing.T) {
	bin := goDriver(t)
	python, env := pythonClients(t)
	broker := startBroker(t)
	var all []*driver
	for _, name := range []string{"franz-go", "sarama"} {
		all = append(all, startDriver(t, name, exec.Command(bin, name, broker.Kafka())))
	}
	for _, name := range []string{"confluent-kafka", "kafka-python"} {
		cmd := exec.Command(python, filepath.Join("testdata", "driver.py"), name, broker.Kafka())
		cmd.Env = env
		all = append(all, startDriver(t, name, cmd))
	}
	for i, d := range all {
		for j, s := range scenarios {
			if s.not[d.name] != "" {
				continue
			}
			w := &world{driver: d, broker: broker, all: all, prefix: fmt.Sprintf("c%d-s%d-", i, j)}
			t.Run(d.name+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				s.run(t, w)
			})
		}
	}
}
