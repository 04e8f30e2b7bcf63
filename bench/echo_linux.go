package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// oneInFlight is a set of producers with one record in flight each. One thread
// serves all their sockets with epoll, so that the client takes as little as
// possible of a machine that it shares with the broker.
type oneInFlight struct {
	took []time.Duration // of every acknowledgement, in no order
	span time.Duration
}

type lane struct {
	fd    int
	topic string
	frame []byte
	sent  time.Time
	in    [512]byte
	have  int
}

// runOneInFlight produces into a topic for the given time, one connection for
// each frame.
func runOneInFlight(addr, topic string, frames [][]byte, d time.Duration) (result oneInFlight, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return result, err
	}
	defer unix.Close(ep)
	lanes := make([]*lane, len(frames))
	for i, frame := range frames {
		fd, err := dialBlocking(addr)
		if err != nil {
			return result, err
		}
		defer unix.Close(fd)
		lanes[i] = &lane{fd: fd, topic: topic, frame: frame}
		if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}); err != nil {
			return result, err
		}
	}
	result.took = make([]time.Duration, 0, 1<<20)
	begin := time.Now()
	end := begin.Add(d)
	for _, l := range lanes {
		if err := l.send(); err != nil {
			return result, err
		}
	}
	events := make([]unix.EpollEvent, len(lanes))
	for left := len(lanes); left > 0; {
		n, err := unix.EpollWait(ep, events, 60_000)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err == nil && n == 0 {
			err = errors.New("no answer for a minute")
		}
		if err != nil {
			return result, err
		}
		for _, e := range events[:n] {
			l := lanes[e.Fd]
			whole, err := l.receive()
			if err != nil {
				return result, err
			}
			if !whole {
				continue
			}
			now := time.Now()
			result.took = append(result.took, now.Sub(l.sent))
			if now.After(end) {
				left--
				continue
			}
			if err := l.send(); err != nil {
				return result, err
			}
		}
	}
	result.span = time.Since(begin)
	return result, nil
}

func (l *lane) send() error {
	l.sent = time.Now()
	n, err := unix.Write(l.fd, l.frame)
	if err == nil && n < len(l.frame) {
		err = fmt.Errorf("wrote %d of %d bytes", n, len(l.frame))
	}
	return err
}

// receive reads what is there and says whether it is a whole answer.
func (l *lane) receive() (bool, error) {
	n, err := unix.Read(l.fd, l.in[l.have:])
	if err != nil {
		return false, err
	}
	if n == 0 {
		return false, errors.New("the broker closed the connection")
	}
	l.have += n
	if l.have < 4 || l.have < 4+int(binary.BigEndian.Uint32(l.in[:])) {
		return false, nil
	}
	answer := l.in[4:l.have]
	l.have = 0
	return true, checkProduced(l.topic, answer)
}

// dialBlocking connects a socket that Go's poller does not know.
func dialBlocking(addr string) (int, error) {
	a, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return 0, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	to := &unix.SockaddrInet4{Port: a.Port}
	copy(to.Addr[:], a.IP.To4())
	err = errors.Join(unix.Connect(fd, to), unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
	if err != nil {
		unix.Close(fd)
	}
	return fd, err
}
