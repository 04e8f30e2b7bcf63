package broker

import (
	"context"
	"sync"

	"github.com/leat-project/leat/broker/controller"
)

// producerIDs hands out producer ids from blocks that the controller reserves.
type producerIDs struct {
	broker *Broker

	mu   sync.Mutex // guards next and end
	next int64
	end  int64
}

func (p *producerIDs) take() (int64, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == p.end {
		return 0, false
	}
	p.next++
	return p.next - 1, true
}

// get returns an id that was never returned before.
func (p *producerIDs) get(ctx context.Context) (int64, error) {
	for {
		if id, ok := p.take(); ok {
			return id, nil
		}
		if err := p.refill(ctx); err != nil {
			return 0, err
		}
	}
}

func (p *producerIDs) refill(ctx context.Context) error {
	first, err := p.broker.ctl.AllocateProducerIDs(ctx)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == p.end { // else another request was quicker; that block is skipped
		p.next, p.end = first, first+controller.ProducerIDBlock
	}
	return nil
}
