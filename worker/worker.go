package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/worker/claim"
	"github.com/leat-project/leat/worker/conf"
	"github.com/leat-project/leat/worker/herder"
	"github.com/leat-project/leat/worker/provider"
	"github.com/leat-project/leat/worker/store"
	"github.com/leat-project/leat/worker/validate"
)

// Deps is what a worker gets besides its configuration.
type Deps struct {
	Log *slog.Logger
	// WorkerID is host:port of the REST API as others reach it; "" derives it
	// from rest.advertised.* and listeners.
	WorkerID string
	// InstanceID names this worker to others that claim the same group.id; one that
	// starts with the id of another takes its place. "" is WorkerID.
	InstanceID string
	// LoggerLevel is told of cluster-wide level changes; may be nil.
	LoggerLevel func(logger, level string)
}

// Worker is one Connect worker.
type Worker struct{ herder *herder.Herder }

// ParseConfig resolves the providers in a worker's properties and reads them. Keys
// that nothing knows are returned for a warning.
func ParseConfig(mode conf.Mode, props map[string]string) (cfg *conf.Config, unknown []string, err error) {
	r, err := provider.New(props)
	if err != nil {
		return nil, nil, err
	}
	resolved, err := r.Resolve(props)
	if err != nil {
		return nil, nil, err
	}
	if cfg, err = conf.Parse(mode, resolved); err != nil {
		return nil, nil, err
	}
	return cfg, cfg.Unknown(), nil
}

// New wires a worker. It starts nothing and dials nobody.
func New(cfg *conf.Config, reg *plugin.Registry, deps Deps) (*Worker, error) {
	for _, c := range []struct{ key, class string }{{"key.converter", cfg.KeyConverter}, {"value.converter", cfg.ValueConverter}} {
		if _, err := reg.Find(c.class, plugin.Converter); err != nil {
			return nil, fmt.Errorf("%s: %w", c.key, err)
		}
	}
	resolver, err := provider.New(cfg.Props)
	if err != nil {
		return nil, err
	}
	policy, err := validate.NewPolicy(cfg.OverridePolicy, cfg.OverrideAllowlist)
	if err != nil {
		return nil, err
	}
	v := validate.New(reg, validate.Worker{KeyConverter: cfg.KeyConverter, ValueConverter: cfg.ValueConverter,
		HeaderConverter: cfg.HeaderConverter, GroupID: cfg.GroupID, ExactlyOnce: strings.EqualFold(cfg.ExactlyOnce, "enabled"),
		Overrides: policy, Resolve: resolver.Resolve})
	if deps.WorkerID == "" {
		deps.WorkerID = workerID(cfg)
	}
	stores, err := openStores(cfg, cmp.Or(deps.InstanceID, deps.WorkerID), deps.Log)
	if err != nil {
		return nil, err
	}
	h := herder.New(herder.Deps{Conf: cfg, Registry: reg, Stores: stores, Validator: v, Resolver: resolver,
		WorkerID: deps.WorkerID, LoggerLevel: deps.LoggerLevel, Log: deps.Log})
	return &Worker{herder: h}, nil
}

// Run runs the worker until ctx ends, then stops its tasks in an orderly way.
func (w *Worker) Run(ctx context.Context) error { return w.herder.Run(ctx) }

// Herder returns the control loop, which serves the REST API.
func (w *Worker) Herder() *herder.Herder { return w.herder }

func openStores(cfg *conf.Config, instance string, log *slog.Logger) (herder.Stores, error) {
	l := &store.SoleWriter{}
	s := herder.Stores{Lease: l, Generation: l.SetGeneration}
	if cfg.Mode == conf.Standalone {
		file := store.NewFileLog(cfg.OffsetFile)
		s.Configs = store.NewConfigStore(&store.MemLog{}, l, log)
		s.Offsets = store.NewOffsetStore(file, log)
		s.Statuses = store.NewStatusStore(&store.MemLog{}, log)
		s.ClusterID = clusterID(cfg, log)
		return s, nil
	}
	open := func(purpose string, c store.TopicConfig) (*store.KafkaLog, error) {
		c.Client = cfg.Internal(purpose)
		c.Settings = cfg.TopicSettings(strings.TrimSuffix(c.Property, "topic"))
		return store.NewKafkaLog(c, log)
	}
	configs, err1 := open("configs", store.TopicConfig{Topic: cfg.ConfigTopic, Partitions: 1, Replication: int16(cfg.ConfigRF),
		OnePartition: true, Property: "config.storage.topic"})
	offsets, err2 := open("offsets", store.TopicConfig{Topic: cfg.OffsetTopic, Partitions: int32(cfg.OffsetPartitions),
		Replication: int16(cfg.OffsetRF), Property: "offset.storage.topic"})
	statuses, err3 := open("statuses", store.TopicConfig{Topic: cfg.StatusTopic, Partitions: int32(cfg.StatusPartitions),
		Replication: int16(cfg.StatusRF), Property: "status.storage.topic"})
	if err := errors.Join(err1, err2, err3); err != nil {
		return s, fmt.Errorf("clients of the internal topics: %w", err)
	}
	s.Configs = store.NewConfigStore(configs, l, log)
	s.Offsets = store.NewOffsetStore(offsets, log)
	s.Statuses = store.NewStatusStore(statuses, log)
	s.ClusterID = configs.ClusterID
	s.Claim = claim.New(claim.Config{Group: cfg.GroupID, ID: instance, Session: cfg.SessionTimeout(), Heartbeat: cfg.HeartbeatInterval()},
		configs, log)
	return s, nil
}

// workerID is how statuses name this worker.
func workerID(cfg *conf.Config) string {
	host, port := cfg.Props["rest.advertised.host.name"], cfg.Props["rest.advertised.port"]
	if len(cfg.Listeners) > 0 {
		if u, err := url.Parse(cfg.Listeners[0]); err == nil {
			if host == "" {
				host = u.Hostname()
			}
			if port == "" {
				port = u.Port()
			}
		}
	}
	if host == "" || host == "0.0.0.0" || host == "::" {
		if name, err := os.Hostname(); err == nil {
			host = name
		}
	}
	if port == "" {
		port = "8083"
	}
	return net.JoinHostPort(host, port)
}
