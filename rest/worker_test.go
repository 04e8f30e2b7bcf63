package rest_test

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/leat-project/leat/broker/brokertest"
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/rest"
	"github.com/leat-project/leat/worker"
	"github.com/leat-project/leat/worker/conf"
	"github.com/leat-project/leat/worker/herder"
)

var _ rest.Herder = (*herder.Herder)(nil)

// node is a worker with its API, on a broker of its own.
type node struct {
	server  *rest.Server
	herder  *herder.Herder
	cluster string
}

func startWorker(t *testing.T, reg *plugin.Registry) *node {
	t.Helper()
	b := brokertest.Start(t, nil)
	props := map[string]string{
		"bootstrap.servers": b.Addr(), "group.id": "fixtures", "listeners": "http://127.0.0.1:0",
		"config.storage.topic": "configs", "offset.storage.topic": "offsets", "status.storage.topic": "statuses",
		"config.storage.replication.factor": "1", "offset.storage.replication.factor": "1",
		"status.storage.replication.factor": "1", "offset.flush.interval.ms": "300",
		"key.converter": jsonConverter, "value.converter": jsonConverter,
	}
	restConfig, err := rest.ParseConfig(props)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("LEAT_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	s := rest.NewServer(restConfig, nil, reg, log)
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	cfg, unknown, err := worker.ParseConfig(conf.Distributed, props)
	if err != nil || len(unknown) > 0 {
		t.Fatalf("worker configuration: %v, unknown keys %v", err, unknown)
	}
	w, err := worker.New(cfg, reg, worker.Deps{Log: log, WorkerID: s.WorkerID(),
		LoggerLevel: func(logger, level string) { s.Loggers.Set(logger, level) }})
	if err != nil {
		t.Fatal(err)
	}
	s.SetHerder(w.Herder())
	ctx, cancel := context.WithCancel(context.Background())
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.Run(ctx) })
	g.Go(func() error { return w.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		if err := g.Wait(); err != nil {
			t.Errorf("worker ended with: %v", err)
		}
	})
	n := &node{server: s, herder: w.Herder()}
	eventually(t, "the worker has started", func() bool {
		started, err := n.herder.Ready(t.Context())
		return started && err == nil
	})
	if n.cluster, err = n.herder.ClusterID(t.Context()); err != nil {
		t.Fatal(err)
	}
	return n
}

// patience bounds every wait; a busy machine needs a small part of it.
const patience = 2 * time.Minute

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-limit.C:
			t.Fatalf("waited %v until %s", patience, what)
		case <-tick.C:
		}
	}
}
