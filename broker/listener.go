package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/leat-project/leat/broker/settings"
)

// listener is one bound address with its connections.
type listener struct {
	conf Listener
	ln   net.Listener

	rate rateLimit

	conns int64     // guarded by Broker.admission
	told  time.Time // when a refusal was logged, guarded by Broker.admission

	created, closed atomic.Int64 // connections
}

func newListener(conf Listener, ln net.Listener) *listener {
	if conf.AdvertisedPort == 0 {
		conf.AdvertisedPort = ln.Addr().(*net.TCPAddr).Port
	}
	return &listener{conf: conf, ln: ln}
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
		if full, log := b.admit(l, ip); full != "" {
			nc.Close()
			if log {
				b.log.Warn("refusing connections", "listener", l.conf.Name, "client", ip, "limit", full)
			}
			continue
		}
		if wait := b.acceptDelay(l); wait > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
		}
		conns.Go(func() error {
			defer b.dismiss(l, ip)
			newConn(b, l, nc, ip).run(connCtx)
			return nil
		})
	}
	return conns.Wait()
}

// acceptDelay enforces max.connection.creation.rate, of the broker and of the
// listener: what comes too fast waits, and what is behind it waits in the
// system's queue.
func (b *Broker) acceptDelay(l *listener) time.Duration {
	now := time.Now()
	if l.conf.Controller { // a flood of clients does not make it wait
		return l.rate.take(b.listenerLimit(l.conf.Name, "max.connection.creation.rate"), now)
	}
	return max(b.accepts.take(b.limit("max.connection.creation.rate"), now),
		l.rate.take(b.listenerLimit(l.conf.Name, "max.connection.creation.rate"), now))
}

// admit enforces max.connections, of the broker and of the listener, and
// max.connections.per.ip. A controller listener has its own limit only: who
// administers the cluster gets through when clients have taken all
// connections, from the same machine, too. full is the key that refuses, log
// says that it is time for a line about it.
func (b *Broker) admit(l *listener, ip string) (full string, log bool) {
	all, here, mine := b.limit("max.connections"), b.listenerLimit(l.conf.Name, "max.connections"), b.perIPLimit(ip)
	b.admission.Lock()
	defer b.admission.Unlock()
	switch {
	case l.conns >= here:
		full = settings.OfListener(l.conf.Name, "max.connections")
	case l.conf.Controller:
	case b.conns.Load() >= all:
		full = "max.connections"
	case int64(b.perIP[ip]) >= mine:
		full = "max.connections.per.ip"
	}
	if full != "" {
		if log = time.Since(l.told) > refusalLog; log {
			l.told = time.Now()
		}
		return full, log
	}
	l.created.Add(1)
	l.conns++
	if !l.conf.Controller {
		b.conns.Add(1)
		b.perIP[ip]++
	}
	return "", false
}

// refusalLog is the least time between two lines about refused connections.
const refusalLog = 10 * time.Second

func (b *Broker) dismiss(l *listener, ip string) {
	b.admission.Lock()
	defer b.admission.Unlock()
	l.closed.Add(1)
	l.conns--
	if l.conf.Controller {
		return
	}
	b.conns.Add(-1)
	if b.perIP[ip]--; b.perIP[ip] == 0 {
		delete(b.perIP, ip)
	}
}
