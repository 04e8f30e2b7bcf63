package broker

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/settings"
)

// Broker keys that change without a restart (KIP-226). Most are looked up in
// the metadata where they are used (limit, enabled, logConfig); what cannot be
// is set here, once at start and after every change.

// brokerKeysChanged makes dynamic keys take effect.
func (b *Broker) brokerKeysChanged(img *controller.Image) {
	b.store.Tune(b.storeTuning(img))
	b.limitIPs(b.cfg.brokerChain(img, "max.connections.per.ip.overrides")[0].value)
}

func (b *Broker) storeTuning(img *controller.Image) logstore.Tuning {
	value := func(key string) string { return b.cfg.brokerChain(img, key)[0].value }
	long := func(key string) int64 { return parseLong(value(key)) }
	return logstore.Tuning{
		CleanerThreads: int(long("log.cleaner.threads")),
		Cleaner: logstore.CleanerConfig{
			Disabled:         !b.cfg.bool("log.cleaner.enable"),
			DedupeBufferSize: int(long("log.cleaner.dedupe.buffer.size")),
			LoadFactor:       parseDouble(value("log.cleaner.io.buffer.load.factor")),
			Backoff:          millis(long("log.cleaner.backoff.ms")),
			MaxBytesPerSec:   parseDouble(value("log.cleaner.io.max.bytes.per.second")),
		},
		ProducerExpiration: millis(long("producer.id.expiration.ms")),
	}
}

// checkBroker validates the dynamic keys of r, this broker or all, as next
// would make them.
func (b *Broker) checkBroker(img *controller.Image, r controller.Resource, next map[string]string) error {
	return settings.CheckBrokerTogether(func(name string) string {
		for _, of := range []string{strconv.Itoa(int(b.cfg.NodeID)), ""} {
			set := img.Config(controller.Resource{Type: controller.BrokerResource, Name: of})
			if of == r.Name {
				set = next
			}
			if v, ok := set[name]; ok {
				return v
			}
		}
		return b.cfg.str(name)
	})
}

// checkGroup validates the overrides of a group.
func (b *Broker) checkGroup(img *controller.Image, overrides map[string]string) error {
	broker := func(name string) int64 { return parseLong(b.cfg.brokerChain(img, name)[0].value) }
	return settings.CheckGroupTogether(func(name string) int64 {
		if v, ok := overrides[name]; ok {
			return parseLong(v)
		}
		d, _ := settings.Group.Lookup(name)
		return broker(d.Synonyms[0].Name)
	}, broker)
}

// parseDouble reads a value that was checked when it was set.
func parseDouble(value string) float64 {
	f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil {
		panic("broker: unchecked number " + value)
	}
	return f
}

// perIPLimit is how many connections an address may have.
func (b *Broker) perIPLimit(ip string) int64 {
	if limits := b.ipLimits.byAddress.Load(); limits != nil {
		if n, ok := (*limits)[ip]; ok {
			return n
		}
	}
	return b.limit("max.connections.per.ip")
}

// listenerLimit is a key set for one listener alone; without it there is no
// limit beyond that of the broker.
func (b *Broker) listenerLimit(listener, key string) int64 {
	name := settings.OfListener(listener, key)
	if chain := b.cfg.brokerChain(b.ctl.Image(), name); len(chain) > 0 {
		return parseLong(chain[0].value)
	}
	return noLimit
}

// noLimit is the default of limits on connections.
const noLimit = 1<<31 - 1

// rateLimit spaces events: no more than rate in any second but the first.
type rateLimit struct {
	mu    sync.Mutex // guards the rest
	spare float64
	last  time.Time
}

// take counts an event and says how long it must wait.
func (r *rateLimit) take(rate int64, now time.Time) time.Duration {
	if rate >= noLimit {
		return 0
	}
	per := float64(max(rate, 1)) // a rate of 0 would never end; Kafka's least is 1 as well
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spare = min(per, r.spare+now.Sub(r.last).Seconds()*per)
	r.last = now
	r.spare--
	if r.spare >= 0 {
		return 0
	}
	return time.Duration(-r.spare / per * float64(time.Second))
}
