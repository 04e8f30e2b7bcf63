package rest

import (
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/leat-project/leat/connect/config"
)

// Config are the worker's keys that concern the API (RestServerConfig).
type Config struct {
	Listeners      []Endpoint
	AdminListeners []Endpoint // served apart; nil with Admin: on Listeners
	Admin          bool       // /admin is served at all

	AdvertisedHost     string // "" is the bound one
	AdvertisedPort     int    // 0 is the bound one
	AdvertisedListener string // http or https; "" prefers http

	AllowOrigins []string // CORS; empty is off
	AllowMethods []string
	Headers      []HeaderRule

	TopicTracking      bool // topic.tracking.enable
	TopicTrackingReset bool // topic.tracking.allow.reset

	TLS, AdminTLS *tls.Config // nil without https listeners
}

// Endpoint is one address of listeners.
type Endpoint struct {
	Scheme string // http or https
	Host   string // "" is every interface
	Port   int
}

// Addr returns what net.Listen takes.
func (e Endpoint) Addr() string { return net.JoinHostPort(e.Host, strconv.Itoa(e.Port)) }

func (e Endpoint) String() string { return e.Scheme + "://" + e.Addr() }

// keys are the properties as they are declared.
type keys struct {
	listeners, adminListeners, extensions []string
	hasAdmin                              bool
	host, listener                        string
	port                                  int
	origin, methods, headers              string
	tracking, trackingReset               bool
}

// Define declares the keys.
func (k *keys) Define(d *config.Def) {
	d.List(&k.listeners, "listeners").Default("http://:8083").Check(config.ValuesIn(false, false)).Importance(config.Low).
		Doc("Addresses the REST API listens on, as http://host:port or https://host:port.")
	d.List(&k.adminListeners, "admin.listeners").Default(nil).Importance(config.Low).
		Doc("Addresses of the /admin resources alone; empty serves them nowhere, unset with the others.")
	d.String(&k.host, "rest.advertised.host.name").Default(nil).Importance(config.Low).
		Doc("Host that other workers and worker_id use for this worker.")
	d.Int(&k.port, "rest.advertised.port").Default(nil).Importance(config.Low).
		Doc("Port that other workers and worker_id use for this worker.")
	d.String(&k.listener, "rest.advertised.listener").Default(nil).Importance(config.Low).
		Doc("Which listener other workers use: http or https.")
	d.String(&k.origin, "access.control.allow.origin").Default("").Importance(config.Low).
		Doc("Origins that browsers may call the API from, or *; empty switches CORS off.")
	d.String(&k.methods, "access.control.allow.methods").Default("").Importance(config.Low).
		Doc("Methods that browsers may use from other origins; empty is GET, POST, HEAD.")
	d.String(&k.headers, "response.http.headers.config").Default("").Importance(config.Low).
		Doc("Headers of every answer: [set|add|setDate|addDate] Name: value, separated by commas.")
	d.List(&k.extensions, "rest.extension.classes").Default("").Importance(config.Low).
		Doc("REST extensions. None is built in.")
	d.Bool(&k.tracking, "topic.tracking.enable").Default(true).Importance(config.Low).
		Doc("Whether the topics that connectors use are recorded.")
	d.Bool(&k.trackingReset, "topic.tracking.allow.reset").Default(true).Importance(config.Low).
		Doc("Whether these records can be reset.")
}

// ParseConfig reads the API's keys from worker properties. The error names the
// key, what is wrong and what is expected.
func ParseConfig(props map[string]string) (Config, error) {
	var k keys
	if err := config.Parse(&k, props); err != nil {
		return Config{}, err
	}
	_, k.hasAdmin = props["admin.listeners"]
	if len(k.extensions) > 0 {
		return Config{}, config.Invalid("rest.extension.classes", k.extensions, "no REST extension is built into this binary; remove the key")
	}
	c := Config{AdvertisedHost: k.host, AdvertisedPort: k.port, AdvertisedListener: strings.ToLower(k.listener),
		Admin: !k.hasAdmin || len(k.adminListeners) > 0, AllowOrigins: items(k.origin), AllowMethods: items(k.methods),
		TopicTracking: k.tracking, TopicTrackingReset: k.trackingReset}
	if c.AllowMethods == nil {
		c.AllowMethods = []string{"GET", "POST", "HEAD"}
	}
	var err error
	if c.Listeners, err = endpoints("listeners", k.listeners); err != nil {
		return Config{}, err
	}
	if c.AdminListeners, err = endpoints("admin.listeners", k.adminListeners); err != nil {
		return Config{}, err
	}
	if c.Headers, err = headerRules(k.headers); err != nil {
		return Config{}, err
	}
	return c, c.finish(props)
}

func (c *Config) finish(props map[string]string) (err error) {
	switch l := c.AdvertisedListener; {
	case l != "" && l != "http" && l != "https":
		return config.Invalid("rest.advertised.listener", l, "Invalid listener; expected http or https")
	case l != "" && !hasScheme(c.Listeners, l):
		return config.Invalid("rest.advertised.listener", l, "listeners has no "+l+" listener")
	}
	if hasScheme(c.Listeners, "https") {
		if c.TLS, err = serverTLS(props, "listeners.https."); err != nil {
			return err
		}
	}
	if hasScheme(c.AdminListeners, "https") {
		c.AdminTLS, err = serverTLS(props, "admin.listeners.https.")
	}
	return err
}

// AdvertisedScheme is the scheme that other workers use.
func (c *Config) AdvertisedScheme() string {
	if c.AdvertisedListener != "" {
		return c.AdvertisedListener
	}
	if hasScheme(c.Listeners, "http") {
		return "http"
	}
	return "https"
}

func hasScheme(list []Endpoint, scheme string) bool {
	for _, e := range list {
		if e.Scheme == scheme {
			return true
		}
	}
	return false
}

func items(s string) []string {
	var out []string
	for _, i := range strings.Split(s, ",") {
		if i = strings.TrimSpace(i); i != "" {
			out = append(out, i)
		}
	}
	return out
}

func endpoints(key string, list []string) ([]Endpoint, error) {
	var out []Endpoint
	for _, text := range list {
		e, err := endpoint(text)
		if err != nil {
			return nil, config.Invalid(key, text, err.Error())
		}
		out = append(out, e)
	}
	return out, nil
}

// endpoint parses protocol://host:port; the host may be empty.
func endpoint(text string) (Endpoint, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	scheme = strings.ToLower(scheme)
	if !ok {
		return Endpoint{}, fmt.Errorf("expected protocol://host:port, for instance http://127.0.0.1:8083")
	}
	if scheme != "http" && scheme != "https" {
		return Endpoint{}, fmt.Errorf("Listener protocol must be one of \"http\" or \"https\"") //nolint:staticcheck // Java's text
	}
	host, port, err := net.SplitHostPort(strings.TrimSuffix(rest, "/"))
	if err != nil {
		return Endpoint{}, fmt.Errorf("expected protocol://host:port: %w", err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return Endpoint{}, fmt.Errorf("port %q is not a number from 0 to 65535", port)
	}
	return Endpoint{Scheme: scheme, Host: host, Port: int(n)}, nil
}
