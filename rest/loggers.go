package rest

import (
	"net/http"

	"github.com/leat-project/leat/internal/loglevel"
	"github.com/leat-project/leat/worker/model"
)

func (s *Server) listLoggers(*http.Request) (answer, error) {
	all := s.Loggers.All()
	for name, l := range all {
		if l.Level == "OFF" && name != loglevel.Root {
			delete(all, name)
		}
	}
	return ok(all)
}

func (s *Server) getLogger(r *http.Request) (answer, error) {
	name := param(r, "logger")
	level, known := s.Loggers.Get(name)
	if !known {
		return answer{}, model.NotFound("Logger %s not found.", name)
	}
	return ok(level)
}

func (s *Server) setLogger(r *http.Request) (answer, error) {
	name := param(r, "logger")
	members, err := readObject(r, levelTarget)
	if err != nil {
		return answer{}, err
	}
	body, err := stringMap(members)
	if err != nil {
		return answer{}, err
	}
	if body["level"] == nil {
		return answer{}, model.BadRequest("Desired 'level' parameter was not specified in request.")
	}
	level, known := loglevel.Parse(*body["level"])
	if !known {
		return answer{}, model.NotFound("invalid log level '%s'.", *body["level"])
	}
	if err := s.Loggers.Room(name); err != nil {
		return answer{}, model.BadRequest("%v", err)
	}
	switch scope := r.URL.Query().Get("scope"); scope {
	case "cluster":
		if err := s.herder.SetClusterLogLevel(r.Context(), name, level); err != nil {
			return answer{}, err
		}
		return empty(http.StatusNoContent)
	case "", "worker":
	default:
		s.log.Warn("unknown scope of a log level, taken as worker", "scope", scope)
	}
	return ok(s.Loggers.Set(name, level))
}
