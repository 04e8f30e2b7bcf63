package store

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/worker/model"
)

// SourceOffset is a position to store. A nil Offset deletes.
type SourceOffset struct {
	Partition *connect.Partition
	Offset    map[string]any
}

// OffsetStore holds the source offsets of all connectors. Its methods are safe for
// concurrent use.
//
//	key    ["<connector>",{<source partition>}]
//	value  {<source offset>} or a tombstone
type OffsetStore struct {
	records Log
	log     *slog.Logger

	mu      sync.Mutex // guards entries
	entries map[string]map[string]*offsetEntry
}

type offsetEntry struct {
	key       []byte // as found or first written: an equal partition reuses it
	partition map[string]any
	offset    map[string]any // nil: deleted
}

// NewOffsetStore returns a store on a log that was not started.
func NewOffsetStore(records Log, log *slog.Logger) *OffsetStore {
	return &OffsetStore{records: records, log: log, entries: map[string]map[string]*offsetEntry{}}
}

// Start replays the log.
func (s *OffsetStore) Start(ctx context.Context) error { return s.records.Start(ctx, s.apply) }

// Close closes the log.
func (s *OffsetStore) Close() { s.records.Close() }

func (s *OffsetStore) apply(r Record) {
	name, partition, err := parseOffsetKey(r.Key)
	if err != nil {
		s.log.Warn("skipping an offset record whose key cannot be read", "key", string(r.Key), "offset", r.Offset, "err", err)
		return
	}
	var offset map[string]any
	if len(r.Value) > 0 {
		if offset, err = parseMap(r.Value); err != nil {
			s.log.Warn("skipping an offset record whose value cannot be read", "key", string(r.Key), "offset", r.Offset, "err", err)
			return
		}
	}
	id := connect.NewPartition(partition).Key()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries[name] == nil {
		s.entries[name] = map[string]*offsetEntry{}
	}
	s.entries[name][id] = &offsetEntry{key: r.Key, partition: partition, offset: offset}
}

func parseOffsetKey(key []byte) (connector string, partition map[string]any, err error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(key, &parts); err != nil || len(parts) != 2 {
		return "", nil, fmt.Errorf("expected a JSON array of a connector name and a source partition")
	}
	if err := json.Unmarshal(parts[0], &connector); err != nil {
		return "", nil, fmt.Errorf("the connector name is no string")
	}
	if partition, err = parseMap(parts[1]); err != nil {
		return "", nil, fmt.Errorf("reading the source partition: %w", err)
	}
	return connector, partition, nil
}

// Put writes offsets and returns when they are durable. An offset that is no map
// of primitives is an error and nothing is written.
func (s *OffsetStore) Put(ctx context.Context, connector string, offsets []SourceOffset) error {
	recs := make([]Record, 0, len(offsets))
	for _, o := range offsets {
		r, err := s.encode(connector, o)
		if err != nil {
			return err
		}
		recs = append(recs, r)
	}
	return s.records.Append(ctx, recs...)
}

func (s *OffsetStore) encode(connector string, o SourceOffset) (Record, error) {
	r := Record{Key: s.storedKey(connector, o.Partition)}
	var err error
	if r.Key == nil {
		r.Key = append(appendString([]byte{'['}, connector), ',')
		if r.Key, err = appendMap(r.Key, o.Partition.Fields()); err != nil {
			return r, fmt.Errorf("source partition %s: %w", o.Partition.Key(), err)
		}
		r.Key = append(r.Key, ']')
	}
	if o.Offset != nil {
		if r.Value, err = appendMap(nil, o.Offset); err != nil {
			return r, fmt.Errorf("source offset of partition %s: %w", o.Partition.Key(), err)
		}
	}
	return r, nil
}

func (s *OffsetStore) storedKey(connector string, p *connect.Partition) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[connector][p.Key()]; e != nil {
		return e.key
	}
	return nil
}

// Read returns one offset a partition, nil where none is stored, after reading the
// log to its end.
func (s *OffsetStore) Read(ctx context.Context, connector string, partitions ...*connect.Partition) ([]map[string]any, error) {
	if err := s.records.Sync(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]map[string]any, len(partitions))
	for i, p := range partitions {
		if e := s.entries[connector][p.Key()]; e != nil {
			out[i] = maps.Clone(e.offset)
		}
	}
	return out, nil
}

// All returns the offsets of a connector in order of partition, after reading the
// log to its end.
func (s *OffsetStore) All(ctx context.Context, connector string) ([]model.ConnectorOffset, error) {
	if err := s.records.Sync(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []model.ConnectorOffset{}
	for _, id := range slices.Sorted(maps.Keys(s.entries[connector])) {
		if e := s.entries[connector][id]; e.offset != nil {
			all = append(all, model.ConnectorOffset{Partition: maps.Clone(e.partition), Offset: maps.Clone(e.offset)})
		}
	}
	return all, nil
}
