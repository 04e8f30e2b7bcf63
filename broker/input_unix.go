//go:build unix

package broker

import (
	"net"

	"golang.org/x/sys/unix"
)

// pendingInput returns a function that says, without waiting, whether there is
// something to read; nil if that cannot be told. An end counts as something.
func pendingInput(nc *net.TCPConn) func() bool {
	rc, err := nc.SyscallConn()
	if err != nil {
		return nil
	}
	var peeked error
	var one [1]byte
	peek := func(fd uintptr) bool {
		_, _, peeked = unix.Recvfrom(int(fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		return true
	}
	return func() bool { return rc.Read(peek) != nil || peeked != unix.EAGAIN }
}
