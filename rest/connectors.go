package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/leat-project/leat/worker/model"
)

func (s *Server) listConnectors(r *http.Request) (answer, error) {
	names, err := s.herder.Connectors(r.Context())
	if err != nil {
		return answer{}, err
	}
	expand, expanded := r.URL.Query()["expand"]
	if !expanded {
		return ok(append([]string{}, names...))
	}
	all := map[string]map[string]any{}
	for _, name := range names {
		views, err := s.expand(r, name, expand)
		var gone *model.NotFoundError
		if errors.As(err, &gone) {
			continue // deleted meanwhile, or without a status yet
		}
		if err != nil {
			return answer{}, err
		}
		all[name] = views
	}
	return ok(all)
}

func (s *Server) expand(r *http.Request, name string, expand []string) (map[string]any, error) {
	views := map[string]any{}
	for _, e := range expand {
		switch e {
		case "status":
			status, err := s.herder.ConnectorStatus(r.Context(), name)
			if err != nil {
				return nil, err
			}
			views[e] = status
		case "info":
			info, err := s.herder.Connector(r.Context(), name)
			if err != nil {
				return nil, err
			}
			views[e] = info
		default:
			s.log.Debug("ignoring unknown expansion", "expand", e)
		}
	}
	return views, nil
}

// initialStates are the values of initial_state (KIP-980).
var initialStates = map[string]model.TargetState{"RUNNING": model.TargetStarted,
	"PAUSED": model.TargetPaused, "STOPPED": model.TargetStopped}

func (s *Server) createConnector(r *http.Request) (answer, error) {
	members, err := readObject(r, createTarget)
	if err != nil {
		return answer{}, err
	}
	fields := map[string]*string{}
	for _, f := range []string{"name", "initial_state"} {
		if raw, set := members[f]; set {
			if fields[f], err = scalar(f, raw); err != nil {
				return answer{}, err
			}
		}
	}
	initial, err := initialState(fields["initial_state"])
	if err != nil {
		return answer{}, err
	}
	config, err := memberConfig(members["config"])
	if err != nil {
		return answer{}, err
	}
	name := ""
	if fields["name"] != nil {
		name = strings.TrimFunc(*fields["name"], func(r rune) bool { return r <= ' ' })
	}
	if err := setName(name, config); err != nil {
		return answer{}, err
	}
	info, err := s.herder.Create(r.Context(), name, config, initial)
	if err != nil {
		return answer{}, err
	}
	return created(r, info)
}

func initialState(text *string) (model.TargetState, error) {
	if text == nil {
		return model.TargetStarted, nil
	}
	state, known := initialStates[strings.ToUpper(*text)]
	if !known {
		return "", fmt.Errorf("Cannot construct instance of `%sCreateConnectorRequest$InitialState`, problem: No enum constant %sCreateConnectorRequest.InitialState.%s", //nolint:staticcheck // Java's text
			restEntities, restEntities, strings.ToUpper(*text))
	}
	return state, nil
}

// memberConfig reads the member config of a create request.
func memberConfig(raw json.RawMessage) (model.Config, error) {
	if len(raw) == 0 || raw[0] == 'n' {
		return nil, errors.New(configTarget.ifAbsent)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, fmt.Errorf("Cannot deserialize value of type `%s`: config must be an object of texts", mapClass) //nolint:staticcheck // Java's text
	}
	return stringMap(members)
}

// setName puts the name into the configuration, or checks the one that is there.
func setName(name string, config model.Config) error {
	if included := config["name"]; included != nil && *included != name {
		return model.BadRequest("Connector name configuration (%s) doesn't match connector name in the URL (%s)", *included, name)
	}
	config["name"] = &name
	return nil
}

// escapedTwice finds what Java's UriBuilder takes for an escape already.
var escapedTwice = regexp.MustCompile(`%25([0-9A-Fa-f]{2})`)

func created(r *http.Request, info model.ConnectorInfo) (answer, error) {
	// Java's UriBuilder escapes a path but leaves slashes.
	path := (&url.URL{Path: "/connectors/" + info.Name}).EscapedPath()
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	location := scheme + r.Host + escapedTwice.ReplaceAllString(path, "%$1")
	return answer{status: http.StatusCreated, body: info, location: location}, nil
}

func (s *Server) getConnector(r *http.Request) (answer, error) {
	name := param(r, "connector")
	return result(s.herder.Connector(r.Context(), name))
}

func (s *Server) deleteConnector(r *http.Request) (answer, error) {
	name := param(r, "connector")
	if err := s.herder.Delete(r.Context(), name); err != nil {
		return answer{}, err
	}
	return empty(http.StatusNoContent)
}

func (s *Server) getConfig(r *http.Request) (answer, error) {
	name := param(r, "connector")
	info, err := s.herder.Connector(r.Context(), name)
	if err != nil {
		return answer{}, err
	}
	return ok(info.Config)
}

// postedConfig reads a body that is a connector configuration.
func postedConfig(r *http.Request) (model.Config, error) {
	members, err := readObject(r, configTarget)
	if err != nil {
		return nil, err
	}
	return stringMap(members)
}

func (s *Server) putConfig(r *http.Request) (answer, error) {
	name := param(r, "connector")
	config, err := postedConfig(r)
	if err != nil {
		return answer{}, err
	}
	if err := setName(name, config); err != nil {
		return answer{}, err
	}
	info, isNew, err := s.herder.PutConfig(r.Context(), name, config)
	if err != nil {
		return answer{}, err
	}
	if isNew {
		return created(r, info)
	}
	return ok(info)
}

func (s *Server) patchConfig(r *http.Request) (answer, error) {
	name := param(r, "connector")
	members, err := readObject(r, patchTarget)
	if err != nil {
		return answer{}, err
	}
	patch, err := stringMap(members)
	if err != nil {
		return answer{}, err
	}
	return result(s.herder.PatchConfig(r.Context(), name, patch))
}

func (s *Server) getStatus(r *http.Request) (answer, error) {
	name := param(r, "connector")
	return result(s.herder.ConnectorStatus(r.Context(), name))
}

func (s *Server) getTasks(r *http.Request) (answer, error) {
	name := param(r, "connector")
	tasks, err := s.herder.Tasks(r.Context(), name)
	if err != nil {
		return answer{}, err
	}
	return ok(append([]model.TaskInfo{}, tasks...))
}

// taskID reads the task of the path. A number that is none is not a resource.
func taskID(r *http.Request) (model.TaskID, error) {
	name := param(r, "connector")
	text := param(r, "task")
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return model.TaskID{}, httpError(http.StatusNotFound)
	}
	return model.TaskID{Connector: name, Task: int(n)}, nil
}

func (s *Server) getTaskStatus(r *http.Request) (answer, error) {
	id, err := taskID(r)
	if err != nil {
		return answer{}, err
	}
	return result(s.herder.TaskStatus(r.Context(), id))
}

// internalOnly stands for the resources between Java workers (KIP-507, KIP-618):
// our workers do not use them, so no request to them is signed.
func internalOnly(*http.Request) (answer, error) {
	return answer{}, &statusError{http.StatusBadRequest, "Internal request missing required signature"}
}
