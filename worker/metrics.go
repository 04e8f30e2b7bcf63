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
	"github.com/leat-project/leat/worker/pipeline"
	"github.com/leat-project/leat/worker/task"
)

// Collector returns the worker's metrics: Java's groups and attributes under the names
// that the usual JMX exporter rules give them, for example
// kafka_connect_source_task_source_record_write_total{connector,task}. docs/metrics.md
// lists them.
func (w *Worker) Collector() prometheus.Collector { return collector{w.herder} }

type collector struct{ herder *herder.Herder }

// Describe sends nothing: the metrics depend on what runs.
func (collector) Describe(chan<- *prometheus.Desc) {}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("kafka_connect_"+name, help, labels, nil)
}

func taskDesc(name, help string) *prometheus.Desc { return desc(name, help, "connector", "task") }

// Connectors and tasks.
var (
	descConnectorStatus  = desc("connector_status", "State of a connector; always 1.", "connector", "status")
	descConnectorType    = desc("connector_connector_type", "source or sink; always 1.", "connector", "connector_type")
	descConnectorClass   = desc("connector_connector_class", "Class of a connector; always 1.", "connector", "connector_class")
	descConnectorVersion = desc("connector_connector_version", "Version of a connector; always 1.", "connector", "connector_version")
	descTaskStatus       = desc("connector_task_status", "State of a task; always 1.", "connector", "task", "status")
	descBatchSizeMax     = taskDesc("connector_task_batch_size_max", "Records of the largest batch since the task started.")
	descCommitSuccess    = taskDesc("connector_task_offset_commit_success_percentage", "Share of offset commits that went well since the task started, 0 to 1.")
	descCommitFailure    = taskDesc("connector_task_offset_commit_failure_percentage", "Share of offset commits that failed since the task started, 0 to 1.")
	descConnectors       = desc("worker_connector_count", "Connectors in this worker.")
	descTasks            = desc("worker_task_count", "Tasks in this worker.")
	descTotalTasks       = desc("worker_connector_total_task_count", "Tasks of a connector in this worker.", "connector")
)

// descTasksIn is worker_connector_STATE_task_count.
var descTasksIn = map[model.State]*prometheus.Desc{
	model.Running: tasksIn(model.Running), model.Paused: tasksIn(model.Paused), model.Failed: tasksIn(model.Failed),
	model.Unassigned: tasksIn(model.Unassigned), model.Destroyed: tasksIn(model.Destroyed), model.Restarting: tasksIn(model.Restarting),
}

func tasksIn(s model.State) *prometheus.Desc {
	return desc("worker_connector_"+lower(s)+"_task_count", "Tasks of a connector in this worker that are "+lower(s)+".", "connector")
}

// Records of tasks, and their errors.
var (
	descPolled     = taskDesc("source_task_source_record_poll_total", "Records polled, before transforms.")
	descWritten    = taskDesc("source_task_source_record_write_total", "Records that Kafka acknowledged.")
	descActive     = taskDesc("source_task_source_record_active_count", "Records polled and not yet acknowledged or dropped.")
	descRead       = taskDesc("sink_task_sink_record_read_total", "Records consumed, before transforms.")
	descSent       = taskDesc("sink_task_sink_record_send_total", "Records that the plugin took.")
	descPartitions = taskDesc("sink_task_partition_count", "Partitions assigned.")
	descCommits    = taskDesc("sink_task_offset_commit_completion_total", "Offset commits that went well.")
	descLost       = taskDesc("sink_task_lost_records_total", "Records that were gone from the log before they were read.")

	descFailures       = taskDesc("task_error_total_record_failures", "Failed attempts.")
	descErrors         = taskDesc("task_error_total_record_errors", "Operations that failed for good.")
	descSkipped        = taskDesc("task_error_total_records_skipped", "Records skipped due to errors.")
	descRetries        = taskDesc("task_error_total_retries", "Operations tried again.")
	descLogged         = taskDesc("task_error_total_errors_logged", "Errors logged.")
	descDeadLetters    = taskDesc("task_error_deadletterqueue_produce_requests", "Records handed to the dead letter queue.")
	descDeadLetterFail = taskDesc("task_error_deadletterqueue_produce_failures", "Records that the dead letter queue did not take.")
	descLastError      = taskDesc("task_error_last_error_timestamp", "Time of the last error in ms since 1970, 0 if there was none.")
)

// scrapeTimeout bounds the wait for a busy control loop.
const scrapeTimeout = 2 * time.Second

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	ready, err := c.herder.Ready(ctx)
	if !ready {
		return // the statuses are those of an earlier run
	}
	c.states(ctx, out)
	if err != nil {
		return
	}
	connectors, tasks, err := c.herder.Stats(ctx)
	if err != nil {
		return // the states above are there all the same
	}
	gauge(out, descConnectors, float64(len(connectors)))
	gauge(out, descTasks, float64(len(tasks)))
	for _, t := range tasks {
		labels := []string{t.ID.Connector, strconv.Itoa(t.ID.Task)}
		commonStats(out, t.Stats, labels)
		if t.Kind == plugin.Source {
			sourceStats(out, t.Stats, labels)
		} else {
			sinkStats(out, t.Stats, labels)
		}
		if t.Errors != nil {
			errorStats(out, t.Errors, labels)
		}
	}
}

// states emits the states of this worker's connectors and tasks.
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
		if st.Connector.WorkerID == c.herder.WorkerID {
			c.connector(ctx, out, st)
		}
		total, in := 0, map[model.State]int{}
		for _, t := range st.Tasks {
			if t.WorkerID != c.herder.WorkerID {
				continue
			}
			total++
			in[t.State]++
			gauge(out, descTaskStatus, 1, name, strconv.Itoa(t.ID), lower(t.State))
		}
		gauge(out, descTotalTasks, float64(total), name)
		for s, d := range descTasksIn {
			gauge(out, d, float64(in[s]), name)
		}
	}
}

// connector emits what a connector is; a class that is unknown has a state only.
func (c collector) connector(ctx context.Context, out chan<- prometheus.Metric, st model.ConnectorStatus) {
	gauge(out, descConnectorStatus, 1, st.Name, lower(st.Connector.State))
	info, err := c.herder.Connector(ctx, st.Name)
	if err != nil {
		return // deleted since
	}
	p, err := c.herder.Registry.Find(info.Config.Text("connector.class"), plugin.Source, plugin.Sink)
	if err != nil {
		return
	}
	gauge(out, descConnectorType, 1, st.Name, string(info.Type))
	gauge(out, descConnectorClass, 1, st.Name, p.Class)
	gauge(out, descConnectorVersion, 1, st.Name, p.Version)
}

func commonStats(out chan<- prometheus.Metric, s *task.Stats, labels []string) {
	if n := s.BatchSizeMax.Load(); n > 0 {
		gauge(out, descBatchSizeMax, float64(n), labels...)
	}
	good, bad := float64(s.Commits.Load()), float64(s.CommitFailures.Load())
	if all := good + bad; all > 0 {
		gauge(out, descCommitSuccess, good/all, labels...)
		gauge(out, descCommitFailure, bad/all, labels...)
	}
}

func sourceStats(out chan<- prometheus.Metric, s *task.Stats, labels []string) {
	counter(out, descPolled, &s.Polled, labels)
	counter(out, descWritten, &s.Written, labels)
	gauge(out, descActive, float64(s.Active.Load()), labels...)
}

func sinkStats(out chan<- prometheus.Metric, s *task.Stats, labels []string) {
	counter(out, descRead, &s.Read, labels)
	counter(out, descSent, &s.Sent, labels)
	counter(out, descCommits, &s.Commits, labels)
	counter(out, descLost, &s.LostRecords, labels)
	gauge(out, descPartitions, float64(s.PartitionsInHand.Load()), labels...)
}

// errorStats emits gauges, as Java's attributes without -total are.
func errorStats(out chan<- prometheus.Metric, e *pipeline.ErrorStats, labels []string) {
	for _, m := range []struct {
		desc  *prometheus.Desc
		value *atomic.Int64
	}{
		{descFailures, &e.Failures}, {descErrors, &e.Errors}, {descSkipped, &e.Skipped}, {descRetries, &e.Retries},
		{descLogged, &e.Logged}, {descDeadLetters, &e.DeadLetters}, {descDeadLetterFail, &e.DeadLetterFailures},
		{descLastError, &e.LastError},
	} {
		gauge(out, m.desc, float64(m.value.Load()), labels...)
	}
}

func lower(s model.State) string { return strings.ToLower(string(s)) }

func counter(out chan<- prometheus.Metric, d *prometheus.Desc, v *atomic.Int64, labels []string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v.Load()), labels...)
}

func gauge(out chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}
