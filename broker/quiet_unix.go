//go:build unix

package broker

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// quiet says that the client has sent nothing that is not read yet. False is
// always a legal answer.
func (c *conn) quiet() bool {
	sc, ok := c.nc.(syscall.Conn)
	if !ok {
		return false
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	var peeked error
	err = rc.Control(func(fd uintptr) {
		var one [1]byte
		_, _, peeked = unix.Recvfrom(int(fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	})
	return err == nil && errors.Is(peeked, unix.EAGAIN)
}
