package freeport_test

import (
	"net"
	"strconv"
	"testing"

	"github.com/leat-project/leat/internal/freeport"
)

// TestTakenPortsAreUsable listens on many ports and gives them back twice, as a
// server that is started again does. No two of them are the same.
func TestTakenPortsAreUsable(t *testing.T) {
	seen := map[int]bool{}
	for range 200 {
		port, err := freeport.Take()
		if err != nil {
			t.Fatal(err)
		}
		if seen[port] {
			t.Fatalf("port %d was given twice", port)
		}
		seen[port] = true
		for range 2 {
			if !freeport.IsFree(port) {
				t.Fatalf("port %d cannot be listened on", port)
			}
			exchange(t, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		}
		if conn, err := net.Dial("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			_ = conn.Close()
			t.Fatalf("port %d takes connections though nobody listens", port)
		}
	}
}

// exchange listens, is connected to, and ends the connection as a server does
// that stops: the port is left in TIME_WAIT.
func exchange(t *testing.T, address string) {
	t.Helper()
	l, err := net.Listen("tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Read(make([]byte, 1)); err == nil {
		t.Fatal("read from a closed connection")
	}
}
