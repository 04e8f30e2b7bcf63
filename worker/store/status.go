package store

import (
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

// Status is the state of a connector or task as the status topic holds it.
type Status struct {
	State      model.State
	Trace      string // "" is null
	WorkerID   string
	Generation int
	Version    string // "" is null
}

// TopicUse says that a connector used a topic (KIP-558).
type TopicUse struct {
	Topic      string
	Connector  string
	Task       int
	Discovered time.Time
}

// StatusStore caches the status topic. Writes are asynchronous: they are seen when
// they are read back. Its methods are safe for concurrent use.
type StatusStore struct {
	records Log
	log     *slog.Logger

	mu     sync.Mutex // guards the fields below
	conns  map[string]Status
	tasks  map[model.TaskID]Status
	topics map[string]map[string]TopicUse // connector, topic
}

// NewStatusStore returns a store on a log that was not started.
func NewStatusStore(records Log, log *slog.Logger) *StatusStore {
	return &StatusStore{records: records, log: log, conns: map[string]Status{}, tasks: map[model.TaskID]Status{},
		topics: map[string]map[string]TopicUse{}}
}

// Start replays the log.
func (s *StatusStore) Start(ctx context.Context) error { return s.records.Start(ctx, s.apply) }

// Sync waits until all earlier writes are seen.
func (s *StatusStore) Sync(ctx context.Context) error { return s.records.Sync(ctx) }

// Close closes the log.
func (s *StatusStore) Close() { s.records.Close() }

const (
	statusConnectorPrefix = "status-connector-"
	statusTaskPrefix      = "status-task-"
	statusTopicPrefix     = "status-topic-"
	topicConnectorMark    = ":connector-"
)

// PutConnector writes a connector's status.
func (s *StatusStore) PutConnector(name string, st Status) {
	s.put(statusConnectorPrefix+name, appendStatus(nil, st))
}

// PutTask writes a task's status.
func (s *StatusStore) PutTask(id model.TaskID, st Status) {
	s.put(statusTaskPrefix+id.String(), appendStatus(nil, st))
}

// PutConnectorSafe writes unless another worker wrote at a newer generation.
func (s *StatusStore) PutConnectorSafe(name string, st Status) {
	if old, ok := s.Connector(name); !ok || safe(old, st) {
		s.PutConnector(name, st)
	}
}

// PutTaskSafe is PutConnectorSafe for a task.
func (s *StatusStore) PutTaskSafe(id model.TaskID, st Status) {
	if old, ok := s.Task(id); !ok || safe(old, st) {
		s.PutTask(id, st)
	}
}

func safe(old, st Status) bool { return old.WorkerID == st.WorkerID || old.Generation <= st.Generation }

// DeleteConnector removes a connector's status and topics.
func (s *StatusStore) DeleteConnector(name string) {
	s.put(statusConnectorPrefix+name, nil)
	for _, t := range s.Topics(name) {
		s.DeleteTopic(name, t)
	}
}

// DeleteTask removes a task's status.
func (s *StatusStore) DeleteTask(id model.TaskID) { s.put(statusTaskPrefix+id.String(), nil) }

// PutTopic notes that a connector used a topic.
func (s *StatusStore) PutTopic(u TopicUse) {
	value := appendString([]byte(`{"topic":{"name":`), u.Topic)
	value = appendString(append(value, `,"connector":`...), u.Connector)
	value = strconv.AppendInt(append(value, `,"task":`...), int64(u.Task), 10)
	value = strconv.AppendInt(append(value, `,"discoverTimestamp":`...), u.Discovered.UnixMilli(), 10)
	s.put(statusTopicPrefix+u.Topic+topicConnectorMark+u.Connector, append(value, "}}"...))
}

// DeleteTopic forgets that a connector used a topic.
func (s *StatusStore) DeleteTopic(connector, topic string) {
	s.put(statusTopicPrefix+topic+topicConnectorMark+connector, nil)
}

// put writes asynchronously. The client retries for as long as it lives, so an
// error means that it was closed or refused.
func (s *StatusStore) put(key string, value []byte) {
	s.records.AppendAsync(Record{Key: []byte(key), Value: value}, func(err error) {
		if err != nil {
			s.log.Error("a status could not be written", "key", key, "err", err)
		}
	})
}

func appendStatus(dst []byte, st Status) []byte {
	dst = appendString(append(dst, `{"state":`...), string(st.State))
	dst = appendNullable(append(dst, `,"trace":`...), st.Trace)
	dst = appendString(append(dst, `,"worker_id":`...), st.WorkerID)
	dst = strconv.AppendInt(append(dst, `,"generation":`...), int64(st.Generation), 10)
	dst = appendNullable(append(dst, `,"version":`...), st.Version)
	return append(dst, '}')
}

func appendNullable(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return appendString(dst, s)
}

// Connector returns a connector's status.
func (s *StatusStore) Connector(name string) (Status, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, ok := s.conns[name]
	return st, ok
}

// Task returns a task's status.
func (s *StatusStore) Task(id model.TaskID) (Status, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, ok := s.tasks[id]
	return st, ok
}

// Tasks returns the ids of a connector's tasks that have a status, ascending.
func (s *StatusStore) Tasks(connector string) []model.TaskID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []model.TaskID
	for id := range s.tasks {
		if id.Connector == connector {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b model.TaskID) int { return a.Task - b.Task })
	return ids
}

// Topics returns the topics a connector used, sorted.
func (s *StatusStore) Topics(connector string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.topics[connector]))
}

// Names returns every connector that has a status of its own or of a task.
func (s *StatusStore) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := map[string]bool{}
	for n := range s.conns {
		names[n] = true
	}
	for id := range s.tasks {
		names[id.Connector] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// MaxGeneration returns the highest generation seen, 0 if none.
func (s *StatusStore) MaxGeneration() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := 0
	for _, st := range s.conns {
		g = max(g, st.Generation)
	}
	for _, st := range s.tasks {
		g = max(g, st.Generation)
	}
	return g
}

func (s *StatusStore) apply(r Record) {
	s.mu.Lock()
	err := s.applyLocked(string(r.Key), r.Value)
	s.mu.Unlock()
	if err != nil {
		s.log.Warn("skipping a status record that cannot be read", "key", string(r.Key), "offset", r.Offset, "err", err)
	}
}

func (s *StatusStore) applyLocked(key string, value []byte) error {
	if name, ok := strings.CutPrefix(key, statusConnectorPrefix); ok {
		if value == nil {
			delete(s.conns, name)
			return nil
		}
		st, err := parseStatus(value)
		if err == nil {
			s.conns[name] = st
		}
		return err
	}
	if rest, ok := strings.CutPrefix(key, statusTaskPrefix); ok {
		return s.applyTask(rest, value)
	}
	if rest, ok := strings.CutPrefix(key, statusTopicPrefix); ok {
		return s.applyTopic(rest, value)
	}
	return fmt.Errorf("the key is none that Connect knows")
}

func (s *StatusStore) applyTask(rest string, value []byte) error {
	id, err := model.ParseTaskID(rest)
	if err != nil {
		return err
	}
	if value == nil {
		delete(s.tasks, id)
		return nil
	}
	st, err := parseStatus(value)
	if err != nil {
		return err
	}
	// A worker that lost the task may say so after the new owner already runs it.
	old, ok := s.tasks[id]
	if ok && st.State == model.Unassigned && old.State == model.Running && old.Generation > st.Generation {
		return nil
	}
	s.tasks[id] = st
	return nil
}

func (s *StatusStore) applyTopic(rest string, value []byte) error {
	i := strings.LastIndex(rest, topicConnectorMark)
	if i < 0 {
		return fmt.Errorf("the key names no connector")
	}
	topic, connector := rest[:i], rest[i+len(topicConnectorMark):]
	if value == nil {
		delete(s.topics[connector], topic)
		return nil
	}
	var v struct {
		Topic *struct {
			Name, Connector   string
			Task              int
			DiscoverTimestamp int64
		}
	}
	if err := json.Unmarshal(value, &v); err != nil {
		return err
	}
	if v.Topic == nil {
		return fmt.Errorf("the value has no member topic")
	}
	if s.topics[connector] == nil {
		s.topics[connector] = map[string]TopicUse{}
	}
	s.topics[connector][topic] = TopicUse{Topic: topic, Connector: connector, Task: v.Topic.Task,
		Discovered: time.UnixMilli(v.Topic.DiscoverTimestamp)}
	return nil
}

func parseStatus(value []byte) (Status, error) {
	var v struct {
		State      string  `json:"state"`
		Trace      *string `json:"trace"`
		WorkerID   string  `json:"worker_id"`
		Generation int     `json:"generation"`
		Version    *string `json:"version"`
	}
	if err := json.Unmarshal(value, &v); err != nil {
		return Status{}, err
	}
	st := Status{State: model.State(v.State), WorkerID: v.WorkerID, Generation: v.Generation}
	if v.Trace != nil {
		st.Trace = *v.Trace
	}
	if v.Version != nil {
		st.Version = *v.Version
	}
	return st, nil
}
