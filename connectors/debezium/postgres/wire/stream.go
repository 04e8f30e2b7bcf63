package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgproto3"
)

// LSN is a position in the write-ahead log.
type LSN = pglogrepl.LSN

// StreamConfig says what to stream and how much to read ahead.
type StreamConfig struct {
	Slot    string
	Start   LSN           // 0: where the slot stands
	Options []string      // of the output plugin, as in START_REPLICATION
	Status  time.Duration // longest time between two status updates
	// WriteTimeout bounds the sending of a status update; 0 is no bound.
	WriteTimeout time.Duration
	MaxBytes     int // read ahead
	MaxMessages  int
}

// Stream is a running START_REPLICATION.
type Stream struct {
	conn      *Conn
	cfg       StreamConfig
	queue     *queue
	confirmed atomic.Uint64
	poke      atomic.Bool   // ask the server for a keep-alive
	armed     atomic.Bool   // Run was told that there is something to confirm
	wake      chan struct{} // confirmed or poke changed
	done      chan struct{}

	// Of Run only.
	received uint64    // end of what was read
	sent     uint64    // last position confirmed to the server
	last     time.Time // of the last status update
	pace     pace
}

// ErrStatusTimeout says that a status update took longer than the stream's
// WriteTimeout.
var ErrStatusTimeout = errors.New("the server does not take status updates in time")

// confirmEvery is the shortest time between two status updates that only confirm.
const confirmEvery = 200 * time.Millisecond

// Stream starts streaming. The stream owns the connection from now on: call Run.
func (c *Conn) Stream(ctx context.Context, cfg StreamConfig) (*Stream, error) {
	err := pglogrepl.StartReplication(ctx, c.PG, cfg.Slot, cfg.Start, pglogrepl.StartReplicationOptions{PluginArgs: cfg.Options})
	if err != nil {
		return nil, err
	}
	s := &Stream{conn: c, cfg: cfg, queue: newQueue(cfg.MaxBytes, cfg.MaxMessages), wake: make(chan struct{}, 1), done: make(chan struct{})}
	return s, nil
}

// Next waits for the next span of messages, for so long; take them apart with
// Messages. It is nil without error when nothing came. After the last one it
// returns the error that ended the stream.
func (s *Stream) Next(ctx context.Context, wait time.Duration) ([]byte, error) {
	return s.queue.take(ctx, wait)
}

// Buffered is the number of bytes that were read and not taken yet.
func (s *Stream) Buffered() int { return s.queue.buffered() }

// Poll is Next without waiting: nil when nothing is there.
func (s *Stream) Poll() ([]byte, error) { return s.queue.poll() }

// Confirm lets the server forget everything before lsn. It never goes back.
func (s *Stream) Confirm(lsn LSN) {
	for {
		old := s.confirmed.Load()
		if uint64(lsn) <= old {
			return
		}
		if s.confirmed.CompareAndSwap(old, uint64(lsn)) {
			break
		}
	}
	if s.armed.CompareAndSwap(false, true) {
		s.awake()
	}
}

// Poke asks the server to say how far it is, by a keep-alive.
func (s *Stream) Poke() {
	s.poke.Store(true)
	s.awake()
}

// awake interrupts Run's wait. Run sets its read deadline before it looks at
// what changed, so either it sees the change or this deadline ends its read.
func (s *Stream) awake() {
	signal(s.wake)
	_ = s.conn.PG.Conn().SetReadDeadline(time.Unix(1, 0))
}

// Done is closed when Run has returned and the connection is closed.
func (s *Stream) Done() <-chan struct{} { return s.done }

// Run reads until ctx ends or the connection breaks, confirms a last time and
// closes the connection. The error also reaches Next.
func (s *Stream) Run(ctx context.Context) {
	defer close(s.done)
	stop := context.AfterFunc(ctx, s.awake)
	defer stop()
	err := s.loop(ctx)
	s.queue.fail(err)
	if ctx.Err() != nil {
		_ = s.status(false) // a courtesy: the next start repeats less
	}
	_ = s.conn.Close()
}

func (s *Stream) loop(ctx context.Context) error {
	s.last = time.Now()
	for {
		due, err := s.report()
		if err != nil {
			return err
		}
		if err := s.conn.PG.Conn().SetReadDeadline(due); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if s.poke.Load() || s.due().Before(due) {
			continue // changed while the deadline was set
		}
		data, err := s.conn.frames.span()
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				continue
			}
			return fmt.Errorf("reading the replication stream: %w", err)
		}
		sp, err := s.scan(data)
		if err != nil {
			return err
		}
		if err := s.push(ctx, sp); err != nil {
			return err
		}
		s.pace.after(sp)
	}
}

// due is when the next status update is to be sent.
func (s *Stream) due() time.Time {
	if s.confirmed.Load() > s.sent {
		return s.last.Add(min(confirmEvery, s.cfg.Status))
	}
	return s.last.Add(s.cfg.Status)
}

// report sends a status update if it is time, and returns when the next is due.
func (s *Stream) report() (time.Time, error) {
	poke := s.poke.Swap(false)
	s.armed.Store(false) // before confirmed is read: a later change arms anew
	due := s.due()
	if !poke && time.Now().Before(due) {
		return due, nil
	}
	if err := s.status(poke); err != nil {
		return due, err
	}
	s.last = time.Now()
	return s.due(), nil
}

// push waits for room, and keeps the connection alive while it waits.
func (s *Stream) push(ctx context.Context, sp span) error {
	for !s.queue.offer(sp) {
		timer := time.NewTimer(time.Until(s.due()))
		select {
		case <-ctx.Done():
		case <-s.queue.freed:
		case <-s.wake:
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if _, err := s.report(); err != nil {
			return err
		}
	}
	return nil
}

// pace lets small messages gather when they come fast, so that many single-row
// transactions do not cost a system call and a wake-up each. Below fastRate it
// never waits.
type pace struct {
	rate float64 // messages a second, smoothed
	last time.Time
}

const (
	fastRate = 20_000 // messages a second; a transaction of one row has three
	gather   = 500 * time.Microsecond
	bigSpan  = chunkSize / 4
)

func (p *pace) after(sp span) {
	now := time.Now()
	gap := max(now.Sub(p.last), time.Microsecond)
	p.last = now
	weight := min(1, gap.Seconds()*100) // over about 10 ms
	p.rate += (float64(sp.messages)/gap.Seconds() - p.rate) * weight
	if p.rate > fastRate && len(sp.data) < bigSpan {
		time.Sleep(gather)
	}
}

// scan counts the changes of a span and handles what is for this side.
func (s *Stream) scan(data []byte) (span, error) {
	sp := span{data: data}
	for rest := data; len(rest) > 0; {
		var kind byte
		var body []byte
		kind, body, rest = next(rest)
		switch {
		case kind == 'd' && len(body) >= 25 && body[0] == 'w':
			sp.messages++
			s.received = max(s.received, binary.BigEndian.Uint64(body[1:]))
		case kind == 'd' && len(body) >= 18 && body[0] == 'k':
			s.received = max(s.received, binary.BigEndian.Uint64(body[1:]))
			if body[17] == 1 {
				if err := s.status(false); err != nil {
					return sp, err
				}
			}
		case kind == 'E':
			return sp, serverError(body)
		case kind == 'c' || kind == 'C':
			return sp, fmt.Errorf("PostgreSQL ended the replication stream: %w", io.EOF) // it shuts down
		}
	}
	return sp, nil
}

const postgresEpoch = 946684800 // 2000-01-01 in Unix seconds

// status sends a standby status update: received, flushed and applied position.
func (s *Stream) status(reply bool) error {
	flushed := s.confirmed.Load()
	body := make([]byte, 0, 34)
	body = append(body, 'r')
	body = binary.BigEndian.AppendUint64(body, max(s.received, flushed))
	body = binary.BigEndian.AppendUint64(body, flushed)
	body = binary.BigEndian.AppendUint64(body, flushed)
	body = binary.BigEndian.AppendUint64(body, uint64(time.Now().UnixMicro()-postgresEpoch*1e6))
	if reply {
		body = append(body, 1)
	} else {
		body = append(body, 0)
	}
	msg, err := (&pgproto3.CopyData{Data: body}).Encode(nil)
	if err != nil {
		return err
	}
	conn := s.conn.PG.Conn()
	if s.cfg.WriteTimeout > 0 {
		if err := conn.SetWriteDeadline(time.Now().Add(s.cfg.WriteTimeout)); err != nil {
			return err
		}
	}
	if _, err := conn.Write(msg); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = fmt.Errorf("%w (%s): %w", ErrStatusTimeout, s.cfg.WriteTimeout, err)
		}
		return fmt.Errorf("confirming %s to PostgreSQL: %w", LSN(flushed), err)
	}
	s.sent = flushed
	return nil
}

// Message is one message of the replication stream.
type Message struct {
	Start LSN    // position of the change
	End   LSN    // end of the log on the server; of a keep-alive: all before it was sent
	Data  []byte // of the output plugin, nil for a keep-alive
}

// Messages cuts the first message off a span that Next returned; ok is false at
// its end.
func Messages(data []byte) (m Message, rest []byte, ok bool) {
	for len(data) > 0 {
		var kind byte
		var body []byte
		kind, body, data = next(data)
		if kind != 'd' || len(body) == 0 {
			continue
		}
		switch {
		case body[0] == 'w' && len(body) >= 25:
			m.Start, m.End, m.Data = LSN(binary.BigEndian.Uint64(body[1:])), LSN(binary.BigEndian.Uint64(body[9:])), body[25:]
			return m, data, true
		case body[0] == 'k' && len(body) >= 18:
			m.Start, m.End = LSN(binary.BigEndian.Uint64(body[1:])), LSN(binary.BigEndian.Uint64(body[1:]))
			m.Data = nil
			return m, data, true
		}
	}
	return m, nil, false
}
