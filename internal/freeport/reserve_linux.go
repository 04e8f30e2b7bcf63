package freeport

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// reserve binds a socket to the port and keeps it until the process ends. The
// bind is exclusive, so it fails where anybody, a reservation included, has the
// port. Only then is the address declared reusable: a server, which asks for
// reuse as Go's, PostgreSQL's and PgBouncer's do, can listen beside a socket
// that does not listen.
func reserve(port int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening a socket to reserve a port: %w", err)
	}
	err = unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}
	if err != nil {
		_ = unix.Close(fd) // nothing was done with it
		return fmt.Errorf("reserving port %d: %w", port, err)
	}
	return nil
}
