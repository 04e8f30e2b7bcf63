package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/leat-project/leat/internal/props"
)

// Prefixes of environment variables that set keys, as the well-known container
// images have them.
const (
	brokerEnv = "KAFKA_"
	workerEnv = "CONNECT_"
)

// fileWithEnv reads a properties file and lays the environment over it.
func fileWithEnv(path, prefix string) (map[string]string, error) {
	file, err := props.Load(path)
	if err != nil {
		return nil, err
	}
	return props.Merge(file, props.FromEnv(prefix, os.Environ())), nil
}

// split takes broker.KEY=VALUE and worker.KEY=VALUE apart.
func split(set []string) (broker, worker map[string]string, err error) {
	broker, worker = map[string]string{}, map[string]string{}
	for _, s := range set {
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, nil, fmt.Errorf("--set %s: expected broker.KEY=VALUE or worker.KEY=VALUE", s)
		}
		if err := assign(broker, worker, key, value); err != nil {
			return nil, nil, fmt.Errorf("--set %s: %w", s, err)
		}
	}
	return broker, worker, nil
}

func assign(broker, worker map[string]string, key, value string) error {
	if k, ok := strings.CutPrefix(key, "broker."); ok && k != "" {
		broker[k] = value
		return nil
	}
	if k, ok := strings.CutPrefix(key, "worker."); ok && k != "" {
		worker[k] = value
		return nil
	}
	return fmt.Errorf("the key %s has neither the prefix broker. nor worker., which say whose key it is", key)
}

// splitFile reads a file whose keys have the prefixes broker. and worker.
func splitFile(path string) (broker, worker map[string]string, err error) {
	broker, worker = map[string]string{}, map[string]string{}
	if path == "" {
		return broker, worker, nil
	}
	file, err := props.Load(path)
	if err != nil {
		return nil, nil, err
	}
	for key, value := range file {
		if err := assign(broker, worker, key, value); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return broker, worker, nil
}
