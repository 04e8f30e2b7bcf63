package jdbc

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/connectors/jdbc/postgres"
)

// Register adds both classes to a registry.
func Register(r *plugin.Registry) {
	r.AddSink(debeziumClass, debeziumVersion, func() connect.SinkConnector { return newConnector(&debezium{}) })
	r.AddSink(confluentClass, confluentVersion, func() connect.SinkConnector { return newConnector(&confluent{}) })
}

// class is one of the two configurations.
type class interface {
	config.Definer
	settings(props map[string]string) (*settings, error)
}

// connector plans tasks: each gets the connector's configuration.
type connector struct {
	class
	props map[string]string
}

var (
	_ connect.SinkConnector = (*connector)(nil)
	_ connect.Validator     = (*connector)(nil)
)

func newConnector(c class) *connector { return &connector{class: c} }

// Start checks the configuration.
func (c *connector) Start(_ connect.ConnectorContext, props map[string]string) error {
	if _, err := c.settings(props); err != nil {
		return err
	}
	c.props = maps.Clone(props)
	return nil
}

// TaskConfigs returns the configuration once for each task.
func (c *connector) TaskConfigs(maxTasks int) ([]map[string]string, error) {
	configs := make([]map[string]string, maxTasks)
	for i := range configs {
		configs[i] = maps.Clone(c.props)
	}
	return configs, nil
}

// NewTask returns a task that is not started.
func (c *connector) NewTask() connect.SinkTask { return &task{parse: c.settings} }

// Stop has nothing to release.
func (c *connector) Stop() error { return nil }

// validateTimeout bounds the attempt to connect when a configuration is validated.
const validateTimeout = 15 * time.Second

// Validate checks what spans keys and opens a connection. Java's Debezium class
// does not connect here, but a wrong address is better told now than by a failed task.
func (c *connector) Validate(ctx context.Context, props map[string]string, r *config.Result) {
	if _, ok := c.class.(*confluent); ok && strings.EqualFold(props["delete.enabled"], "true") && !strings.EqualFold(props["pk.mode"], string(keyRecord)) {
		r.AddError("delete.enabled", "Deletes are only supported for pk.mode record_key")
	}
	if props["connection.url"] == "" || r.ErrorCount() > 0 {
		return
	}
	s, err := c.settings(props)
	if err != nil {
		r.AddError(errorKey(r, err), connect.MessageOf(err))
		return
	}
	ctx, cancel := context.WithTimeout(ctx, validateTimeout)
	defer cancel()
	session, err := postgres.Connect(ctx, s.target, s.zone)
	if err != nil {
		r.AddError("connection.url", err.Error())
		return
	}
	session.Close()
}

// errorKey finds the key that an error is about, connection.url if it names none.
func errorKey(r *config.Result, err error) string {
	const url = "connection.url"
	text := err.Error()
	if strings.HasPrefix(text, url) {
		return url
	}
	best, at := url, len(text)
	for _, v := range r.Values {
		if i := strings.Index(text, v.Name); i >= 0 && i < at && strings.Contains(v.Name, ".") {
			best, at = v.Name, i
		}
	}
	return best
}
