package store

import (
	"context"
	"log/slog"
	"sync"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/worker/model"
)

// LayeredOffsets are the offsets of a connector with an offsets topic of its own
// (offsets.storage.topic, KIP-618): what its own topic says wins, the worker's is
// the fallback and gets a copy (ConnectorOffsetBackingStore). The topic is opened
// with the first use. Its methods are safe for concurrent use.
type LayeredOffsets struct {
	shared *OffsetStore
	open   func() (*OffsetStore, error)
	log    *slog.Logger

	gate chan struct{} // held while own is opened
	mu   sync.Mutex    // guards own
	own  *OffsetStore
}

// NewLayeredOffsets returns offsets over shared and a store that open makes.
func NewLayeredOffsets(shared *OffsetStore, open func() (*OffsetStore, error), log *slog.Logger) *LayeredOffsets {
	return &LayeredOffsets{shared: shared, open: open, log: log, gate: make(chan struct{}, 1)}
}

func (l *LayeredOffsets) store(ctx context.Context) (*OffsetStore, error) {
	select {
	case l.gate <- struct{}{}:
		defer func() { <-l.gate }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	l.mu.Lock()
	own := l.own
	l.mu.Unlock()
	if own != nil {
		return own, nil
	}
	own, err := l.open()
	if err != nil {
		return nil, err
	}
	if err := own.Start(ctx); err != nil {
		own.Close()
		return nil, err
	}
	l.mu.Lock()
	l.own = own
	l.mu.Unlock()
	return own, nil
}

// Close closes the connector's own topic if it was opened.
func (l *LayeredOffsets) Close() {
	l.mu.Lock()
	own := l.own
	l.own = nil
	l.mu.Unlock()
	if own != nil {
		own.Close()
	}
}

// Put writes to the connector's topic. Deletions go to the worker's topic first, or an
// offset there would come alive again; other offsets are copied there as well as it
// goes.
func (l *LayeredOffsets) Put(ctx context.Context, connector string, offsets []SourceOffset) error {
	own, err := l.store(ctx)
	if err != nil {
		return err
	}
	var deleted, kept []SourceOffset
	for _, o := range offsets {
		if o.Offset == nil {
			deleted = append(deleted, o)
		} else {
			kept = append(kept, o)
		}
	}
	if len(deleted) > 0 {
		if err := l.shared.Put(ctx, connector, deleted); err != nil {
			return err
		}
	}
	if err := own.Put(ctx, connector, offsets); err != nil {
		return err
	}
	if len(kept) > 0 {
		if err := l.shared.Put(ctx, connector, kept); err != nil {
			l.log.Warn("copying offsets to the worker's topic", "connector", connector, "err", err)
		}
	}
	return nil
}

// Read returns one offset a partition, nil where none is stored.
func (l *LayeredOffsets) Read(ctx context.Context, connector string, ps ...*connect.Partition) ([]map[string]any, error) {
	own, err := l.store(ctx)
	if err != nil {
		return nil, err
	}
	out, err := own.Read(ctx, connector, ps...)
	if err != nil {
		return nil, err
	}
	fallback, err := l.shared.Read(ctx, connector, ps...)
	if err != nil {
		return nil, err
	}
	for i := range out {
		if out[i] == nil {
			out[i] = fallback[i]
		}
	}
	return out, nil
}

// All returns the offsets of a connector.
func (l *LayeredOffsets) All(ctx context.Context, connector string) ([]model.ConnectorOffset, error) {
	own, err := l.store(ctx)
	if err != nil {
		return nil, err
	}
	out, err := own.All(ctx, connector)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, o := range out {
		seen[connect.NewPartition(o.Partition).Key()] = true
	}
	fallback, err := l.shared.All(ctx, connector)
	if err != nil {
		return nil, err
	}
	for _, o := range fallback {
		if !seen[connect.NewPartition(o.Partition).Key()] {
			out = append(out, o)
		}
	}
	return out, nil
}
