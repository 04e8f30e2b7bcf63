package postgres

import (
	"context"
	"maps"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/connectors/debezium/event"
)

// Class is the connector's Java class.
const Class = "io.debezium.connector.postgresql.PostgresConnector"

// Register adds the connector to a registry.
func Register(r *plugin.Registry) {
	r.AddSource(Class, event.Version, func() connect.SourceConnector { return &Connector{} })
}

// Connector is PostgresConnector: one task, whatever tasks.max says.
type Connector struct {
	Config
	props map[string]string
}

var (
	_ connect.SourceConnector      = (*Connector)(nil)
	_ connect.Validator            = (*Connector)(nil)
	_ connect.ExactlyOnceConnector = (*Connector)(nil)
)

// Define declares the configuration.
func (c *Connector) Define(d *config.Def) { c.Config.Define(d) }

// Start checks the configuration.
func (c *Connector) Start(_ connect.ConnectorContext, props map[string]string) error {
	c.props = props
	_, err := parse(props)
	return err
}

// TaskConfigs returns one task.
func (c *Connector) TaskConfigs(int) ([]map[string]string, error) {
	return []map[string]string{maps.Clone(c.props)}, nil
}

// NewTask returns a task.
func (c *Connector) NewTask() connect.SourceTask { return &Task{} }

// Stop has nothing to release.
func (c *Connector) Stop() error { return nil }

// ExactlyOnceSupport is true: offsets are stored in the records' transaction.
func (c *Connector) ExactlyOnceSupport(map[string]string) bool { return true }

// DefinesBoundaries is false, as in Debezium.
func (c *Connector) DefinesBoundaries(map[string]string) bool { return false }

// Validate checks what needs the whole configuration and the server.
func (c *Connector) Validate(ctx context.Context, props map[string]string, r *config.Result) {
	validate(ctx, props, r)
}
