package recordbatch

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Record is one record of a batch. Its slices alias the batch or the Reader's buffer.
type Record struct {
	Offset    int64
	Timestamp int64  // ms
	Key       []byte // nil is null
	Value     []byte // nil is null: a tombstone
	// HeaderCount is the number of headers, Headers their encoding (see AppendHeader).
	HeaderCount int
	Headers     []byte

	// raw is the record from its attributes on, without the length.
	raw         []byte
	offsetDelta int32
}

// Header is one record header. A nil Value is null.
type Header struct {
	Key   string
	Value []byte
}

// Reader walks over the records of a batch, decompressing when needed. It keeps its buffer from batch to batch:
// records are valid until the next Reset. The zero Reader is ready; it is not safe for concurrent use.
type Reader struct {
	// MaxDecompressed bounds the record section in bytes, 0 means DefaultMaxDecompressed.
	MaxDecompressed int

	batch     Batch
	buf       []byte // reused for decompression
	rest      []byte
	remaining int32
	rec       Record
	err       error
	base      int64
	baseTime  int64
	fixedTime bool
}

// Reset starts over with another whole batch. An *Error of kind Corrupt says that it does not decompress.
func (r *Reader) Reset(b Batch) error {
	r.batch, r.err = b, nil
	r.remaining = b.Count()
	r.rest = b[HeaderSize:]
	r.base, r.baseTime, r.fixedTime = b.BaseOffset(), b.BaseTimestamp(), b.LogAppendTime()
	if codec := b.Codec(); codec != None {
		limit := r.MaxDecompressed
		if limit <= 0 {
			limit = DefaultMaxDecompressed
		}
		buf, err := Decompress(r.buf[:0], r.rest, codec, limit)
		if err != nil {
			r.remaining = 0
			r.err = &Error{Kind: Corrupt, Msg: fmt.Sprintf("decompressing %s batch at offset %d: %v", codec, r.base, err)}
			return r.err
		}
		r.buf, r.rest = buf, buf
	}
	return nil
}

// Next advances to the next record; false means the end or an error, see Err.
func (r *Reader) Next() bool {
	if r.err != nil || r.remaining <= 0 {
		if r.err == nil && len(r.rest) > 0 {
			r.err = corruptf("%d bytes follow the last record of the batch at offset %d", len(r.rest), r.base)
		}
		return false
	}
	if err := r.parse(); err != nil {
		r.err = corruptf("record %d of the batch at offset %d: %v", r.batch.Count()-r.remaining, r.base, err)
		return false
	}
	r.remaining--
	return true
}

// Record is the record that Next advanced to, valid until the next call of Next.
func (r *Reader) Record() *Record { return &r.rec }

// Err is what ended the walk early, an *Error of kind Corrupt, or nil.
func (r *Reader) Err() error { return r.err }

// Uncompressed is the whole record section as Reset left it. It is valid until the next Reset.
func (r *Reader) Uncompressed() []byte {
	if r.batch.Codec() == None {
		return r.batch[HeaderSize:]
	}
	return r.buf
}

var (
	errShort  = errors.New("record ends early")
	errVarint = errors.New("malformed varint")
)

func (r *Reader) parse() error {
	length, n := binary.Varint(r.rest)
	if n <= 0 {
		return errVarint
	}
	if length < 0 || length > int64(len(r.rest)-n) {
		return fmt.Errorf("length %d exceeds the %d bytes left", length, len(r.rest)-n)
	}
	raw := r.rest[n : n+int(length) : n+int(length)]
	r.rest = r.rest[n+int(length):]
	rec := &r.rec
	rec.raw = raw
	if len(raw) < 1 {
		return errShort
	}
	p := raw[1:]
	tsDelta, n := binary.Varint(p)
	if n <= 0 {
		return errVarint
	}
	p = p[n:]
	offDelta, n := binary.Varint(p)
	if n <= 0 || offDelta != int64(int32(offDelta)) {
		return errVarint
	}
	p = p[n:]
	var err error
	if rec.Key, p, err = cutBytes(p); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	if rec.Value, p, err = cutBytes(p); err != nil {
		return fmt.Errorf("value: %w", err)
	}
	count, n := binary.Varint(p)
	if n <= 0 || count < 0 || count > int64(len(p)) {
		return fmt.Errorf("header count: %w", errVarint)
	}
	rec.HeaderCount, rec.Headers = int(count), p[n:]
	rec.offsetDelta = int32(offDelta)
	rec.Offset = r.base + offDelta
	rec.Timestamp = r.baseTime + tsDelta
	if r.fixedTime {
		rec.Timestamp = r.batch.MaxTimestamp()
	}
	return checkHeaders(rec.Headers, rec.HeaderCount)
}

// checkHeaders walks over encoded headers and makes sure that they fill their bytes.
func checkHeaders(p []byte, count int) error {
	if count == 0 && len(p) == 0 {
		return nil
	}
	var err error
	var key []byte
	for range count {
		if key, p, err = cutBytes(p); err != nil {
			return fmt.Errorf("header: %w", err)
		}
		if key == nil {
			return errors.New("header has a null key")
		}
		if _, p, err = cutBytes(p); err != nil {
			return fmt.Errorf("header: %w", err)
		}
	}
	if len(p) > 0 {
		return fmt.Errorf("%d bytes follow the headers", len(p))
	}
	return nil
}

// cutBytes reads a varint length (-1 is null) and that many bytes.
func cutBytes(p []byte) (val, rest []byte, err error) {
	n, k := binary.Varint(p)
	if k <= 0 {
		return nil, nil, errVarint
	}
	p = p[k:]
	switch {
	case n == -1:
		return nil, p, nil
	case n < 0 || n > int64(len(p)):
		return nil, nil, fmt.Errorf("length %d exceeds the %d bytes left", n, len(p))
	}
	return p[:n:n], p[n:], nil
}

// ParseHeaders decodes the headers of a record; values alias it.
func (rec *Record) ParseHeaders() []Header {
	if rec.HeaderCount == 0 {
		return nil
	}
	out := make([]Header, 0, rec.HeaderCount)
	p := rec.Headers
	for range rec.HeaderCount {
		// Reader.Next has checked the encoding.
		key, rest, _ := cutBytes(p)
		val, rest, _ := cutBytes(rest)
		out, p = append(out, Header{Key: string(key), Value: val}), rest
	}
	return out
}
