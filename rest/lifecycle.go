package rest

import (
	"context"
	"net/http"
	"strings"

	"github.com/leat-project/leat/worker/model"
)

func (s *Server) restart(r *http.Request) (answer, error) {
	name := param(r, "connector")
	req := model.RestartRequest{Connector: name, IncludeTasks: flag(r, "includeTasks", false), OnlyFailed: flag(r, "onlyFailed", false)}
	if !req.IncludeTasks && !req.OnlyFailed {
		if err := s.herder.RestartConnector(r.Context(), name); err != nil {
			return answer{}, err
		}
		return empty(http.StatusNoContent)
	}
	status, err := s.herder.Restart(r.Context(), req)
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusAccepted, body: status}, nil
}

// flag reads a query parameter as Boolean.valueOf does.
func flag(r *http.Request, name string, absent bool) bool {
	q := r.URL.Query()
	if !q.Has(name) {
		return absent
	}
	return strings.EqualFold(q.Get(name), "true")
}

func (s *Server) restartTask(r *http.Request) (answer, error) {
	id, err := taskID(r)
	if err != nil {
		return answer{}, err
	}
	if err := s.herder.RestartTask(r.Context(), id); err != nil {
		return answer{}, err
	}
	return empty(http.StatusNoContent)
}

func (s *Server) pause(r *http.Request) (answer, error) {
	return s.named(r, s.herder.Pause, http.StatusAccepted)
}

func (s *Server) resume(r *http.Request) (answer, error) {
	return s.named(r, s.herder.Resume, http.StatusAccepted)
}

func (s *Server) stop(r *http.Request) (answer, error) {
	return s.named(r, s.herder.Stop, http.StatusNoContent)
}

// named runs an operation on a connector that answers without a body.
func (s *Server) named(r *http.Request, op func(context.Context, string) error, status int) (answer, error) {
	name := param(r, "connector")
	if err := op(r.Context(), name); err != nil {
		return answer{}, err
	}
	return empty(status)
}

// activeTopics is ActiveTopicsInfo.
type activeTopics struct {
	Topics []string `json:"topics"`
}

func (s *Server) getTopics(r *http.Request) (answer, error) {
	if !s.cfg.TopicTracking {
		return answer{}, &statusError{http.StatusForbidden, "Topic tracking is disabled."}
	}
	name := param(r, "connector")
	topics, err := s.herder.Topics(r.Context(), name)
	if err != nil {
		return answer{}, err
	}
	return ok(map[string]activeTopics{name: {append([]string{}, topics...)}})
}

func (s *Server) resetTopics(r *http.Request) (answer, error) {
	if !s.cfg.TopicTracking {
		return answer{}, &statusError{http.StatusForbidden, "Topic tracking is disabled."}
	}
	if !s.cfg.TopicTrackingReset {
		return answer{}, &statusError{http.StatusForbidden, "Topic tracking reset is disabled."}
	}
	return s.named(r, s.herder.ResetTopics, http.StatusAccepted)
}
