package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/controller/quorum"
	"github.com/leat-project/leat/broker/group"
	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/txn"
	"github.com/leat-project/leat/internal/loglevel"
)

// Broker is one node. New recovers its logs, Listen opens its ports, Run
// serves.
type Broker struct {
	cfg Config
	log *slog.Logger
	// baseLog is log without its name, for loggers with names of their own.
	baseLog *slog.Logger
	levels  *loglevel.Levels
	store   *logstore.Store
	ctl     *controller.Controller
	// quorum is the metadata log under ctl.
	quorum *quorum.Node
	ids    producerIDs

	groups   *shards[*group.Shard]
	txns     *shards[*txn.Shard]
	sessions *fetchSessions
	apis     [maxKey]*api

	mu        sync.Mutex
	listeners []*listener
	listening bool
	stopped   bool

	admission sync.Mutex     // guards perIP and the counts of listeners; conns changes under it
	perIP     map[string]int // connections by address
	conns     atomic.Int64
	accepts   rateLimit
	ipLimits  ipLimits
	connSeq   atomic.Uint64
	buffers   bufferPool
	// inflight counts what the frames of clients hold.
	inflight inflight
	// reviving is set while missing logs are being created.
	reviving atomic.Bool
	metrics  metrics
	// creations are topics on their way into the metadata.
	creations creations
	// markers is what keeps transaction markers from being written.
	markers markerTrouble

	// tasks runs what starts while the broker runs (coordinator loops); its
	// context ends with the services. Set by Run.
	tasks func(func(context.Context) error)
}

// shutdownGrace bounds how long the logs are flushed before they are closed
// after a start that failed; when a broker ends, twice that.
const shutdownGrace = 5 * time.Second

// New opens and recovers the log dirs and the metadata of a broker. It starts
// nothing; Run or Close must follow.
func New(cfg Config, log *slog.Logger) (*Broker, error) {
	b := &Broker{cfg: cfg, levels: cfg.Levels}
	if b.levels == nil {
		b.levels = loglevel.New()
		log = slog.New(b.levels.Handler(log.Handler()))
	}
	b.baseLog, b.log = log, log.With(loglevel.NameKey, logBroker)
	b.ids.broker = b
	b.inflight.limit = cfg.int("queued.max.request.bytes")
	b.apis = requestTable()
	b.perIP = map[string]int{}
	b.metrics.topics = map[string]*topicMetrics{}
	b.metrics.exists = func(topic string) bool { return b.ctl.Image().Topic(topic) != nil }
	b.sessions = newFetchSessions(int(cfg.int("max.incremental.fetch.session.cache.slots")))
	b.groups = newShards(b, controller.OffsetsTopic, func() *group.Shard { return group.NewShard(b.groupConfig()) })
	b.txns = newShards(b, controller.TxnStateTopic, func() *txn.Shard { return txn.NewShard(b.txnConfig()) })
	store, err := logstore.Open(b.storeConfig())
	if err != nil {
		return nil, fmt.Errorf("opening the log dirs: %w", err)
	}
	b.store = store
	if err := b.openMetadata(); err != nil {
		return nil, errors.Join(err, b.closeStore())
	}
	return b, nil
}

// ClusterID is the id of the cluster: 22 characters of base64url.
func (b *Broker) ClusterID() string { return b.store.ClusterID() }

// Listen opens the listeners. Run calls it if nobody did.
func (b *Broker) Listen() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.listening {
		return nil
	}
	for _, l := range b.cfg.Listeners {
		ln, err := net.Listen("tcp", l.Addr())
		if err != nil {
			for _, open := range b.listeners {
				open.ln.Close()
			}
			b.listeners = nil
			return fmt.Errorf("opening listener %s on %s (key listeners): %w", l.Name, l.Addr(), err)
		}
		b.listeners = append(b.listeners, newListener(l, ln))
	}
	b.listening = true
	return nil
}

// Addr is the bound address of a listener, nil before Listen or when there is
// no listener of that name. The empty name is the first listener for clients.
func (b *Broker) Addr(name string) net.Addr {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.listeners {
		if name == "" && !l.conf.Controller || l.conf.Name == name {
			return l.ln.Addr()
		}
	}
	return nil
}

// Run serves until ctx ends and then shuts down cleanly: no new connections,
// open requests finish, coordinators stop, logs are flushed and closed. It may
// be called once.
func (b *Broker) Run(ctx context.Context) error {
	if err := b.Listen(); err != nil {
		return errors.Join(err, b.Close())
	}
	// Three circles: connections end first, then what answers them
	// (coordinators, controller), then the store.
	inner, stopInner := context.WithCancel(context.WithoutCancel(ctx))
	defer stopInner()
	services, serviceCtx := errgroup.WithContext(inner)
	b.tasks = func(f func(context.Context) error) { services.Go(func() error { return f(serviceCtx) }) }
	services.Go(func() error { return b.store.Run(serviceCtx) })
	services.Go(func() error { return b.ctl.Run(serviceCtx) })
	err := b.startServices(serviceCtx)

	if err == nil {
		front, frontCtx := errgroup.WithContext(ctx)
		front.Go(func() error { // a service that fails ends the broker
			select {
			case <-serviceCtx.Done():
				return context.Cause(serviceCtx)
			case <-frontCtx.Done():
				return nil
			}
		})
		for _, l := range b.listeners {
			front.Go(func() error { return b.serve(frontCtx, l) })
		}
		err = front.Wait()
	}
	stopInner()
	return errors.Join(err, services.Wait(), b.Close())
}

// startServices brings up what needs the controller to be running.
func (b *Broker) startServices(ctx context.Context) error {
	// Only a new cluster gets levels; later they are its administrator's.
	if _, ok := b.ctl.Image().Features()[metadataVersion]; !ok {
		if err := b.ctl.FinalizeFeatures(ctx, finalFeatures); err != nil {
			return fmt.Errorf("finalizing features: %w", err)
		}
	}
	if err := b.bumpEpochs(ctx); err != nil {
		return fmt.Errorf("beginning new leader epochs after an unclean shutdown: %w", err)
	}
	b.groups.start()
	b.txns.start()
	return nil
}

// Close releases the logs of a broker that does not run (any more).
func (b *Broker) Close() error {
	b.mu.Lock()
	if b.stopped {
		b.mu.Unlock()
		return nil
	}
	b.stopped = true
	listeners := b.listeners
	b.mu.Unlock()
	for _, l := range listeners {
		l.ln.Close() // closed already after Run
	}
	if err := b.closeStore(); err != nil {
		return fmt.Errorf("closing the logs: %w", err)
	}
	return nil
}

// closeStore closes the logs, however many there are, and gives up when a disk
// has not got on for twice the grace.
func (b *Broker) closeStore() error {
	var watching sync.WaitGroup
	defer watching.Wait()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	watching.Go(func() {
		check := time.NewTicker(2 * shutdownGrace)
		defer check.Stop()
		for was := int64(-1); ; {
			select {
			case <-ctx.Done():
				return
			case <-check.C:
			}
			now := b.store.Shut()
			if now == was {
				cancel()
			}
			was = now
		}
	})
	return b.store.Close(ctx)
}

func (b *Broker) storeConfig() logstore.Config {
	c := &b.cfg
	return logstore.Config{
		Dirs: c.LogDirs, FS: c.FS, Logger: b.baseLog.With(loglevel.NameKey, logStore), NodeID: c.NodeID, ClusterID: c.str("cluster.id"),
		NeverCut: func(tp logstore.TopicPartition) bool { return tp == metadataPartition },
		OnDirOffline: func(dir string, err error) {
			b.log.Error("log dir is offline until restart", "dir", dir, "err", err)
		},
		RecoveryThreads:         int(c.int("num.recovery.threads.per.data.dir")),
		RetentionCheckInterval:  c.ms("log.retention.check.interval.ms"),
		InitialTaskDelay:        max(c.ms("log.initial.task.delay.ms"), time.Millisecond), // the store takes 0 for its default
		FlushCheckpointInterval: c.ms("log.flush.offset.checkpoint.interval.ms"),
		StartCheckpointInterval: c.ms("log.flush.start.offset.checkpoint.interval.ms"),
		HWCheckpointInterval:    c.ms("replica.high.watermark.checkpoint.interval.ms"),
		FlushCheckInterval:      min(c.ms("log.flush.scheduler.interval.ms"), mostFlushCheck),
		ProducerExpirationCheck: c.ms("producer.id.expiration.check.interval.ms"),
	}
}

// mostFlushCheck is how often flush.ms is looked at where
// log.flush.scheduler.interval.ms is not set or longer.
const mostFlushCheck = time.Second

func (b *Broker) groupConfig() group.Config {
	c := &b.cfg
	return group.Config{
		MinSessionTimeout:     c.ms("group.min.session.timeout.ms"),
		MaxSessionTimeout:     c.ms("group.max.session.timeout.ms"),
		InitialRebalanceDelay: c.ms("group.initial.rebalance.delay.ms"),
		MaxSize:               int(c.int("group.max.size")),
		OffsetRetention:       time.Duration(c.int("offsets.retention.minutes")) * time.Minute,
		RetentionCheck:        c.ms("offsets.retention.check.interval.ms"),
		MetadataMaxBytes:      int(c.int("offset.metadata.max.bytes")),
		ConsumerMaxSize:       int(c.int("group.consumer.max.size")),
		Migration:             group.ParseMigration(c.str("group.consumer.migration.policy")),
		RegexRefresh:          c.ms("group.consumer.regex.refresh.interval.ms"),
		Assignors:             c.assignors,
		ConsumerSession:       b.groupTiming("consumer.session.timeout.ms", "group.consumer.min.session.timeout.ms", "group.consumer.max.session.timeout.ms"),
		ConsumerHeartbeat:     b.groupTiming("consumer.heartbeat.interval.ms", "group.consumer.min.heartbeat.interval.ms", "group.consumer.max.heartbeat.interval.ms"),
		Counters:              &b.metrics.groups,
		Topics:                func() group.Topics { return groupTopics{b.ctl.Image()} },
	}
}
