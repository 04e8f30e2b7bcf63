package jsonconv

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/leat-project/leat/connect/connecttest/fixture"
	"github.com/leat-project/leat/connect/data"
)

func seed(f *testing.F) {
	for _, file := range fixture.Load(f, "../../testdata/converters.jsonl") {
		for _, raw := range file.Cases {
			var c struct{ Class, Op, Bytes string }
			if err := json.Unmarshal(raw, &c); err != nil {
				f.Fatal(err)
			}
			if b, err := base64.StdEncoding.DecodeString(c.Bytes); err == nil && c.Class == Class && c.Op == "toConnect" {
				f.Add(b)
			}
		}
	}
	c := converter(f)
	es, ev := envelope()
	b, err := c.FromConnect(nil, "t", nil, es, ev)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"schema":{"type":"struct","fields":[{"type":"map","keys":{"type":"string"},"values":{"type":"array","items":` +
		`{"type":"double"}},"field":"m"},{"type":"string","optional":true,"field":"s"}]},"payload":{"s":"\ud83d\ude00\"","m":{"k":[1,-0.0,2e3]}}}`))
}

// The fast way may give up, but what it accepts the slow way accepts with the same result.
func FuzzDecode(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, envelope := range []bool{true, false} {
			d := &decoder{slow: slow{true}, limit: 2, entries: map[string]*readEntry{}}
			var s *data.Schema
			var v data.Value
			var ok bool
			if envelope {
				s, v, ok = d.envelope(nil, "t", b)
			} else {
				v, ok = d.fast.bare(nil, nil, b)
			}
			ws, wv, err := d.slowMessage(envelope, b)
			if !ok {
				continue
			}
			if err != nil {
				t.Fatalf("fast way accepted %q as %v, slow way: %v", b, v, err)
			}
			if !s.Equal(ws) || !v.Equal(wv) {
				t.Fatalf("%q: fast %v, slow %v", b, v, wv)
			}
		}
	})
}

// What was read can be written and read again.
func FuzzRoundTrip(f *testing.F) {
	seed(f)
	c := converter(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		s, v, err := c.ToConnect(nil, "t", nil, b)
		if err != nil || s == nil && v.IsNull() {
			return
		}
		text, err := c.FromConnect(nil, "t", nil, s, v)
		if err != nil {
			return // a null that only reading lets pass, a scale that only reading ignores
		}
		if bytes.Contains(text, []byte(`Infinity"`)) {
			return // reading makes 0 of it, as Java does
		}
		s2, v2, err := c.ToConnect(nil, "t", nil, text)
		if err != nil {
			t.Fatalf("%q was written as %q, which is refused: %v", b, text, err)
		}
		if !s2.Equal(s) {
			t.Fatalf("%q: schema %s became %s", b, fixture.Describe(s), fixture.Describe(s2))
		}
		if again, err := c.FromConnect(nil, "t", nil, s2, v2); err != nil || string(again) != string(text) {
			t.Fatalf("%q was written as %q, then as %q (%v)", b, text, again, err)
		}
	})
}
