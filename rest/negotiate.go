package rest

import (
	"mime"
	"net/http"
	"strings"
)

const jsonType = "application/json"

// negotiate checks media types: every resource produces and consumes JSON.
func negotiate(r *http.Request) error {
	if !accepts(r.Header.Values("Accept")) {
		return httpError(http.StatusNotAcceptable)
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	if content := r.Header.Get("Content-Type"); content != "" {
		if t, _, err := mime.ParseMediaType(content); err != nil || (t != jsonType && t != "*/*" && t != "application/*") {
			return httpError(http.StatusUnsupportedMediaType)
		}
		return nil
	}
	if r.ContentLength != 0 {
		return httpError(http.StatusUnsupportedMediaType)
	}
	return nil
}

// accepts reports whether JSON is among the media ranges of Accept; none and an
// empty header accept everything.
func accepts(headers []string) bool {
	ranges := strings.TrimSpace(strings.Join(headers, ","))
	if ranges == "" {
		return true
	}
	for _, text := range strings.Split(ranges, ",") {
		t, params, err := mime.ParseMediaType(text)
		if err != nil || params["q"] == "0" || params["q"] == "0.0" {
			continue
		}
		if t == jsonType || t == "*/*" || t == "application/*" {
			return true
		}
	}
	return false
}
