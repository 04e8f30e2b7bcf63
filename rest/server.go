package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/internal/loglevel"
	"github.com/leat-project/leat/internal/logtail"
)

const (
	// RequestTimeout ends a request that the herder does not answer
	// (RestServer.DEFAULT_REST_REQUEST_TIMEOUT_MS).
	RequestTimeout = 90 * time.Second
	// HealthTimeout is the same for /health.
	HealthTimeout = 10 * time.Second
	// MaxBody is the largest request body in bytes.
	MaxBody = 16 << 20

	headerTimeout = 30 * time.Second
	drainTimeout  = 5 * time.Second
)

// Server serves the API. Set its exported fields before Listen.
type Server struct {
	// Metrics serves /metrics; nil: 404.
	Metrics http.Handler
	// Loggers are behind /admin/loggers. NewServer makes some that filter nothing.
	Loggers *loglevel.Levels
	// Logs is behind /leat/v1/connectors/{name}/logs; nil: 404.
	Logs *logtail.Tail

	cfg    Config
	herder Herder
	reg    *plugin.Registry
	log    *slog.Logger

	listeners []listener
	draining  <-chan struct{} // closed when Run ends; set by Run
}

// SetHerder sets the herder, before Run.
func (s *Server) SetHerder(h Herder) { s.herder = h }

type listener struct {
	net.Listener
	Endpoint
	handler http.Handler
}

// NewServer returns a server of a herder and the plugins of a registry. It opens
// nothing. A herder that needs the address first may be nil here and be set with
// SetHerder between Listen and Run.
func NewServer(cfg Config, herder Herder, reg *plugin.Registry, log *slog.Logger) *Server {
	return &Server{cfg: cfg, herder: herder, reg: reg, log: log, Loggers: loglevel.New()}
}

// Listen opens every listener, or none. The error names the address that is
// taken.
func (s *Server) Listen() error {
	main, admin := s.handlers()
	for _, e := range s.cfg.Listeners {
		if err := s.open(e, main, s.cfg.TLS); err != nil {
			return errors.Join(err, s.close())
		}
	}
	for _, e := range s.cfg.AdminListeners {
		if err := s.open(e, admin, s.cfg.AdminTLS); err != nil {
			return errors.Join(err, s.close())
		}
	}
	return nil
}

func (s *Server) open(e Endpoint, h http.Handler, tlsConfig *tls.Config) error {
	l, err := net.Listen("tcp", e.Addr())
	if err != nil {
		return fmt.Errorf("opening the REST listener %s: %w (listeners sets another address)", e, err)
	}
	if e.Scheme == "https" {
		l = tls.NewListener(l, tlsConfig)
	}
	s.listeners = append(s.listeners, listener{l, e, h})
	return nil
}

func (s *Server) close() error {
	var errs []error
	for _, l := range s.listeners {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// Addr returns host:port of the first listener, after Listen.
func (s *Server) Addr() string { return s.listeners[0].Listener.Addr().String() }

// URL returns the address that this worker advertises to other workers and in
// worker_id, after Listen: scheme://host:port.
func (s *Server) URL() string {
	scheme, host, port := s.advertised()
	return scheme + "://" + net.JoinHostPort(host, port)
}

// WorkerID returns the advertised host:port, after Listen.
func (s *Server) WorkerID() string {
	_, host, port := s.advertised()
	return net.JoinHostPort(host, port)
}

func (s *Server) advertised() (scheme, host, port string) {
	l := s.listeners[0]
	for _, o := range s.listeners {
		if o.Scheme == s.cfg.AdvertisedScheme() {
			l = o
			break
		}
	}
	host, port, err := net.SplitHostPort(l.Listener.Addr().String())
	if err != nil {
		host, port = l.Host, strconv.Itoa(l.Port)
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = ownHost()
	}
	if s.cfg.AdvertisedHost != "" {
		host = s.cfg.AdvertisedHost
	}
	if s.cfg.AdvertisedPort != 0 {
		port = strconv.Itoa(s.cfg.AdvertisedPort)
	}
	return l.Scheme, host, port
}

func ownHost() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}

// Run serves until ctx ends, then lets requests finish for a few seconds. Listen
// must have succeeded.
func (s *Server) Run(ctx context.Context) error {
	if s.herder == nil || len(s.listeners) == 0 {
		return errors.New("REST server without a herder or without listeners")
	}
	g, gctx := errgroup.WithContext(ctx)
	s.draining = gctx.Done()
	for _, l := range s.listeners {
		srv := &http.Server{
			Handler: l.handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: RequestTimeout,
			ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
			// Requests end with the server's context, not when draining begins.
			BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
		}
		g.Go(func() error {
			if err := srv.Serve(l.Listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serving %s: %w", l.Endpoint, err)
			}
			return nil
		})
		g.Go(func() error {
			<-gctx.Done()
			drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
			defer cancel()
			if err := srv.Shutdown(drain); err != nil {
				return srv.Close() // what takes longer is cut off
			}
			return nil
		})
	}
	return g.Wait()
}
