package converters_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/connecttest/fixture"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/converters"
)

// open lists the classes of the fixtures that are not built yet. It only shrinks.
var open = map[string]string{}

type conversion struct {
	ID, Class, Role, Op, Topic, Header string
	Config                             map[string]*string
	Schema, Value                      json.RawMessage
	Bytes                              *string
	Expect                             struct {
		Bytes              *string
		Schema, Value      json.RawMessage
		Error, ConfigError *fixture.Error
		Configured         bool
		ReturnedNull       bool
	}
}

func TestFixturesConverters(t *testing.T) {
	var reg plugin.Registry
	converters.Register(&reg)
	for _, f := range fixture.Load(t, "converters.jsonl") {
		for _, raw := range f.Cases {
			var c conversion
			if err := json.Unmarshal(raw, &c); err != nil {
				t.Fatal(err)
			}
			if open[c.Class] != "" {
				continue
			}
			t.Run(c.ID, func(t *testing.T) { c.run(t, &reg, f) })
		}
	}
}

// codec is what both kinds of converters have in common.
type codec struct {
	from func(dst []byte, s *data.Schema, v data.Value) ([]byte, error)
	to   func(a *data.Arena, b []byte) (*data.Schema, data.Value, error)
}

func (c *conversion) configure(t *testing.T, reg *plugin.Registry) (codec, error) {
	props := map[string]string{}
	for k, v := range c.Config {
		if v != nil { // a null is as good as absent: our maps have no null
			props[k] = *v
		}
	}
	if c.Role == "header" {
		p, err := reg.Find(c.Class, plugin.HeaderConverter)
		if err != nil {
			t.Fatal(err)
		}
		conv := p.NewHeaderConverter()
		err = conv.Configure(props)
		return codec{
			func(dst []byte, s *data.Schema, v data.Value) ([]byte, error) {
				return conv.FromConnectHeader(dst, c.Topic, c.Header, s, v)
			},
			func(a *data.Arena, b []byte) (*data.Schema, data.Value, error) {
				return conv.ToConnectHeader(a, c.Topic, c.Header, b)
			}}, err
	}
	p, err := reg.Find(c.Class, plugin.Converter)
	if err != nil {
		t.Fatal(err)
	}
	conv := p.NewConverter()
	err = conv.Configure(props, c.Role == "key")
	return codec{
		func(dst []byte, s *data.Schema, v data.Value) ([]byte, error) {
			var headers []connect.Header
			return conv.FromConnect(dst, c.Topic, &headers, s, v)
		},
		func(a *data.Arena, b []byte) (*data.Schema, data.Value, error) {
			return conv.ToConnect(a, c.Topic, nil, b)
		}}, err
}

func (c *conversion) run(t *testing.T, reg *plugin.Registry, f *fixture.File) {
	codec, err := c.configure(t, reg)
	if c.Expect.ConfigError != nil {
		if d := fixture.MatchError(err, c.Expect.ConfigError); d != "" {
			t.Fatal(d)
		}
		return
	}
	if err != nil {
		t.Fatalf("configuring: %v", err)
	}
	// Twice, because the second time finds plans and schemas compiled.
	for range 2 {
		switch c.Op {
		case "fromConnect":
			c.fromConnect(t, codec, f)
		case "toConnect":
			c.toConnect(t, codec, f)
		default:
			if !c.Expect.Configured {
				t.Fatalf("case without operation expects %+v", c.Expect)
			}
		}
	}
}

func (c *conversion) fromConnect(t *testing.T, codec codec, f *fixture.File) {
	s, v, err := f.Pair(c.Schema, c.Value)
	if err != nil {
		t.Fatal(err)
	}
	got, err := codec.from([]byte("kept"), s, v)
	if c.Expect.Error != nil {
		if d := fixture.MatchError(err, c.Expect.Error); d != "" {
			t.Fatal(d)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if c.Expect.Bytes == nil {
		if got != nil {
			t.Fatalf("payload = %q, want null", got)
		}
		return
	}
	want, err := base64.StdEncoding.DecodeString(*c.Expect.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	rest, ok := bytes.CutPrefix(got, []byte("kept"))
	if !ok {
		t.Fatalf("payload %q does not begin with what dst held", got)
	}
	if fixture.Normalize(string(rest)) != fixture.Normalize(string(want)) && !sameJSON(rest, want) {
		t.Fatalf("payload\n  got  %s\n  want %s", rest, want)
	}
}

// sameJSON compares JSON texts with the spelling of numbers but without the
// order of members, which is accidental for Java's maps.
func sameJSON(a, b []byte) bool {
	parse := func(raw []byte) (v any, err error) {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		err = d.Decode(&v)
		return v, err
	}
	x, errX := parse(a)
	y, errY := parse(b)
	return errX == nil && errY == nil && len(a) == len(b) && reflect.DeepEqual(x, y)
}

func (c *conversion) toConnect(t *testing.T, codec codec, f *fixture.File) {
	var payload []byte
	if c.Bytes != nil {
		b, err := base64.StdEncoding.DecodeString(*c.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		payload = append([]byte{}, b...)
	}
	for _, a := range []*data.Arena{nil, new(data.Arena)} {
		s, v, err := codec.to(a, payload)
		if c.Expect.Error != nil {
			if d := fixture.MatchError(err, c.Expect.Error); d != "" {
				t.Fatal(d)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		ws, wv, err := f.Pair(c.Expect.Schema, c.Expect.Value)
		if err != nil {
			t.Fatal(err)
		}
		if d := fixture.DiffPair(s, v, ws, wv); d != "" {
			t.Fatal(d)
		}
	}
}

// Every class of the fixtures is registered or named as open.
func TestFixturesClassesAreKnown(t *testing.T) {
	var reg plugin.Registry
	converters.Register(&reg)
	known := map[string]bool{}
	for _, p := range reg.All() {
		known[p.Class] = true
	}
	var missing []string
	for _, f := range fixture.Load(t, "converters.jsonl") {
		for _, raw := range f.Cases {
			var c conversion
			if err := json.Unmarshal(raw, &c); err != nil {
				t.Fatal(err)
			}
			if !known[c.Class] && open[c.Class] == "" {
				missing = append(missing, c.Class)
				open[c.Class] = "reported"
			}
			if known[c.Class] && open[c.Class] != "" {
				t.Errorf("%s is registered and listed as open", c.Class)
			}
		}
	}
	if len(missing) > 0 {
		t.Error(fmt.Sprint("not registered: ", strings.Join(missing, ", ")))
	}
}
