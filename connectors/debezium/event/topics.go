package event

import (
	"fmt"
	"strings"
)

const maxTopic = 249 // Kafka's bound on a topic name

// TopicName makes a legal topic name of parts joined by the delimiter
// (AbstractTopicNamingStrategy.sanitizedTopicName).
func TopicName(delimiter string, parts ...string) string {
	name := strings.Map(func(r rune) rune {
		if r < 0x80 && (letterOrDigit(byte(r)) || r == '.' || r == '_' || r == '-') {
			return r
		}
		return '_'
	}, strings.Join(parts, delimiter))
	if len(name) > maxTopic {
		name = name[:maxTopic]
	}
	switch name {
	case ".":
		return "_"
	case "..":
		return "__"
	}
	return name
}

func letterOrDigit(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// AvroName replaces what Avro does not allow in a full name by underscores, or by
// _uXXXX when unicode is true (schema.name.adjustment.mode).
func AvroName(unicode bool) func(string) string {
	return func(name string) string {
		var b strings.Builder
		for i, r := range name {
			switch {
			case r < 0x80 && (letterOrDigit(byte(r)) || r == '_' && !unicode || r == '.' && i > 0) && (i > 0 || r < '0' || r > '9'):
				b.WriteRune(r)
			case r == '_' && i > 0:
				b.WriteRune(r)
			case unicode:
				fmt.Fprintf(&b, "_u%04x", r)
			default:
				b.WriteByte('_')
			}
		}
		return b.String()
	}
}
