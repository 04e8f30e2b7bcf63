//go:build !linux

package freeport

import (
	"net"
	"strconv"
)

// reserve says whether a server could listen on the port now.
func reserve(port int) error {
	l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return l.Close()
}
