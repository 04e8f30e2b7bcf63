package broker_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/brokertest"
)

// FuzzRequests throws bytes at a broker as the body of a frame. It may answer
// or close the connection; it must live on.
func FuzzRequests(f *testing.F) {
	formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID("fuzz"))
	for key := int16(0); key < 93; key++ {
		req := kmsg.RequestForKey(key)
		if req == nil {
			continue
		}
		for version := range req.MaxVersion() + 1 {
			req.SetVersion(version)
			f.Add(formatter.AppendRequest(nil, req, 1)[4:])
		}
	}
	b := brokertest.Start(f, map[string]string{"connections.max.idle.ms": "1000", "group.min.session.timeout.ms": "1"})
	f.Fuzz(func(t *testing.T, frame []byte) {
		conn, err := net.Dial("tcp", b.Addr())
		if err != nil {
			t.Fatalf("the broker is gone: %v", err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(20 * time.Millisecond)); err != nil { // some requests wait by design
			t.Fatal(err)
		}
		msg := binary.BigEndian.AppendUint32(nil, uint32(len(frame)))
		if _, err := conn.Write(append(msg, frame...)); err != nil {
			return // closed on the first bytes
		}
		var size [4]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return // closed, waiting, or acks=0
		}
		answer := make([]byte, min(binary.BigEndian.Uint32(size[:]), 1<<20))
		if _, err := io.ReadFull(conn, answer); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("answer of %d bytes is cut short: %v", len(answer), err)
		}
	})
}
