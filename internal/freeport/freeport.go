// Package freeport finds a TCP port on 127.0.0.1 that a server started by a
// test, the demo or the bench can listen on.
//
// Servers that can listen on port 0 and report what they got should do that.
// This package is for those that must be told a number, and must keep it over
// a restart. Ports are taken from below the range that Linux uses for outgoing
// connections, so that a stopped server finds its port free when it returns.
package freeport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

const (
	lowest  = 15000
	highest = 32000 // net.ipv4.ip_local_port_range starts at 32768
	tries   = 200
)

// Take returns a port on 127.0.0.1 that nobody listens on at this moment. On
// Linux it stays reserved until this process ends: no other Take, here or in
// another process, returns it, whether or not a server listens on it meanwhile.
// Elsewhere another process may take it before the caller does.
func Take() (int, error) {
	var last error
	for range tries {
		port := lowest + rand.IntN(highest-lowest)
		err := reserve(port)
		if err == nil {
			return port, nil
		}
		last = err
	}
	return 0, errors.Join(fmt.Errorf("finding a free port on 127.0.0.1 between %d and %d", lowest, highest), last)
}

// IsFree says whether a server could listen on that port of 127.0.0.1 now.
func IsFree(port int) bool {
	l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	return err == nil && l.Close() == nil
}
