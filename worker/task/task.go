package task

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/worker/conf"
	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/pipeline"
	"github.com/leat-project/leat/worker/store"
)

// Offsets is what a source task needs of the offset store.
type Offsets interface {
	Put(ctx context.Context, connector string, offsets []store.SourceOffset) error
	Read(ctx context.Context, connector string, partitions ...*connect.Partition) ([]map[string]any, error)
}

// Deps is what a task gets from its worker.
type Deps struct {
	Conf     *conf.Config
	Registry *plugin.Registry
	Offsets  Offsets // source tasks
	// Report tells of a new state; trace is set for FAILED, and where records were
	// lost. It must not block.
	Report func(id model.TaskID, s model.State, trace string)
	// TopicUsed tells of records to or from a topic, about once a batch. It must
	// not block.
	TopicUsed func(id model.TaskID, topic string)
	Log       *slog.Logger
}

// Spec is one task to run. Its maps are not changed.
type Spec struct {
	ID        model.TaskID
	Plugin    *plugin.Plugin
	Connector map[string]string // connector configuration, providers resolved
	Config    map[string]string // task configuration, providers resolved
	Target    model.TargetState
}

// Task is a running task. Its methods are safe for concurrent use.
type Task struct {
	spec  Spec
	deps  Deps
	log   *slog.Logger
	stats Stats
	errs  atomic.Pointer[pipeline.Errors] // once the pipeline is built

	run     context.Context // ends when the task is to stop
	stop    context.CancelCauseFunc
	hard    context.Context // ends when the task is abandoned
	abandon context.CancelFunc
	done    chan struct{}
	plugins sync.WaitGroup // goroutines of the plugin

	mu        sync.Mutex // guards the fields below
	target    model.TargetState
	changed   chan struct{} // closed and replaced when target changes
	failure   error
	cancelled bool // no status is written any more
	leave     bool // a sink's static member goes for good
}

// errStop is the cause of an orderly stop.
var errStop = errors.New("the task was stopped")

// Start runs a task until it is stopped or fails. ctx carries values only: the task
// ends by Stop.
func Start(ctx context.Context, spec Spec, deps Deps) *Task {
	t := &Task{spec: spec, deps: deps, target: spec.Target, changed: make(chan struct{}), done: make(chan struct{}),
		log: deps.Log.With("connector", spec.ID.Connector, "task", spec.ID.Task)}
	t.hard, t.abandon = context.WithCancel(context.WithoutCancel(ctx))
	t.run, t.stop = context.WithCancelCause(t.hard)
	go t.main()
	return t
}

// SetTarget pauses or resumes the task.
func (t *Task) SetTarget(target model.TargetState) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.target != target {
		t.target = target
		close(t.changed)
		t.changed = make(chan struct{})
	}
}

// Stop asks the task to end orderly; Done says when it has. leave: the task is not
// to be started again soon on this worker, so a sink gives up its group membership.
func (t *Task) Stop(leave bool) {
	t.mu.Lock()
	t.leave = t.leave || leave
	t.mu.Unlock()
	t.stop(errStop)
}

// Cancel abandons a task that does not end: its clients are closed, it commits and
// reports nothing more.
func (t *Task) Cancel() {
	t.mu.Lock()
	t.cancelled = true
	t.mu.Unlock()
	t.stop(errStop)
	t.abandon()
}

// Done is closed when the task has ended and holds nothing any more.
func (t *Task) Done() <-chan struct{} { return t.done }

// Failed returns why the task failed, nil if it did not. It is final once Done is
// closed.
func (t *Task) Failed() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failure
}

// Stats returns the task's counters.
func (t *Task) Stats() *Stats { return &t.stats }

// ErrorStats returns the counters of failed records, nil before the task's pipeline is
// built.
func (t *Task) ErrorStats() *pipeline.ErrorStats {
	if e := t.errs.Load(); e != nil {
		return &e.Stats
	}
	return nil
}

func (t *Task) main() {
	defer close(t.done)
	defer t.abandon()
	var err error
	if t.spec.Plugin.Kind == plugin.Source {
		err = t.guard(func() error { return runSource(t) })
	} else {
		err = t.guard(func() error { return runSink(t) })
	}
	t.stop(errStop)
	t.plugins.Wait()
	if first := t.Failed(); first != nil {
		err = first
	}
	if err == nil || errors.Is(err, errStop) {
		t.report(model.Unassigned, nil)
		return
	}
	t.mu.Lock()
	t.failure = err
	t.mu.Unlock()
	t.log.Error(t.kind()+" Task threw an uncaught and unrecoverable exception. Task is being killed and will not recover until manually restarted",
		pipeline.Logger, "org.apache.kafka.connect.runtime.WorkerTask", "err", err, pipeline.TraceKey, pipeline.Trace(err))
	t.report(model.Failed, err)
}

// Kind says whether this is a source or a sink task.
func (t *Task) Kind() plugin.Kind { return t.spec.Plugin.Kind }

// kind is how Java's log lines name a task.
func (t *Task) kind() string {
	if t.spec.Plugin.Kind == plugin.Source {
		return fmt.Sprintf("WorkerSourceTask{id=%s}", t.spec.ID)
	}
	return fmt.Sprintf("WorkerSinkTask{id=%s}", t.spec.ID)
}

func (t *Task) report(s model.State, err error) {
	t.mu.Lock()
	cancelled := t.cancelled
	t.mu.Unlock()
	if cancelled {
		return
	}
	trace := ""
	if err != nil {
		trace = pipeline.Trace(err)
	}
	t.deps.Report(t.spec.ID, s, trace)
}

// note shows a text in the status of a task that goes on.
func (t *Task) note(text string) {
	t.mu.Lock()
	cancelled, state := t.cancelled, model.Running
	if t.target == model.TargetPaused {
		state = model.Paused
	}
	t.mu.Unlock()
	if !cancelled {
		t.deps.Report(t.spec.ID, state, text)
	}
}

// guard calls plugin code: a panic becomes an error.
func (t *Task) guard(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = pipeline.NewPanic(p)
		}
	}()
	return fn()
}

// fail fails the task from any goroutine; the first error counts.
func (t *Task) fail(err error) {
	t.mu.Lock()
	if t.failure == nil {
		t.failure = err
	}
	t.mu.Unlock()
	t.stop(err)
}

// goPlugin runs a plugin's goroutine.
func (t *Task) goPlugin(fn func(ctx context.Context) error) {
	t.plugins.Add(1)
	go func() {
		defer t.plugins.Done()
		err := t.guard(func() error { return fn(t.run) })
		if err != nil && !(t.run.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, errStop))) {
			t.fail(err)
		}
	}()
}

// state returns the target and a channel that is closed when it changes.
func (t *Task) state() (model.TargetState, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.target, t.changed
}

func (t *Task) paused() bool {
	target, _ := t.state()
	return target == model.TargetPaused
}

// awaitStart blocks while the task is paused before its first start, which Java
// delays until the first resume.
func (t *Task) awaitStart() error {
	reported := false
	for {
		target, changed := t.state()
		if target != model.TargetPaused {
			return nil
		}
		if !reported {
			reported = true
			t.report(model.Paused, nil)
		}
		select {
		case <-changed:
		case <-t.run.Done():
			return errStop
		}
	}
}

// sleep waits; false when the task is to stop.
func (t *Task) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.run.Done():
		return false
	}
}

// stopped reports whether the task was asked to stop.
func (t *Task) stopped() bool { return t.run.Err() != nil }

// byteBudget is what plugins are told they may buffer.
const byteBudget = 64 << 20
