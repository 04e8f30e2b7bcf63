package rest

import (
	"context"

	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/validate"
)

// Herder is what the API asks of a worker. Its methods are safe for concurrent
// use, block until the operation is done or durable, and end with ctx. Errors are
// the kinds of worker/model (not found, conflict, bad request ...), whose texts are
// Java's and whose status codes the API maps; anything else answers 500 with the
// error's text.
type Herder interface {
	ConnectorReader
	ConnectorWriter
	Lifecycle
	OffsetManager
	Node
}

// ConnectorReader answers what is known about connectors.
type ConnectorReader interface {
	// Connectors returns the names of all connectors.
	Connectors(ctx context.Context) ([]string, error)
	// Connector returns one connector: not found is "Connector NAME not found".
	// Config is as posted, provider references unresolved.
	Connector(ctx context.Context, name string) (model.ConnectorInfo, error)
	// ConnectorStatus returns the last written states; tasks in order of number.
	// Not found is "No status found for connector NAME".
	ConnectorStatus(ctx context.Context, name string) (model.ConnectorStatus, error)
	// TaskStatus: not found is "No status found for task NAME-N".
	TaskStatus(ctx context.Context, id model.TaskID) (model.TaskStatus, error)
	// Tasks returns the task configurations in order of number, unresolved.
	Tasks(ctx context.Context, name string) ([]model.TaskInfo, error)
	// Topics returns the topics a connector has used; none for an unknown one.
	Topics(ctx context.Context, name string) ([]string, error)
	// ResetTopics forgets them.
	ResetTopics(ctx context.Context, name string) error
}

// ConnectorWriter changes configurations. Every write validates first (see
// worker/validate, Infos.Err is the error to return), is durable when it
// returns, and answers with the configuration as written and the tasks known.
type ConnectorWriter interface {
	// Create writes a new connector: conflict "Connector NAME already exists" after
	// validation. initial is its target state.
	Create(ctx context.Context, name string, config model.Config, initial model.TargetState) (model.ConnectorInfo, error)
	// PutConfig creates or replaces; created tells which.
	PutConfig(ctx context.Context, name string, config model.Config) (info model.ConnectorInfo, created bool, err error)
	// PatchConfig merges patch into the configuration; nil removes a key (KIP-477).
	PatchConfig(ctx context.Context, name string, patch model.Config) (model.ConnectorInfo, error)
	// Delete removes a connector: not found is "Connector NAME not found".
	Delete(ctx context.Context, name string) error
	// Validate reports on a configuration. A missing connector.class and an
	// unknown class are errors, everything else is in the report.
	Validate(ctx context.Context, config model.Config) (*validate.Infos, error)
}

// Lifecycle changes what runs. Not found is "Unknown connector: NAME" and "Unknown
// task: NAME-N" for the restarts, "Unknown connector NAME" for the rest.
type Lifecycle interface {
	// RestartConnector restarts the connector instance only.
	RestartConnector(ctx context.Context, name string) error
	// Restart restarts the connector and its tasks as the request says
	// (KIP-745). It returns at once with the planned status, in which all that
	// will restart is RESTARTING.
	Restart(ctx context.Context, r model.RestartRequest) (model.ConnectorStatus, error)
	// RestartTask restarts one task.
	RestartTask(ctx context.Context, id model.TaskID) error
	Pause(ctx context.Context, name string) error
	Resume(ctx context.Context, name string) error
	Stop(ctx context.Context, name string) error
}

// OffsetManager is KIP-875. A connector that is not STOPPED is a bad request with
// Java's text.
type OffsetManager interface {
	// Offsets returns source offsets or a sink's consumer group offsets as maps.
	Offsets(ctx context.Context, name string) ([]model.ConnectorOffset, error)
	// AlterOffsets writes offsets, nil offsets delete; numbers are int64 or
	// float64. It returns Java's success message.
	AlterOffsets(ctx context.Context, name string, offsets []model.ConnectorOffset) (message string, err error)
	// ResetOffsets deletes all offsets and returns Java's success message.
	ResetOffsets(ctx context.Context, name string) (message string, err error)
}

// Node is about this worker.
type Node interface {
	// ClusterID returns the id of the Kafka cluster.
	ClusterID(ctx context.Context) (string, error)
	// Ready reports whether the worker has started and answers. A nil error is
	// healthy; started is false as long as startup never finished. The error's
	// text names what the worker is doing.
	Ready(ctx context.Context) (started bool, err error)
	// SetClusterLogLevel sets a logger's level on every worker (KIP-976). The
	// level is one of Java's names in upper case.
	SetClusterLogLevel(ctx context.Context, logger, level string) error
}
