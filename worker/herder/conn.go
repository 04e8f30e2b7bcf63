package herder

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/pipeline"
	"github.com/leat-project/leat/worker/store"
	"github.com/leat-project/leat/worker/task"
)

// conn is a connector instance that runs here. Its own goroutine calls the plugin;
// the fields of the first block belong to the herder's loop.
type conn struct {
	h        *Herder
	name     string
	config   int64 // offset of the configuration's record
	target   model.TargetState
	stopping bool
	restart  bool
	announce bool // RESTARTING is written between
	drop     bool

	plugin   *plugin.Plugin
	raw      map[string]string
	nulls    []string          // keys of the configuration without a text
	props    map[string]string // resolved
	offsets  offsetAccess
	giveBack func()
	log      *slog.Logger
	run      context.Context // ends when the instance is to stop
	cancel   context.CancelFunc
	wake     chan struct{} // capacity 1: something below changed

	mu        sync.Mutex // guards the fields below
	wanted    model.TargetState
	reconfig  bool  // task configurations are asked for
	raised    error // by RaiseError or a goroutine of the plugin
	cancelled bool  // no status is written any more
}

// instance is a started connector plugin.
type instance struct {
	c       *conn
	plugin  connect.Connector
	ctx     context.Context
	cancel  context.CancelFunc
	workers sync.WaitGroup
}

// Java gives a connector 5 s to stop.
const connectorStopTimeout = 5 * time.Second

func (h *Herder) startConnector(ctx context.Context, want store.Connector) {
	c := &conn{h: h, name: want.Name, config: want.ConfigOffset, target: want.Target, wanted: want.Target,
		raw: want.Config.Texts(), nulls: want.Config.Nulls(), wake: make(chan struct{}, 1), log: h.log.With("connector", want.Name)}
	if p, err := h.Registry.Find(want.Config.Text("connector.class"), plugin.Source, plugin.Sink); err == nil {
		c.plugin = p // else the first start fails with the reason
	}
	c.run, c.cancel = context.WithCancel(ctx)
	h.conns[want.Name] = c
	// The goroutine ends with the instance; the loop waits for its last word.
	go func() {
		c.main()
		if c.giveBack != nil {
			c.giveBack()
		}
		h.post(func(context.Context) { h.connectorEnded(c) })
	}()
}

// stop asks the instance to end; drop: for good.
func (c *conn) stop(drop bool) {
	c.stopping, c.drop = true, drop
	c.cancel()
	time.AfterFunc(connectorStopTimeout, func() {
		c.h.post(func(context.Context) {
			if c.h.conns[c.name] != c {
				return
			}
			c.log.Error("the connector does not stop in time, it is abandoned", "timeout", connectorStopTimeout)
			c.mu.Lock()
			c.cancelled = true
			c.mu.Unlock()
			c.h.statuses.PutConnectorSafe(c.name, c.h.status(model.Unassigned, "", ""))
			c.h.connectorEnded(c)
		})
	})
}

func (c *conn) setTarget(t model.TargetState) {
	c.target = t
	c.mu.Lock()
	c.wanted = t
	c.mu.Unlock()
	c.nudge()
}

func (c *conn) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// connectorEnded takes an instance out of the table.
func (h *Herder) connectorEnded(c *conn) {
	if h.conns[c.name] != c {
		return // was abandoned before
	}
	_, exists := h.configs.Connector(c.name)
	switch {
	case c.drop || !exists: // may have gone while it stopped
		h.statuses.DeleteConnector(c.name)
		h.topics.forget(c.name)
	case c.announce:
		h.statuses.PutConnector(c.name, h.status(model.Restarting, "", ""))
	}
	delete(h.conns, c.name)
}

// main follows the target state until the instance is to stop.
func (c *conn) main() {
	var inst *instance
	var err error
	state, failed := model.TargetState(""), false
	retry := time.NewTimer(time.Hour)
	retry.Stop()
	defer retry.Stop()
	pause := 250 * time.Millisecond
	for {
		c.mu.Lock()
		wanted, reconfig, raised := c.wanted, c.reconfig, c.raised
		c.reconfig, c.raised = false, nil
		c.mu.Unlock()
		if raised != nil && !failed {
			state, failed = "", true
			c.fail(raised)
		}
		switch {
		case failed && wanted == model.TargetStopped:
			// A failed connector ignores pause and resume, but can be stopped.
			c.end(inst)
			inst, state, failed = nil, wanted, false
			c.report(model.Stopped, "")
		case failed:
		case wanted != state:
			inst, err = c.follow(inst, wanted)
			if failed = err != nil; failed {
				state = "" // it is in none, also not in the one that it was in before
				c.fail(err)
				break
			}
			state = wanted
			reconfig = wanted == model.TargetStarted
		}
		if reconfig && !failed && inst != nil && state == model.TargetStarted {
			if err := c.taskConfigs(inst); err != nil {
				c.log.Error("the connector gave no task configurations, trying again", "err", err, pipeline.TraceKey, pipeline.Trace(err))
				retry.Reset(pause)
				pause = min(2*pause, time.Minute)
			} else {
				pause = 250 * time.Millisecond
			}
		}
		select {
		case <-c.wake:
		case <-retry.C:
			c.mu.Lock()
			c.reconfig = true
			c.mu.Unlock()
		case <-c.run.Done():
			c.end(inst)
			c.report(model.Unassigned, "")
			return
		}
	}
}

// prepare finds the plugin and resolves the configuration.
func (c *conn) prepare() (err error) {
	if c.plugin == nil {
		_, err := c.h.Registry.Find(c.raw["connector.class"], plugin.Source, plugin.Sink)
		return err
	}
	if len(c.nulls) > 0 {
		return connect.Errorf("java.lang.ClassCastException",
			"Non-string value found in original settings for key %s: null. Give it a text, or remove it: PATCH the configuration with null for the key",
			c.nulls[0])
	}
	if c.props, err = c.h.Resolver.Resolve(c.raw); err != nil {
		return err
	}
	if c.giveBack != nil {
		c.giveBack()
	}
	c.offsets, c.giveBack = c.h.offsetsOf(c.name, c.props)
	return nil
}

// follow brings the instance to a target state and reports it.
func (c *conn) follow(inst *instance, wanted model.TargetState) (*instance, error) {
	if wanted != model.TargetStarted {
		if inst != nil {
			if err := inst.stop(); err != nil && wanted == model.TargetPaused {
				return nil, err
			}
		}
		if wanted == model.TargetPaused {
			c.report(model.Paused, "")
		} else {
			c.report(model.Stopped, "")
		}
		return nil, nil
	}
	if err := c.prepare(); err != nil {
		return nil, err
	}
	inst = c.newInstance()
	if err := guard(func() error { return inst.plugin.Start(&connContext{inst}, c.props) }); err != nil {
		if serr := inst.stop(); serr != nil {
			c.log.Warn("stopping a connector that did not start", "err", serr)
		}
		return nil, err
	}
	c.report(model.Running, "")
	return inst, nil
}

func (c *conn) newInstance() *instance {
	inst := &instance{c: c}
	if c.plugin.Kind == plugin.Source {
		inst.plugin = c.plugin.NewSource()
	} else {
		inst.plugin = c.plugin.NewSink()
	}
	inst.ctx, inst.cancel = context.WithCancel(c.run)
	return inst
}

// stop stops the plugin and waits for its goroutines.
func (i *instance) stop() error {
	i.cancel()
	err := guard(i.plugin.Stop)
	i.workers.Wait()
	return err
}

// end stops what may run.
func (c *conn) end(inst *instance) {
	if inst == nil {
		return
	}
	if err := inst.stop(); err != nil {
		c.log.Warn("stopping the connector", "err", err)
	}
}

func (c *conn) fail(err error) {
	c.log.Error("the connector failed", "err", err, pipeline.TraceKey, pipeline.Trace(err))
	c.report(model.Failed, pipeline.Trace(err))
}

func (c *conn) report(s model.State, trace string) {
	c.mu.Lock()
	cancelled := c.cancelled
	c.mu.Unlock()
	if cancelled {
		return
	}
	version := ""
	if c.plugin != nil && s != model.Unassigned {
		version = c.plugin.Version
	}
	st := c.h.status(s, trace, version)
	if s == model.Unassigned || s == model.Failed {
		c.h.statuses.PutConnectorSafe(c.name, st)
		return
	}
	c.h.statuses.PutConnector(c.name, st)
}

// guard calls plugin code: a panic becomes an error.
func guard(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = pipeline.NewPanic(p)
		}
	}()
	return fn()
}

// taskConfigs asks the plugin and hands the answer to the loop, which writes it.
func (c *conn) taskConfigs(inst *instance) error {
	most := 1
	if text := strings.TrimSpace(c.props["tasks.max"]); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return connect.ConfigErrorf("Invalid value %s for configuration tasks.max: expected a number of at least 1", text)
		}
		most = n
	}
	var configs []map[string]string
	err := guard(func() (err error) { configs, err = inst.plugin.TaskConfigs(most); return err })
	if err != nil {
		return err
	}
	if len(configs) > most {
		err := connect.Errorf("org.apache.kafka.connect.errors.TooManyTasksException",
			"The connector %s has generated %d tasks, which is greater than %d, the maximum number of tasks it is configured to create. "+
				"This behaviour should be considered a bug and is disallowed. If necessary, it can be permitted by reconfiguring the "+
				"connector with 'tasks.max.enforce' set to false; however, this option will be removed in a future release of Kafka Connect.",
			c.name, len(configs), most)
		if !strings.EqualFold(c.props["tasks.max.enforce"], "false") {
			c.raise(err)
			return nil
		}
		c.log.Warn("the connector makes more tasks than tasks.max", "err", err)
	}
	props := c.props // the next start resolves them anew
	c.h.post(func(ctx context.Context) { c.h.tasksGiven(ctx, c, configs, props) })
	return nil
}

// raise fails the connector.
func (c *conn) raise(err error) {
	c.mu.Lock()
	if c.raised == nil {
		c.raised = err
	}
	c.mu.Unlock()
	c.nudge()
}

// requestConfigs asks for task configurations anew.
func (c *conn) requestConfigs() {
	c.mu.Lock()
	c.reconfig = true
	c.mu.Unlock()
	c.nudge()
}

// connContext is what the plugin sees.
type connContext struct{ i *instance }

var _ connect.ConnectorContext = (*connContext)(nil)

func (x *connContext) Context() context.Context    { return x.i.ctx }
func (x *connContext) Name() string                { return x.i.c.name }
func (x *connContext) Logger() *slog.Logger        { return x.i.c.log }
func (x *connContext) RequestTaskReconfiguration() { x.i.c.requestConfigs() }
func (x *connContext) RaiseError(err error)        { x.i.c.raise(err) }

func (x *connContext) Offsets() connect.OffsetReader {
	if x.i.c.plugin.Kind != plugin.Source {
		return nil
	}
	return task.Reader(x.i.c.offsets, x.i.c.name)
}

func (x *connContext) Go(fn func(ctx context.Context) error) {
	x.i.workers.Add(1)
	go func() {
		defer x.i.workers.Done()
		err := guard(func() error { return fn(x.i.ctx) })
		if err != nil && !(x.i.ctx.Err() != nil && errors.Is(err, context.Canceled)) {
			x.i.c.raise(fmt.Errorf("a goroutine of the connector ended: %w", err))
		}
	}()
}
