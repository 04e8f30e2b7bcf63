package broker

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// conn is one connection. Its reader goroutine cuts the stream into requests;
// its server goroutine runs them one after the other and writes the answers in
// order. Only Produce may leave an answer for later (pending), so that several
// can wait for the same flush.
//
// A request that comes alone (all before it are answered) and does not wait for
// events is served by the reader itself: handing it over would cost more than
// most requests do. If the client, too, waits for each answer before it sends
// again, then even the flush that an answer waits for is made by the reader.
type conn struct {
	broker   *Broker
	listener *listener
	nc       net.Conn
	ip       string
	id       uint64
	log      connLog

	// trusted is the length up to which a frame gets its memory at once. It is
	// the reader's.
	trusted int

	// requests go from the reader to the server goroutine.
	requests chan *request

	// more looks whether the client has sent more; nil if that cannot be told.
	// wary counts the lone requests until the client, which was seen to send
	// before it had an answer, is believed not to. Both are the reader's.
	more func() bool
	wary int

	// open counts requests that were read and not answered: a connection
	// with any is not idle.
	open atomic.Int64
}

// readBuffer holds a small request whole, so that it costs one read.
const readBuffer = 4 << 10

// readAhead bounds the requests of a connection that are read before the one
// in work is done.
const readAhead = 8

// maxPending bounds the Produce answers of a connection that wait for flushes.
const maxPending = 64

func newConn(b *Broker, l *listener, nc net.Conn, ip string) *conn {
	return &conn{broker: b, listener: l, nc: nc, ip: ip, id: b.connSeq.Add(1), log: connLog{b.log}}
}

// run serves the connection until it ends, or ctx does and what was read is
// answered.
func (c *conn) run(ctx context.Context) {
	defer c.nc.Close()
	if t, ok := c.nc.(*net.TCPConn); ok {
		// The operating system's defaults serve when a setting is refused.
		_ = t.SetNoDelay(true)
		c.more = pendingInput(t)
		if n := c.broker.cfg.int("socket.receive.buffer.bytes"); n > 0 {
			_ = t.SetReadBuffer(int(n))
		}
		if n := c.broker.cfg.int("socket.send.buffer.bytes"); n > 0 {
			_ = t.SetWriteBuffer(int(n))
		}
	}
	// Shutdown: read no more, finish what was read, then close.
	stopReading := context.AfterFunc(ctx, func() { c.nc.SetReadDeadline(time.Unix(1, 0)) })
	defer stopReading()
	// A client that is gone ends what is parked for it.
	parked, gone := context.WithCancel(context.WithoutCancel(ctx))
	defer gone()
	c.requests = make(chan *request, min(readAhead, int(c.broker.cfg.int("queued.max.requests"))))
	go func() { // ends with the connection's read side; run waits through the channel's close
		defer close(c.requests)
		c.log.ended(c, c.readAll(ctx, parked))
		gone()
	}()
	c.serveAll(parked)
	c.nc.Close()
	for r := range c.requests { // the reader may be blocked on the channel
		r.unqueue()
		r.drop()
	}
}

// readAll reads requests until the stream ends.
func (c *conn) readAll(ctx, parked context.Context) error {
	br := bufio.NewReaderSize(c.nc, readBuffer)
	for ctx.Err() == nil {
		r, err := c.readRequest(ctx, br)
		if err != nil {
			return err
		}
		// With none open the server goroutine has written its last answer and
		// waits for the channel: order is kept.
		if c.open.Add(1) > 1 {
			c.wary = waryFor
		} else if !r.api.parks {
			r.lone = c.takesTurns()
			r.handle(parked)
			if r.handled { // and handed over
				continue
			}
			if r.answerable() {
				if r.held && c.more() {
					c.wary = waryFor
				}
				if !c.answer(r) {
					return nil
				}
				continue
			}
			r.handled = true
		}
		r.enqueue()
		select {
		case c.requests <- r:
		case <-parked.Done():
			r.unqueue()
			r.drop()
			return nil
		}
	}
	return nil
}

// waryFor is how many requests must have come alone before a client that has
// sent ahead of an answer is believed to take turns.
const waryFor = 16

// takesTurns says whether the client seems to wait for each answer before it
// sends again. To hold up others while a flush runs would keep them from
// sharing the next.
func (c *conn) takesTurns() bool {
	if c.wary > 0 {
		c.wary--
	}
	return c.wary == 0 && c.more != nil
}

// readRequest reads one frame and decodes its header.
func (c *conn) readRequest(ctx context.Context, br *bufio.Reader) (*request, error) {
	var size [4]byte
	if err := c.readFull(ctx, br, size[:]); err != nil {
		return nil, err
	}
	n := int32(binary.BigEndian.Uint32(size[:]))
	if n < minRequest || int64(n) > c.broker.cfg.int("socket.request.max.bytes") {
		return nil, protocolError{"frame of " + itoa(int(n)) + " bytes"}
	}
	frame, err := c.readFrame(ctx, br, int(n))
	if err != nil {
		return nil, err
	}
	r, err := c.decode(frame)
	if err != nil {
		frame.release()
	}
	return r, err
}

// A frame gets its memory at once up to a length that depends on what the
// client has shown: a new one must send before more than firstFrame is set
// aside for it, so that thousands which announce and do not send cost little.
// Beyond the length memory grows with what has arrived.
const (
	firstFrame   = 16 << 10
	trustedFrame = 4 << 20
)

func (c *conn) readFrame(ctx context.Context, br *bufio.Reader, n int) (*buffer, error) {
	frame := c.broker.buffers.get(min(n, max(c.trusted, firstFrame)))
	counted := false
	for done := 0; ; {
		if err := c.readFull(ctx, br, frame.b[done:]); err != nil {
			frame.release()
			return nil, err
		}
		// Counted as a whole once it has begun to arrive: parts of many frames
		// that wait for one another would never be complete.
		if !counted && !c.listener.conf.Controller {
			if err := c.broker.inflight.take(ctx, int64(n)); err != nil {
				frame.release()
				return nil, err
			}
			counted = true
			frame.held, frame.bytes = &c.broker.inflight, int64(n)
		}
		if done = len(frame.b); done == n {
			c.trusted = min(max(c.trusted, 2*n), trustedFrame)
			return frame, nil
		}
		larger := c.broker.buffers.get(min(2*done, n))
		copy(larger.b, frame.b)
		larger.held, larger.bytes, frame.held = frame.held, frame.bytes, nil
		frame.release()
		frame = larger
	}
}

// readFull fills p. The idle limit counts from its call; a connection with
// open requests is waiting for us and is not idle.
func (c *conn) readFull(ctx context.Context, br *bufio.Reader, p []byte) error {
	idle := c.broker.cfg.ms("connections.max.idle.ms")
	for done := 0; ; {
		if br.Buffered() < len(p)-done && idle > 0 && ctx.Err() == nil {
			c.nc.SetReadDeadline(time.Now().Add(idle))
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := io.ReadFull(br, p[done:])
		done += n
		if err == nil {
			return nil
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil && c.open.Load() > 0 {
			continue
		}
		if done > 0 && errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		return err
	}
}

// serveAll runs requests in order and writes answers in order.
func (c *conn) serveAll(parked context.Context) {
	var pending []*request
	for {
		var head <-chan struct{}
		if len(pending) > 0 {
			head = pending[0].ready
		}
		next := c.requests
		if len(pending) >= maxPending {
			next = nil
		}
		select {
		case <-head:
			if !c.answer(pending[0]) {
				return
			}
			pending = pending[1:]
		case r, ok := <-next:
			if !ok {
				c.drain(pending)
				return
			}
			r.unqueue()
			if !r.handled {
				r.handle(parked)
			}
			if r.ready != nil {
				pending = append(pending, r)
				continue
			}
			// The answers before this one come first.
			if !c.drain(pending) {
				r.discard()
				return
			}
			if !c.answer(r) {
				return
			}
			pending = pending[:0]
		}
	}
}

func (c *conn) drain(pending []*request) bool {
	for _, r := range pending {
		<-r.ready
		if !c.answer(r) {
			return false
		}
	}
	return true
}

// answer writes the answer of r and says whether the connection goes on.
func (c *conn) answer(r *request) bool {
	defer c.open.Add(-1)
	defer r.discard()
	r.times.answering = time.Now()
	defer c.broker.metrics.answered(r)
	if r.hangUp {
		return false
	}
	if r.response == nil {
		return true // acks=0
	}
	if body, ok := r.response.(streamed); ok {
		return body.send(c, r) == nil
	}
	out := c.broker.buffers.get(4)
	out.b = r.appendHeader(out.b)
	out.b = r.response.AppendTo(out.b)
	binary.BigEndian.PutUint32(out.b, uint32(len(out.b)-4))
	c.limitWrite()
	_, err := c.nc.Write(out.b)
	out.release()
	return err == nil
}

// limitWrite gives up on a client that takes nothing for as long as an idle
// one is kept.
func (c *conn) limitWrite() {
	if idle := c.broker.cfg.ms("connections.max.idle.ms"); idle > 0 {
		c.nc.SetWriteDeadline(time.Now().Add(idle))
	}
}

// streamed is an answer that writes itself, because parts of it are files.
// release is called once, sent or not.
type streamed interface {
	kmsg.Response
	send(c *conn, r *request) error
	release()
}

// drop frees a request that is not answered. One that was handled waits for a
// flush, and has given its frame back.
func (r *request) drop() {
	if !r.handled {
		r.frame.release()
	}
}

// discard frees what the answer holds.
func (r *request) discard() {
	if body, ok := r.response.(streamed); ok {
		body.release()
	}
}

// appendHeader appends the response header behind the 4 bytes of length.
func (r *request) appendHeader(dst []byte) []byte {
	dst = kbin.AppendInt32(dst[:4], r.correlation)
	if r.response.IsFlexible() && r.response.Key() != apiVersionsKey {
		dst = append(dst, 0) // no tags; ApiVersions keeps header v0 at all versions
	}
	return dst
}
