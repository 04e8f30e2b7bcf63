// Package provider resolves references such as ${file:/etc/secrets:password} in
// configurations (KIP-297): the file, directory and environment providers of Kafka,
// under their class names, their aliases are the user's choice.
//
// Resolved values are for plugins and clients only: what the REST API shows, what
// is stored and what is logged keeps the reference.
package provider

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/leat-project/leat/internal/props"
)

// Class names of the built-in providers.
const (
	FileClass      = "org.apache.kafka.common.config.provider.FileConfigProvider"
	DirectoryClass = "org.apache.kafka.common.config.provider.DirectoryConfigProvider"
	EnvClass       = "org.apache.kafka.common.config.provider.EnvVarConfigProvider"
)

// lookup returns the value of a key under a path; false when there is none.
type lookup func(path, key string) (string, bool, error)

// Resolver replaces references. It is safe for concurrent use.
type Resolver struct {
	providers map[string]lookup
}

// New makes the providers that config.providers of a worker names; these properties
// are not resolved themselves.
func New(worker map[string]string) (*Resolver, error) {
	r := &Resolver{providers: map[string]lookup{}}
	for _, alias := range strings.Split(worker["config.providers"], ",") {
		if alias = strings.TrimSpace(alias); alias == "" {
			continue
		}
		prefix := "config.providers." + alias + "."
		class := worker[prefix+"class"]
		p, err := build(class, func(param string) string { return worker[prefix+"param."+param] })
		if err != nil {
			return nil, fmt.Errorf("%sclass: %w", prefix, err)
		}
		r.providers[alias] = p
	}
	return r, nil
}

func build(class string, param func(string) string) (lookup, error) {
	switch class {
	case FileClass, "FileConfigProvider":
		allowed := paths(param("allowed.paths"))
		return func(path, key string) (string, bool, error) { return fromFile(allowed, path, key) }, nil
	case DirectoryClass, "DirectoryConfigProvider":
		allowed := paths(param("allowed.paths"))
		return func(path, key string) (string, bool, error) { return fromDirectory(allowed, path, key) }, nil
	case EnvClass, "EnvVarConfigProvider":
		pattern := param("allowlist.pattern")
		if pattern == "" {
			pattern = ".*"
		}
		re, err := regexp.Compile("^(?:" + pattern + ")$")
		if err != nil {
			return nil, fmt.Errorf("allowlist.pattern: %w", err)
		}
		return func(_, key string) (string, bool, error) {
			if !re.MatchString(key) {
				return "", false, nil
			}
			v, ok := os.LookupEnv(key)
			return v, ok, nil
		}, nil
	case "":
		return nil, fmt.Errorf("missing; name a provider class such as %s", FileClass)
	}
	return nil, fmt.Errorf("no provider of class %s is built in; there are %s, %s and %s", class, FileClass, DirectoryClass, EnvClass)
}

func paths(list string) []string {
	var out []string
	for _, p := range strings.Split(list, ",") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, filepath.Clean(p))
		}
	}
	return out
}

func isAllowed(allowed []string, path string) bool {
	if len(allowed) == 0 {
		return true
	}
	path = filepath.Clean(path)
	return slices.ContainsFunc(allowed, func(a string) bool {
		return path == a || strings.HasPrefix(path, strings.TrimSuffix(a, string(filepath.Separator))+string(filepath.Separator))
	})
}

func fromFile(allowed []string, path, key string) (string, bool, error) {
	if path == "" || !isAllowed(allowed, path) {
		return "", false, nil
	}
	m, err := props.Load(path)
	if err != nil {
		return "", false, fmt.Errorf("reading %s for a configuration value: %w", path, err)
	}
	v, ok := m[key]
	return v, ok, nil
}

func fromDirectory(allowed []string, path, key string) (string, bool, error) {
	if path == "" || !isAllowed(allowed, path) || key != filepath.Base(key) {
		return "", false, nil
	}
	b, err := os.ReadFile(filepath.Join(path, key))
	if os.IsNotExist(err) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("reading a configuration value: %w", err)
	}
	return string(b), true, nil
}

// reference is ${provider:[path:]key} (ConfigTransformer.DEFAULT_PATTERN).
var reference = regexp.MustCompile(`\$\{([^}]*?):(([^}]*?):)?([^}]*?)\}`)

// Resolve returns a copy of m with every reference replaced. A reference that no
// provider answers stays as it is.
func (r *Resolver) Resolve(m map[string]string) (map[string]string, error) {
	out := maps.Clone(m)
	if len(r.providers) == 0 {
		return out, nil
	}
	for k, v := range m {
		if !strings.Contains(v, "${") {
			continue
		}
		resolved, err := r.value(v)
		if err != nil {
			return nil, fmt.Errorf("configuration %s: %w", k, err)
		}
		out[k] = resolved
	}
	return out, nil
}

func (r *Resolver) value(v string) (string, error) {
	var failed error
	out := reference.ReplaceAllStringFunc(v, func(ref string) string {
		m := reference.FindStringSubmatch(ref)
		p, ok := r.providers[m[1]]
		if !ok {
			return ref
		}
		value, ok, err := p(m[3], m[4])
		if err != nil && failed == nil {
			failed = err
		}
		if !ok || err != nil {
			return ref
		}
		return value
	})
	return out, failed
}

// Restore puts references back into a task configuration: each key whose value in
// raw is a reference and whose value in m is what it resolves to.
func Restore(m, raw, resolved map[string]string) map[string]string {
	out := maps.Clone(m)
	for k, v := range m {
		if ref, ok := raw[k]; ok && ref != v && reference.MatchString(ref) && resolved[k] == v {
			out[k] = ref
		}
	}
	return out
}
