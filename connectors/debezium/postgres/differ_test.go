package postgres

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// differ compares JSON with a recording that holds placeholders.
type differ struct {
	scenario string
	f        *fixtureFile
	found    []string
}

// quirks are values that Java loses or changes and we do not: facts of its
// drivers that nobody can want.
var quirks = []struct {
	path *regexp.Regexp
	why  string
}{
	{regexp.MustCompile(`^num\.public\.num\[\d+\]\.value\..*n_neg`), "numeric(5,-2) has scale 2046 in Java, which misreads the type modifier"},
	{regexp.MustCompile(`^num\.public\.num\[3\]\.value\.payload\.after\.m$`), "money passes through a double in Java's snapshot"},
	{regexp.MustCompile(`^char\.public\.ch\[[36]\]\.value\.payload\.after\.nm$`), "columns of type name are null in Java's stream, though not in its snapshot"},
	{regexp.MustCompile(`^time(_\w+)?\.public\.tm\[1\]\.value\.payload\.after\.tsz?$`), "Java's snapshot reads dates before 1582 in the Julian calendar"},
	{regexp.MustCompile(`^time\.public\.tm\[[23]\]\.value\.payload\.after\.d$`), "infinite dates differ between Java's snapshot and its stream; ours are those of the stream"},
}

func (d *differ) add(path, format string, args ...any) {
	for _, q := range quirks {
		if q.path.MatchString(path) {
			return
		}
	}
	d.found = append(d.found, path+": "+fmt.Sprintf(format, args...))
}

func (d *differ) message(path string, got, want *message) {
	switch {
	case got == nil && want == nil:
		return
	case got == nil || want == nil:
		d.add(path, "%v, want %v", show(got), show(want))
		return
	}
	d.value(path+".schema", tree(got.Schema), d.resolve(tree(want.Schema)))
	d.value(path+".payload", tree(got.Payload), tree(want.Payload))
}

func show(m *message) string {
	if m == nil {
		return "null"
	}
	return string(m.Payload)
}

func tree(raw json.RawMessage) any {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if len(raw) == 0 {
		return nil
	}
	if err := dec.Decode(&v); err != nil {
		panic(err)
	}
	return v
}

// resolve replaces names and references of the schema table.
func (d *differ) resolve(v any) any {
	switch v := v.(type) {
	case string:
		if raw, ok := d.f.schemas[v]; ok {
			return d.resolve(tree(raw))
		}
	case []any:
		for i := range v {
			if m, ok := v[i].(map[string]any); ok {
				v[i] = d.resolve(m)
			}
		}
	case map[string]any:
		if ref, ok := v["ref"].(string); ok {
			m := d.resolve(tree(d.f.schemas[ref])).(map[string]any)
			m["field"] = v["field"]
			return m
		}
		for k, e := range v {
			if k == "fields" || k == "items" || k == "keys" || k == "values" {
				v[k] = d.resolve(e)
			}
		}
	}
	return v
}

func (d *differ) value(path string, got, want any) {
	switch want := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			d.add(path, "%v, want an object", got)
			return
		}
		for k := range g {
			if _, ok := want[k]; !ok {
				d.add(path+"."+k, "%v, want it absent", g[k])
			}
		}
		for k := range want {
			if _, ok := g[k]; !ok {
				d.add(path+"."+k, "absent, want %v", want[k])
				continue
			}
			d.value(path+"."+k, g[k], want[k])
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(want) {
			d.add(path, "%v, want %v", got, want)
			return
		}
		for i := range want {
			d.value(path+"["+name(i, g[i], want[i])+"]", g[i], want[i])
		}
	case string:
		if !matches(got, want) {
			d.add(path, "%v, want %v", got, want)
		}
	case json.Number:
		if !sameNumber(got, want) {
			d.add(path, "%v, want %v", got, want)
		}
	default:
		if got != want {
			d.add(path, "%v, want %v", got, want)
		}
	}
}

func name(i int, got, want any) string {
	if m, ok := want.(map[string]any); ok && m["field"] != nil {
		return strconv.Itoa(i) + "]." + fmt.Sprint(m["field"]) + "[" + strconv.Itoa(i)
	}
	return strconv.Itoa(i)
}

var placeholder = regexp.MustCompile(`<[A-Z_]+>`)

func matches(got any, want string) bool {
	switch want {
	case "<MS>", "<US>", "<NS>", "<LSN>", "<TXID>", "<XMIN>":
		_, ok := got.(json.Number)
		return ok
	}
	g, ok := got.(string)
	if !ok {
		return false
	}
	if g == want {
		return true
	}
	if !placeholder.MatchString(want) {
		return false
	}
	quoted := regexp.QuoteMeta(want)
	for _, p := range placeholder.FindAllString(want, -1) {
		form := `\d+`
		switch p {
		case "<SEQ>":
			form = `\[(null|"\d+"),"\d+"\]`
		case "<UUID>":
			form = `[0-9a-f-]{36}`
		}
		quoted = strings.Replace(quoted, p, form, 1)
	}
	return regexp.MustCompile(`^` + quoted + `$`).MatchString(g)
}

func sameNumber(got any, want json.Number) bool {
	g, ok := got.(json.Number)
	if !ok {
		return false
	}
	if g == want {
		return true
	}
	if !strings.ContainsAny(string(want)+string(g), ".eE") {
		return false
	}
	a, _ := g.Float64()
	b, _ := want.Float64()
	return a == b || math.Abs(a-b) <= 1e-15*math.Abs(b)
}

func (d *differ) headers(path string, got, want [][2]any) {
	if len(got) != len(want) {
		d.add(path, "%v, want %v", got, want)
		return
	}
	for i := range want {
		if got[i][0] != want[i][0] || !matches(got[i][1], fmt.Sprint(want[i][1])) {
			d.add(path, "%v, want %v", got[i], want[i])
		}
	}
}
