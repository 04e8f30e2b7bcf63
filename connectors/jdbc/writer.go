package jdbc

import (
	"context"
	"time"
)

// This file is the writer and how buffers get to it and back.

// grace is how long a transaction may go on when the task is told to stop.
const grace = 5 * time.Second

// write is the writer. It ends with the task's context or when the task stops.
// After a failure it waits, since later rows must not overtake those that failed.
func (t *task) write(ctx context.Context) error {
	defer close(t.ended)
	// A transaction under way when the task stops is brought to its end.
	writing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()
	for {
		var b *buffer
		select {
		case <-ctx.Done():
			return nil
		case <-t.quit:
			return nil
		case b = <-t.slot:
		}
		err := t.writeBuffer(writing, b)
		t.done <- written{b, err}
		if err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.quit:
			return nil
		case <-t.again:
		}
	}
}

func (t *task) writeBuffer(ctx context.Context, b *buffer) error {
	if len(b.entries) == 0 {
		return nil
	}
	if err := t.connect(ctx); err != nil {
		return err
	}
	return t.session.Write(ctx, b.work(nil))
}

// takeBack makes the buffer that the writer has not begun the current one again:
// what is put while the writer is busy goes into one transaction.
func (t *task) takeBack() {
	if !t.cur.empty() {
		return
	}
	select {
	case b := <-t.slot:
		t.handed = t.handed[:len(t.handed)-1]
		t.free = append(t.free, t.cur)
		t.cur = b
	default:
	}
}

// handOver gives the current buffer to the writer, who takes it when it is done
// with the one before. A full buffer waits for that.
func (t *task) handOver(ctx context.Context) {
	if t.cur.empty() || t.failure.buffer != nil {
		return
	}
	full := len(t.cur.entries) >= t.maxRows || len(t.cur.data) >= t.maxBytes || t.cur.raw >= pooledRaw
	for len(t.handed) == cap(t.done) && ctx.Err() == nil {
		t.await(ctx)
	}
	if t.failure.buffer != nil || ctx.Err() != nil {
		return
	}
	b := t.cur
	t.handed, t.cur = append(t.handed, b), t.freeBuffer()
	select {
	case t.slot <- b: // at most a moment: handed had room, so the writer takes what is there
	case <-t.ended:
		t.finished(written{b, t.writeBuffer(ctx, b)})
		return
	}
	if full && len(t.handed) > 1 {
		t.await(ctx)
	}
}

func (t *task) freeBuffer() *buffer {
	if n := len(t.free); n > 0 {
		b := t.free[n-1]
		t.free = t.free[:n-1]
		return b
	}
	return newBuffer()
}

// await waits for the writer's next result. Once the task's context has ended
// there is no writer; what is left is written here, for the last PreCommit.
func (t *task) await(ctx context.Context) {
	select {
	case w := <-t.done:
		t.finished(w)
		return
	case <-ctx.Done():
		return
	case <-t.ended:
	}
	if t.poll(); len(t.handed) == 0 || t.failure.buffer != nil {
		return
	}
	b := <-t.slot
	t.finished(written{b, t.writeBuffer(ctx, b)})
}

// poll takes the writer's results as far as there are.
func (t *task) poll() {
	for len(t.handed) > 0 {
		select {
		case w := <-t.done:
			t.finished(w)
		default:
			return
		}
	}
}

func (t *task) finished(w written) {
	t.handed = append(t.handed[:0], t.handed[1:]...)
	if w.err != nil {
		t.failure.buffer, t.failure.err = w.buffer, w.err
		t.takeBack()
		return
	}
	if len(w.buffer.entries) > 0 { // else the database had no part in it
		t.failure.reset()
	}
	t.recycle(w.buffer)
}

func (t *task) recycle(b *buffer) {
	b.release()
	t.free = append(t.free, b)
}
