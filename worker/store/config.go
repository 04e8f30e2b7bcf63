package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/leat-project/leat/worker/model"
)

// Connector is what the config store knows of one connector. Its maps and slices
// are never changed once stored.
type Connector struct {
	Name         string
	Config       model.Config
	ConfigOffset int64 // of the record that holds Config
	Target       model.TargetState
	// Tasks are the committed task configurations, nil when none were ever
	// committed or the last commit was incomplete.
	Tasks []map[string]string
	// TasksOffset is the offset of the commit record, -1 without one.
	TasksOffset int64
	// Applied is the connector configuration the tasks were made of.
	Applied model.Config
	// Inconsistent: the last commit record counted tasks that were not seen.
	Inconsistent bool
}

// EventKind says what a config record was about.
type EventKind int

// The kinds of events.
const (
	ConnectorChanged EventKind = iota + 1 // created, reconfigured or removed
	TasksChanged
	TargetChanged
	RestartRequested // live only
	LoggerChanged    // live only
)

// Event tells the herder of one applied config record.
type Event struct {
	Kind          EventKind
	Connector     string
	Restart       model.RestartRequest
	Logger, Level string
}

// SessionKey signs requests between workers (KIP-507). It never prints.
type SessionKey struct {
	Key       string // base64
	Algorithm string
	Created   time.Time
}

// String hides the key.
func (SessionKey) String() string { return "[hidden]" }

// GoString hides the key.
func (SessionKey) GoString() string { return "[hidden]" }

// ConfigStore is the config topic as a map. Its methods are safe for concurrent
// use.
type ConfigStore struct {
	records Log
	lease   Lease
	log     *slog.Logger
	notify  func(Event)

	mu       sync.Mutex // guards the fields below
	live     bool
	conns    map[string]*Connector
	deferred map[string]map[int]map[string]string // task configs before their commit
	targets  map[string]model.TargetState
	session  SessionKey
}

// NewConfigStore returns a store on a log that was not started.
func NewConfigStore(records Log, lease Lease, log *slog.Logger) *ConfigStore {
	return &ConfigStore{records: records, lease: lease, log: log, conns: map[string]*Connector{},
		deferred: map[string]map[int]map[string]string{}, targets: map[string]model.TargetState{}}
}

// Start replays the log, then calls notify for every record that follows. notify
// must not block.
func (s *ConfigStore) Start(ctx context.Context, notify func(Event)) error {
	s.notify = notify
	if err := s.records.Start(ctx, s.apply); err != nil {
		return err
	}
	s.mu.Lock()
	s.live = true
	s.mu.Unlock()
	return nil
}

// Close closes the log.
func (s *ConfigStore) Close() { s.records.Close() }

// Connectors returns the names of all connectors, sorted.
func (s *ConfigStore) Connectors() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.conns))
}

// Connector returns a copy of what is known of a connector.
func (s *ConfigStore) Connector(name string) (Connector, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.conns[name]
	if !ok {
		return Connector{}, false
	}
	return *c, true
}

// Snapshot returns copies of all connectors.
func (s *ConfigStore) Snapshot() map[string]Connector {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]Connector, len(s.conns))
	for name, c := range s.conns {
		all[name] = *c
	}
	return all
}

// SessionKey returns the last session key.
func (s *ConfigStore) SessionKey() SessionKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session
}

// writeTimeout bounds one logical write (Java's READ_WRITE_TOTAL_TIMEOUT_MS).
const writeTimeout = 30 * time.Second

// write appends records between two lease checks and waits until they are applied.
func (s *ConfigStore) write(ctx context.Context, recs ...Record) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := s.lease.Check(ctx); err != nil {
		return err
	}
	if err := s.records.Append(ctx, recs...); err != nil {
		return err
	}
	if err := s.lease.Check(ctx); err != nil {
		return err
	}
	return s.records.Sync(ctx)
}

// PutConnector writes a connector's configuration; with target not "" its target
// state first.
func (s *ConfigStore) PutConnector(ctx context.Context, name string, config model.Config, target model.TargetState) error {
	var recs []Record
	if target != "" {
		recs = append(recs, targetRecord(name, target))
	}
	return s.write(ctx, append(recs, Record{Key: []byte(connectorPrefix + name), Value: properties(config)})...)
}

// RemoveConnector deletes a connector and its target state.
func (s *ConfigStore) RemoveConnector(ctx context.Context, name string) error {
	return s.write(ctx, Record{Key: []byte(connectorPrefix + name)}, Record{Key: []byte(targetPrefix + name)})
}

// PutTasks replaces the task configurations of a connector: first all of them,
// then, once they were read back, the commit record that makes them count.
func (s *ConfigStore) PutTasks(ctx context.Context, name string, tasks []map[string]string) error {
	if len(tasks) > 0 {
		recs := make([]Record, len(tasks))
		for i, t := range tasks {
			recs[i] = Record{Key: []byte(taskPrefix + name + "-" + strconv.Itoa(i)), Value: properties(model.ConfigOf(t))}
		}
		if err := s.write(ctx, recs...); err != nil {
			return err
		}
	}
	value := append(strconv.AppendInt([]byte(`{"tasks":`), int64(len(tasks)), 10), '}')
	return s.write(ctx, Record{Key: []byte(commitPrefix + name), Value: value})
}

// PutTarget writes a target state.
func (s *ConfigStore) PutTarget(ctx context.Context, name string, t model.TargetState) error {
	return s.write(ctx, targetRecord(name, t))
}

// PutRestart asks every worker to restart what the request names.
func (s *ConfigStore) PutRestart(ctx context.Context, r model.RestartRequest) error {
	value := fmt.Sprintf(`{"include-tasks":%t,"only-failed":%t}`, r.IncludeTasks, r.OnlyFailed)
	return s.write(ctx, Record{Key: []byte(restartPrefix + r.Connector), Value: []byte(value)})
}

// PutLogger sets a logger's level on every worker.
func (s *ConfigStore) PutLogger(ctx context.Context, logger, level string) error {
	value := append(appendString([]byte(`{"level":`), level), '}')
	return s.write(ctx, Record{Key: []byte(loggerPrefix + logger), Value: value})
}

// PutSessionKey publishes a new session key.
func (s *ConfigStore) PutSessionKey(ctx context.Context, k SessionKey) error {
	value := appendString([]byte(`{"key":`), k.Key)
	value = appendString(append(value, `,"algorithm":`...), k.Algorithm)
	value = strconv.AppendInt(append(value, `,"creation-timestamp":`...), k.Created.UnixMilli(), 10)
	return s.write(ctx, Record{Key: []byte(sessionKey), Value: append(value, '}')})
}

// The keys of the config topic.
const (
	targetPrefix    = "target-state-"
	connectorPrefix = "connector-"
	taskPrefix      = "task-"
	commitPrefix    = "commit-"
	restartPrefix   = "restart-connector-"
	fencingPrefix   = "tasks-fencing-"
	sessionKey      = "session-key"
	loggerPrefix    = "logger-cluster-"
)

func properties(config model.Config) []byte {
	return append(appendConfig([]byte(`{"properties":`), config), '}')
}

// targetRecord writes both forms: workers that know no STOPPED read state and
// are told PAUSED.
func targetRecord(name string, t model.TargetState) Record {
	old := t
	if t == model.TargetStopped {
		old = model.TargetPaused
	}
	return Record{Key: []byte(targetPrefix + name), Value: fmt.Appendf(nil, `{"state":"%s","state.v2":"%s"}`, old, t)}
}

// apply takes one record of the log.
func (s *ConfigStore) apply(r Record) {
	s.mu.Lock()
	ev, err := s.applyLocked(string(r.Key), r)
	live := s.live
	s.mu.Unlock()
	if err != nil {
		// The value may hold secrets: only the key is named.
		s.log.Error("skipping a config record that cannot be read", "key", string(r.Key), "offset", r.Offset, "err", err)
		return
	}
	if ev.Kind != 0 && live && s.notify != nil {
		s.notify(ev)
	}
}

func (s *ConfigStore) applyLocked(key string, r Record) (Event, error) {
	// The order of the prefixes is Java's.
	if name, ok := strings.CutPrefix(key, targetPrefix); ok {
		return s.applyTarget(name, r)
	}
	if name, ok := strings.CutPrefix(key, connectorPrefix); ok {
		return s.applyConnector(name, r)
	}
	if id, ok := strings.CutPrefix(key, taskPrefix); ok {
		return Event{}, s.applyTask(id, r)
	}
	if name, ok := strings.CutPrefix(key, commitPrefix); ok {
		return s.applyCommit(name, r)
	}
	if name, ok := strings.CutPrefix(key, restartPrefix); ok {
		return applyRestart(name, r)
	}
	if strings.HasPrefix(key, fencingPrefix) {
		return Event{}, nil // of exactly-once source tasks, which Java workers may have run
	}
	if key == sessionKey {
		return Event{}, s.applySession(r)
	}
	if name, ok := strings.CutPrefix(key, loggerPrefix); ok {
		var v struct{ Level string }
		if r.Value == nil {
			return Event{}, nil
		}
		err := json.Unmarshal(r.Value, &v)
		return Event{Kind: LoggerChanged, Logger: name, Level: v.Level}, err
	}
	return Event{}, fmt.Errorf("the key is none that Connect knows")
}

func (s *ConfigStore) applyTarget(name string, r Record) (Event, error) {
	target := model.TargetStarted
	if r.Value == nil {
		delete(s.targets, name)
	} else {
		var v struct {
			State string  `json:"state"`
			V2    *string `json:"state.v2"`
		}
		if err := json.Unmarshal(r.Value, &v); err != nil {
			return Event{}, err
		}
		target = model.TargetState(v.State)
		if v.V2 != nil {
			target = model.TargetState(*v.V2)
		}
		switch target {
		case model.TargetStarted, model.TargetPaused, model.TargetStopped:
		default:
			return Event{}, fmt.Errorf("target state %q is none of STARTED, PAUSED, STOPPED", target)
		}
		s.targets[name] = target
	}
	c, ok := s.conns[name]
	if !ok {
		return Event{}, nil
	}
	s.update(c, func(c *Connector) { c.Target = target })
	return Event{Kind: TargetChanged, Connector: name}, nil
}

// update replaces a connector's entry by a changed copy.
func (s *ConfigStore) update(c *Connector, change func(*Connector)) {
	n := *c
	change(&n)
	s.conns[n.Name] = &n
}

func (s *ConfigStore) applyConnector(name string, r Record) (Event, error) {
	ev := Event{Kind: ConnectorChanged, Connector: name}
	if r.Value == nil {
		// task- and commit- records stay behind and must not come alive with a new
		// connector of the same name.
		delete(s.conns, name)
		delete(s.deferred, name)
		return ev, nil
	}
	config, err := parseProperties(r.Value)
	if err != nil {
		return Event{}, err
	}
	c, ok := s.conns[name]
	if !ok {
		c = &Connector{Name: name, Target: model.TargetStarted, TasksOffset: -1}
		if t, ok := s.targets[name]; ok {
			c.Target = t
		}
	}
	s.update(c, func(c *Connector) { c.Config, c.ConfigOffset = config, r.Offset })
	return ev, nil
}

func parseProperties(value []byte) (model.Config, error) {
	var v struct{ Properties map[string]any }
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber() // a number is the text that it is written as
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("the value is no JSON object with a member properties")
	}
	if v.Properties == nil {
		return nil, fmt.Errorf("the value has no member properties")
	}
	config := make(model.Config, len(v.Properties))
	for k, p := range v.Properties {
		if p == nil {
			config[k] = nil
			continue
		}
		text := fmt.Sprint(p)
		config[k] = &text
	}
	return config, nil
}

func (s *ConfigStore) applyTask(id string, r Record) error {
	task, err := model.ParseTaskID(id)
	if err != nil {
		return err
	}
	if r.Value == nil {
		return nil // Java ignores it, too
	}
	config, err := parseProperties(r.Value)
	if err != nil {
		return err
	}
	if s.deferred[task.Connector] == nil {
		s.deferred[task.Connector] = map[int]map[string]string{}
	}
	s.deferred[task.Connector][task.Task] = config.Texts() // to a task a null says no more than a missing key
	return nil
}

func (s *ConfigStore) applyCommit(name string, r Record) (Event, error) {
	c, ok := s.conns[name]
	if !ok || r.Value == nil {
		return Event{}, nil
	}
	var v struct{ Tasks *int }
	if err := json.Unmarshal(r.Value, &v); err != nil {
		return Event{}, err
	}
	if v.Tasks == nil || *v.Tasks < 0 {
		return Event{}, fmt.Errorf("the value has no number of tasks")
	}
	var tasks []map[string]string
	seen := s.deferred[name]
	complete := *v.Tasks <= len(seen)
	for i := 0; complete && i < *v.Tasks; i++ {
		var t map[string]string
		t, complete = seen[i]
		tasks = append(tasks, t)
	}
	delete(s.deferred, name)
	if !complete {
		s.log.Error("task configurations are incomplete, the connector runs without tasks until they are written anew",
			"connector", name, "tasks", *v.Tasks)
		tasks = nil
	}
	s.update(c, func(c *Connector) {
		c.Tasks, c.TasksOffset, c.Inconsistent, c.Applied = tasks, r.Offset, !complete, c.Config
	})
	return Event{Kind: TasksChanged, Connector: name}, nil
}

func applyRestart(name string, r Record) (Event, error) {
	if r.Value == nil {
		return Event{}, nil
	}
	var v struct {
		Include *bool `json:"include-tasks"`
		Failed  *bool `json:"only-failed"`
	}
	if err := json.Unmarshal(r.Value, &v); err != nil {
		return Event{}, err
	}
	req := model.RestartRequest{Connector: name}
	if v.Include != nil {
		req.IncludeTasks = *v.Include
	}
	if v.Failed != nil {
		req.OnlyFailed = *v.Failed
	}
	return Event{Kind: RestartRequested, Connector: name, Restart: req}, nil
}

func (s *ConfigStore) applySession(r Record) error {
	var v struct {
		Key       string `json:"key"`
		Algorithm string `json:"algorithm"`
		Created   int64  `json:"creation-timestamp"`
	}
	if r.Value == nil {
		return nil
	}
	if err := json.Unmarshal(r.Value, &v); err != nil {
		return fmt.Errorf("the value is no session key")
	}
	s.session = SessionKey{Key: v.Key, Algorithm: v.Algorithm, Created: time.UnixMilli(v.Created)}
	return nil
}
