package broker_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/brokertest"
)

// dial opens a raw connection that ends with the test.
func dial(t *testing.T, b *brokertest.Broker) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// mustClose waits until the broker closes a connection.
func mustClose(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(testTime)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("the connection is open still")
	}
}

// announce sends the length of a frame and the beginning of one.
func announce(t *testing.T, conn net.Conn, size, send int) {
	t.Helper()
	msg := binary.BigEndian.AppendUint32(nil, uint32(size))
	if _, err := conn.Write(append(msg, make([]byte, send)...)); err != nil {
		t.Fatal(err)
	}
}

func TestFramesThatAreTooLarge(t *testing.T) {
	b := brokertest.Start(t, map[string]string{"socket.request.max.bytes": "2000"})
	for _, size := range []int{2001, 1 << 30, 1<<32 - 1, 3, 0} {
		conn := dial(t, b)
		announce(t, conn, size, 0)
		mustClose(t, conn)
	}
	// The largest one is read: its content is what is wrong.
	conn := dial(t, b)
	announce(t, conn, 2000, 1999)
	if err := conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a frame of the largest length that is not complete: %v", err)
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	const limit = 300 * time.Millisecond
	b := brokertest.Start(t, map[string]string{"connections.max.idle.ms": fmt.Sprint(limit.Milliseconds())})
	idle, half := dial(t, b), dial(t, b)
	announce(t, half, 100, 20)
	mustClose(t, idle)
	mustClose(t, half)
	// A long poll is not idle.
	ctx := testContext(t)
	produce(t, ctx, client(t, b, kgo.AllowAutoTopicCreation(), kgo.AlwaysRetryEOF()), "t", 1)
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(4)
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes = int32(4*limit/time.Millisecond), 1, 1000
	req.Topics = []kmsg.FetchRequestTopic{{Topic: "t", Partitions: []kmsg.FetchRequestTopicPartition{{Partition: 0, FetchOffset: 1, PartitionMaxBytes: 1000}}}}
	for {
		begun := time.Now()
		conn := dial(t, b)
		_, err := conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, req, 1))
		late := time.Since(begun) > limit/2 // it may have been idle before it had asked
		if err == nil {
			err = conn.SetReadDeadline(time.Now().Add(testTime))
		}
		if err == nil {
			_, err = io.ReadFull(conn, make([]byte, 8))
		}
		if err == nil {
			break
		}
		if !late || ctx.Err() != nil {
			t.Fatalf("a long poll of four times connections.max.idle.ms: %v", err)
		}
	}
}

// TestSlowReaderIsDropped asks for more than the socket holds and reads nothing:
// the broker gives up after connections.max.idle.ms.
func TestSlowReaderIsDropped(t *testing.T) {
	b := brokertest.Start(t, map[string]string{"connections.max.idle.ms": "300", "message.max.bytes": "9000000", "socket.send.buffer.bytes": "20000"})
	ctx := testContext(t)
	p := client(t, b, kgo.AllowAutoTopicCreation(), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(8<<20), kgo.MaxBufferedBytes(64<<20), kgo.AlwaysRetryEOF())
	for range 3 {
		if err := p.ProduceSync(ctx, &kgo.Record{Topic: "large", Value: make([]byte, 7<<20)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(4)
	req.MaxBytes = 1 << 30
	req.Topics = []kmsg.FetchRequestTopic{{Topic: "large", Partitions: []kmsg.FetchRequestTopicPartition{{Partition: 0, PartitionMaxBytes: 1 << 30}}}}
	conn := dial(t, b)
	if err := conn.(*net.TCPConn).SetReadBuffer(10000); err != nil {
		t.Fatal(err)
	}
	msg := kmsg.NewRequestFormatter().AppendRequest(nil, req, 1)
	if err := conn.SetWriteDeadline(time.Now().Add(testTime)); err != nil {
		t.Fatal(err)
	}
	for {
		// Requests are taken until the broker is gone: then writing fails.
		if _, err := conn.Write(msg); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal("the broker keeps a client that reads nothing")
			}
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal("out of time")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// answered asks on a new connection and says whether an answer comes before some
// on the controller listener.
func answered(t *testing.T, ctx context.Context, b *brokertest.Broker, ctl *kgo.Client) bool {
	t.Helper()
	conn := dial(t, b)
	if _, err := conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, kmsg.NewPtrApiVersionsRequest(), 1)); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if _, err := ctl.SeedBrokers()[0].Request(ctx, kmsg.NewPtrApiVersionsRequest()); err != nil {
			t.Fatalf("the controller listener: %v", err)
		}
	}
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	n, _ := conn.Read(make([]byte, 1)) // its end of time is an answer, too
	return n > 0
}

// TestBytesInFlight fills queued.max.request.bytes with frames that do not
// become complete: others wait, those that fit into what is freed go on, and the
// controller listener does not notice.
func TestBytesInFlight(t *testing.T) {
	b := brokertest.Start(t, map[string]string{
		"listeners": "CONTROLLER://127.0.0.1:0,PLAINTEXT://127.0.0.1:0", "controller.listener.names": "CONTROLLER",
		"queued.max.request.bytes": "100000", "group.initial.rebalance.delay.ms": "0",
	})
	ctx := testContext(t)
	produce(t, ctx, client(t, b, kgo.AllowAutoTopicCreation()), "t", 10)
	hog := dial(t, b)
	announce(t, hog, 150000, 16<<10) // let in, as something is left
	ctl := client(t, b, kgo.SeedBrokers(b.ListenerAddr("CONTROLLER")))
	for answered(t, ctx, b, ctl) && ctx.Err() == nil { // until the broker has read the beginning
	}
	waiting := make(chan error, 1)
	p := client(t, b)
	go func() { // ends when the hog does
		waiting <- p.ProduceSync(ctx, &kgo.Record{Topic: "t", Value: []byte("waits")}).FirstErr()
	}()
	for range 20 {
		if _, err := ctl.SeedBrokers()[0].Request(ctx, kmsg.NewPtrApiVersionsRequest()); err != nil {
			t.Fatalf("the controller listener: %v", err)
		}
	}
	select {
	case err := <-waiting:
		t.Fatalf("a request was read beyond queued.max.request.bytes (%v)", err)
	default:
	}
	hog.Close()
	if err := <-waiting; err != nil {
		t.Fatalf("after the bytes were given back: %v", err)
	}
	// Everything given back: more than the limit passes one after the other,
	// with long polls open.
	c := client(t, b, kgo.ConsumeTopics("t"), kgo.FetchMaxWait(time.Second))
	consume(t, ctx, c, 11)
	for range 30 {
		if err := p.ProduceSync(ctx, &kgo.Record{Topic: "t", Value: make([]byte, 20000)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	consume(t, ctx, c, 30)
}
