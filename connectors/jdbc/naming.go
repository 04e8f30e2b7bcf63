package jdbc

import (
	"strings"
	"unicode/utf8"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connectors/jdbc/postgres"
)

// tableNaming makes the name of the table of a record.
type tableNaming struct {
	format string
	dots   bool // keep the dots of topic names, else they become underscores
	quote  bool // names are taken as they are, else folded to lower case
}

// parts is the format cut at its ${source.field} placeholders for one topic.
type nameParts struct {
	text   []string // one more than fields
	fields []string
}

// forTopic puts the topic in and finds the placeholders of source fields.
func (n tableNaming) forTopic(topic string) nameParts {
	if !n.dots {
		topic = strings.ReplaceAll(topic, ".", "_")
	}
	rest := strings.ReplaceAll(n.format, "${topic}", topic)
	var p nameParts
	for {
		before, after, found := strings.Cut(rest, "${source.")
		field, tail, closed := strings.Cut(after, "}")
		if !found || !closed {
			p.text = append(p.text, rest)
			return p
		}
		p.text, p.fields = append(p.text, before), append(p.fields, field)
		rest = tail
	}
}

// join puts values of the source fields in.
func (p nameParts) join(values []string) string {
	var b strings.Builder
	for i, t := range p.text {
		b.WriteString(t)
		if i < len(values) {
			b.WriteString(values[i])
		}
	}
	return b.String()
}

// parse reads "table", "schema.table" or "database.schema.table"; parts may be
// quoted. The database is the connection's, whatever it says.
func (n tableNaming) parse(name string) (postgres.Name, error) {
	var parts []string
	for rest := name; ; {
		part, tail, more := nextPart(rest)
		if part == "" {
			return postgres.Name{}, connect.DataErrorf("the table name %q has an empty part", name)
		}
		if !n.quote && !strings.HasPrefix(strings.TrimSpace(rest), `"`) {
			part = strings.ToLower(part)
		}
		parts = append(parts, truncate(part))
		if !more {
			break
		}
		rest = tail
	}
	switch len(parts) {
	case 1:
		return postgres.Name{Table: parts[0]}, nil
	case 2, 3:
		return postgres.Name{Schema: parts[len(parts)-2], Table: parts[len(parts)-1]}, nil
	}
	return postgres.Name{}, connect.DataErrorf("the table name %q has more parts than database.schema.table", name)
}

func nextPart(s string) (part, rest string, more bool) {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, `"`) {
		if end := strings.IndexByte(s[1:], '"'); end >= 0 {
			rest, more = strings.CutPrefix(s[end+2:], ".")
			return s[1 : end+1], rest, more
		}
	}
	return strings.Cut(s, ".")
}

// maxIdentifier is PostgreSQL's NAMEDATALEN less one: it cuts longer names.
const maxIdentifier = 63

func truncate(id string) string {
	if len(id) <= maxIdentifier {
		return id
	}
	id = id[:maxIdentifier]
	for !utf8.ValidString(id) {
		id = id[:len(id)-1]
	}
	return id
}

// columnNaming returns how a field's name becomes a column's.
func columnNaming(quote bool) func(string) string {
	if quote {
		return truncate
	}
	return func(field string) string { return truncate(strings.ToLower(field)) }
}

// fieldFilter decides which fields of a topic's records are written.
type fieldFilter struct {
	include, exclude map[string]bool // "field" or "topic:field"
}

func newFieldFilter(include, exclude []string) fieldFilter {
	set := func(names []string) map[string]bool {
		m := map[string]bool{}
		for _, n := range names {
			m[n] = true
		}
		return m
	}
	return fieldFilter{set(include), set(exclude)}
}

func (f fieldFilter) keeps(topic, field string) bool {
	if len(f.include) > 0 {
		return f.include[field] || f.include[topic+":"+field]
	}
	return !f.exclude[field] && !f.exclude[topic+":"+field]
}
