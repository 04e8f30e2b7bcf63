package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// listener is one bound address with its connections.
type listener struct {
	conf Listener
	ln   net.Listener

	mu    sync.Mutex // guards perIP
	perIP map[string]int
}

func newListener(conf Listener, ln net.Listener) *listener {
	if conf.AdvertisedPort == 0 {
		conf.AdvertisedPort = ln.Addr().(*net.TCPAddr).Port
	}
	return &listener{conf: conf, ln: ln, perIP: map[string]int{}}
}

// acceptBackoff is the pause after an accept that failed for want of file
// descriptors or memory.
const acceptBackoff = 50 * time.Millisecond

// serve accepts connections until ctx ends and returns when all of them are
// closed.
func (b *Broker) serve(ctx context.Context, l *listener) error {
	conns, connCtx := errgroup.WithContext(ctx)
	stop := context.AfterFunc(ctx, func() { l.ln.Close() })
	defer stop()
	for {
		nc, err := l.ln.Accept()
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return errors.Join(fmt.Errorf("listener %s was closed: %w", l.conf.Name, err), conns.Wait())
			}
			b.log.Warn("accepting a connection", "listener", l.conf.Name, "err", err)
			select {
			case <-ctx.Done():
			case <-time.After(acceptBackoff):
			}
			continue
		}
		ip, _, _ := net.SplitHostPort(nc.RemoteAddr().String())
		if !b.admit(l, ip) {
			nc.Close()
			continue
		}
		conns.Go(func() error {
			defer b.dismiss(l, ip)
			newConn(b, l, nc, ip).run(connCtx)
			return nil
		})
	}
	return conns.Wait()
}

// admit enforces max.connections and max.connections.per.ip.
func (b *Broker) admit(l *listener, ip string) bool {
	if b.conns.Add(1) > b.limit("max.connections") {
		b.conns.Add(-1)
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if int64(l.perIP[ip]) >= b.limit("max.connections.per.ip") {
		b.conns.Add(-1)
		return false
	}
	l.perIP[ip]++
	return true
}

func (b *Broker) dismiss(l *listener, ip string) {
	b.conns.Add(-1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.perIP[ip]--; l.perIP[ip] == 0 {
		delete(l.perIP, ip)
	}
}
