package herder

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/worker/assign"
	"github.com/leat-project/leat/worker/conf"
	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/provider"
	"github.com/leat-project/leat/worker/store"
	"github.com/leat-project/leat/worker/task"
	"github.com/leat-project/leat/worker/validate"
)

// Stores are the three stores, not started yet. ClusterID names the Kafka cluster.
type Stores struct {
	Configs   *store.ConfigStore
	Offsets   *store.OffsetStore
	Statuses  *store.StatusStore
	ClusterID func(ctx context.Context) (string, error)
	// Generation sets the number that statuses carry, once the stores are read.
	Generation func(n int)
	Lease      store.Lease
	// Claim is nil where nobody else can run the same connectors.
	Claim Claim
}

// Claim makes sure that nobody else runs the same connectors.
type Claim interface {
	// Run makes the claim and keeps it until ctx ends; then it gives it up and returns
	// nil. It returns an error when the claim is another's, or was lost to it.
	Run(ctx context.Context) error
	// Held is closed when the claim is made. Nothing runs or is written before.
	Held() <-chan struct{}
}

// Deps is what the herder gets.
type Deps struct {
	Conf      *conf.Config
	Registry  *plugin.Registry
	Stores    Stores
	Validator *validate.Validator
	Resolver  *provider.Resolver
	WorkerID  string // host:port, as statuses show it
	// LoggerLevel is told of cluster-wide level changes; may be nil.
	LoggerLevel func(logger, level string)
	Log         *slog.Logger
}

// Herder runs connectors and tasks. Its exported methods are safe for concurrent use.
type Herder struct {
	Deps
	configs  *store.ConfigStore
	offsets  *store.OffsetStore
	statuses *store.StatusStore
	log      *slog.Logger
	ready    atomic.Bool

	mu      sync.Mutex // guards queue and closed
	queue   []func(ctx context.Context)
	closed  bool
	signal  chan struct{} // capacity 1
	stopped chan struct{} // closed when the loop has ended

	// Owned by the loop.
	assigned assign.Assignment
	conns    map[string]*conn
	tasks    map[model.TaskID]*running
	topics   topicNotes
}

// running is a task in the table.
type running struct {
	task     *task.Task // nil if it could not be started
	config   int64
	target   model.TargetState
	stopping bool
	ended    bool
	restart  bool
	announce bool // RESTARTING is written between
	drop     bool
	kill     *time.Timer
}

// New returns a herder that does nothing until Run.
func New(d Deps) *Herder {
	h := &Herder{Deps: d, configs: d.Stores.Configs, offsets: d.Stores.Offsets, statuses: d.Stores.Statuses, log: d.Log,
		signal: make(chan struct{}, 1), stopped: make(chan struct{}), conns: map[string]*conn{}, tasks: map[model.TaskID]*running{}}
	h.topics.h = h
	return h
}

// Run starts the stores and herds until ctx ends; then it stops everything within
// task.shutdown.graceful.timeout.ms and closes the stores.
func (h *Herder) Run(ctx context.Context) error {
	defer close(h.stopped)
	// What runs must be able to write while it stops.
	alive, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	held, lost, giveUp := h.claim(alive)
	if err := h.start(ctx, held, lost); err != nil {
		giveUp()
		h.closeStores()
		if ctx.Err() != nil {
			return nil // told to stop before it was ready
		}
		return err
	}
	h.ready.Store(true)
	h.log.Info("the worker is ready", "worker", h.WorkerID, "connectors", len(h.configs.Connectors()))
	h.reconcile(alive)
	for {
		select {
		case <-ctx.Done():
			h.shutdown(alive)
			giveUp() // when nothing runs here any more
			h.closeStores()
			return nil
		case err := <-lost:
			h.log.Error("stopping: the group is another worker's", "err", err)
			h.shutdown(alive)
			h.closeStores()
			return err
		case <-h.signal:
			h.drain(alive)
		}
	}
}

// claim runs the claim. lost receives its error; giveUp ends it and waits for that.
func (h *Herder) claim(alive context.Context) (held <-chan struct{}, lost <-chan error, giveUp func()) {
	if h.Stores.Claim == nil {
		free := make(chan struct{})
		close(free)
		return free, nil, func() {}
	}
	ctx, cancel := context.WithCancel(alive)
	failed, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		if err := h.Stores.Claim.Run(ctx); err != nil {
			failed <- err
		}
	}()
	return h.Stores.Claim.Held(), failed, func() { cancel(); <-ended }
}

// start reads the three stores side by side, and waits for the claim before anything
// is written: without it the topics are another worker's.
func (h *Herder) start(ctx context.Context, held <-chan struct{}, lost <-chan error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	claimed := make(chan error, 1)
	go func() {
		select {
		case <-held:
			claimed <- nil
		case err := <-lost:
			cancel() // the stores need not be read
			claimed <- err
		case <-ctx.Done():
			claimed <- ctx.Err()
		}
	}()
	errs := make(chan error, 3)
	go func() { errs <- h.configs.Start(ctx, h.applied) }()
	go func() { errs <- h.offsets.Start(ctx) }()
	go func() { errs <- h.statuses.Start(ctx) }()
	var err error
	for range 3 {
		err = errors.Join(err, <-errs)
	}
	if err != nil {
		cancel()
	}
	// A claim that is another's explains more than what became of the stores then.
	if other := <-claimed; other != nil && (err == nil || !errors.Is(other, context.Canceled)) {
		return other
	}
	if err != nil {
		return err
	}
	h.Stores.Generation(h.statuses.MaxGeneration() + 1)
	h.sweep()
	return h.renewSessionKey(ctx)
}

func (h *Herder) closeStores() {
	var wg sync.WaitGroup
	for _, c := range []func(){h.configs.Close, h.offsets.Close, h.statuses.Close} {
		wg.Add(1)
		go func() { defer wg.Done(); c() }()
	}
	wg.Wait()
}

// post queues fn to the loop; false when the loop has ended.
func (h *Herder) post(fn func(ctx context.Context)) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.queue = append(h.queue, fn)
	select {
	case h.signal <- struct{}{}:
	default:
	}
	return true
}

// drain runs what is queued, then reconciles.
func (h *Herder) drain(ctx context.Context) {
	for {
		h.mu.Lock()
		queue := h.queue
		h.queue = nil
		h.mu.Unlock()
		if len(queue) == 0 {
			return
		}
		for _, fn := range queue {
			fn(ctx)
		}
		h.reconcile(ctx)
	}
}

// errShuttingDown ends requests that the worker does not live to see through.
var errShuttingDown = errors.New("Worker is shutting down")

// do runs fn on the loop and waits for it.
func (h *Herder) do(ctx context.Context, fn func(ctx context.Context) error) error {
	done := make(chan error, 1)
	if !h.post(func(alive context.Context) { done <- fn(alive) }) {
		return errShuttingDown
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-h.stopped:
		return errShuttingDown
	}
}

// applied is told of config records; it runs on the log's reader.
func (h *Herder) applied(ev store.Event) {
	h.post(func(ctx context.Context) {
		switch ev.Kind {
		case store.RestartRequested:
			h.restart(ev.Restart)
		case store.LoggerChanged:
			if h.LoggerLevel != nil {
				h.LoggerLevel(ev.Logger, ev.Level)
			}
		case store.ConnectorChanged, store.TasksChanged, store.TargetChanged:
			// The store has it; reconcile follows.
		}
	})
}

// reconcile does what plan says.
func (h *Herder) reconcile(ctx context.Context) {
	want := h.configs.Snapshot()
	connectors, tasks := work(want)
	h.assigned = assign.Assign(map[string]assign.Assignment{h.WorkerID: h.assigned}, []string{h.WorkerID}, connectors, tasks)[h.WorkerID]
	conns := make(map[string]connView, len(h.conns))
	for name, c := range h.conns {
		conns[name] = connView{c.config, c.target, c.stopping, c.restart}
	}
	views := make(map[model.TaskID]taskView, len(h.tasks))
	for id, t := range h.tasks {
		views[id] = taskView{t.config, t.target, t.stopping, t.ended, t.restart}
	}
	effects := plan(want, h.assigned, conns, views)
	again := false
	for _, e := range effects {
		h.log.Debug("herding", "effect", e.String())
		again = h.perform(ctx, e, want) || again
	}
	if again { // something ended at once
		h.reconcile(ctx)
	}
}

// perform carries out an effect; true when the table changed in a way that may
// call for more.
func (h *Herder) perform(ctx context.Context, e effect, want map[string]store.Connector) bool {
	switch e.Kind {
	case startConnector:
		h.startConnector(ctx, want[e.Connector])
	case stopConnector:
		h.conns[e.Connector].stop(false)
	case dropConnector:
		h.conns[e.Connector].stop(true)
	case targetConnector:
		h.conns[e.Connector].setTarget(e.Target)
	case startTask:
		h.startTask(ctx, e.Task, want[e.Task.Connector])
	case stopTask:
		return h.stopTask(e.Task, false)
	case dropTask:
		return h.stopTask(e.Task, true)
	case targetTask:
		t := h.tasks[e.Task]
		t.target = e.Target
		t.task.SetTarget(e.Target)
	}
	return false
}

// status fills in what every status of this worker carries.
func (h *Herder) status(s model.State, trace, version string) store.Status {
	return store.Status{State: s, Trace: trace, WorkerID: h.WorkerID, Generation: h.Stores.Lease.Generation(), Version: version}
}

// sweep removes statuses of connectors and tasks that no longer exist.
func (h *Herder) sweep() {
	want := h.configs.Snapshot()
	for _, name := range h.statuses.Names() {
		c, exists := want[name]
		if _, ok := h.statuses.Connector(name); ok && !exists {
			h.statuses.DeleteConnector(name)
		}
		for _, id := range h.statuses.Tasks(name) {
			if !exists || id.Task >= len(c.Tasks) {
				h.statuses.DeleteTask(id)
			}
		}
	}
}

// shutdown stops everything that runs, side by side.
func (h *Herder) shutdown(ctx context.Context) {
	h.ready.Store(false)
	for id := range h.tasks {
		if !h.tasks[id].stopping {
			h.stopTask(id, false)
		}
	}
	for _, c := range h.conns {
		if !c.stopping {
			c.stop(false)
		}
	}
	limit := time.NewTimer(h.Conf.ShutdownTimeout() + 2*time.Second)
	defer limit.Stop()
	for h.busy() {
		select {
		case <-h.signal:
			h.mu.Lock()
			queue := h.queue
			h.queue = nil
			h.mu.Unlock()
			for _, fn := range queue {
				fn(ctx)
			}
		case <-limit.C:
			h.log.Warn("shutting down with connectors or tasks that do not stop")
			h.close()
			return
		}
	}
	h.close()
}

func (h *Herder) busy() bool {
	for _, t := range h.tasks {
		if !t.ended {
			return true
		}
	}
	return len(h.conns) > 0
}

func (h *Herder) close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
}
