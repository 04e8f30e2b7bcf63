package postgres

import (
	"context"
	"time"

	"github.com/leat-project/leat/connect"
)

// marking makes an offset durable before the phase that needs it begins. It writes
// nothing to a topic.
//
// A first start leaves two marks: one before the slot is created, one before the
// first row is handed over. So what a start finds tells how far the one before it
// came: a slot without a mark is not of this connector or its offsets are lost; a
// mark without a position and without a slot means that no row was ever emitted.
type marking struct {
	t     *Task
	pos   *position
	then  phase
	added bool
	pause time.Duration
}

const (
	firstMarkPause = 2 * time.Millisecond
	maxMarkPause   = 500 * time.Millisecond
)

func (m *marking) poll(ctx context.Context, b *connect.Batch) (phase, error) {
	if !m.added {
		m.added, m.pause = true, firstMarkPause
		b.AddOffset(m.t.partition, m.pos)
		return nil, nil
	}
	if !m.t.progress.isDurable(m.pos.seq) {
		m.t.ctx.RequestCommit()
		pause := m.pause
		m.pause = min(2*pause, maxMarkPause)
		return nil, sleep(ctx, pause)
	}
	next := m.then
	m.then = nil // it is the caller's now
	return next, nil
}

func (m *marking) recover() phase { return nil }

func (m *marking) close() {
	if m.then != nil {
		m.then.close()
	}
}

// preparing looks at the server again after a mark.
type preparing struct{ t *Task }

func (p preparing) poll(ctx context.Context, _ *connect.Batch) (phase, error) {
	return p.t.prepare(ctx)
}
func (p preparing) recover() phase { return nil }
func (p preparing) close()         {}
