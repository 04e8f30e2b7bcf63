package vfs

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// sendfileFloor is the size in bytes below which a copy through memory is cheaper than sendfile.
const sendfileFloor = 16 << 10

// copyBuffers holds *[]byte of copyBufferSize bytes.
var copyBuffers = sync.Pool{New: func() any { b := make([]byte, copyBufferSize); return &b }}

const copyBufferSize = 64 << 10

// Send writes n bytes of src from offset to dst and returns how many were written. Between an OS file and a
// TCP connection it uses sendfile, so that the bytes never pass through the process; otherwise it copies
// through a pooled buffer. It does not touch a file position: any number of Sends may share src. A src that
// ends early is io.ErrUnexpectedEOF.
func Send(dst io.Writer, src File, offset, n int64) (int64, error) {
	if n >= sendfileFloor {
		if tcp, ok := dst.(*net.TCPConn); ok {
			if f, ok := src.(OSFile); ok {
				return sendFile(tcp, f.File, offset, n)
			}
		}
	}
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	var sent int64
	for sent < n {
		chunk := (*buf)[:min(n-sent, copyBufferSize)]
		if k, err := src.ReadAt(chunk, offset+sent); k < len(chunk) {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return sent, fmt.Errorf("reading %d bytes at %d: %w", len(chunk), offset+sent, err)
		}
		k, err := dst.Write(chunk)
		sent += int64(k)
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}
