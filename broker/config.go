package broker

import (
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/leat-project/leat/broker/group"
	"github.com/leat-project/leat/broker/settings"
	"github.com/leat-project/leat/internal/loglevel"
	"github.com/leat-project/leat/internal/vfs"
)

// Config is a checked server.properties.
type Config struct {
	NodeID    int32
	Listeners []Listener
	LogDirs   []string
	// FS is where the logs live; nil is the operating system's.
	FS vfs.FS

	// Levels are those of the loggers, which the BROKER_LOGGER resource changes;
	// nil makes new ones, above the handler of the logger.
	Levels *loglevel.Levels

	// assignors are group.consumer.assignors, the default first.
	assignors []string

	// static are the known keys that were set.
	static map[string]string
}

// Listener is one address the broker serves on.
type Listener struct {
	Name string
	Host string // "" is every interface
	Port int    // 0: any free port, which then is the advertised one
	// AdvertisedHost and AdvertisedPort are what clients are told; port 0
	// means the bound one.
	AdvertisedHost string
	AdvertisedPort int
	// Controller listeners (controller.listener.names) serve administration
	// only.
	Controller bool
}

// Addr is the listener's address for net.Listen.
func (l Listener) Addr() string { return net.JoinHostPort(l.Host, strconv.Itoa(l.Port)) }

// ParseConfig checks the keys of a server.properties. Unknown keys are warned
// about; known keys with values that cannot work are an error that names the
// key.
func ParseConfig(props map[string]string, log *slog.Logger) (Config, error) {
	c := Config{static: map[string]string{}}
	for _, key := range slices.Sorted(maps.Keys(props)) {
		if why, refused := unsupported[key]; refused && props[key] != "" {
			return Config{}, fmt.Errorf("%s is set, but %s; remove the key", key, why)
		}
		d, known := settings.LookupBroker(key)
		if !known {
			log.Warn("ignoring unknown broker key", "key", key)
			continue
		}
		value, err := d.Parse(props[key])
		if err != nil {
			return Config{}, err
		}
		if d.Inert != "" {
			log.Warn("broker key has no effect", "key", key, "reason", d.Inert)
		}
		c.static[key] = value
	}
	c.singleNode(log)
	if err := settings.CheckBrokerTogether(c.str); err != nil {
		return Config{}, err
	}
	var err error
	if c.assignors, err = group.ParseAssignors(settings.SplitList(c.str("group.consumer.assignors"))); err != nil {
		return Config{}, err
	}
	c.NodeID = int32(c.int("node.id"))
	if _, ok := c.static["broker.id"]; ok && c.static["node.id"] == "" {
		c.NodeID = int32(c.int("broker.id"))
	}
	c.LogDirs = settings.SplitList(c.str("log.dirs"))
	if len(c.LogDirs) == 0 {
		c.LogDirs = settings.SplitList(c.str("log.dir"))
	}
	if err := c.parseListeners(); err != nil {
		return Config{}, err
	}
	if name := c.str("inter.broker.listener.name"); name != "" && !slices.ContainsFunc(c.Listeners, func(l Listener) bool { return l.Name == strings.ToUpper(name) }) {
		return Config{}, fmt.Errorf("inter.broker.listener.name=%s is not the name of one of the listeners %s", name, c.str("listeners"))
	}
	return c, c.checkQuorum()
}

// unsupported are keys that would silently weaken or change what their user
// expects if they were ignored.
var unsupported = map[string]string{
	"authorizer.class.name":          "access control lists are not served yet",
	"create.topic.policy.class.name": "Java policy classes cannot be loaded",
	"alter.config.policy.class.name": "Java policy classes cannot be loaded",
}

// singleNode gives internal topics the one replica there can be, unless the
// user says otherwise.
func (c *Config) singleNode(log *slog.Logger) {
	for _, key := range []string{"offsets.topic.replication.factor", "transaction.state.log.replication.factor", "transaction.state.log.min.isr"} {
		if _, set := c.static[key]; !set {
			c.static[key] = "1"
			log.Debug("single node: internal topics have one replica", "key", key)
		}
	}
}

// str returns the value of a known key: as set, else the default.
func (c *Config) str(key string) string {
	if v, ok := c.static[key]; ok {
		return v
	}
	d, ok := settings.Broker.Lookup(key)
	if !ok {
		panic("broker: undeclared key " + key)
	}
	return d.Default
}

func (c *Config) int(key string) int64 {
	n, err := strconv.ParseInt(c.str(key), 10, 64)
	if err != nil {
		panic("broker: key " + key + " is not a checked number: " + err.Error())
	}
	return n
}

func (c *Config) bool(key string) bool { return strings.EqualFold(c.str(key), "true") }

// ms returns a key in milliseconds as a duration, capped where Kafka's
// "forever" exceeds one.
func (c *Config) ms(key string) time.Duration { return millis(c.int(key)) }

func millis(n int64) time.Duration {
	const most = int64(1<<63-1) / int64(time.Millisecond)
	return time.Duration(min(n, most)) * time.Millisecond
}

func (c *Config) parseListeners() error {
	protocols, err := parsePairs("listener.security.protocol.map", c.str("listener.security.protocol.map"))
	if err != nil {
		return err
	}
	advertised := map[string]Listener{}
	for _, entry := range settings.SplitList(c.str("advertised.listeners")) {
		l, err := parseEndpoint("advertised.listeners", entry)
		if err != nil {
			return err
		}
		if l.Host == "" || l.Host == "0.0.0.0" || l.Host == "::" {
			return fmt.Errorf("advertised.listeners entry %s names no address that clients can reach", entry)
		}
		advertised[l.Name] = l
	}
	controllers := settings.SplitList(c.str("controller.listener.names"))
	for _, entry := range settings.SplitList(c.str("listeners")) {
		l, err := parseEndpoint("listeners", entry)
		if err != nil {
			return err
		}
		l.Controller = slices.Contains(controllers, l.Name)
		if p := protocols[l.Name]; p != "PLAINTEXT" {
			return fmt.Errorf("listeners entry %s has the security protocol %q; only PLAINTEXT is served (see listener.security.protocol.map)", entry, p)
		}
		if err := l.advertise(advertised); err != nil {
			return err
		}
		if slices.ContainsFunc(c.Listeners, func(o Listener) bool { return o.Name == l.Name }) {
			return fmt.Errorf("listeners names %s twice", l.Name)
		}
		c.Listeners = append(c.Listeners, l)
	}
	if !slices.ContainsFunc(c.Listeners, func(l Listener) bool { return !l.Controller }) {
		return fmt.Errorf("listeners=%s has no listener for clients", c.str("listeners"))
	}
	return nil
}

// UnreachableError refuses a listener on all addresses that advertises none.
type UnreachableError struct {
	Entry string // of listeners
	Add   string // the line that is missing, with <host name> in it
}

func (e *UnreachableError) Error() string {
	return "listeners entry " + e.Entry + " is no address that clients can reach: add " + e.Add
}

// advertise fills in what clients are told.
func (l *Listener) advertise(advertised map[string]Listener) error {
	if a, ok := advertised[l.Name]; ok {
		l.AdvertisedHost, l.AdvertisedPort = a.Host, a.Port
		return nil
	}
	switch {
	case !l.Controller && (l.Host == "0.0.0.0" || l.Host == "::"):
		return &UnreachableError{Entry: fmt.Sprintf("%s://%s:%d", l.Name, l.Host, l.Port), Add: fmt.Sprintf("advertised.listeners=%s://<host name>:%d", l.Name, l.Port)}
	case l.Host == "", l.Host == "0.0.0.0", l.Host == "::":
		host, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("finding the host name to advertise for listener %s (set advertised.listeners): %w", l.Name, err)
		}
		l.AdvertisedHost = host
	default:
		l.AdvertisedHost = l.Host
	}
	l.AdvertisedPort = l.Port
	return nil
}

func parseEndpoint(key, entry string) (Listener, error) {
	name, addr, ok := strings.Cut(entry, "://")
	bad := func(why string) (Listener, error) {
		return Listener{}, fmt.Errorf("%s entry %q: %s; expected NAME://HOST:PORT", key, entry, why)
	}
	if !ok || name == "" {
		return bad("no listener name")
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return bad(err.Error())
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 0 || n > 65535 {
		return bad("the port is not a number between 0 and 65535")
	}
	return Listener{Name: strings.ToUpper(name), Host: host, Port: n}, nil
}

func parsePairs(key, value string) (map[string]string, error) {
	out := map[string]string{}
	for _, entry := range settings.SplitList(value) {
		k, v, ok := strings.Cut(entry, ":")
		if !ok {
			return nil, fmt.Errorf("%s entry %q: expected NAME:VALUE", key, entry)
		}
		out[strings.ToUpper(k)] = strings.ToUpper(v)
	}
	return out, nil
}
