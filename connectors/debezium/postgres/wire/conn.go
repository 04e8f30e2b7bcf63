// Package wire reads PostgreSQL's bulk answers, COPY TO STDOUT and the
// replication stream, without copying: rows and changes alias chunks that are
// never written again. Everything else (login, TLS, queries) is pgconn's.
//
// A [Conn] is used by one goroutine. A [Stream] owns its connection: one
// goroutine (Run) reads, answers keep-alives and confirms positions, whatever
// the consumer does; another takes what was read with Next.
package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// Conn is a connection that can switch to raw reading.
type Conn struct {
	PG     *pgconn.PgConn
	frames *frames
}

// Dial connects with a copy of cfg.
func Dial(ctx context.Context, cfg *pgconn.Config) (*Conn, error) {
	c := &Conn{}
	cfg = cfg.Copy()
	cfg.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		c.frames = &frames{src: r} // the last try wins where several hosts are tried
		return pgproto3.NewFrontend(c.frames, w)
	}
	pg, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	c.PG = pg
	return c, nil
}

// Close closes the connection, within a second.
func (c *Conn) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return c.PG.Close(ctx)
}

// CopyOut is a running COPY ... TO STDOUT.
type CopyOut struct {
	conn  *Conn
	span  []byte
	ended bool
}

// Copy starts a COPY statement.
func (c *Conn) Copy(ctx context.Context, sql string) (*CopyOut, error) {
	if err := c.start(ctx, sql); err != nil {
		return nil, fmt.Errorf("starting %s: %w", sql, err)
	}
	return &CopyOut{conn: c}, nil
}

// start sends a query; its answers are then read raw.
func (c *Conn) start(ctx context.Context, sql string) error {
	defer c.bound(ctx)()
	front := c.PG.Frontend()
	front.SendQuery(&pgproto3.Query{String: sql})
	return front.Flush()
}

// bound ends blocking reads and writes when ctx does, until stop is called.
func (c *Conn) bound(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = c.PG.Conn().SetDeadline(time.Unix(1, 0)) })
}

// Rows calls fn with every row (a line of COPY's text format with its line end)
// until fn returns false, and reports whether there may be more. The rows alias
// memory that is never written again.
func (o *CopyOut) Rows(ctx context.Context, fn func(line []byte) (bool, error)) (more bool, err error) {
	defer o.conn.bound(ctx)()
	for {
		for len(o.span) > 0 {
			kind, body, rest := next(o.span)
			o.span = rest
			if kind == 'd' {
				more, err := fn(body)
				if err != nil || !more {
					return true, err
				}
				continue
			}
			if err := o.control(kind, body); err != nil {
				return false, err
			}
		}
		if o.ended {
			return false, nil
		}
		if o.span, err = o.conn.frames.span(); err != nil {
			return false, errors.Join(ctx.Err(), fmt.Errorf("reading rows: %w", err))
		}
	}
}

// control handles what is not a row. After an error response the connection is
// not used any more.
func (o *CopyOut) control(kind byte, body []byte) error {
	switch kind {
	case 'Z':
		o.ended = true
	case 'E':
		return serverError(body)
	}
	return nil // CopyOutResponse, CopyDone, CommandComplete, notices
}

func serverError(body []byte) error {
	var e pgproto3.ErrorResponse
	if err := e.Decode(body); err != nil {
		return fmt.Errorf("reading an error from PostgreSQL: %w", err)
	}
	return pgconn.ErrorResponseToPgError(&e)
}
