package client

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/leat-project/leat/internal/logtail"
	"github.com/leat-project/leat/internal/version"
	"github.com/leat-project/leat/worker/validate"
)

// Plugin is one element of GET /connector-plugins.
type Plugin struct {
	Class   string `json:"class"`
	Type    string `json:"type"`
	Version string `json:"version,omitempty"`
}

// ServerInfo is the body of GET /.
type ServerInfo struct {
	Version   string `json:"version"`
	Commit    string `json:"commit"`
	ClusterID string `json:"kafka_cluster_id"`
}

// Server returns what the worker says of itself.
func (c *Client) Server(ctx context.Context) (ServerInfo, error) {
	return get[ServerInfo](ctx, c, "/")
}

// Version returns the version of a Leat worker; a Java worker answers not found.
func (c *Client) Version(ctx context.Context) (version.Info, error) {
	return get[version.Info](ctx, c, "/leat/v1/version")
}

// Plugins returns the connectors, or all plugins.
func (c *Client) Plugins(ctx context.Context, all bool) ([]Plugin, error) {
	return get[[]Plugin](ctx, c, "/connector-plugins?connectorsOnly="+strconv.FormatBool(!all))
}

// Keys returns the configuration keys of a plugin by class name or alias.
func (c *Client) Keys(ctx context.Context, plugin string) ([]validate.KeyInfo, error) {
	return get[[]validate.KeyInfo](ctx, c, path("connector-plugins", plugin, "config"))
}

// Validate reports on a configuration, which must hold connector.class.
func (c *Client) Validate(ctx context.Context, config map[string]string) (validate.Infos, error) {
	var report validate.Infos
	_, err := c.do(ctx, http.MethodPut, path("connector-plugins", config["connector.class"], "config", "validate"), config, &report)
	return report, err
}

// Logs calls each for the kept log lines of a connector, and with follow for new
// ones until ctx ends. It ends with each's error.
func (c *Client) Logs(ctx context.Context, name string, follow bool, each func(logtail.Line) error) error {
	res, err := c.send(ctx, http.MethodGet, path("leat", "v1", "connectors", name, "logs")+"?follow="+strconv.FormatBool(follow), nil)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // reading has ended
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var l logtail.Line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return fmt.Errorf("reading a log line of %s: %w", name, err)
		}
		if err := each(l); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return nil // the caller has seen enough
	}
	return lines.Err()
}
