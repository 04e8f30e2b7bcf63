//go:build !unix

package broker

import "net"

// pendingInput is nil: it cannot be told here.
func pendingInput(*net.TCPConn) func() bool { return nil }
