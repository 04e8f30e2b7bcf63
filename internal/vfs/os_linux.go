package vfs

import (
	"errors"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// fdatasync makes data and size durable; times need not be.
func fdatasync(f *os.File) error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EINTR) {
			return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
		}
	}
}

// sendFile copies with sendfile(2) at an explicit offset, so that many connections can share one open file.
func sendFile(dst *net.TCPConn, src *os.File, offset, n int64) (int64, error) {
	rc, err := dst.SyscallConn()
	if err != nil {
		return 0, err
	}
	var sent int64
	var serr error
	err = rc.Write(func(fd uintptr) bool {
		for sent < n {
			k, err := unix.Sendfile(int(fd), int(src.Fd()), &offset, int(min(n-sent, 1<<30)))
			if k > 0 {
				sent += int64(k)
			}
			switch {
			case errors.Is(err, unix.EAGAIN):
				return false
			case errors.Is(err, unix.EINTR):
			case err != nil:
				serr = os.NewSyscallError("sendfile", err)
				return true
			case k == 0:
				serr = io.ErrUnexpectedEOF
				return true
			}
		}
		return true
	})
	return sent, errors.Join(serr, err)
}
