package broker

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/leat-project/leat/broker/settings"
)

// ipLimits are max.connections.per.ip.overrides by address.
type ipLimits struct {
	byAddress atomic.Pointer[map[string]int64]

	mu   sync.Mutex // guards from
	from string     // the value that byAddress is of, or will be
}

// change says whether value is another one than before.
func (l *ipLimits) change(value string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	changed := value != l.from || l.byAddress.Load() == nil
	l.from = value
	return changed
}

// take puts the limits of a value into force, unless it has changed since.
func (l *ipLimits) take(value string, limits map[string]int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if value == l.from {
		l.byAddress.Store(&limits)
	}
}

// limitIPs makes a value take effect: at once where it holds addresses only, else
// when the names are looked up. That is not waited for, except at start: whoever
// changes the metadata would wait, too.
func (b *Broker) limitIPs(value string) {
	if !b.ipLimits.change(value) {
		return // not looked up anew for every other key
	}
	named, err := settings.IPLimits(value)
	if err != nil {
		b.log.Error("applying max.connections.per.ip.overrides; the ones before stay", "err", err)
		return
	}
	apply := func(ctx context.Context) error {
		limits, err := resolveIPs(ctx, named)
		if err != nil {
			b.log.Error("applying max.connections.per.ip.overrides; the ones before stay", "err", err)
			return nil
		}
		b.ipLimits.take(value, limits)
		return nil
	}
	if b.tasks != nil && hasNames(named) {
		b.tasks(apply)
		return
	}
	_ = apply(context.Background()) // it logs its error; resolveTimeout bounds it
}

func hasNames(limits map[string]int64) bool {
	for host := range limits {
		if net.ParseIP(host) == nil {
			return true
		}
	}
	return false
}

// resolveTimeout bounds the look-up of host names in
// max.connections.per.ip.overrides.
const resolveTimeout = 5 * time.Second

// resolveIPs turns hosts into addresses.
func resolveIPs(ctx context.Context, named map[string]int64) (map[string]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	out := map[string]int64{}
	for host, n := range named {
		if ip := net.ParseIP(host); ip != nil {
			out[ip.String()] = n
			continue
		}
		ips, err := net.DefaultResolver.LookupHost(ctx, host)
		if err != nil {
			return nil, fmt.Errorf("looking up %s of max.connections.per.ip.overrides: %w", host, err)
		}
		for _, ip := range ips {
			out[ip] = n
		}
	}
	return out, nil
}
