package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// lineForm says how a line becomes a record.
type lineForm struct {
	keySeparator, headerSeparator, null string
	headerList, headerValue             string   // between headers, and between name and value of one
	lenient                             bool     // a separator that is missing is no error
	headers                             []string // NAME=VALUE, of every record
	json                                bool
	fixed                               []kgo.RecordHeader // headers, parsed
}

func (f *lineForm) prepareLines() error {
	if f.headerList == "" || f.headerValue == "" {
		return usagef("--header-list-separator and --header-value-separator must not be empty")
	}
	for _, h := range f.headers {
		name, value, ok := strings.Cut(h, "=")
		if !ok || name == "" {
			return usagef("--header %s: expected NAME=VALUE", h)
		}
		f.fixed = append(f.fixed, kgo.RecordHeader{Key: name, Value: f.bytes([]byte(value))})
	}
	return nil
}

// record reads a line, which is reused by the caller. It does not set the
// partition.
func (f *lineForm) record(line []byte) (*kgo.Record, error) {
	r := &kgo.Record{}
	if f.json {
		if err := parseRecord(line, r); err != nil {
			return nil, err
		}
		r.Headers = append(r.Headers, f.fixed...)
		return r, nil
	}
	rest := append([]byte{}, line...) // an empty line is an empty value, not a null
	if f.headerSeparator != "" {
		head, after, ok := bytes.Cut(rest, []byte(f.headerSeparator))
		switch {
		case ok:
			rest = after
			if err := f.parseHeaders(r, head); err != nil {
				return nil, err
			}
		case !f.lenient:
			return nil, &refusedError{fmt.Sprintf("no header separator %q in it", f.headerSeparator)}
		}
	}
	if f.keySeparator != "" {
		key, after, ok := bytes.Cut(rest, []byte(f.keySeparator))
		switch {
		case ok:
			r.Key, rest = f.bytes(key), after
		case !f.lenient:
			return nil, &refusedError{fmt.Sprintf("no key separator %q in it", f.keySeparator)}
		}
	}
	r.Value = f.bytes(rest)
	r.Headers = append(r.Headers, f.fixed...)
	return r, nil
}

// bytes is a part of a line, or null.
func (f *lineForm) bytes(b []byte) []byte {
	if f.null != "" && string(b) == f.null {
		return nil
	}
	return b
}

func (f *lineForm) parseHeaders(r *kgo.Record, text []byte) error {
	if len(text) == 0 || (f.null != "" && string(text) == f.null) {
		return nil
	}
	for _, h := range bytes.Split(text, []byte(f.headerList)) {
		name, value, ok := bytes.Cut(h, []byte(f.headerValue))
		if !ok && !f.lenient {
			return &refusedError{fmt.Sprintf("no %q in header %q; expected name%svalue%sname%svalue", f.headerValue, h, f.headerValue, f.headerList, f.headerValue)}
		}
		// Cut leaves value nil, a null, where there is no separator.
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: string(name), Value: f.bytes(value)})
	}
	return nil
}

// parseRecord reads what topic consume -o json prints. Topic, partition and offset
// are where the record was, not where it goes.
func parseRecord(line []byte, r *kgo.Record) (err error) {
	var in record
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return &refusedError{fmt.Sprintf(`%v; expected {"key":...,"value":...,"headers":[{"key":...,"value":...}],"timestamp":...}`, err)}
	}
	if r.Key, err = unraw("key", in.Key, in.Encoding["key"]); err != nil {
		return err
	}
	if r.Value, err = unraw("value", in.Value, in.Encoding["value"]); err != nil {
		return err
	}
	for _, h := range in.Headers {
		value, err := unraw("header "+h.Key, h.Value, h.Encoding)
		if err != nil {
			return err
		}
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: value})
	}
	if in.Timestamp != "" {
		if r.Timestamp, err = time.Parse(time.RFC3339, in.Timestamp); err != nil {
			return &refusedError{fmt.Sprintf("timestamp %q: expected for instance 2026-01-31T15:04:05.000Z", in.Timestamp)}
		}
	}
	return nil
}

// unraw is the opposite of raw: a JSON string is text, null and what is missing
// null, and anything else JSON as it stands.
func unraw(what string, text json.RawMessage, encoding string) ([]byte, error) {
	if text == nil || string(text) == "null" {
		return nil, nil
	}
	if text[0] != '"' {
		return text, nil
	}
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, &refusedError{fmt.Sprintf("%s: %v", what, err)}
	}
	switch encoding {
	case "":
		return []byte(s), nil
	case "base64":
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return nil, &refusedError{fmt.Sprintf("%s is not base64: %v", what, err)}
		}
		return b, nil
	}
	return nil, &refusedError{fmt.Sprintf("%s has encoding %q, expected base64 or none", what, encoding)}
}
