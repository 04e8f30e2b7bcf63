package wire

import (
	"encoding/binary"
	"fmt"
	"io"
)

const (
	chunkSize  = 128 << 10
	headerSize = 5       // type byte and length, which counts itself
	maxMessage = 1 << 30 // PostgreSQL's own bound on a message
)

// frames reads backend messages into chunks that are never reused, so that what
// is handed out may be aliased for ever. As an io.Reader for pgproto3's Frontend
// it never gives more than the current message, so that the Frontend holds
// nothing back when the raw reading begins.
type frames struct {
	src  io.Reader
	buf  []byte // current chunk
	r, w int    // unread part
	left int    // bytes of the current message that Read has still to give
}

// Read serves the Frontend.
func (f *frames) Read(p []byte) (int, error) {
	if f.left == 0 {
		if err := f.need(headerSize); err != nil {
			return 0, err
		}
		n, err := f.length()
		if err != nil {
			return 0, err
		}
		f.left = n
	}
	if f.r == f.w {
		if err := f.need(1); err != nil {
			return 0, err
		}
	}
	n := copy(p, f.buf[f.r:min(f.w, f.r+f.left)])
	f.r += n
	f.left -= n
	return n, nil
}

// length is the size of the message at f.r, header included.
func (f *frames) length() (int, error) {
	n := int(binary.BigEndian.Uint32(f.buf[f.r+1:]))
	if n < 4 || n > maxMessage {
		return 0, fmt.Errorf("reading from PostgreSQL: message %q of %d bytes: this is no PostgreSQL server or the stream is broken", f.buf[f.r], n)
	}
	return n + 1, nil
}

// need reads until n unread bytes are there, in one chunk. After an error,
// a timeout for instance, it can be called again.
func (f *frames) need(n int) error {
	for f.w-f.r < n {
		if len(f.buf)-f.r < n || f.w == len(f.buf) {
			chunk := make([]byte, max(chunkSize, n))
			f.w = copy(chunk, f.buf[f.r:f.w])
			f.r, f.buf = 0, chunk
		}
		m, err := f.src.Read(f.buf[f.w:])
		f.w += m
		if err != nil && f.w-f.r < n {
			return err
		}
	}
	return nil
}

// span waits for one whole message and returns it with all whole messages that
// follow it in the chunk.
func (f *frames) span() ([]byte, error) {
	if err := f.need(headerSize); err != nil {
		return nil, err
	}
	n, err := f.length()
	if err != nil {
		return nil, err
	}
	if err := f.need(n); err != nil {
		return nil, err
	}
	end := f.r + n
	for f.w-end >= headerSize {
		n := int(binary.BigEndian.Uint32(f.buf[end+1:])) + 1
		if n < headerSize || f.w-end < n {
			break
		}
		end += n
	}
	s := f.buf[f.r:end:end]
	f.r = end
	return s, nil
}

// next cuts the first message off a span.
func next(span []byte) (kind byte, body, rest []byte) {
	n := int(binary.BigEndian.Uint32(span[1:])) + 1
	return span[0], span[headerSize:n:n], span[n:]
}
