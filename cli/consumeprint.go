package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/broker/inspect"
)

// record is a record in -o json.
type record struct {
	Topic     string            `json:"topic"`
	Partition int32             `json:"partition"`
	Offset    int64             `json:"offset"`
	Timestamp string            `json:"timestamp"` // RFC 3339 with milliseconds
	Headers   []header          `json:"headers,omitempty"`
	Key       json.RawMessage   `json:"key"`
	Value     json.RawMessage   `json:"value"`
	Encoding  map[string]string `json:"encoding,omitempty"` // of what is not text
}

type header struct {
	Key      string          `json:"key"`
	Value    json.RawMessage `json:"value"`
	Encoding string          `json:"encoding,omitempty"`
}

// decoded is a record of a coordinator's topic with key and value in JSON.
func decoded(r *kgo.Record) (*kgo.Record, error) {
	key, value, err := inspect.DecodeRecord(r.Topic, r.Key, r.Value)
	if err != nil {
		return nil, fmt.Errorf("decoding %s-%d@%d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	out := *r
	if out.Key, err = json.Marshal(key); err != nil {
		return nil, err
	}
	if out.Value = nil; value != nil { // a tombstone stays one
		out.Value, err = json.Marshal(value)
	}
	return &out, err
}

func (o *consumption) print(r *kgo.Record) error {
	if o.decode {
		var err error
		if r, err = decoded(r); err != nil {
			return err
		}
	}
	r, err := o.types.read(r)
	if err != nil {
		return err
	}
	if o.form != nil {
		_, err := o.Out.Write(o.form.record(r))
		return err
	}
	switch o.output {
	case "json":
		text, err := json.Marshal(o.record(r))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(o.Out, "%s\n", text)
		return err
	case "yaml":
		text, err := toYAML(o.record(r))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(o.Out, "---\n%s", text)
		return err
	}
	return o.printText(r)
}

func (o *consumption) printText(r *kgo.Record) error {
	var b bytes.Buffer
	if o.meta {
		fmt.Fprintf(&b, "%s-%d@%d %s\t", r.Topic, r.Partition, r.Offset, r.Timestamp.UTC().Format(timeFormat))
	}
	if o.headers {
		b.WriteString(headersText(r.Headers) + "\t")
	}
	if o.keys {
		fmt.Fprintf(&b, "%s\t", readable(r.Key))
	}
	var pretty bytes.Buffer
	if isObject(r.Value) && json.Indent(&pretty, r.Value, "", "  ") == nil {
		b.Write(pretty.Bytes())
	} else {
		b.WriteString(readable(r.Value))
	}
	b.WriteByte('\n')
	_, err := io.Copy(o.Out, &b)
	return err
}

func headersText(headers []kgo.RecordHeader) string {
	var texts []string
	for _, h := range headers {
		texts = append(texts, h.Key+":"+readable(h.Value))
	}
	return strings.Join(texts, ",")
}

const timeFormat = "2006-01-02T15:04:05.000Z07:00"

func isObject(b []byte) bool { return len(b) > 0 && (b[0] == '{' || b[0] == '[') }

// readable is text as it is, null for a tombstone, base64 for anything else.
func readable(b []byte) string {
	switch {
	case b == nil:
		return "null"
	case utf8.Valid(b):
		return string(b)
	}
	return "base64:" + base64.StdEncoding.EncodeToString(b)
}

func (o *consumption) record(r *kgo.Record) record {
	out := record{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset,
		Timestamp: r.Timestamp.UTC().Format(timeFormat), Encoding: map[string]string{}}
	for _, h := range r.Headers {
		value, encoding := raw(h.Value)
		out.Headers = append(out.Headers, header{h.Key, value, encoding})
	}
	var key, value string
	out.Key, key = raw(r.Key)
	out.Value, value = raw(r.Value)
	for what, encoding := range map[string]string{"key": key, "value": value} {
		if encoding != "" {
			out.Encoding[what] = encoding
		}
	}
	return out
}

// raw embeds JSON as it is, text as a string, and anything else in base64, which
// it says.
func raw(b []byte) (text json.RawMessage, encoding string) {
	switch {
	case b == nil:
		return json.RawMessage("null"), ""
	case isObject(b) && json.Valid(b):
		return b, ""
	case !utf8.Valid(b):
		encoding = "base64"
		b = []byte(base64.StdEncoding.EncodeToString(b))
	}
	text, err := json.Marshal(string(b))
	if err != nil {
		panic("cli: a valid text is not JSON: " + err.Error())
	}
	return text, encoding
}

// form is a parsed --format: a function for each piece of the output.
type form []func(b []byte, r *kgo.Record) []byte

// formHelp lists what a form may have.
const formHelp = "%t topic, %p partition, %o offset, %T timestamp in ms, %h headers, %k key, %v value, " +
	"%K and %V their lengths in bytes (-1: null), %% a percent sign, and \\n \\t \\r \\0 \\\\"

var formVerbs = map[byte]func(b []byte, r *kgo.Record) []byte{
	't': func(b []byte, r *kgo.Record) []byte { return append(b, r.Topic...) },
	'p': func(b []byte, r *kgo.Record) []byte { return strconv.AppendInt(b, int64(r.Partition), 10) },
	'o': func(b []byte, r *kgo.Record) []byte { return strconv.AppendInt(b, r.Offset, 10) },
	'T': func(b []byte, r *kgo.Record) []byte { return strconv.AppendInt(b, r.Timestamp.UnixMilli(), 10) },
	'h': func(b []byte, r *kgo.Record) []byte { return append(b, headersText(r.Headers)...) },
	'k': func(b []byte, r *kgo.Record) []byte { return append(b, r.Key...) },
	'v': func(b []byte, r *kgo.Record) []byte { return append(b, r.Value...) },
	'K': func(b []byte, r *kgo.Record) []byte { return appendLength(b, r.Key) },
	'V': func(b []byte, r *kgo.Record) []byte { return appendLength(b, r.Value) },
	'%': func(b []byte, _ *kgo.Record) []byte { return append(b, '%') },
}

func appendLength(b, what []byte) []byte {
	if what == nil {
		return append(b, "-1"...)
	}
	return strconv.AppendInt(b, int64(len(what)), 10)
}

var formEscapes = map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', '0': 0, '\\': '\\'}

func parseForm(text string) (form, error) {
	var f form
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c != '%' && c != '\\' {
			f = append(f, literal(c))
			continue
		}
		i++
		if i == len(text) {
			return nil, usagef("--format %q ends within %q; it may have %s", text, string(c), formHelp)
		}
		verb, isVerb := formVerbs[text[i]]
		escaped, isEscape := formEscapes[text[i]]
		switch {
		case c == '%' && isVerb:
			f = append(f, verb)
		case c == '\\' && isEscape:
			f = append(f, literal(escaped))
		default:
			return nil, usagef("--format %q: %q is not known; it may have %s", text, text[i-1:i+1], formHelp)
		}
	}
	return f, nil
}

func literal(c byte) func([]byte, *kgo.Record) []byte {
	return func(b []byte, _ *kgo.Record) []byte { return append(b, c) }
}

func (f form) record(r *kgo.Record) (b []byte) {
	for _, piece := range f {
		b = piece(b, r)
	}
	return b
}
