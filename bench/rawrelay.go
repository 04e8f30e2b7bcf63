package main

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"
)

// relayResult is what rawRelay measured.
type relayResult struct {
	took []time.Duration
	err  error
}

// rawRelay is the control of the end-to-end row, run beside it: moments sent at
// the same rate over loopback, to a goroutine that passes each on to a second
// connection. What it loses to the machine the broker loses, too.
func rawRelay(rate, total int) relayResult {
	in, relayIn, err := loopback()
	if err != nil {
		return relayResult{err: err}
	}
	defer in.Close()
	defer relayIn.Close()
	relayOut, out, err := loopback()
	if err != nil {
		return relayResult{err: err}
	}
	defer out.Close()
	defer relayOut.Close()
	began := time.Now()
	took := make([]time.Duration, 0, total)
	passing, reading := make(chan error, 1), make(chan error, 1)
	go func() {
		var b [8]byte
		var err error
		for range total {
			if _, err = io.ReadFull(relayIn, b[:]); err != nil {
				break
			}
			if _, err = relayOut.Write(b[:]); err != nil {
				break
			}
		}
		relayOut.Close()
		passing <- err
	}()
	go func() {
		var b [8]byte
		for range total {
			if _, err := io.ReadFull(out, b[:]); err != nil {
				reading <- err
				return
			}
			took = append(took, time.Since(began)-time.Duration(binary.BigEndian.Uint64(b[:])))
		}
		reading <- nil
	}()
	err = steadily(rate, total, func() error {
		_, err := in.Write(binary.BigEndian.AppendUint64(nil, uint64(time.Since(began))))
		return err
	})
	if err != nil {
		in.Close()
	}
	return relayResult{took, errors.Join(err, <-passing, <-reading)}
}

// loopback returns both ends of a new connection.
func loopback() (a, b net.Conn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		return nil, nil, err
	}
	if b, err = l.Accept(); err != nil {
		a.Close()
	}
	return a, b, err
}

// steadily calls fn total times, rate times a second.
func steadily(rate, total int, fn func() error) error {
	start := time.Now()
	for i := range total {
		if d := time.Until(start.Add(time.Duration(i) * time.Second / time.Duration(rate))); d > 0 {
			time.Sleep(d)
		}
		if err := fn(); err != nil {
			return err
		}
	}
	return nil
}
