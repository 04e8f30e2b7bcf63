package broker

import (
	"errors"
	"io"
	"log/slog"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// FuzzDecode throws bytes at the decoder of frames. What it accepts must have a handler and be encodable again; what
// it refuses must be refused as a protocol error, which closes the connection with a line in the log.
func FuzzDecode(f *testing.F) {
	formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID("fuzz"))
	b := &Broker{log: slog.New(slog.NewTextHandler(io.Discard, nil)), apis: requestTable()}
	for key := range int16(maxKey) {
		a := b.api(key)
		if a == nil {
			continue
		}
		for version := a.min; version <= a.max; version++ {
			req := kmsg.RequestForKey(key)
			req.SetVersion(version)
			f.Add(formatter.AppendRequest(nil, req, 1)[4:])
		}
	}
	// Announces four billion tagged fields.
	f.Add([]byte("\x00\x01\x00\x0f\x00\x00\x00\x01\xff\xd4\xd4\xd4\xd4\xd4\x00\x00\x00\x00\x00\x00\x00\x00\x00\x8d\x00\x04fuzz\x00\x00\xff\xff\xff\xff\x01\x01\x01\x00"))
	c := &conn{broker: b, listener: newListenerFor(false)}
	f.Fuzz(func(t *testing.T, frame []byte) {
		if len(frame) < minRequest {
			return // readRequest does not let it through
		}
		r, err := c.decode(&buffer{b: frame, class: -1})
		if err != nil {
			var bad protocolError
			if !errors.As(err, &bad) {
				t.Fatalf("refused with %T %v", err, err)
			}
			return
		}
		if r.api == nil || r.tooNew {
			return
		}
		if n := len(r.body.AppendTo(nil)); n > 100*len(frame)+1000 {
			t.Fatalf("a frame of %d bytes became a request of %d", len(frame), n)
		}
	})
}

func newListenerFor(controller bool) *listener {
	return &listener{conf: Listener{Name: "PLAINTEXT", Controller: controller}}
}
