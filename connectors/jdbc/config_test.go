package jdbc_test

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
)

var rewrite = flag.Bool("rewrite", false, "write golden files anew")

// keyInfo is a key as GET /connector-plugins/{class}/config shows it.
type keyInfo struct {
	Name         string   `json:"name"`
	Type         string   `json:"type"`
	Required     bool     `json:"required"`
	Default      *string  `json:"default_value"`
	Importance   string   `json:"importance"`
	Doc          string   `json:"documentation"`
	Group        *string  `json:"group"`
	OrderInGroup int      `json:"order_in_group"`
	Width        string   `json:"width"`
	DisplayName  string   `json:"display_name"`
	Dependents   []string `json:"dependents"`
}

func infoOf(k *config.Key) keyInfo {
	info := keyInfo{Name: k.Name, Type: k.Type.String(), Required: !k.HasDefault, Importance: k.Imp.String(), Doc: "<DOC>",
		Group: &k.GroupName, OrderInGroup: k.OrderNum, Width: k.WidthVal.String(), DisplayName: k.DisplayName, Dependents: []string{}}
	if k.HasDefault && !k.DefaultNull {
		info.Default = &k.DefaultText
	}
	return info
}

func keysOf(t *testing.T, class string) []keyInfo {
	t.Helper()
	c, _ := newTask(t, class)
	var d config.Def
	c.Define(&d)
	var infos []keyInfo
	for _, k := range d.Keys() {
		if k.DocText == "" {
			t.Errorf("key %s has no documentation", k.Name)
		}
		if !k.Hidden {
			infos = append(infos, infoOf(k))
		}
	}
	return infos
}

// fixtures reads the lines of a file of testdata and, where LEAT_FIXTURES names a
// folder, of every file of that name below it.
func fixtures(t *testing.T, name string) [][]byte {
	t.Helper()
	files := []string{filepath.Join("testdata", name)}
	if dir := os.Getenv("LEAT_FIXTURES"); dir != "" {
		more, err := filepath.Glob(filepath.Join(dir, "*", name))
		if err != nil {
			t.Fatal(err)
		}
		files = append(append(files, more...), filepath.Join(dir, name))
	}
	var lines [][]byte
	for i, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			if i > 0 && os.IsNotExist(err) {
				continue
			}
			t.Fatal(err)
		}
		sc := bufio.NewScanner(strings.NewReader(string(text)))
		sc.Buffer(nil, 1<<24)
		for sc.Scan() {
			lines = append(lines, slices.Clone(sc.Bytes()))
		}
		if sc.Err() != nil {
			t.Fatal(sc.Err())
		}
	}
	return lines
}

func TestFixturesConfigDef(t *testing.T) {
	ran := 0
	for _, line := range fixtures(t, "plugins.jsonl") {
		var f struct {
			Class  string    `json:"class"`
			Config []keyInfo `json:"config"`
		}
		if err := json.Unmarshal(line, &f); err != nil {
			t.Fatal(err)
		}
		if f.Class != debezium || f.Config == nil {
			continue
		}
		ran++
		t.Run(f.Class, func(t *testing.T) {
			var want []keyInfo
			for _, k := range f.Config {
				if k.Group != nil && *k.Group == "Connector" { // the other keys are the runtime's
					want = append(want, k)
				}
			}
			got := keysOf(t, debezium)
			for i := range max(len(got), len(want)) {
				var g, w []byte
				if i < len(got) {
					g, _ = json.Marshal(got[i])
				}
				if i < len(want) {
					w, _ = json.Marshal(want[i])
				}
				if string(g) != string(w) {
					t.Errorf("key %d\n got %s\nwant %s", i, g, w)
				}
			}
		})
	}
	if ran == 0 {
		t.Fatal("no fixture ran")
	}
}

func TestFixturesValidate(t *testing.T) {
	type value struct {
		Name   string   `json:"name"`
		Value  *string  `json:"value"`
		Errors []string `json:"errors"`
	}
	type entry struct {
		Value value `json:"value"`
	}
	ran := 0
	var empty map[string]value
	for _, line := range fixtures(t, "validate.jsonl") {
		var f struct {
			ID      string            `json:"id"`
			Class   string            `json:"class"`
			Request map[string]string `json:"request"`
			Body    *struct {
				Configs []entry `json:"configs"`
			} `json:"body"`
			Changed []entry `json:"changed"`
		}
		if err := json.Unmarshal(line, &f); err != nil {
			t.Fatal(err)
		}
		if f.Class != debezium {
			continue
		}
		ran++
		t.Run(f.ID, func(t *testing.T) {
			want := map[string]value{}
			for n, v := range empty {
				want[n] = v
			}
			entries := f.Changed
			if f.Body != nil {
				entries = f.Body.Configs
			}
			for _, e := range entries {
				want[e.Value.Name] = e.Value
			}
			if f.Body != nil {
				empty = want
			}
			c, _ := newTask(t, debezium)
			var d config.Def
			c.Define(&d)
			r := d.Validate(f.Request)
			c.(connect.Validator).Validate(t.Context(), f.Request, r)
			for _, v := range r.Values {
				w, ok := want[v.Name]
				if !ok {
					t.Errorf("%s is not in the fixture", v.Name)
					continue
				}
				if strings.Join(v.Errors, "\n") != strings.Join(w.Errors, "\n") {
					t.Errorf("%s: errors %q, want %q", v.Name, v.Errors, w.Errors)
				}
				if w.Value == nil != (v.Value == nil) || w.Value != nil && fmt.Sprint(v.Value) != *w.Value {
					t.Errorf("%s: value %v, want %v", v.Name, v.Value, w.Value)
				}
			}
		})
	}
	if ran == 0 {
		t.Fatal("no fixture ran")
	}
}

// The keys of Confluent's class, which cannot be recorded here: from its sources.
func TestConfluentKeys(t *testing.T) {
	var b strings.Builder
	for _, k := range keysOf(t, confluent) {
		def := "null"
		if k.Default != nil {
			def = fmt.Sprintf("%q", *k.Default)
		}
		if k.Required {
			def = "required"
		}
		fmt.Fprintf(&b, "%s %s default=%s %s %q/%d %s %q\n", k.Name, k.Type, def, k.Importance, *k.Group, k.OrderInGroup, k.Width, k.DisplayName)
	}
	golden(t, "confluent_keys.txt", b.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s (write it anew with -rewrite):\n%s", file, got)
	}
}

func TestStartErrors(t *testing.T) {
	url := "jdbc:postgresql://127.0.0.1:5432/x"
	tests := []struct {
		name, class string
		props       []string
		want        string
	}{
		{"no url", debezium, []string{"connection.url", ""}, "connection.url is missing"},
		{"not postgres", debezium, []string{"connection.url", "jdbc:oracle:thin:@h"}, "connection.url cannot be used: it must begin with jdbc:postgresql:"},
		{"no user", debezium, []string{"connection.username", ""}, "the user of the database is missing"},
		{"insert mode", debezium, []string{"insert.mode", "merge"}, "Invalid value merge for configuration insert.mode: Value must be one of insert, upsert, update"},
		{"upsert without key", debezium, []string{"insert.mode", "upsert"}, "insert.mode=upsert needs a primary key: set primary.key.mode"},
		{"delete without key", debezium, []string{"delete.enabled", "true"}, "delete.enabled=true needs the key of a row"},
		{"both lists", debezium, []string{"field.include.list", "a", "field.exclude.list", "b"}, "Please specify only one"},
		{"java class", debezium, []string{"column.naming.strategy", "com.example.X"}, "Java classes cannot be loaded"},
		{"zone", debezium, []string{"use.time.zone", "Mars/Base"}, "use.time.zone: Invalid time zone"},
		{"hibernate", debezium, []string{"hibernate.x", "1"}, "no Hibernate"},
		{"evolution", debezium, []string{"schema.evolution", "full"}, "Value must be one of none, basic"},
		{"not a number", debezium, []string{"batch.size", "x"}, "Invalid value x for configuration batch.size: Not a number of type INT"},
		{"confluent url", confluent, nil, `Missing required configuration "connection.url" which has no default value.`},
		{"confluent enum", confluent, []string{"connection.url", url, "pk.mode", "Key"}, "Invalid value Key for configuration pk.mode: Invalid enumerator"},
		{"confluent delete", confluent, []string{"connection.url", url, "delete.enabled", "true", "pk.mode", "kafka"}, "Primary key mode must be 'record_key' when delete support is enabled"},
		{"confluent kafka fields", confluent, []string{"connection.url", url, "pk.mode", "kafka", "pk.fields", "a,b"}, "takes exactly 3 names"},
		{"confluent dialect", confluent, []string{"connection.url", url, "dialect.name", "MySqlDatabaseDialect"}, "only PostgreSqlDatabaseDialect"},
		{"confluent timestamp fields", confluent, []string{"connection.url", url, "timestamp.fields.list", "a"}, "TimestampConverter"},
		{"confluent table types", confluent, []string{"connection.url", url, "table.types", "INDEX"}, "must be one of TABLE"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			props := map[string]string{"name": "x", "connection.username": "u", "connection.user": "u"}
			if tt.class == debezium {
				props["connection.url"] = url
			}
			c, _ := newTask(t, tt.class)
			err := c.Start(nil, with(props, tt.props...))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if err := c.Stop(); err != nil {
				t.Errorf("Stop: %v", err)
			}
		})
	}
}

func defOf(c connect.SinkConnector) *config.Def {
	var d config.Def
	c.Define(&d)
	return &d
}
