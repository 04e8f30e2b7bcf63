package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/leat-project/leat/rest"
	"github.com/leat-project/leat/worker"
	"github.com/leat-project/leat/worker/conf"
)

func workerCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "worker FILE",
		Short: "Run a distributed Connect worker against any Kafka",
		Long: "Run a distributed worker. FILE holds keys of connect-distributed.properties;\n" +
			"environment variables CONNECT_FOO_BAR set foo.bar over it.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			keys, err := fileWithEnv(args[0], workerEnv)
			if err != nil {
				return err
			}
			w, err := p.newWorker(conf.Distributed, keys, "")
			if err != nil {
				return taken(err, "the key listeners")
			}
			fmt.Fprintf(cmd.OutOrStdout(), "REST    %s\nKafka   %s\n", w.url(), keys["bootstrap.servers"])
			return w.run(cmd.Context())
		},
	}
}

func standaloneCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "standalone WORKER [CONNECTOR...]",
		Short: "Run a standalone worker and the connectors of files",
		Long: "Run a standalone worker: source offsets in a file, connectors from the command line.\n" +
			"WORKER holds keys of connect-standalone.properties; each CONNECTOR is a properties file, or a JSON\n" +
			"file with name and config. A connector that cannot be created ends the process.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			keys, err := fileWithEnv(args[0], workerEnv)
			if err != nil {
				return err
			}
			var files []worker.ConnectorFile
			for _, path := range args[1:] {
				f, err := worker.LoadConnectorFile(path)
				if err != nil {
					return err
				}
				files = append(files, f)
			}
			w, err := p.newWorker(conf.Standalone, keys, "")
			if err != nil {
				return taken(err, "the key listeners")
			}
			fmt.Fprintf(cmd.OutOrStdout(), "REST    %s\nKafka   %s\n", w.url(), keys["bootstrap.servers"])
			g, ctx := errgroup.WithContext(cmd.Context())
			g.Go(func() error { return w.run(ctx) })
			g.Go(func() error { return w.AddConnectors(ctx, files) })
			return g.Wait()
		},
	}
}

// node is a worker with its REST API.
type node struct {
	*worker.Worker
	rest *rest.Server
}

// newWorker wires a worker of the given properties and opens its REST listeners,
// so that a taken port is an error before anything runs. instance is
// worker.Deps.InstanceID; collectors add to /metrics.
func (p *program) newWorker(mode conf.Mode, keys map[string]string, instance string, collectors ...prometheus.Collector) (*node, error) {
	log := p.log.With("component", "worker")
	cfg, unknown, err := worker.ParseConfig(mode, keys)
	if err != nil {
		return nil, fmt.Errorf("worker configuration: %w", err)
	}
	for _, key := range unknown {
		log.Warn("ignoring unknown worker key", "key", key)
	}
	moot := cfg.Moot()
	for _, key := range slices.Sorted(maps.Keys(moot)) {
		log.Warn("worker key has no effect", "key", key, "reason", moot[key])
	}
	restCfg, err := rest.ParseConfig(cfg.Props)
	if err != nil {
		return nil, fmt.Errorf("worker configuration: %w", err)
	}
	registry := plugins()
	w, err := worker.New(cfg, registry, worker.Deps{Log: log, InstanceID: instance, LoggerLevel: p.setLevel})
	if err != nil {
		return nil, fmt.Errorf("worker configuration: %w", err)
	}
	n := &node{Worker: w, rest: rest.NewServer(restCfg, w.Herder(), registry, p.log.With("component", "rest"))}
	n.rest.Loggers, n.rest.Logs, n.rest.Metrics = p.levels, p.tail, metrics(p.log, append(collectors, w.Collector()))
	if err := n.rest.Listen(); err != nil {
		return nil, err
	}
	return n, nil
}

// setLevel carries out a cluster-wide change of a logger's level.
func (p *program) setLevel(logger, level string) {
	if err := p.levels.Room(logger); err != nil {
		p.log.Warn("carrying out a change of log levels", "err", err)
		return
	}
	p.levels.Set(logger, level)
}

func (n *node) url() string { return n.rest.URL() }

// run serves until ctx ends: the REST API stops with the worker.
func (n *node) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.rest.Run(ctx) })
	g.Go(func() error { return n.Worker.Run(ctx) })
	return g.Wait()
}

func metrics(log *slog.Logger, collectors []prometheus.Collector) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors...)
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)})
}
