package wire

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"
)

func msg(kind byte, body []byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4))
	return append(b, body...)
}

// TestFrames reads messages of many sizes, whatever pieces they come in, and what
// was handed out stays as it was.
func TestFrames(t *testing.T) {
	var input []byte
	var want [][]byte
	for i, size := range []int{0, 1, 100, chunkSize - 20, chunkSize, 3 * chunkSize, 7, 50_000, 90_000, 5} {
		body := bytes.Repeat([]byte{byte('a' + i)}, size)
		want = append(want, body)
		input = append(input, msg('d', body)...)
	}
	for name, src := range map[string]io.Reader{
		"whole": bytes.NewReader(input), "bytes": iotest.OneByteReader(bytes.NewReader(input)), "halves": iotest.HalfReader(bytes.NewReader(input)),
	} {
		f := &frames{src: src}
		var got [][]byte
		for {
			span, err := f.span()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			for len(span) > 0 {
				var kind byte
				var body []byte
				if kind, body, span = next(span); kind != 'd' {
					t.Fatalf("kind %q", kind)
				}
				got = append(got, body)
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%s: %d messages, want %d", name, len(got), len(want))
		}
		for i := range want {
			if !bytes.Equal(got[i], want[i]) {
				t.Errorf("%s: message %d differs", name, i)
			}
		}
	}
}

// TestFramesAsReader: the Frontend never gets more than one message ahead.
func TestFramesAsReader(t *testing.T) {
	f := &frames{src: bytes.NewReader(append(msg('R', []byte("one")), msg('d', []byte("two"))...))}
	buf := make([]byte, 100)
	n, err := f.Read(buf)
	if err != nil || string(buf[:n]) != string(msg('R', []byte("one"))) {
		t.Fatalf("%q, %v: want the first message only", buf[:n], err)
	}
	span, err := f.span()
	if err != nil || string(span) != string(msg('d', []byte("two"))) {
		t.Fatalf("%q, %v: want the second message", span, err)
	}
}

// TestFramesAfterTimeout: a timeout in the middle of a message loses nothing.
func TestFramesAfterTimeout(t *testing.T) {
	m := msg('d', []byte("hello"))
	f := &frames{src: io.MultiReader(bytes.NewReader(m[:6]), &timeoutOnce{}, bytes.NewReader(m[6:]))}
	if _, err := f.span(); !errors.Is(err, iotest.ErrTimeout) {
		t.Fatalf("error %v, want a timeout", err)
	}
	if span, err := f.span(); err != nil || !bytes.Equal(span, m) {
		t.Fatalf("%q, %v: want the whole message", span, err)
	}
}

type timeoutOnce struct{ done bool }

func (r *timeoutOnce) Read([]byte) (int, error) {
	if r.done {
		return 0, io.EOF
	}
	r.done = true
	return 0, iotest.ErrTimeout
}

func TestBrokenLength(t *testing.T) {
	f := &frames{src: bytes.NewReader([]byte{'d', 0xff, 0xff, 0xff, 0xff, 0})}
	if _, err := f.span(); err == nil {
		t.Error("a message of 4 GiB is read")
	}
}

func TestQueue(t *testing.T) {
	q := newQueue(100, 10)
	big := span{data: make([]byte, 1000), messages: 50}
	if !q.offer(big) {
		t.Error("one span is always let in")
	}
	if q.offer(span{data: make([]byte, 1), messages: 1}) {
		t.Error("a full queue takes more")
	}
	if s, err := q.take(t.Context(), time.Second); err != nil || len(s) != 1000 {
		t.Errorf("%d bytes, %v", len(s), err)
	}
	if s, err := q.take(t.Context(), time.Millisecond); s != nil || err != nil {
		t.Errorf("%v, %v: want nothing from an empty queue", s, err)
	}
	q.offer(span{data: []byte("x"), messages: 1})
	broken := errors.New("broken")
	q.fail(broken)
	if s, err := q.take(t.Context(), time.Second); err != nil || string(s) != "x" {
		t.Errorf("%q, %v: want what came before the end", s, err)
	}
	if _, err := q.take(t.Context(), time.Second); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newQueue(1, 1).take(ctx, time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}

func FuzzMessages(f *testing.F) {
	f.Add(msg('d', append([]byte{'w'}, make([]byte, 24)...)))
	f.Add(msg('d', append([]byte{'k'}, make([]byte, 17)...)))
	f.Fuzz(func(_ *testing.T, input []byte) {
		r := &frames{src: bytes.NewReader(input)}
		for {
			span, err := r.span()
			if err != nil {
				return
			}
			for ok := true; ok; _, span, ok = Messages(span) {
			}
		}
	})
}
