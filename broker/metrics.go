package broker

import (
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/logstore"
)

// metrics counts what the broker does. Counting is atomics only; names and
// labels are made when somebody asks (Collector).
type metrics struct {
	requests [maxKey]requestMetrics
	parked   atomic.Int64 // fetches

	mu     sync.RWMutex // guards topics
	topics map[string]*topicMetrics
}

type requestMetrics struct {
	count atomic.Int64
	nanos atomic.Int64 // from the frame read to the answer written
}

type topicMetrics struct {
	messagesIn, bytesIn, bytesOut atomic.Int64
	produces, fetches             atomic.Int64
	failedProduces, failedFetches atomic.Int64
}

// produced counts one partition of a Produce request.
func (t *topicMetrics) produced(code int16, size int) {
	t.produces.Add(1)
	if code != 0 {
		t.failedProduces.Add(1)
		return
	}
	t.bytesIn.Add(int64(size))
}

// topic returns the counters of a topic.
func (m *metrics) topic(name string) *topicMetrics {
	m.mu.RLock()
	t := m.topics[name]
	m.mu.RUnlock()
	if t != nil {
		return t
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if t = m.topics[name]; t == nil {
		t = &topicMetrics{}
		m.topics[name] = t
	}
	return t
}

// forget drops the counters of a deleted topic.
func (m *metrics) forget(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.topics, name)
}

func (m *metrics) answered(r *request) {
	rm := &m.requests[r.api.key]
	rm.count.Add(1)
	rm.nanos.Add(int64(time.Since(r.received)))
}

// Collector returns the broker's metrics under Kafka's names, in the form that
// the usual exporter of Kafka's JMX beans gives them: domain, type and name in
// lower case, rates as totals.
func (b *Broker) Collector() prometheus.Collector { return &collector{b} }

type collector struct{ broker *Broker }

// Describe sends nothing: the set of topics is not known beforehand.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	descRequests    = desc("kafka_network_requestmetrics_requests_total", "Requests answered.", "request")
	descRequestTime = desc("kafka_network_requestmetrics_totaltimems_total", "Time from the arrival of requests to their answers, in ms.", "request")
	descMessagesIn  = desc("kafka_server_brokertopicmetrics_messagesin_total", "Records appended by producers.", "topic")
	descBytesIn     = desc("kafka_server_brokertopicmetrics_bytesin_total", "Bytes of batches appended by producers.", "topic")
	descBytesOut    = desc("kafka_server_brokertopicmetrics_bytesout_total", "Bytes of batches sent to consumers.", "topic")
	descProduces    = desc("kafka_server_brokertopicmetrics_totalproducerequests_total", "Partitions of Produce requests.", "topic")
	descFetches     = desc("kafka_server_brokertopicmetrics_totalfetchrequests_total", "Partitions of Fetch requests.", "topic")
	descFailedIn    = desc("kafka_server_brokertopicmetrics_failedproducerequests_total", "Partitions of Produce requests that failed.", "topic")
	descFailedOut   = desc("kafka_server_brokertopicmetrics_failedfetchrequests_total", "Partitions of Fetch requests that failed.", "topic")
	descPartitions  = desc("kafka_server_replicamanager_partitioncount", "Partitions on this broker.")
	descLeaders     = desc("kafka_server_replicamanager_leadercount", "Partitions that this broker leads.")
	descOffline     = desc("kafka_log_logmanager_offlinelogdirectorycount", "Log dirs that are offline.")
	descConnections = desc("kafka_server_socketservermetrics_connection_count", "Open connections.")
	descPurgatory   = desc("kafka_server_delayedoperationpurgatory_purgatorysize", "Requests that wait for something to happen.", "delayedoperation")
	descActive      = desc("kafka_controller_kafkacontroller_activecontrollercount", "1 where this node is the active controller.")
	descTopics      = desc("kafka_controller_kafkacontroller_globaltopiccount", "Topics of the cluster.")
	descAllParts    = desc("kafka_controller_kafkacontroller_globalpartitioncount", "Partitions of the cluster.")
	descMetaOffset  = desc("kafka_server_brokermetadatametrics_lastappliedrecordoffset", "Offset of the last metadata record applied.")
	descLogSize     = desc("kafka_log_log_size", "Size of a partition's log, in bytes.", "topic", "partition")
	descLogStart    = desc("kafka_log_log_logstartoffset", "First offset of a partition's log.", "topic", "partition")
	descLogEnd      = desc("kafka_log_log_logendoffset", "Offset after the last of a partition's log.", "topic", "partition")
)

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	b := c.broker
	for key, a := range b.apis {
		if a == nil || b.metrics.requests[key].count.Load() == 0 {
			continue
		}
		m := &b.metrics.requests[key]
		counter(out, descRequests, float64(m.count.Load()), a.name())
		counter(out, descRequestTime, float64(m.nanos.Load())/1e6, a.name())
	}
	c.collectTopics(out)
	c.collectLogs(out)
	img := b.ctl.Image()
	parts := 0
	for _, t := range img.Topics() {
		parts += len(t.Partitions)
	}
	offline := 0
	for _, d := range b.store.Dirs() {
		if d.Offline != nil {
			offline++
		}
	}
	gauge(out, descPartitions, float64(parts))
	gauge(out, descLeaders, float64(parts))
	gauge(out, descOffline, float64(offline))
	gauge(out, descConnections, float64(b.conns.Load()))
	gauge(out, descPurgatory, float64(b.metrics.parked.Load()), "Fetch")
	gauge(out, descActive, 1)
	gauge(out, descTopics, float64(len(img.Topics())))
	gauge(out, descAllParts, float64(parts))
	gauge(out, descMetaOffset, float64(img.Offset()))
}

func (c *collector) collectTopics(out chan<- prometheus.Metric) {
	m := &c.broker.metrics
	m.mu.RLock()
	topics := maps.Clone(m.topics)
	m.mu.RUnlock()
	for name, t := range topics {
		counter(out, descMessagesIn, float64(t.messagesIn.Load()), name)
		counter(out, descBytesIn, float64(t.bytesIn.Load()), name)
		counter(out, descBytesOut, float64(t.bytesOut.Load()), name)
		counter(out, descProduces, float64(t.produces.Load()), name)
		counter(out, descFetches, float64(t.fetches.Load()), name)
		counter(out, descFailedIn, float64(t.failedProduces.Load()), name)
		counter(out, descFailedOut, float64(t.failedFetches.Load()), name)
	}
}

func (c *collector) collectLogs(out chan<- prometheus.Metric) {
	for _, p := range c.broker.store.Partitions() {
		tp := p.TopicPartition()
		if tp.Topic == controller.MetadataTopic {
			continue
		}
		collectLog(out, p, tp)
	}
}

func collectLog(out chan<- prometheus.Metric, p *logstore.Partition, tp logstore.TopicPartition) {
	n := strconv.Itoa(int(tp.Partition))
	gauge(out, descLogSize, float64(p.Size()), tp.Topic, n)
	gauge(out, descLogStart, float64(p.LogStartOffset()), tp.Topic, n)
	gauge(out, descLogEnd, float64(p.LogEndOffset()), tp.Topic, n)
}

func counter(out chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}

func gauge(out chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}
