//go:build !unix

package broker

// quiet says that the client has sent nothing that is not read yet. False is
// always a legal answer.
func (c *conn) quiet() bool { return false }
