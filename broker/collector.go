package broker

import (
	"context"
	"maps"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/coordinator"
	"github.com/leat-project/leat/broker/group"
	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/txn"
)

// Collector returns the broker's metrics under Kafka's names, in the form that
// the usual exporter of Kafka's JMX beans gives them: domain, type and name in
// lower case, rates as totals. docs/metrics.md has the beans.
func (b *Broker) Collector() prometheus.Collector { return &collector{b} }

type collector struct{ broker *Broker }

// Describe sends nothing: the set of topics is not known beforehand.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var descStages = [stages]*prometheus.Desc{
	stageQueue:    desc("kafka_network_requestmetrics_requestqueuetimems_total", "Time requests waited for the ones before them on their connection, in ms.", "request"),
	stageLocal:    desc("kafka_network_requestmetrics_localtimems_total", "Time handlers worked, in ms.", "request"),
	stageRemote:   desc("kafka_network_requestmetrics_remotetimems_total", "Time requests waited for flushes, data or members, in ms.", "request"),
	stageResponse: desc("kafka_network_requestmetrics_responsequeuetimems_total", "Time answers waited for the ones before them, in ms.", "request"),
	stageSend:     desc("kafka_network_requestmetrics_responsesendtimems_total", "Time answers took to be handed to the system, in ms.", "request"),
	stageTotal:    desc("kafka_network_requestmetrics_totaltimems_total", "Time from the arrival of requests to their answers, in ms.", "request"),
}

var (
	descRequests     = desc("kafka_network_requestmetrics_requests_total", "Requests answered.", "request")
	descRequestBytes = desc("kafka_network_requestmetrics_requestbytes_total", "Bytes of requests.", "request")
	descQueueSize    = desc("kafka_network_requestchannel_requestqueuesize", "Requests that are read and not begun.")
	descNetworkIdle  = desc("kafka_network_socketserver_networkprocessoravgidlepercent", "Share of the processors' time not spent on sending answers, 0 to 1.")
	descHandlerIdle  = desc("kafka_server_kafkarequesthandlerpool_requesthandleravgidlepercent", "Share of the processors' time not spent in handlers, 0 to 1.")
	descMessagesIn   = desc("kafka_server_brokertopicmetrics_messagesin_total", "Records appended by producers.", "topic")
	descBytesIn      = desc("kafka_server_brokertopicmetrics_bytesin_total", "Bytes of batches appended by producers.", "topic")
	descBytesOut     = desc("kafka_server_brokertopicmetrics_bytesout_total", "Bytes of batches sent to consumers.", "topic")
	descRejected     = desc("kafka_server_brokertopicmetrics_bytesrejected_total", "Bytes of batches refused because of their size.", "topic")
	descProduces     = desc("kafka_server_brokertopicmetrics_totalproducerequests_total", "Partitions of Produce requests.", "topic")
	descFetches      = desc("kafka_server_brokertopicmetrics_totalfetchrequests_total", "Partitions of Fetch requests.", "topic")
	descFailedIn     = desc("kafka_server_brokertopicmetrics_failedproducerequests_total", "Partitions of Produce requests that failed.", "topic")
	descFailedOut    = desc("kafka_server_brokertopicmetrics_failedfetchrequests_total", "Partitions of Fetch requests that failed.", "topic")
	descPartitions   = desc("kafka_server_replicamanager_partitioncount", "Partitions on this broker.")
	descLeaders      = desc("kafka_server_replicamanager_leadercount", "Partitions that this broker leads.")
	descUnder        = desc("kafka_server_replicamanager_underreplicatedpartitions", "Partitions with replicas that are not in sync.")
	descOfflineParts = desc("kafka_server_replicamanager_offlinereplicacount", "Partitions whose log is not in service.")
	descBrokerState  = desc("kafka_server_kafkaserver_brokerstate", "3 while the broker runs.")
	descSessions     = desc("kafka_server_fetchsessioncache_numincrementalfetchsessions", "Fetch sessions.")
	descOffline      = desc("kafka_log_logmanager_offlinelogdirectorycount", "Log dirs that are offline.")
	descConnections  = desc("kafka_server_socketservermetrics_connection_count", "Open connections.", "listener")
	descCreated      = desc("kafka_server_socketservermetrics_connection_creation_total", "Connections accepted.", "listener")
	descClosed       = desc("kafka_server_socketservermetrics_connection_close_total", "Connections closed.", "listener")
	descPurgatory    = desc("kafka_server_delayedoperationpurgatory_purgatorysize", "Requests that wait for something to happen.", "delayedoperation")
	descActive       = desc("kafka_controller_kafkacontroller_activecontrollercount", "1 where this node is the active controller.")
	descBrokers      = desc("kafka_controller_kafkacontroller_activebrokercount", "Brokers that are up.")
	descTopics       = desc("kafka_controller_kafkacontroller_globaltopiccount", "Topics of the cluster.")
	descAllParts     = desc("kafka_controller_kafkacontroller_globalpartitioncount", "Partitions of the cluster.")
	descNoLeader     = desc("kafka_controller_kafkacontroller_offlinepartitionscount", "Partitions without a leader.")
	descImbalance    = desc("kafka_controller_kafkacontroller_preferredreplicaimbalancecount", "Partitions whose leader is not the preferred one.")
	descMetaOffset   = desc("kafka_server_brokermetadatametrics_lastappliedrecordoffset", "Offset of the last metadata record applied.")
	descLogSize      = desc("kafka_log_log_size", "Size of a partition's log, in bytes.", "topic", "partition")
	descLogStart     = desc("kafka_log_log_logstartoffset", "First offset of a partition's log.", "topic", "partition")
	descLogEnd       = desc("kafka_log_log_logendoffset", "Offset after the last of a partition's log.", "topic", "partition")
	descSegments     = desc("kafka_log_log_numlogsegments", "Segments of a partition's log.", "topic", "partition")
	descFlushes      = desc("kafka_log_logflushstats_logflush_total", "Flushes of logs.")
	descFlushTime    = desc("kafka_log_logflushstats_logflushtimems_total", "Time that flushes took, in ms.")
	descCleaners     = desc("kafka_log_logcleaner_activecleaners", "Compactions that run.")
	descDirty        = desc("kafka_log_logcleanermanager_max_dirty_percent", "Dirty share of the log that needs compaction most, in percent.")

	descGroupCount     = desc("kafka_server_groupcoordinatormetrics_group_count", "Groups.", "protocol")
	descConsumerGroups = desc("kafka_server_groupcoordinatormetrics_consumer_group_count", "Groups of the consumer protocol.", "state")
	descClassicGroups  = desc("kafka_coordinator_group_groupmetadatamanager_numgroups", "Groups of the classic protocol.", "state")
	descOffsets        = desc("kafka_coordinator_group_groupmetadatamanager_numoffsets", "Committed offsets.")
	descCommits        = desc("kafka_server_groupcoordinatormetrics_offset_commit_count", "Offsets committed.")
	descExpired        = desc("kafka_server_groupcoordinatormetrics_offset_expiration_count", "Offsets expired.")
	descDeleted        = desc("kafka_server_groupcoordinatormetrics_offset_deletion_count", "Offsets deleted.")
	descRebalances     = desc("kafka_server_groupcoordinatormetrics_group_completed_rebalance_count", "Rebalances of classic groups completed.")
	descRebalances848  = desc("kafka_server_groupcoordinatormetrics_consumer_group_rebalance_count", "Rebalances of groups of the consumer protocol begun.")
	descTxns           = desc("kafka_coordinator_transaction_transactionalids", "Transactional ids.", "state")
	descVerifyFailed   = desc("kafka_server_addpartitionstotxnmanager_verificationfailure_total", "Partitions of transactions that were not verified or added.")
	descVerifyTime     = desc("kafka_server_addpartitionstotxnmanager_verificationtimems_total", "Time that verification took, in ms.")
	descMarkerRetries  = desc("kafka_coordinator_transaction_transactionmarkerchannelmanager_logappendretryqueuesize", "Markers that are to be written again.")
)

// The same figures of both coordinators.
var descCoordinators = map[string][3]*prometheus.Desc{
	controller.OffsetsTopic: {
		desc("kafka_server_groupcoordinatormetrics_num_partitions", "Partitions of the coordinator.", "state"),
		desc("kafka_server_groupcoordinatormetrics_event_queue_size", "Events that wait for the coordinator."),
		desc("kafka_server_groupcoordinatormetrics_partition_load_time_max", "Longest time a partition took to load, in ms."),
	},
	controller.TxnStateTopic: {
		desc("kafka_server_transactioncoordinatormetrics_num_partitions", "Partitions of the coordinator.", "state"),
		desc("kafka_server_transactioncoordinatormetrics_event_queue_size", "Events that wait for the coordinator."),
		desc("kafka_server_transactioncoordinatormetrics_partition_load_time_max", "Longest time a partition took to load, in ms."),
	},
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	c.collectRequests(out)
	c.collectTopics(out)
	c.collectConnections(out)
	c.collectLogs(out)
	c.collectMetadata(out)
	c.collectGroups(out)
	c.collectTxns(out)
}

func (c *collector) collectRequests(out chan<- prometheus.Metric) {
	b, m := c.broker, &c.broker.metrics
	for key, a := range b.apis {
		if a == nil || m.requests[key].count.Load() == 0 {
			continue
		}
		rm := &m.requests[key]
		names := []string{a.name()}
		if a.key == fetchAPI { // Kafka counts these twice, too; there are no followers
			names = append(names, "FetchConsumer")
		}
		for _, name := range names {
			counter(out, descRequests, float64(rm.count.Load()), name)
			counter(out, descRequestBytes, float64(rm.bytes.Load()), name)
			for stage, d := range descStages {
				counter(out, d, float64(rm.nanos[stage].Load())/1e6, name)
			}
		}
	}
	now := time.Now()
	gauge(out, descQueueSize, float64(m.queued.Load()))
	gauge(out, descNetworkIdle, m.network.idle(m.sendNanos.Load(), now))
	gauge(out, descHandlerIdle, m.handlers.idle(m.busyNanos.Load(), now))
	gauge(out, descPurgatory, float64(m.parked.Load()), "Fetch")
	gauge(out, descPurgatory, float64(m.pending.Load()), "Produce")
	gauge(out, descSessions, float64(b.sessions.count()))
}

func (c *collector) collectConnections(out chan<- prometheus.Metric) {
	b := c.broker
	b.mu.Lock()
	listeners := b.listeners
	b.mu.Unlock()
	for _, l := range listeners {
		created, closed := l.created.Load(), l.closed.Load()
		gauge(out, descConnections, float64(created-closed), l.conf.Name)
		counter(out, descCreated, float64(created), l.conf.Name)
		counter(out, descClosed, float64(closed), l.conf.Name)
	}
}

func (c *collector) collectTopics(out chan<- prometheus.Metric) {
	m := &c.broker.metrics
	all := &topicMetrics{}
	m.mu.RLock()
	all.add(&m.gone)
	topics := maps.Clone(m.topics)
	m.mu.RUnlock()
	for _, t := range topics {
		all.add(t)
	}
	topics[""] = all // to Prometheus the same as without a label
	for name, t := range topics {
		counter(out, descMessagesIn, float64(t.messagesIn.Load()), name)
		counter(out, descBytesIn, float64(t.bytesIn.Load()), name)
		counter(out, descBytesOut, float64(t.bytesOut.Load()), name)
		counter(out, descRejected, float64(t.bytesRejected.Load()), name)
		counter(out, descProduces, float64(t.produces.Load()), name)
		counter(out, descFetches, float64(t.fetches.Load()), name)
		counter(out, descFailedIn, float64(t.failedProduces.Load()), name)
		counter(out, descFailedOut, float64(t.failedFetches.Load()), name)
	}
}

func (c *collector) collectLogs(out chan<- prometheus.Metric) {
	store := c.broker.store
	unfit := 0
	for _, p := range store.Partitions() {
		tp := p.TopicPartition()
		if p.Err() != nil {
			unfit++
			continue
		}
		if tp.Topic != controller.MetadataTopic {
			collectLog(out, p, tp)
		}
	}
	offline := 0
	for _, d := range store.Dirs() {
		if d.Offline != nil {
			offline++
		}
	}
	s := store.Stats()
	gauge(out, descOfflineParts, float64(unfit))
	gauge(out, descOffline, float64(offline))
	counter(out, descFlushes, float64(s.Flushes))
	counter(out, descFlushTime, float64(s.FlushTime)/1e6)
	gauge(out, descCleaners, float64(s.Cleaning))
	gauge(out, descDirty, 100*s.DirtyRatio)
}

func collectLog(out chan<- prometheus.Metric, p *logstore.Partition, tp logstore.TopicPartition) {
	n := strconv.Itoa(int(tp.Partition))
	gauge(out, descLogSize, float64(p.Size()), tp.Topic, n)
	gauge(out, descLogStart, float64(p.LogStartOffset()), tp.Topic, n)
	gauge(out, descLogEnd, float64(p.LogEndOffset()), tp.Topic, n)
	gauge(out, descSegments, float64(p.Segments()), tp.Topic, n)
}

func (c *collector) collectMetadata(out chan<- prometheus.Metric) {
	b := c.broker
	img := b.ctl.Image()
	var parts, mine, under, headless, unpreferred int
	for _, t := range img.Topics() {
		for _, p := range t.Partitions {
			parts++
			mine += count(p.Leader == b.cfg.NodeID)
			under += count(len(p.ISR) < len(p.Replicas))
			headless += count(p.Leader < 0)
			unpreferred += count(len(p.Replicas) > 0 && p.Leader != p.Replicas[0])
		}
	}
	gauge(out, descPartitions, float64(parts))
	gauge(out, descLeaders, float64(mine))
	gauge(out, descUnder, float64(under))
	gauge(out, descNoLeader, float64(headless))
	gauge(out, descImbalance, float64(unpreferred))
	gauge(out, descBrokerState, 3)
	gauge(out, descActive, 1)
	gauge(out, descBrokers, 1)
	gauge(out, descTopics, float64(len(img.Topics())))
	gauge(out, descAllParts, float64(parts))
	gauge(out, descMetaOffset, float64(img.Offset()))
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// collectPatience bounds the wait for coordinators: one that writes to a slow
// disk does not hold up the page, its figures are left out.
const collectPatience = time.Second

// gather calls fn on every coordinator of a topic and reports what both kinds
// have in common. complete is false when one did not answer in time.
func gather[S coordinator.State, T any](out chan<- prometheus.Metric, s *shards[S], fn func(S) T) (figures []T, complete bool) {
	ctx, cancel := context.WithTimeout(context.Background(), collectPatience)
	defer cancel()
	active, queued, longest := 0, 0, time.Duration(0)
	loops := s.all()
	complete = true
	for _, loop := range loops {
		d, ok := loop.LoadTime()
		active, queued, longest = active+count(ok), queued+loop.Queued(), max(longest, d)
		result := make(chan T, 1)
		if err := loop.Do(ctx, func(_ *tx, s S) { result <- fn(s) }); err != nil {
			complete = false
			continue
		}
		select {
		case v := <-result:
			figures = append(figures, v)
		case <-ctx.Done():
			complete = false
		case <-loop.Done():
			complete = false
		}
	}
	d := descCoordinators[s.topic]
	gauge(out, d[0], float64(active), "active")
	gauge(out, d[0], float64(len(loops)-active), "loading")
	gauge(out, d[1], float64(queued))
	gauge(out, d[2], float64(longest)/1e6)
	return figures, complete
}

func (c *collector) collectGroups(out chan<- prometheus.Metric) {
	m := &c.broker.metrics.groups
	counter(out, descCommits, float64(m.Commits.Load()))
	counter(out, descExpired, float64(m.Expired.Load()))
	counter(out, descDeleted, float64(m.Deleted.Load()))
	counter(out, descRebalances, float64(m.Rebalances.Load()))
	counter(out, descRebalances848, float64(m.ConsumerRebalances.Load()))
	figures, complete := gather(out, c.broker.groups, (*group.Shard).Stats)
	if !complete {
		return
	}
	classic, consumer, offsets, parked := map[group.State]int{}, map[string]int{}, 0, 0
	var classics, consumers int
	for _, f := range figures {
		for state, n := range f.Classic {
			classic[state] += n
			classics += n
		}
		for state, n := range f.Consumer {
			consumer[state] += n
			consumers += n
		}
		offsets += f.Offsets
		parked += f.Parked
	}
	gauge(out, descGroupCount, float64(classics), "classic")
	gauge(out, descGroupCount, float64(consumers), "consumer")
	for _, state := range []group.State{group.Empty, group.PreparingRebalance, group.CompletingRebalance, group.Stable, group.Dead} {
		gauge(out, descClassicGroups, float64(classic[state]), state.String())
	}
	for _, state := range group.ConsumerStates {
		gauge(out, descConsumerGroups, float64(consumer[state]), state)
	}
	gauge(out, descOffsets, float64(offsets))
	gauge(out, descPurgatory, float64(parked), "Rebalance")
}

func (c *collector) collectTxns(out chan<- prometheus.Metric) {
	m := &c.broker.metrics
	counter(out, descVerifyFailed, float64(m.verifyFailed.Load()))
	counter(out, descVerifyTime, float64(m.verifyNanos.Load())/1e6)
	gauge(out, descMarkerRetries, float64(m.markerRetries.Load()))
	figures, complete := gather(out, c.broker.txns, (*txn.Shard).Count)
	if !complete {
		return
	}
	all := map[txn.State]int{}
	for _, f := range figures {
		for state, n := range f {
			all[state] += n
		}
	}
	for state := txn.Empty; state < txn.Dead; state++ {
		gauge(out, descTxns, float64(all[state]), state.String())
	}
}

func counter(out chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}

func gauge(out chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}
