package rest

import (
	"encoding/csv"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/leat-project/leat/connect/config"
)

// HeaderRule is one item of response.http.headers.config.
type HeaderRule struct {
	Action      string // set, add, setDate or addDate
	Name, Value string
}

const headersKey = "response.http.headers.config"

var headerRule = regexp.MustCompile(`^(set|add|setDate|addDate)\s+([!#$%&'*+.^_|~0-9A-Za-z-]+)\s*:\s*(.*)$`)

// headerRules parses the key: items separated by commas, an item with a comma in
// double quotes.
func headerRules(text string) ([]HeaderRule, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	r := csv.NewReader(strings.NewReader(text))
	r.TrimLeadingSpace = true
	parts, err := r.Read()
	if err != nil {
		return nil, config.Invalid(headersKey, text, err.Error())
	}
	var rules []HeaderRule
	for _, p := range parts {
		m := headerRule.FindStringSubmatch(strings.TrimSpace(p))
		if m == nil {
			return nil, config.Invalid(headersKey, p, "expected [set|add|setDate|addDate] Name: value")
		}
		if _, err := time.ParseDuration(m[3] + "ms"); strings.HasSuffix(m[1], "Date") && err != nil {
			return nil, config.Invalid(headersKey, p, "the value of a Date action is a number of milliseconds from now")
		}
		rules = append(rules, HeaderRule{m[1], m[2], m[3]})
	}
	return rules, nil
}

// withHeaders applies the rules to every answer.
func withHeaders(rules []HeaderRule, next http.Handler) http.Handler {
	if len(rules) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, rule := range rules {
			value := rule.Value
			if ms, err := time.ParseDuration(value + "ms"); strings.HasSuffix(rule.Action, "Date") && err == nil {
				value = time.Now().Add(ms).UTC().Format(http.TimeFormat)
			}
			if strings.HasPrefix(rule.Action, "add") {
				w.Header().Add(rule.Name, value)
				continue
			}
			w.Header().Set(rule.Name, value)
		}
		next.ServeHTTP(w, r)
	})
}

// withCORS lets browsers of the allowed origins in. Preflight requests go on to
// the resource, as in Java.
func withCORS(origins, methods []string, next http.Handler) http.Handler {
	if len(origins) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if origin != "" && (slices.Contains(origins, "*") || slices.Contains(origins, origin)) {
			h := w.Header()
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Allow-Credentials", "true")
			h.Add("Vary", "Origin")
			if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
				h.Set("Access-Control-Allow-Methods", strings.Join(methods, ","))
				h.Set("Access-Control-Allow-Headers", "X-Requested-With,Content-Type,Accept,Origin")
				h.Set("Access-Control-Max-Age", "1800")
			}
		}
		next.ServeHTTP(w, r)
	})
}
