package client

import (
	"context"
	"net/http"
	"strconv"

	"github.com/leat-project/leat/worker/model"
)

// View is a connector with its status, as GET /connectors?expand= answers.
type View struct {
	Info   model.ConnectorInfo   `json:"info"`
	Status model.ConnectorStatus `json:"status"`
}

// Connectors returns the names of all connectors.
func (c *Client) Connectors(ctx context.Context) ([]string, error) {
	return get[[]string](ctx, c, "/connectors")
}

// Views returns all connectors with their status by name. One without a status yet
// is left out.
func (c *Client) Views(ctx context.Context) (map[string]View, error) {
	return get[map[string]View](ctx, c, "/connectors?expand=info&expand=status")
}

// Connector returns one connector.
func (c *Client) Connector(ctx context.Context, name string) (model.ConnectorInfo, error) {
	return get[model.ConnectorInfo](ctx, c, path("connectors", name))
}

// Create creates a connector. initial is RUNNING, PAUSED, STOPPED or "".
func (c *Client) Create(ctx context.Context, name string, config map[string]string, initial string) (model.ConnectorInfo, error) {
	body := struct {
		Name    string            `json:"name"`
		Config  map[string]string `json:"config"`
		Initial string            `json:"initial_state,omitempty"`
	}{name, config, initial}
	var info model.ConnectorInfo
	_, err := c.do(ctx, http.MethodPost, "/connectors", body, &info)
	return info, err
}

// PutConfig creates or reconfigures a connector; created tells which.
func (c *Client) PutConfig(ctx context.Context, name string, config map[string]string) (info model.ConnectorInfo, created bool, err error) {
	status, err := c.do(ctx, http.MethodPut, path("connectors", name, "config"), config, &info)
	return info, status == http.StatusCreated, err
}

// PatchConfig changes single keys; nil removes one.
func (c *Client) PatchConfig(ctx context.Context, name string, patch map[string]*string) (model.ConnectorInfo, error) {
	var info model.ConnectorInfo
	_, err := c.do(ctx, http.MethodPatch, path("connectors", name, "config"), patch, &info)
	return info, err
}

// Delete removes a connector.
func (c *Client) Delete(ctx context.Context, name string) error {
	_, err := c.do(ctx, http.MethodDelete, path("connectors", name), nil, nil)
	return err
}

// Status returns the states of a connector and its tasks.
func (c *Client) Status(ctx context.Context, name string) (model.ConnectorStatus, error) {
	return get[model.ConnectorStatus](ctx, c, path("connectors", name, "status"))
}

// Tasks returns the configurations of the tasks.
func (c *Client) Tasks(ctx context.Context, name string) ([]model.TaskInfo, error) {
	return get[[]model.TaskInfo](ctx, c, path("connectors", name, "tasks"))
}

// Restart restarts what the request says. The status is the planned one; it is
// zero when only the connector instance was restarted.
func (c *Client) Restart(ctx context.Context, r model.RestartRequest) (model.ConnectorStatus, error) {
	var s model.ConnectorStatus
	query := "?includeTasks=" + strconv.FormatBool(r.IncludeTasks) + "&onlyFailed=" + strconv.FormatBool(r.OnlyFailed)
	_, err := c.do(ctx, http.MethodPost, path("connectors", r.Connector, "restart")+query, nil, &s)
	return s, err
}

// RestartTask restarts one task.
func (c *Client) RestartTask(ctx context.Context, id model.TaskID) error {
	_, err := c.do(ctx, http.MethodPost, path("connectors", id.Connector, "tasks", strconv.Itoa(id.Task), "restart"), nil, nil)
	return err
}

// Pause, Resume and Stop set the target state of a connector.
func (c *Client) Pause(ctx context.Context, name string) error { return c.put(ctx, name, "pause") }

// Resume starts a paused or stopped connector.
func (c *Client) Resume(ctx context.Context, name string) error { return c.put(ctx, name, "resume") }

// Stop shuts down a connector and its tasks; its configuration and offsets stay.
func (c *Client) Stop(ctx context.Context, name string) error { return c.put(ctx, name, "stop") }

func (c *Client) put(ctx context.Context, name, action string) error {
	_, err := c.do(ctx, http.MethodPut, path("connectors", name, action), nil, nil)
	return err
}

// Topics returns the topics that a connector has used.
func (c *Client) Topics(ctx context.Context, name string) ([]string, error) {
	var body map[string]struct{ Topics []string }
	_, err := c.do(ctx, http.MethodGet, path("connectors", name, "topics"), nil, &body)
	return body[name].Topics, err
}

// Offsets returns the stored offsets of a connector.
func (c *Client) Offsets(ctx context.Context, name string) (model.ConnectorOffsets, error) {
	return get[model.ConnectorOffsets](ctx, c, path("connectors", name, "offsets"))
}

// AlterOffsets writes offsets of a stopped connector; nil offsets delete. It
// returns the server's message.
func (c *Client) AlterOffsets(ctx context.Context, name string, o model.ConnectorOffsets) (string, error) {
	return c.message(ctx, http.MethodPatch, name, o)
}

// ResetOffsets deletes all offsets of a stopped connector. It returns the server's
// message.
func (c *Client) ResetOffsets(ctx context.Context, name string) (string, error) {
	return c.message(ctx, http.MethodDelete, name, nil)
}

func (c *Client) message(ctx context.Context, method, name string, body any) (string, error) {
	var m struct{ Message string }
	_, err := c.do(ctx, method, path("connectors", name, "offsets"), body, &m)
	return m.Message, err
}
