package broker

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/group"
	"github.com/leat-project/leat/broker/shape"
)

// minRequest is the length of the shortest header: key, version, correlation
// id, null client id.
const minRequest = 10

// request is one request with everything a handler needs to know.
type request struct {
	conn        *conn
	api         *api
	version     int16
	correlation int32
	clientID    string
	principal   string
	received    time.Time
	times       requestTimes
	body        kmsg.Request
	// tooNew marks an ApiVersions request of a version we do not speak.
	tooNew bool

	size int // of the frame
	// frame holds the bytes that slices in body point into.
	frame *buffer

	// response is nil when there is nothing to send. ready is set by a
	// handler that answers later; it is closed when response is there.
	response kmsg.Response
	ready    chan struct{}
	hangUp   bool

	// handled is set when the handler has run, and only ready is missing.
	handled bool
	// lone is set while the connection's reader runs the handler, and the
	// client sends nothing before it has the answer: the handler may wait for
	// what is quick. held is set if it did.
	lone, held bool
}

// anonymous is the principal of connections that did not authenticate.
const anonymous = "User:ANONYMOUS"

// protocolError is a stream that is not Kafka's, or asks for what was not
// advertised. The connection is closed without an answer, as Kafka does.
type protocolError struct{ what string }

func (e protocolError) Error() string { return "protocol error: " + e.what }

// decode reads header and body of a frame.
func (c *conn) decode(frame *buffer) (*request, error) {
	rd := kbin.Reader{Src: frame.b}
	key, version := rd.Int16(), rd.Int16()
	r := &request{conn: c, version: version, correlation: rd.Int32(), principal: anonymous, received: time.Now(), frame: frame, size: len(frame.b)}
	if id := rd.NullableString(); id != nil {
		r.clientID = *id
	}
	if !rd.Ok() {
		return nil, protocolError{"short request header"}
	}
	r.api = c.broker.api(key)
	if r.api == nil || c.listener.conf.Controller && !r.api.controller() {
		return nil, protocolError{"request of unknown kind " + itoa(int(key))}
	}
	if version < r.api.min || version > r.api.max {
		if key == apiVersionsKey {
			r.tooNew = true
			r.version = 0
			return r, nil
		}
		return nil, protocolError{r.api.name() + " version " + itoa(int(version))}
	}
	r.body = kmsg.RequestForKey(key)
	r.body.SetVersion(version)
	src := rd.Src
	if r.body.IsFlexible() {
		var err error
		if src, err = shape.SkipTags(src); err != nil {
			return nil, protocolError{"bad tags in the header of " + r.api.name() + ": " + err.Error()}
		}
		if err := r.api.layout(r.body).Check(src); err != nil {
			return nil, protocolError{"undecodable " + r.api.name() + ": " + err.Error()}
		}
	}
	if err := r.body.ReadFrom(src); err != nil {
		return nil, protocolError{"undecodable " + r.api.name() + ": " + err.Error()}
	}
	return r, nil
}

// enqueue counts a request that is handed to the server goroutine, unqueue
// takes it off again. One that is answered where it was read is in no queue.
func (r *request) enqueue() { r.conn.broker.metrics.queued.Add(1) }
func (r *request) unqueue() { r.conn.broker.metrics.queued.Add(-1) }

// handOver gives a lone request whose answer is there to the server goroutine,
// while the reader is held up in the handler. The server waits for requests, so
// this does not block.
func (r *request) handOver() {
	r.handled = true
	r.enqueue()
	r.conn.requests <- r
}

// answerable says whether the answer is there already.
func (r *request) answerable() bool {
	if r.ready == nil {
		return true
	}
	select {
	case <-r.ready:
		return true
	default:
		return false
	}
}

// handle runs the request. When it returns, response is set, or ready is.
func (r *request) handle(parked context.Context) {
	r.times.started = time.Now()
	defer r.noteHandled()
	if r.api.retains || r.api.parks {
		r.frame.uncount() // it stays for long, as something else than a request in flight
	}
	if !r.api.retains {
		defer r.releaseFrame()
	}
	if r.api.waits() {
		parked = context.WithValue(parked, waiting{}, r)
	}
	resp := r.api.handle(r.conn.broker, parked, r)
	if r.ready != nil {
		return // finish delivers the answer, and may have done so already
	}
	if resp != nil {
		resp.SetVersion(r.version)
	}
	r.response = resp
}

// noteHandled ends the time that counts as the handler's.
func (r *request) noteHandled() {
	if r.times.handled.IsZero() {
		r.times.handled = time.Now()
	}
}

// releaseFrame gives the bytes back that slices in body point into.
func (r *request) releaseFrame() {
	r.frame.release()
	r.frame = nil
}

// finishLater lets a handler return before its answer is known; finish
// delivers it.
func (r *request) finishLater() { r.ready = make(chan struct{}) }

func (r *request) finish(resp kmsg.Response) {
	resp.SetVersion(r.version)
	r.response = resp
	r.times.finished = time.Now()
	close(r.ready)
}

// waiting is the key under which the context of a handler has its request.
type waiting struct{}

// waitedSince says that the handler with that context waited for something to
// happen elsewhere: the time counts as remote.
func waitedSince(ctx context.Context, began time.Time) {
	if r, ok := ctx.Value(waiting{}).(*request); ok {
		r.times.waited.Add(int64(time.Since(began)))
	}
}

func (r *request) client() group.Client {
	return group.Client{ID: r.clientID, Host: "/" + r.conn.ip}
}

func itoa(n int) string { return strconv.Itoa(n) }

// connLog reports why connections end, where that is worth a line.
type connLog struct{ log *slog.Logger }

func (l connLog) ended(c *conn, err error) {
	var bad protocolError
	switch {
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.Canceled):
	case errors.As(err, &bad):
		l.log.Warn("closing a connection", "client", c.ip, "listener", c.listener.conf.Name, "err", err)
	default:
		l.log.Debug("connection ended", "client", c.ip, "err", err)
	}
}
