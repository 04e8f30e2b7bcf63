//go:build !linux

package vfs

import (
	"io"
	"net"
	"os"
)

func fdatasync(f *os.File) error { return f.Sync() }

func sendFile(dst *net.TCPConn, src *os.File, offset, n int64) (int64, error) {
	return io.Copy(dst, io.NewSectionReader(src, offset, n))
}
