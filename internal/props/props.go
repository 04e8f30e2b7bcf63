// Package props reads Java .properties files and the environment variables
// with which the well-known Kafka container images override them.
//
// Values are plain strings: what a key means, and whether it is known, is the
// business of whoever asks. Reading follows java.util.Properties: ISO 8859-1
// with \uXXXX escapes, continuation lines, "=", ":" or a blank after the key,
// and no ${...} expansion.
package props

import (
	"fmt"
	"os"
	"strings"

	"github.com/magiconair/properties"
)

// Load reads the properties file at path. The last value of a repeated key
// wins, as in Java.
func Load(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading properties: %w", err)
	}
	return Parse(path, data)
}

// Parse reads properties from data; name is used in errors only.
func Parse(name string, data []byte) (map[string]string, error) {
	loader := properties.Loader{Encoding: properties.ISO_8859_1, DisableExpansion: true}
	p, err := loader.LoadBytes(data)
	if err != nil {
		return nil, fmt.Errorf("reading properties %s: %w", name, err)
	}
	return p.Map(), nil
}

// FromEnv picks the variables of environ (in the form of os.Environ) whose
// name starts with prefix, for instance "KAFKA_" or "CONNECT_", and turns the
// rest of each name into a key: lower case, with "_" read as ".", "__" as "_"
// and "___" as "-".
func FromEnv(prefix string, environ []string) map[string]string {
	out := map[string]string{}
	for _, kv := range environ {
		name, value, ok := strings.Cut(kv, "=")
		rest, has := strings.CutPrefix(name, prefix)
		if !ok || !has || rest == "" {
			continue
		}
		out[envKey(rest)] = value
	}
	return out
}

// envKey translates the part of a variable's name that follows the prefix.
func envKey(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); {
		run := 0
		for i+run < len(name) && name[i+run] == '_' && run < 3 {
			run++
		}
		switch run {
		case 0:
			b.WriteByte(lower(name[i]))
			i++
			continue
		case 1:
			b.WriteByte('.')
		case 2:
			b.WriteByte('_')
		case 3:
			b.WriteByte('-')
		}
		i += run
	}
	return b.String()
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// Merge returns the union of the layers; a later layer wins.
func Merge(layers ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, layer := range layers {
		for k, v := range layer {
			out[k] = v
		}
	}
	return out
}
