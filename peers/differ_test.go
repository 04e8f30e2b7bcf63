//go:build peers

package peers_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/leat-project/leat/peers"
)

const (
	randomCases    = 4000 // of converters and of transforms each, unless LEAT_CASES says otherwise
	connectPackage = "org.apache.kafka.connect."
)

// TestConvertersAndTransformsAtRandom has the Java classes answer random cases
// and our fixture suites answer the same. LEAT_SEED repeats a run.
func TestConvertersAndTransformsAtRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("LEAT_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	n := randomCases
	if s := os.Getenv("LEAT_CASES"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("LEAT_SEED=%d", seed)
	kafka, err := peers.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := chance{rand.New(rand.NewPCG(seed, 1))}
	dir := t.TempDir()
	if keep := os.Getenv("LEAT_KEEP"); keep != "" {
		dir = keep
	}
	debezium, err := peers.FetchDebezium(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	jars := filepath.Join(kafka.Jars, "*") + ":" + filepath.Join(debezium, "*")
	record := func(name string, cases []object) []object { return recordCases(t, jars, dir, name, cases) }

	conversions := make([]object, n)
	for i := range conversions {
		conversions[i] = c.conversion()
	}
	done := record("conversions", conversions)
	// What Java wrote is read again, as it is and changed.
	var again []object
	for _, d := range done {
		b, _ := d["expect"].(object)["bytes"].(string)
		if d["op"] != "fromConnect" || b == "" {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(b)
		if err != nil {
			t.Fatal(err)
		}
		texts := [][]byte{raw}
		if d["class"] == connectPackage+"json.JsonConverter" {
			texts = append(texts, c.mutate(raw))
		}
		for _, text := range texts {
			// Java reads these texts as 0 where a float belongs, we as what they say (docs/divergence.md).
			if !strings.Contains(string(text), "NaN") && !strings.Contains(string(text), "Infinity") {
				again = append(again, c.readBack(d, text))
			}
		}
	}
	done = append(done, record("readback", again)...)
	transformations := make([]object, n)
	for i := range transformations {
		transformations[i] = c.transformation()
	}
	unwrappings := make([]object, n)
	for i := range unwrappings {
		unwrappings[i] = c.unwrapping()
	}
	fixtures := filepath.Join(dir, "fixtures")
	if err := os.MkdirAll(fixtures, 0o755); err != nil {
		t.Fatal(err)
	}
	writeCases(t, filepath.Join(fixtures, "converters.jsonl"), done)
	writeCases(t, filepath.Join(fixtures, "transforms.jsonl"), record("transformations", transformations))
	writeCases(t, filepath.Join(fixtures, "transforms-debezium.jsonl"), record("unwrappings", unwrappings))

	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "./converters", "./transforms/...", "-run", "TestFixtures")
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "LEAT_FIXTURES="+fixtures)
	if out, err := cmd.CombinedOutput(); err != nil {
		if len(out) > 60_000 {
			out = append(out[:60_000], "..."...)
		}
		t.Errorf("%v\n%s", err, out)
	}
}

// recordCases has the recorder add what Java answers.
func recordCases(t *testing.T, jars, dir, name string, cases []object) []object {
	t.Helper()
	for i, c := range cases {
		c["id"] = fmt.Sprintf("%s-%05d", name, i)
	}
	in, out := filepath.Join(dir, name+".in"), filepath.Join(dir, name+".out")
	writeCases(t, in, cases)
	cmd := exec.CommandContext(t.Context(), "java", "-cp", jars, "testdata/Recorder.java", in, out)
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("recording %s: %v\n%s", name, err, said)
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // only read
	var done []object
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var d object
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		d["raw"] = json.RawMessage(slices.Clone(lines.Bytes()))
		if theirs(d["expect"]) {
			continue
		}
		done = append(done, d)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if len(done) < len(cases)/2 {
		t.Fatalf("Java could build only %d of %d cases of %s", len(done), len(cases), name)
	}
	return done
}

// mistakes of the Java classes that ours do not share: where they stumble over a
// null we say what is wrong, and ExtractNewRecordState takes keys without fields
// and copies maps.
var mistakes = []string{`"class":"java.lang.NullPointerException"`, `"message":"Cannot list fields on non-struct type"`, `"message":"Only Struct objects supported for [field replacement]`, `"message":"No schema defined for key of map `}

func theirs(expect any) bool {
	text := encode(expect)
	return slices.ContainsFunc(mistakes, func(m string) bool { return strings.Contains(text, m) })
}

// writeCases writes cases as lines, those from the recorder as it wrote them.
func writeCases(t *testing.T, file string, cases []object) {
	t.Helper()
	var b strings.Builder
	for _, c := range cases {
		if raw, ok := c["raw"].(json.RawMessage); ok {
			b.Write(raw)
		} else {
			b.WriteString(encode(c))
		}
		b.WriteByte('\n')
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (c chance) conversion() object {
	d := object{"role": pick(c, "key", "value", "value"), "topic": "t", "config": object{}, "op": "fromConnect"}
	fits := func(kind string) {
		d["schema"], d["value"] = c.pair(1)
		if !c.one(4) {
			s := c.schemaOf(kind, 0)
			d["schema"], d["value"] = s, c.fit(s, 0)
		}
	}
	read := func(text string) {
		d["op"], d["bytes"] = "toConnect", base64.StdEncoding.EncodeToString([]byte(text))
	}
	switch n := c.IntN(20); {
	case n < 10:
		d["class"] = connectPackage + "json.JsonConverter"
		config := object{}
		for _, key := range []struct {
			name   string
			values []string
		}{{"schemas.enable", []string{"true", "false"}}, {"decimal.format", []string{"BASE64", "NUMERIC", "numeric"}}, {"replace.null.with.default", []string{"true", "false"}}} {
			if c.one(2) {
				config[key.name] = pick(c, key.values...)
			}
		}
		d["config"] = config
		if c.one(4) {
			config["schemas.enable"] = "false"
			read(c.json(3))
		} else {
			d["schema"], d["value"] = c.pair(3)
		}
	case n < 14:
		d["class"], d["role"], d["header"] = connectPackage+"storage.SimpleHeaderConverter", "header", "h"
		switch {
		case c.one(2):
			d["schema"], d["value"] = c.pair(2)
		case c.one(2):
			read(c.text())
		default:
			read(c.json(2))
		}
	case n < 16:
		d["class"] = connectPackage + "storage.StringConverter"
		if d["schema"], d["value"] = c.pair(2); c.one(4) {
			read(c.text())
		}
	default:
		kind := pick(c, "Integer:int32", "Long:int64", "Short:int16", "Double:float64", "Float:float32", "Boolean:boolean", "ByteArray:bytes")
		name, of, _ := strings.Cut(kind, ":")
		d["class"] = connectPackage + "converters." + name + "Converter"
		if c.one(2) {
			fits(of)
		} else {
			b := make([]byte, pick(c, 0, 1, 2, 4, 8, 9))
			for i := range b {
				b[i] = byte(c.IntN(256))
			}
			read(string(b))
		}
	}
	return d
}

// readBack is a case that reads what a case wrote.
func (c chance) readBack(d object, raw []byte) object {
	out := object{"op": "toConnect", "bytes": base64.StdEncoding.EncodeToString(raw)}
	for _, key := range []string{"class", "role", "topic", "config", "header"} {
		if v, ok := d[key]; ok {
			out[key] = v
		}
	}
	return out
}

// mutate changes a place or two in a JSON text.
func (c chance) mutate(raw []byte) []byte {
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return raw // a NaN
	}
	for range 1 + c.IntN(2) {
		v = c.change(v)
	}
	return []byte(encode(v))
}

func (c chance) change(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if len(v) > 0 && !c.one(8) {
			key := slices.Sorted(maps.Keys(v))[c.IntN(len(v))]
			if c.one(8) {
				delete(v, key)
			} else {
				v[key] = c.change(v[key])
			}
			return v
		}
	case []any:
		if len(v) > 0 && !c.one(6) {
			i := c.IntN(len(v))
			v[i] = c.change(v[i])
			return v
		}
	}
	if c.one(4) {
		return pick[any](c, "int8", "int16", "int32", "int64", "float", "double", "boolean", "string", "bytes", "array", "map", "struct")
	}
	return json.RawMessage(c.json(1))
}
