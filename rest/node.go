package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/leat-project/leat/internal/logtail"
	"github.com/leat-project/leat/internal/version"
	"github.com/leat-project/leat/worker/model"
)

// kafkaCommit is the commit that the Kafka release we answer as reports.
const kafkaCommit = "26b251a451ce941d"

// ServerInfo is the body of GET /.
type ServerInfo struct {
	Version   string `json:"version"`
	Commit    string `json:"commit"`
	ClusterID string `json:"kafka_cluster_id"`
}

func (s *Server) root(r *http.Request) (answer, error) {
	id, err := s.herder.ClusterID(r.Context())
	if err != nil {
		return answer{}, err
	}
	return ok(ServerInfo{version.Connect, kafkaCommit, id})
}

// Health is the body of GET /health (KIP-1017), whatever the status.
type Health struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func (s *Server) health(r *http.Request) (answer, error) {
	ctx, cancel := context.WithTimeout(r.Context(), HealthTimeout)
	defer cancel()
	started, err := s.herder.Ready(ctx)
	switch {
	case err == nil:
		return ok(Health{"healthy", "Worker has completed startup and is ready to handle requests."})
	case !started:
		return answer{status: http.StatusServiceUnavailable, body: Health{"starting", "Worker is still starting up. " + err.Error()}}, nil
	}
	return answer{status: http.StatusInternalServerError,
		body: Health{"unhealthy", "Worker was unable to handle this request and may be unable to handle other requests. " + err.Error()}}, nil
}

func (s *Server) leatVersion(*http.Request) (answer, error) { return ok(version.Get()) }

// logs streams the kept log lines of a connector as JSON lines; follow=true goes
// on with new ones until the client leaves or the server stops.
func (s *Server) logs(w http.ResponseWriter, r *http.Request) {
	err := checkParams(r)
	name := ""
	if err == nil {
		name = param(r, "connector")
		_, err = s.herder.Connector(r.Context(), name)
	}
	if err != nil {
		writeError(w, err)
		return
	}
	after, err := strconv.ParseUint("0"+r.URL.Query().Get("after"), 10, 64)
	if err != nil {
		writeError(w, model.BadRequest("after must be the seq of a line, a number"))
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	for {
		lines, more := s.Logs.Lines(name, after)
		if err := writeLines(w, lines); err != nil {
			return // the client has gone away
		}
		if len(lines) > 0 {
			after = lines[len(lines)-1].Seq
		}
		if !flag(r, "follow", false) {
			return
		}
		select {
		case <-more:
		case <-s.draining:
			return
		case <-r.Context().Done():
			return
		}
	}
}

func writeLines(w http.ResponseWriter, lines []logtail.Line) error {
	e := json.NewEncoder(w)
	for _, l := range lines {
		if err := e.Encode(l); err != nil {
			return err
		}
	}
	return http.NewResponseController(w).Flush()
}
