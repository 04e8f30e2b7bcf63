package rest

import (
	"errors"
	"net/http"
	"strings"

	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/validate"
)

// PluginInfo is one element of GET /connector-plugins.
type PluginInfo struct {
	Class   string `json:"class"`
	Type    string `json:"type"`
	Version string `json:"version,omitempty"`
}

func (s *Server) listPlugins(r *http.Request) (answer, error) {
	var kinds []plugin.Kind
	if flag(r, "connectorsOnly", true) {
		kinds = []plugin.Kind{plugin.Sink, plugin.Source}
	}
	infos := []PluginInfo{}
	for _, p := range s.reg.All(kinds...) {
		infos = append(infos, PluginInfo{p.Class, string(p.Kind), p.Version})
	}
	return ok(infos)
}

func (s *Server) pluginConfig(r *http.Request) (answer, error) {
	name := param(r, "plugin")
	p, err := s.reg.Find(name)
	if err != nil {
		switch {
		case strings.HasPrefix(name, validate.PolicyPackage): // known, and of a kind without keys
			return answer{}, model.BadRequest("Invalid plugin class %s. Valid types are sink, source, converter, header_converter, transformation, predicate.", name)
		case strings.HasPrefix(name, "java.lang."):
			return answer{}, errors.New("Instantiation error") //nolint:staticcheck // Java's text
		}
		return answer{}, model.NotFound("Unknown plugin %s.", name)
	}
	if err := p.CheckVersion(r.URL.Query().Get("version")); err != nil {
		return answer{}, model.BadRequest("%v", err)
	}
	return ok(validate.Keys(s.reg, p))
}

func (s *Server) validateConfig(r *http.Request) (answer, error) {
	name := param(r, "plugin")
	config, err := postedConfig(r)
	if err != nil {
		return answer{}, err
	}
	if class := config.Text("connector.class"); config["connector.class"] != nil && !strings.HasSuffix(normalized(class), normalized(name)) {
		return answer{}, model.BadRequest("Included connector type %s does not match request type %s", class, name)
	}
	report, err := s.herder.Validate(r.Context(), config)
	var bad *model.BadRequestError
	if errors.As(err, &bad) {
		return answer{}, &statusError{http.StatusInternalServerError,
			"org.apache.kafka.connect.runtime.rest.errors.BadRequestException: " + bad.Msg}
	}
	if err != nil {
		return answer{}, err
	}
	return ok(report)
}

// normalized cuts the ending Connector, so that full and short names compare.
func normalized(class string) string {
	if short := strings.TrimSuffix(class, "Connector"); short != "" {
		return short
	}
	return class
}
