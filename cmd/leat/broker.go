package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/leat-project/leat/broker"
)

func brokerCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "broker FILE",
		Short: "Run the Kafka-protocol broker alone",
		Long: "Run the broker alone. FILE holds keys of Kafka's server.properties (KRaft mode);\n" +
			"environment variables KAFKA_FOO_BAR set foo.bar over it.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			keys, err := fileWithEnv(args[0], brokerEnv)
			if err != nil {
				return err
			}
			b, err := newBroker(keys, p)
			if err != nil {
				return err
			}
			if err := b.Listen(); err != nil {
				return errors.Join(taken(err, "the key listeners"), b.Close())
			}
			observers, err := observe(keys["leat.http.listeners"])
			if err != nil {
				return errors.Join(taken(err, "the key leat.http.listeners"), b.Close())
			}
			fmt.Fprintf(cmd.OutOrStdout(), "broker  %s\n", b.Addr(""))
			g, ctx := errgroup.WithContext(cmd.Context())
			g.Go(func() error { return b.Run(ctx) })
			for _, o := range observers {
				fmt.Fprintf(cmd.OutOrStdout(), "metrics http://%s/metrics\n", o.Addr())
				g.Go(func() error { return serveHTTP(ctx, o, p.observed(b)) })
			}
			return g.Wait()
		},
	}
}

func newBroker(keys map[string]string, p *program) (*broker.Broker, error) {
	log := p.log.With("component", "broker")
	cfg, err := broker.ParseConfig(keys, log)
	if err != nil {
		return nil, err
	}
	cfg.Levels = p.levels
	return broker.New(cfg, log)
}

// defaultObserve is where leat broker serves /metrics and /health.
const defaultObserve = "127.0.0.1:9404"

// observe opens the listeners of leat.http.listeners: host:port, separated by
// commas; "none" opens none.
func observe(list string) ([]net.Listener, error) {
	if list == "" {
		list = defaultObserve
	}
	if list == "none" {
		return nil, nil
	}
	var open []net.Listener
	for _, addr := range strings.Split(list, ",") {
		l, err := net.Listen("tcp", strings.TrimPrefix(strings.TrimSpace(addr), "http://"))
		if err != nil {
			for _, o := range open {
				o.Close()
			}
			return nil, fmt.Errorf("opening the listener of metrics %s: %w (leat.http.listeners sets other addresses; none switches it off)", addr, err)
		}
		open = append(open, l)
	}
	return open, nil
}

// observed answers /metrics and /health of a broker.
func (p *program) observed(b *broker.Broker) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics(p.log, []prometheus.Collector{b.Collector()}))
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, "{\"status\":\"healthy\",\"cluster_id\":%q}\n", b.ClusterID())
	})
	return mux
}

// serveHTTP serves until ctx ends.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(l); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serving metrics: %w", err)
	}
	return nil
}
