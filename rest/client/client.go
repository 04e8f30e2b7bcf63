// Package client is a typed client of the Connect REST API, ours or Java's. The
// command line uses it, and workers to forward requests to each other.
//
// Errors of the server are *Error with its status and message; everything else is
// the transport's error, wrapped with the address that was asked.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Client talks to one worker. It is safe for concurrent use.
type Client struct {
	base  string
	shown string // base without a password
	http  *http.Client
}

// New returns a client of the worker at base, such as http://127.0.0.1:8083;
// without a scheme http is taken. A nil hc is http.DefaultClient: requests are
// bounded by their context only.
func New(base string, hc *http.Client) (*Client, error) {
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%q is not the address of a REST API; expected for instance http://127.0.0.1:8083", base[strings.LastIndexByte(base, '@')+1:])
	}
	if hc == nil {
		hc = http.DefaultClient
	}
	return &Client{strings.TrimSuffix(base, "/"), strings.TrimSuffix(u.Redacted(), "/"), hc}, nil
}

// Error is an error body of the server.
type Error struct {
	Status  int    // HTTP status
	Code    int    // error_code of the body, the status if there was none
	Message string // of the body
}

func (e *Error) Error() string { return e.Message }

// UnreachableError says that no answer came from the worker.
type UnreachableError struct {
	Base string
	Err  error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("no answer from the REST API at %s: %v", e.Base, e.Err)
}

// Unwrap returns the transport's error.
func (e *UnreachableError) Unwrap() error { return e.Err }

// path joins escaped segments.
func path(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteString("/" + url.PathEscape(s))
	}
	return b.String()
}

// do sends a request with a JSON body (nil: none) and reads the answer into out
// (nil: ignored). It returns the status.
func (c *Client) do(ctx context.Context, method, path string, body, out any) (int, error) {
	res, err := c.send(ctx, method, path, body)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return res.StatusCode, &UnreachableError{c.shown, err}
	}
	if out == nil || len(text) == 0 {
		return res.StatusCode, nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // an offset may have more digits than a float64
	if err := d.Decode(out); err != nil {
		return res.StatusCode, fmt.Errorf("reading the answer of %s to %s %s: %w", c.shown, method, path, err)
	}
	return res.StatusCode, nil
}

// get reads a resource.
func get[T any](ctx context.Context, c *Client, path string) (v T, err error) {
	_, err = c.do(ctx, http.MethodGet, path, nil, &v)
	return v, err
}

// send returns an answer with a status below 300; the caller closes its body.
func (c *Client) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("writing the body of %s %s: %w", method, path, err)
		}
		reader = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, reader)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "*/*")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, &UnreachableError{c.shown, err}
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		defer res.Body.Close() //nolint:errcheck // the answer is an error already
		return nil, readError(res)
	}
	return res, nil
}

func readError(res *http.Response) error {
	e := &Error{Status: res.StatusCode, Code: res.StatusCode, Message: res.Status}
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return e
	}
	var body struct {
		ErrorCode int    `json:"error_code"`
		Message   string `json:"message"`
	}
	if json.Unmarshal(text, &body) == nil && body.Message != "" {
		e.Code, e.Message = body.ErrorCode, body.Message
	}
	return e
}
