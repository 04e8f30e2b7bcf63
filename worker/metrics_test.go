package worker_test

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/leat-project/leat/worker/model"
)

// scrape returns what Prometheus would see of collectors.
func scrape(t *testing.T, collectors ...prometheus.Collector) string {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(collectors...)
	w := httptest.NewRecorder()
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("scraping: status %d\n%s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestMetrics(t *testing.T) {
	b := startBroker(t)
	n := startNode(t, b.Addr(), nil)
	file := filepath.Join(t.TempDir(), "out")
	n.create("src", sourceConfig("in", "a|b"))
	n.create("snk", sinkConfig("in", file))
	n.await("src", model.Running, model.Running)
	n.await("snk", model.Running, model.Running)
	eventually(t, "both are written", func() bool { return len(lines(t, file)) == 2 })
	want := []string{
		`kafka_connect_connector_status{connector="src",status="running"} 1`,
		`kafka_connect_connector_connector_type{connector="src",connector_type="source"} 1`,
		`kafka_connect_connector_connector_type{connector="snk",connector_type="sink"} 1`,
		`kafka_connect_connector_connector_class{connector="snk",connector_class="probe.ProbeSink"} 1`,
		`kafka_connect_connector_task_status{connector="snk",status="running",task="0"} 1`,
		`kafka_connect_connector_task_offset_commit_success_percentage{connector="src",task="0"} 1`,
		`kafka_connect_source_task_source_record_poll_total{connector="src",task="0"} 2`,
		`kafka_connect_source_task_source_record_write_total{connector="src",task="0"} 2`,
		`kafka_connect_source_task_source_record_active_count{connector="src",task="0"} 0`,
		`kafka_connect_sink_task_sink_record_read_total{connector="snk",task="0"} 2`,
		`kafka_connect_sink_task_sink_record_send_total{connector="snk",task="0"} 2`,
		`kafka_connect_sink_task_partition_count{connector="snk",task="0"} 1`,
		`kafka_connect_task_error_total_record_errors{connector="snk",task="0"} 0`,
		`kafka_connect_worker_connector_count 2`,
		`kafka_connect_worker_task_count 2`,
		`kafka_connect_worker_connector_total_task_count{connector="src"} 1`,
		`kafka_connect_worker_connector_running_task_count{connector="src"} 1`,
		`kafka_connect_worker_connector_failed_task_count{connector="src"} 0`,
		"# TYPE kafka_connect_source_task_source_record_write_total counter",
		"# TYPE kafka_connect_task_error_total_record_errors gauge",
	}
	var text string
	eventually(t, "the metrics say so", func() bool {
		text = scrape(t, n.worker.Collector())
		return !slices.ContainsFunc(want, func(line string) bool { return !strings.Contains(text, line+"\n") }) &&
			regexp.MustCompile(`(?m)^kafka_connect_sink_task_offset_commit_completion_total\{.*\} [1-9]`).MatchString(text)
	})
	if strings.Contains(text, `sink_task_partition_count{connector="src"`) {
		t.Errorf("a source task has metrics of sink tasks\n%s", text)
	}
	checkDocs(t, scrape(t, n.worker.Collector(), b.Collector()))
}

// checkDocs compares the names in a scrape with those in the documentation.
func checkDocs(t *testing.T, text string) {
	t.Helper()
	docs, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	names := func(pattern, in string) map[string]bool {
		out := map[string]bool{}
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(in, -1) {
			out[m[1]] = true
		}
		return out
	}
	told, shown := names("(?m)^\\| `(\\w+)`", string(docs)), names(`(?m)^# TYPE (\w+)`, text)
	for name := range shown {
		if !told[name] {
			t.Errorf("%s is not in docs/metrics.md", name)
		}
	}
	for name := range told {
		if !shown[name] {
			t.Errorf("%s is in docs/metrics.md, but nothing shows it", name)
		}
	}
}

func TestMetricsOfFailures(t *testing.T) {
	b := startBroker(t)
	n := startNode(t, b.Addr(), nil)
	n.create("src", sourceConfig("in", "no JSON|nor this"))
	n.await("src", model.Running, model.Running)
	sink := func(name, tolerance string) {
		config := sinkConfig("in", filepath.Join(t.TempDir(), "out"))
		config["value.converter"], config["errors.tolerance"] = "org.apache.kafka.connect.json.JsonConverter", tolerance
		n.create(name, config)
	}
	sink("strict", "none")
	sink("lenient", "all")
	n.await("strict", model.Running, model.Failed)
	want := []string{
		`kafka_connect_connector_status{connector="strict",status="running"} 1`,
		`kafka_connect_connector_task_status{connector="strict",status="failed",task="0"} 1`,
		`kafka_connect_worker_connector_failed_task_count{connector="strict"} 1`,
		`kafka_connect_worker_connector_running_task_count{connector="strict"} 0`,
		`kafka_connect_task_error_total_record_errors{connector="strict",task="0"} 1`,
		`kafka_connect_sink_task_partition_count{connector="strict",task="0"} 0`,
		`kafka_connect_task_error_total_record_failures{connector="lenient",task="0"} 2`,
		`kafka_connect_task_error_total_record_errors{connector="lenient",task="0"} 2`,
		`kafka_connect_task_error_total_records_skipped{connector="lenient",task="0"} 2`,
		`kafka_connect_sink_task_sink_record_read_total{connector="lenient",task="0"} 2`,
		`kafka_connect_sink_task_sink_record_send_total{connector="lenient",task="0"} 0`,
	}
	var text string
	defer func() {
		if t.Failed() {
			t.Log(text)
		}
	}()
	eventually(t, "the metrics tell of the failures", func() bool {
		text = scrape(t, n.worker.Collector())
		return !slices.ContainsFunc(want, func(line string) bool { return !strings.Contains(text, line+"\n") })
	})
}
