package rest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// compare says how an answer differs from the recorded one, "" if it does not.
func (p player) compare(req *request, want *response, res *http.Response, text string) string {
	if want.Text != nil && strings.HasPrefix(*want.Text, "<html>") || htmlRefused(want) {
		return refusedByJetty(res.StatusCode, text)
	}
	if res.StatusCode != want.Status {
		return fmt.Sprintf("status %d, want %d: %.300s", res.StatusCode, want.Status, text)
	}
	for name, v := range want.Headers {
		if d := p.header(name, res.Header.Get(name), v); d != "" {
			return d
		}
	}
	switch {
	case want.JSON != nil || want.BodySubset != nil:
		return p.bodies(req, want, text)
	case want.Text != nil:
		if sortedWords(text) != sortedWords(*want.Text) {
			return fmt.Sprintf("body %q, want %q", text, *want.Text)
		}
	}
	return ""
}

// htmlRefused: Java's web server answers HEAD, DELETE and PUT of such a path
// without a body.
func htmlRefused(want *response) bool {
	return want.Status == 400 && want.JSON == nil && want.BodySubset == nil
}

// refusedByJetty: a path that Jetty refuses may work or be a bad request.
func refusedByJetty(status int, text string) string {
	if status == 400 || status < 300 {
		return ""
	}
	return fmt.Sprintf("status %d, want 400 or a working request: %.200s", status, text)
}

func (p player) header(name, got, want string) string {
	want = p.fill(want)
	if strings.EqualFold(name, "allow") {
		got, want = sortedWords(got), sortedWords(want)
	}
	if strings.EqualFold(name, "content-type") {
		got, _, _ = strings.Cut(got, ";")
	}
	if got != want {
		return fmt.Sprintf("header %s: %q, want %q", name, got, want)
	}
	return ""
}

func sortedWords(s string) string {
	words := strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
	slices.Sort(words)
	return strings.Join(words, ",")
}

func (p player) bodies(req *request, want *response, text string) string {
	var got, expected any
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		return fmt.Sprintf("body is not JSON: %v: %.300s", err, text)
	}
	raw, subset := want.JSON, false
	if raw == nil {
		raw, subset = want.BodySubset, true
	}
	if err := json.Unmarshal(raw, &expected); err != nil {
		return "recorded body: " + err.Error()
	}
	if list, ok := got.([]any); ok && strings.HasPrefix(req.Path, "/connector-plugins") {
		got = recordedOnly(list, expected)
	}
	c := comparison{player: p, subset: subset, creates: (req.Method == "POST" && req.Path == "/connectors") || strings.HasSuffix(req.Path, "/config")}
	return c.diff("", expected, got)
}

// javaLogger matches loggers that only the Java program has.
var javaLogger = regexp.MustCompile(`^(org|io|kafka)\.`)

// recordedOnly leaves out plugins that the recording worker did not have.
func recordedOnly(list []any, expected any) []any {
	known := fmt.Sprint(expected)
	return slices.DeleteFunc(list, func(e any) bool {
		m, _ := e.(map[string]any)
		class, _ := m["class"].(string)
		return class != "" && !strings.Contains(known, "class:"+class+" ")
	})
}

type comparison struct {
	player
	subset  bool // members and elements that were not recorded are fine
	creates bool // tasks may not be known yet
}

func (c comparison) diff(path string, want, got any) string {
	if c.creates && path == ".tasks" {
		return ""
	}
	switch want := want.(type) {
	case map[string]any:
		return c.object(path, want, got)
	case []any:
		return c.array(path, want, got)
	case string:
		return c.text(path, want, got)
	}
	if want != got {
		return fmt.Sprintf("%s: %v, want %v", path, got, want)
	}
	return ""
}

func (c comparison) object(path string, want map[string]any, got any) string {
	g, ok := got.(map[string]any)
	if !ok {
		return fmt.Sprintf("%s: %v, want an object", path, got)
	}
	for k, w := range want {
		if javaLogger.MatchString(k) && path == "" {
			continue
		}
		v, there := g[k]
		if !there {
			return fmt.Sprintf("%s.%s is missing in %v", path, k, got)
		}
		if d := c.diff(path+"."+k, w, v); d != "" {
			return d
		}
	}
	for k := range g {
		if _, known := want[k]; !known && !c.subset {
			return fmt.Sprintf("%s.%s is too many", path, k)
		}
	}
	return ""
}

func (c comparison) array(path string, want []any, got any) string {
	g, ok := got.([]any)
	if !ok {
		return fmt.Sprintf("%s: %v, want an array", path, got)
	}
	if names, ok := namesOf(want); ok && path == "" {
		if gotNames, ok := namesOf(g); !ok || !slices.Equal(names, gotNames) {
			return fmt.Sprintf("names %v, want %v", g, want)
		}
		return ""
	}
	if c.subset {
		for _, w := range want {
			if !slices.ContainsFunc(g, func(e any) bool { return c.diff(path, w, e) == "" }) {
				return fmt.Sprintf("%s has no %v", path, w)
			}
		}
		return ""
	}
	if len(g) != len(want) {
		return fmt.Sprintf("%s has %d elements, want %d: %v", path, len(g), len(want), got)
	}
	for i := range want {
		if d := c.diff(fmt.Sprintf("%s[%d]", path, i), want[i], g[i]); d != "" {
			return d
		}
	}
	return ""
}

// namesOf returns the sorted texts of an array that holds nothing else.
func namesOf(list []any) ([]string, bool) {
	names := []string{}
	for _, e := range list {
		s, ok := e.(string)
		if !ok {
			return nil, false
		}
		// Java cannot delete these (see refusedByJetty), we have.
		if !strings.ContainsAny(s, "/%") {
			names = append(names, s)
		}
	}
	slices.Sort(names)
	return names, true
}

// placeholders that stand for something that cannot be known.
var wildcards = regexp.MustCompile(`<(EPOCH_MS|INSTANT|hash|STACK|PLUGINS|LIBS)>`)

func (c comparison) text(path, want string, got any) string {
	if want == "<DOC>" {
		if s, ok := got.(string); !ok || s == "" {
			return path + ": documentation is missing"
		}
		return ""
	}
	if want == "<EPOCH_MS>" {
		if _, ok := got.(float64); !ok {
			return fmt.Sprintf("%s: %v, want milliseconds", path, got)
		}
		return ""
	}
	g, ok := got.(string)
	if !ok {
		return fmt.Sprintf("%s: %v, want %q", path, got, want)
	}
	want = c.fill(want)
	if cut, parser := javaOnly(want); parser {
		if !strings.HasPrefix(g, cut) {
			return fmt.Sprintf("%s: %q, want it to begin %q", path, g, cut)
		}
		return ""
	}
	// Lines of a Java stack trace need not be there.
	want = strings.ReplaceAll(want, "\n<STACK>", "<STACK>")
	pattern := "^" + wildcards.ReplaceAllString(regexp.QuoteMeta(want), `(?s:.*)`) + "$"
	if !regexp.MustCompile(pattern).MatchString(g) {
		return fmt.Sprintf("%s: %q, want %q", path, g, want)
	}
	return ""
}

// javaOnly cuts texts of Jackson's parser and descriptions of Java classes: only
// the beginning is to be equal.
func javaOnly(want string) (string, bool) {
	for _, end := range []string{" (start marker at [Source", "\n at [Source", "PluginDesc{"} {
		if i := strings.Index(want, end); i >= 0 {
			return want[:i], true
		}
	}
	return want, false
}
