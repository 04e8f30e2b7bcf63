package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/leat-project/leat/internal/pgserver"
)

// connectors are the files that are posted, with what differs on this machine.
func (st *stage) connectors() []connectorFile {
	return []connectorFile{
		{"examples/inventory-source.json", map[string]string{
			"database.hostname": pgserver.Host, "database.port": strconv.Itoa(st.pg.Port),
			"database.user": pgserver.User, "database.password": pgserver.Password, "database.dbname": sourceDB,
		}},
		{"examples/warehouse-sink.json", map[string]string{
			"connection.url":      fmt.Sprintf("jdbc:postgresql://%s/%s", st.pg.Addr(), targetDB),
			"connection.username": pgserver.User, "connection.password": pgserver.Password,
		}},
	}
}

// connectorFile is a connector as JSON file and the keys to set in it.
type connectorFile struct {
	path string
	set  map[string]string
}

// connector is the body of POST /connectors.
type connector struct {
	Name   string            `json:"name"`
	Config map[string]string `json:"config"`
}

// fill reads the file and puts this machine's values into it.
func (f connectorFile) fill() (connector, error) {
	var c connector
	text, err := os.ReadFile(f.path)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("reading %s: %w", f.path, err)
	}
	for key, value := range f.set {
		if _, ok := c.Config[key]; !ok {
			return c, fmt.Errorf("%s has no key %s to fill in", f.path, key)
		}
		c.Config[key] = value
	}
	return c, nil
}

// create fills the file, keeps the result in the demo's folder and posts it.
func (st *stage) create(ctx context.Context, f connectorFile) (name string, err error) {
	c, err := f.fill()
	if err != nil {
		return "", err
	}
	body, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(st.dir, filepath.Base(f.path)), body, 0o600); err != nil {
		return "", err
	}
	_, err = call(ctx, http.MethodPost, st.restURL()+"/connectors", body, http.StatusCreated)
	return c.Name, err
}

// answerError is an answer with another status than the one wanted.
type answerError struct {
	method, url string
	status      int
	body        string
}

func (e *answerError) Error() string {
	return fmt.Sprintf("%s %s: answered %d: %s", e.method, e.url, e.status, e.body)
}

// call does a REST request and returns the body; another status than want is
// an *answerError.
func call(ctx context.Context, method, url string, body []byte, want int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the answer to %s %s: %w", method, url, err)
	}
	if resp.StatusCode != want {
		return nil, &answerError{method: method, url: url, status: resp.StatusCode, body: string(answer)}
	}
	return answer, nil
}

// status is the part of GET /connectors/NAME/status that the demo looks at.
type status struct {
	Connector taskStatus   `json:"connector"`
	Tasks     []taskStatus `json:"tasks"`
}

type taskStatus struct {
	ID    int    `json:"id"`
	State string `json:"state"`
	Trace string `json:"trace"`
}

// failure describes what has failed; empty means nothing.
func (s status) failure() string {
	if s.Connector.State == "FAILED" {
		return "the connector failed: " + head(s.Connector.Trace)
	}
	for _, t := range s.Tasks {
		if t.State == "FAILED" {
			return fmt.Sprintf("task %d failed: %s", t.ID, head(t.Trace))
		}
	}
	return ""
}

// head is the beginning of a trace.
func head(trace string) string {
	lines := strings.SplitN(strings.TrimSpace(trace), "\n", 4)
	return strings.Join(lines[:min(3, len(lines))], "\n    ")
}

// checkConnector returns an error if the connector or a task of it has failed.
// One that was created a moment ago has no status yet.
func (st *stage) checkConnector(ctx context.Context, name string) error {
	answer, err := call(ctx, http.MethodGet, st.restURL()+"/connectors/"+name+"/status", nil, http.StatusOK)
	var refused *answerError
	if errors.As(err, &refused) && refused.status == http.StatusNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	var s status
	if err := json.Unmarshal(answer, &s); err != nil {
		return fmt.Errorf("reading the status of %s: %w", name, err)
	}
	if why := s.failure(); why != "" {
		return fmt.Errorf("%s: %s", name, why)
	}
	return nil
}
