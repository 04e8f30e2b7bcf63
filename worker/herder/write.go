package herder

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/leat-project/leat/worker/conf"
	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/store"
)

// named returns a copy of a configuration with its name.
func named(name string, config model.Config) model.Config {
	config = maps.Clone(config)
	if config == nil {
		config = model.Config{}
	}
	if config.Text("name") == "" {
		config["name"] = &name
	}
	return config
}

// check validates a configuration.
func (h *Herder) check(ctx context.Context, name string, config model.Config) error {
	infos, err := h.Validator.Validate(ctx, config)
	if err != nil {
		return err
	}
	if unknown := infos.Unknown(config.Texts()); len(unknown) > 0 {
		h.Log.Warn("connector keys that nothing knows", "connector", name, "keys", unknown)
	}
	if moot := h.Validator.Moot(config.Texts()); len(moot) > 0 {
		h.Log.Warn("connector keys without effect", "connector", name, "keys", moot)
	}
	return infos.Err()
}

// Create writes a new connector.
func (h *Herder) Create(ctx context.Context, name string, config model.Config, initial model.TargetState) (model.ConnectorInfo, error) {
	config = named(name, config)
	if err := h.check(ctx, name, config); err != nil {
		return model.ConnectorInfo{}, err
	}
	err := h.do(ctx, func(ctx context.Context) error {
		if _, ok := h.configs.Connector(name); ok {
			return model.AlreadyExists("Connector %s already exists", name)
		}
		return h.configs.PutConnector(ctx, name, config, initial)
	})
	if err != nil {
		return model.ConnectorInfo{}, err
	}
	return h.Connector(ctx, name)
}

// PutConfig creates or replaces a connector.
func (h *Herder) PutConfig(ctx context.Context, name string, config model.Config) (info model.ConnectorInfo, created bool, err error) {
	config = named(name, config)
	if err := h.check(ctx, name, config); err != nil {
		return info, false, err
	}
	err = h.do(ctx, func(ctx context.Context) error {
		_, exists := h.configs.Connector(name)
		created = !exists
		return h.configs.PutConnector(ctx, name, config, "")
	})
	if err == nil {
		info, err = h.Connector(ctx, name)
	}
	return info, created, err
}

// PatchConfig merges patch into a connector's configuration.
func (h *Herder) PatchConfig(ctx context.Context, name string, patch model.Config) (model.ConnectorInfo, error) {
	for {
		c, ok := h.configs.Connector(name)
		if !ok {
			return model.ConnectorInfo{}, model.NotFound("Connector %s not found", name)
		}
		config := c.Config.Patched(patch)
		if err := h.check(ctx, name, config); err != nil {
			return model.ConnectorInfo{}, err
		}
		err := h.do(ctx, func(ctx context.Context) error {
			// Validation took its time outside the loop.
			if now, ok := h.configs.Connector(name); !ok || now.ConfigOffset != c.ConfigOffset {
				return errChanged
			}
			return h.configs.PutConnector(ctx, name, config, "")
		})
		if err == nil {
			return h.Connector(ctx, name)
		}
		if !errors.Is(err, errChanged) {
			return model.ConnectorInfo{}, err
		}
	}
}

var errChanged = errors.New("the connector was changed meanwhile")

// Delete removes a connector.
func (h *Herder) Delete(ctx context.Context, name string) error {
	return h.do(ctx, func(ctx context.Context) error {
		if _, ok := h.configs.Connector(name); !ok {
			return model.NotFound("Connector %s not found", name)
		}
		return h.configs.RemoveConnector(ctx, name)
	})
}

// SetClusterLogLevel sets a logger's level on every worker.
func (h *Herder) SetClusterLogLevel(ctx context.Context, logger, level string) error {
	return h.do(ctx, func(ctx context.Context) error { return h.configs.PutLogger(ctx, logger, level) })
}

// renewSessionKey publishes a key for requests between workers when there is none or
// it has expired, as a leader does.
func (h *Herder) renewSessionKey(ctx context.Context) error {
	if h.Conf.Mode == conf.Standalone {
		return nil
	}
	ttl, now := h.Conf.SessionKeyTTL(), time.Now()
	if k := h.configs.SessionKey(); k.Key != "" && (ttl == 0 || now.Sub(k.Created) < ttl) {
		return nil
	}
	key := make([]byte, 32)
	rand.Read(key) // never fails
	err := h.configs.PutSessionKey(ctx, store.SessionKey{Key: base64.StdEncoding.EncodeToString(key), Algorithm: "HmacSHA256", Created: now})
	if err != nil {
		return fmt.Errorf("publishing the session key: %w", err)
	}
	return nil
}
