package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/leat-project/leat/internal/jsonx"
)

// answer is what an operation returns.
type answer struct {
	status   int    // 0 is 200
	body     any    // nil: no body
	location string // Location header, "" for none
}

func ok(body any) (answer, error) { return answer{body: body}, nil }

// result answers with what an operation of the herder returned.
func result(body any, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	return ok(body)
}

func empty(status int) (answer, error) { return answer{status: status}, nil }

func (a answer) write(w http.ResponseWriter) {
	if a.location != "" {
		w.Header().Set("Location", a.location)
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	text, err := jsonx.Marshal(a.body)
	if err != nil {
		a.status = http.StatusInternalServerError
		text = []byte(`{"error_code":500,"message":"the answer cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(a.status)
	_, _ = w.Write(text) // the client has gone away
}

// target describes the Java type that a body is read into, for messages.
type target struct {
	class    string   // full class name
	fields   []string // known properties of an entity, nil for a map
	ifAbsent string   // message of a missing or null body
}

const restEntities = "org.apache.kafka.connect.runtime.rest.entities."

var (
	createTarget = target{restEntities + "CreateConnectorRequest", []string{"config", "name", "initial_state"},
		`Cannot invoke "org.apache.kafka.connect.runtime.rest.entities.CreateConnectorRequest.name()" because "createRequest" is null`}
	offsetsTarget = target{restEntities + "ConnectorOffsets", []string{"offsets"},
		`Cannot invoke "org.apache.kafka.connect.runtime.rest.entities.ConnectorOffsets.offsets()" because "offsets" is null`}
	configTarget = target{mapClass, nil, `Cannot invoke "java.util.Map.get(Object)" because "connectorConfig" is null`}
	patchTarget  = target{mapClass, nil, `Cannot invoke "java.util.Map.entrySet()" because "configPatch" is null`}
	levelTarget  = target{mapClass, nil, `Cannot invoke "java.util.Map.get(Object)" because "levelMap" is null`}
)

const mapClass = "java.util.LinkedHashMap<java.lang.String,java.lang.String>"

// readObject reads a body that must be a JSON object, member by member. Java
// answers 500 to every body that it cannot read; so do we, with its first words
// and a hint.
func readObject(r *http.Request, t target) (map[string]json.RawMessage, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, errors.New(t.ifAbsent)
	}
	var value json.RawMessage
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&value); err != nil {
		return nil, badJSON(err, raw)
	}
	switch c := value[0]; {
	case c == 'n':
		return nil, errors.New(t.ifAbsent)
	case c == '{':
	case c == '[':
		return nil, fmt.Errorf("Cannot deserialize value of type `%s` from Array value (token `JsonToken.START_ARRAY`)", t.class) //nolint:staticcheck // Java's text
	case c == '"':
		return nil, fmt.Errorf("Cannot construct instance of `%s` (although at least one Creator exists): no String-argument constructor/factory method to deserialize from String value ('%s')", //nolint:staticcheck // Java's text
			t.class, strings.Trim(string(value), `"`))
	case c == 't' || c == 'f':
		return nil, fmt.Errorf("Cannot construct instance of `%s` (although at least one Creator exists): no boolean/Boolean-argument constructor/factory method to deserialize from boolean value (%s)", //nolint:staticcheck // Java's text
			t.class, value)
	default:
		return nil, fmt.Errorf("Cannot construct instance of `%s` (although at least one Creator exists): no int/Int-argument constructor/factory method to deserialize from Number value (%s)", //nolint:staticcheck // Java's text
			t.class, value)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(value, &members); err != nil {
		return nil, badJSON(err, raw)
	}
	return members, t.known(members)
}

func (t target) known(members map[string]json.RawMessage) error {
	if t.fields == nil {
		return nil
	}
	for name := range members {
		if slices.Contains(t.fields, name) {
			continue
		}
		known := fmt.Sprintf("%d known properties: ", len(t.fields))
		if len(t.fields) == 1 {
			known = "one known property: "
		}
		return fmt.Errorf("Unrecognized field %q (class %s), not marked as ignorable (%s\"%s\")", //nolint:staticcheck // Java's text
			name, t.class, known, strings.Join(t.fields, `", "`))
	}
	return nil
}

// badJSON says where the text stops being JSON.
func badJSON(err error, raw []byte) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		what := "Object"
		if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
			what = "Array"
		}
		return fmt.Errorf("Unexpected end-of-input: expected close marker for %s", what) //nolint:staticcheck // Java's text
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		before := raw[:min(int(syntax.Offset), len(raw))]
		line := 1 + bytes.Count(before, []byte("\n"))
		column := len(before) - bytes.LastIndexByte(before, '\n') - 1
		return fmt.Errorf("Unexpected character: %w at line: %d, column: %d", err, line, column) //nolint:staticcheck // Java's first words
	}
	return err
}

// stringMap reads an object of texts; numbers and booleans become text, null
// stays nil.
func stringMap(members map[string]json.RawMessage) (map[string]*string, error) {
	out := make(map[string]*string, len(members))
	for name, raw := range members {
		s, err := scalar(name, raw)
		if err != nil {
			return nil, err
		}
		out[name] = s
	}
	return out, nil
}

func scalar(name string, raw json.RawMessage) (*string, error) {
	switch raw[0] {
	case 'n':
		return nil, nil
	case '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, err
		}
		return &s, nil
	case '{', '[':
		kind, token := "Object", "START_OBJECT"
		if raw[0] == '[' {
			kind, token = "Array", "START_ARRAY"
		}
		return nil, fmt.Errorf("Cannot deserialize value of type `java.lang.String` from %s value (token `JsonToken.%s`): the value of %q must be a text", kind, token, name) //nolint:staticcheck // Java's text
	}
	s := string(raw)
	return &s, nil
}
