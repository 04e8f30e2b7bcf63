package worker

import (
	"context"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/worker/herder"
	"github.com/leat-project/leat/worker/model"
)

// Collector returns the worker's metrics: Java's groups and attributes under the names
// that the usual JMX exporter rules give them, for example
// kafka_connect_source_task_source_record_write_total{connector,task}.
func (w *Worker) Collector() prometheus.Collector { return collector{w.herder} }

type collector struct{ herder *herder.Herder }

// Describe implements prometheus.Collector: the metrics depend on what runs.
func (collector) Describe(chan<- *prometheus.Desc) {}

// scrapeTimeout bounds the wait for a busy control loop.
const scrapeTimeout = 2 * time.Second

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	c.states(ctx, out)
	connectors, tasks, err := c.herder.Stats(ctx)
	if err != nil {
		return // the states above are there all the same
	}
	emit(out, prometheus.GaugeValue, "worker_connector_count", float64(len(connectors)))
	emit(out, prometheus.GaugeValue, "worker_task_count", float64(len(tasks)))
	for _, t := range tasks {
		task := strconv.Itoa(t.ID.Task)
		count := func(name string, v *atomic.Int64) {
			emit(out, prometheus.CounterValue, name, float64(v.Load()), "connector", t.ID.Connector, "task", task)
		}
		s := t.Stats
		if t.Kind == plugin.Source {
			count("source_task_source_record_poll_total", &s.Polled)
			count("source_task_source_record_write_total", &s.Written)
		} else {
			count("sink_task_sink_record_read_total", &s.Read)
			count("sink_task_sink_record_send_total", &s.Sent)
			count("sink_task_offset_commit_completion_total", &s.Commits)
			count("sink_task_lost_records_total", &s.LostRecords)
			emit(out, prometheus.GaugeValue, "sink_task_partition_count", float64(s.PartitionsInHand.Load()), "connector", t.ID.Connector, "task", task)
		}
		if e := t.Errors; e != nil {
			count("task_error_total_record_failures", &e.Failures)
			count("task_error_total_record_errors", &e.Errors)
			count("task_error_total_records_skipped", &e.Skipped)
			count("task_error_total_retries", &e.Retries)
			count("task_error_total_errors_logged", &e.Logged)
			count("task_error_deadletterqueue_produce_requests", &e.DeadLetters)
			count("task_error_deadletterqueue_produce_failures", &e.DeadLetterFailures)
			emit(out, prometheus.GaugeValue, "task_error_last_error_timestamp", float64(e.LastError.Load()), "connector", t.ID.Connector, "task", task)
		}
	}
}

// states emits the statuses of connectors and tasks, and how many tasks are in each.
func (c collector) states(ctx context.Context, out chan<- prometheus.Metric) {
	names, err := c.herder.Connectors(ctx)
	if err != nil {
		return
	}
	for _, name := range names {
		st, err := c.herder.ConnectorStatus(ctx, name)
		if err != nil {
			continue // has none yet
		}
		emit(out, prometheus.GaugeValue, "connector_status", 1, "connector", name, "status", lower(st.Connector.State))
		in := map[model.State]int{}
		for _, t := range st.Tasks {
			in[t.State]++
			emit(out, prometheus.GaugeValue, "connector_task_status", 1, "connector", name, "status", lower(t.State), "task", strconv.Itoa(t.ID))
		}
		emit(out, prometheus.GaugeValue, "worker_connector_total_task_count", float64(len(st.Tasks)), "connector", name)
		for _, s := range []model.State{model.Running, model.Paused, model.Failed, model.Unassigned, model.Destroyed, model.Restarting} {
			emit(out, prometheus.GaugeValue, "worker_connector_"+lower(s)+"_task_count", float64(in[s]), "connector", name)
		}
	}
}

func lower(s model.State) string { return strings.ToLower(string(s)) }

// emit sends one metric; labels are names and values in turn.
func emit(out chan<- prometheus.Metric, kind prometheus.ValueType, name string, v float64, labels ...string) {
	var names, values []string
	for i := 0; i < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	d := prometheus.NewDesc("kafka_connect_"+name, "Java's metric of this name, see the Kafka Connect documentation.", names, nil)
	out <- prometheus.MustNewConstMetric(d, kind, v, values...)
}
