package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/leat-project/leat/worker/model"
)

// message is a body that only says something (Message).
type message struct {
	Message string `json:"message"`
}

func (s *Server) getOffsets(r *http.Request) (answer, error) {
	name := param(r, "connector")
	offsets, err := s.herder.Offsets(r.Context(), name)
	if err != nil {
		return answer{}, err
	}
	return ok(model.ConnectorOffsets{Offsets: append([]model.ConnectorOffset{}, offsets...)})
}

func (s *Server) alterOffsets(r *http.Request) (answer, error) {
	name := param(r, "connector")
	members, err := readObject(r, offsetsTarget)
	if err != nil {
		return answer{}, err
	}
	offsets, err := readOffsets(members["offsets"])
	if err != nil {
		return answer{}, err
	}
	msg, err := s.herder.AlterOffsets(r.Context(), name, offsets)
	if err != nil {
		return answer{}, err
	}
	return ok(message{msg})
}

// readOffsets reads pairs of partition and offset. As Java does, an offset that is
// left out deletes like null.
func readOffsets(raw json.RawMessage) ([]model.ConnectorOffset, error) {
	var offsets []model.ConnectorOffset
	if len(raw) > 0 {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		d.DisallowUnknownFields()
		if err := d.Decode(&offsets); err != nil {
			return nil, fmt.Errorf("Cannot deserialize value of type `%sConnectorOffset`: %w; expected a list of {\"partition\":{...},\"offset\":{...}}", restEntities, err) //nolint:staticcheck // Java's first words
		}
	}
	if len(offsets) == 0 {
		return nil, &statusError{http.StatusBadRequest, "Partitions / offsets need to be provided for an alter offsets request"}
	}
	for _, o := range offsets {
		numbers(o.Partition)
		numbers(o.Offset)
	}
	return offsets, nil
}

// numbers turns JSON numbers into int64 where they are whole, else float64.
func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, err := v.Float64()
		if err != nil {
			return v.String()
		}
		return f
	case map[string]any:
		for k, e := range v {
			v[k] = numbers(e)
		}
	case []any:
		for i, e := range v {
			v[i] = numbers(e)
		}
	}
	return v
}

func (s *Server) resetOffsets(r *http.Request) (answer, error) {
	name := param(r, "connector")
	msg, err := s.herder.ResetOffsets(r.Context(), name)
	if err != nil {
		return answer{}, err
	}
	return ok(message{msg})
}
