package main

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// rawReceive is what a broker cannot save: one thread receives bytes from a
// loopback connection in pieces of size and writes them to a new file. It
// returns the thread's CPU seconds per GB.
func rawReceive(dir string, size, total int) (float64, error) {
	return onLoopback(func(nc *net.TCPConn) (int, error) {
		f, err := os.Create(filepath.Join(dir, "raw-bulk"))
		if err != nil {
			return 0, err
		}
		defer os.Remove(f.Name())
		defer f.Close()
		buf := make([]byte, size)
		at := 0
		for at < total {
			if _, err := io.ReadFull(nc, buf); err != nil {
				return at, err
			}
			if _, err := f.WriteAt(buf, int64(at)); err != nil {
				return at, err
			}
			at += size
		}
		return at, nil
	}, func(nc *net.TCPConn) error {
		buf := make([]byte, size)
		fillRandom(buf)
		for {
			if _, err := nc.Write(buf); err != nil {
				return nil // the other side has enough
			}
		}
	})
}

// rawSend is the same for fetch: one thread sends a file of the page cache with
// sendfile, size bytes a call.
func rawSend(dir string, size, total int) (float64, error) {
	f, err := os.Create(filepath.Join(dir, "raw-bulk"))
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	const length = 256 << 20
	piece := make([]byte, 1<<20)
	fillRandom(piece)
	for at := 0; at < length; at += len(piece) {
		if _, err := f.WriteAt(piece, int64(at)); err != nil {
			return 0, err
		}
	}
	return onLoopback(func(nc *net.TCPConn) (int, error) {
		rc, err := nc.SyscallConn()
		if err != nil {
			return 0, err
		}
		sent := 0
		for sent < total && err == nil {
			off, end := int64(sent%length), int64(sent%length+size)
			var failed error
			err = rc.Write(func(fd uintptr) bool {
				for off < end {
					_, e := unix.Sendfile(int(fd), int(f.Fd()), &off, int(end-off))
					if errors.Is(e, unix.EAGAIN) {
						return false
					}
					if e != nil && !errors.Is(e, unix.EINTR) {
						failed = e
						return true
					}
				}
				return true
			})
			err = errors.Join(err, failed)
			sent += size
		}
		return sent, err
	}, func(nc *net.TCPConn) error {
		buf := make([]byte, 1<<20)
		for {
			if _, err := nc.Read(buf); err != nil {
				return nil // all was sent
			}
		}
	})
}

// onLoopback runs two ends of a connection and returns the CPU seconds of the
// first one's thread per GB that it moved.
func onLoopback(measured func(*net.TCPConn) (int, error), other func(*net.TCPConn) error) (float64, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	ended := make(chan error, 1)
	go func() {
		nc, err := net.Dial("tcp", l.Addr().String())
		if err == nil {
			err = other(nc.(*net.TCPConn))
			nc.Close()
		}
		ended <- err
	}()
	nc, err := l.Accept()
	if err != nil {
		return 0, err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := threadCPU()
	if err != nil {
		return 0, err
	}
	n, err := measured(nc.(*net.TCPConn))
	after, failed := threadCPU()
	nc.Close()
	return (after - before).Seconds() / (float64(n) / 1e9), errors.Join(err, failed, <-ended)
}

// threadCPU is the CPU time of the calling thread.
func threadCPU() (time.Duration, error) {
	var u syscall.Rusage
	err := syscall.Getrusage(unix.RUSAGE_THREAD, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
}
