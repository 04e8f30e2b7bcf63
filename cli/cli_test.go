package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/leat-project/leat/cli"
	"github.com/leat-project/leat/rest/resttest"
)

// session runs commands against one server.
type session struct {
	t   *testing.T
	env map[string]string
}

// result of one command.
type result struct {
	out, err string
	code     int
}

func (s session) run(stdin string, args ...string) result {
	s.t.Helper()
	var out, errs bytes.Buffer
	root := &cobra.Command{Use: "leat", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(cli.Commands(cli.Deps{In: strings.NewReader(stdin), Out: &out, Err: &errs,
		Env: func(name string) string { return s.env[name] }})...)
	root.SetArgs(args)
	root.SetOut(&out)
	err := root.ExecuteContext(context.Background())
	if err != nil {
		errs.WriteString(err.Error() + "\n")
	}
	return result{out.String(), errs.String(), cli.ExitCode(err)}
}

// ok runs a command that must succeed.
func (s session) ok(stdin string, args ...string) result {
	s.t.Helper()
	r := s.run(stdin, args...)
	if r.code != 0 {
		s.t.Fatalf("leat %s: exit code %d: %s", strings.Join(args, " "), r.code, r.err)
	}
	return r
}

const connectorFile = `{"name":"orders","config":{"connector.class":"` + resttest.SourceClass + `","topic":"t","file":"f",
	"database.password":"s3cret","tasks.max":1,"producer.override.sasl.jaas.config":"also s3cret"}}`

func newSession(t *testing.T) session {
	return session{t, map[string]string{"LEAT_REST": resttest.StartDefault(t).URL()}}
}

func TestConnectorLifeCycle(t *testing.T) {
	s := newSession(t)
	if r := s.ok("", "connector", "list"); !strings.Contains(r.out, "no connectors") {
		t.Errorf("empty list: %q", r.out)
	}
	for _, want := range []string{"created", "unchanged"} {
		if r := s.ok(connectorFile, "connector", "apply", "-f", "-"); !strings.Contains(r.err, "connector orders "+want) {
			t.Errorf("apply: %q, want %s", r.err, want)
		}
	}
	changed := strings.Replace(connectorFile, `"topic":"t"`, `"topic":"u"`, 1)
	if r := s.ok(changed, "connector", "apply", "-f", "-"); !strings.Contains(r.err, "configured") {
		t.Errorf("apply of a changed file: %q", r.err)
	}
	for _, step := range []struct {
		args []string
		want string
	}{
		{[]string{"connector", "list"}, "RUNNING"},
		{[]string{"connector", "status", "orders"}, "task 0"},
		{[]string{"connector", "status", "orders", "-o", "yaml"}, "state: RUNNING"},
		{[]string{"plugin", "list"}, resttest.SourceClass},
		{[]string{"plugin", "describe", "TestSource"}, "database.password"},
	} {
		if r := s.ok("", step.args...); !strings.Contains(r.out, step.want) {
			t.Errorf("leat %v: %q, want %q in it", step.args, r.out, step.want)
		}
	}
	s.ok("", "connector", "pause", "orders")
	if r := s.ok("", "connector", "list"); !strings.Contains(r.out, "PAUSED") {
		t.Errorf("list after pause: %q", r.out)
	}
	for _, args := range [][]string{{"resume", "orders"}, {"restart", "orders", "--tasks"}, {"restart", "orders", "--task", "0"}, {"stop", "orders"}, {"delete", "orders"}} {
		s.ok("", append([]string{"connector"}, args...)...)
	}
	if r := s.run("", "connector", "get", "orders"); r.code != 3 || !strings.Contains(r.err, "Connector orders not found") {
		t.Errorf("get of a deleted connector: %d %q, want 3", r.code, r.err)
	}
}

func TestSecretsAreHidden(t *testing.T) {
	s := newSession(t)
	s.ok(connectorFile, "connector", "apply", "-f", "-")
	for _, format := range []string{"table", "json", "yaml"} {
		r := s.ok("", "connector", "get", "orders", "-o", format)
		if strings.Contains(r.out, "s3cret") || strings.Count(r.out, "[hidden]") != 2 {
			t.Errorf("-o %s shows %s", format, r.out)
		}
		r = s.ok("", "connector", "get", "orders", "-o", format, "--show-secrets")
		if strings.Count(r.out, "s3cret") != 2 {
			t.Errorf("-o %s --show-secrets shows %s", format, r.out)
		}
	}
}

func TestOutputIsJSON(t *testing.T) {
	s := newSession(t)
	s.ok(connectorFile, "connector", "apply", "-f", "-")
	for _, args := range [][]string{{"connector", "list"}, {"connector", "get", "orders"}, {"connector", "status", "orders"},
		{"plugin", "list", "--all"}, {"version"}} {
		r := s.ok("", append(args, "-o", "json")...)
		if !json.Valid([]byte(r.out)) {
			t.Errorf("leat %v -o json is not JSON: %s", args, r.out)
		}
	}
}

func TestExitCodes(t *testing.T) {
	s := newSession(t)
	for _, c := range []struct {
		name  string
		stdin string
		args  []string
		code  int
		want  string
	}{
		{"no argument", "", []string{"connector", "get"}, 2, "Usage"},
		{"unknown flag", "", []string{"connector", "list", "--nope"}, 2, "unknown flag"},
		{"flags that exclude each other", "", []string{"connector", "restart", "a", "--task", "0", "--tasks"}, 2, "none of the others"},
		{"unknown command", "", []string{"nope"}, 2, "unknown command"},
		{"unknown subcommand", "", []string{"connector", "nope"}, 2, "unknown command"},
		{"unknown format", "", []string{"connector", "list", "-o", "xml"}, 2, "expected table, json or yaml"},
		{"not found", "", []string{"connector", "status", "nope"}, 3, "No status found for connector nope"},
		{"unreachable", "", []string{"connector", "list", "--url", "http://127.0.0.1:1"}, 5, "http://127.0.0.1:1"},
		{"bad address", "", []string{"connector", "list", "--url", "::"}, 2, "--url"},
		{"malformed file", "{\n\"name\": ", []string{"connector", "apply", "-f", "-"}, 6, "malformed JSON"},
		{"no name", `{"topic":"x"}`, []string{"connector", "apply", "-f", "-"}, 6, "no name"},
		{"unknown class", `{"name":"a","connector.class":"Nope"}`, []string{"connector", "apply", "-f", "-"}, 6, "Failed to find any class"},
		{"invalid", `{"name":"a","connector.class":"TestSource"}`, []string{"connector", "apply", "-f", "-"}, 6, `Missing required configuration "topic"`},
		{"invalid dry run", `{"name":"a","connector.class":"TestSource","tasks.max":"x"}`, []string{"connector", "apply", "--dry-run", "-f", "-"}, 6, "tasks.max: Invalid value x"},
		{"missing file", "", []string{"connector", "apply", "-f", "/nope.json"}, 1, "/nope.json"},
		{"no file", "", []string{"connector", "apply"}, 2, "-f FILE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if r := s.run(c.stdin, c.args...); r.code != c.code || !strings.Contains(r.err, c.want) {
				t.Errorf("leat %v: exit code %d: %q, want %d and %q", c.args, r.code, r.err, c.code, c.want)
			}
		})
	}
}

func TestDryRunNamesUnknownKeys(t *testing.T) {
	s := newSession(t)
	r := s.ok(`{"name":"a","connector.class":"TestSource","topic":"t","tpoic":"u"}`, "connector", "apply", "--dry-run", "-f", "-")
	if !strings.Contains(r.err, "misspelt: tpoic") || !strings.Contains(r.err, "connector a valid") {
		t.Errorf("dry run says %q", r.err)
	}
	if r := s.ok("", "connector", "list", "-o", "json"); strings.TrimSpace(r.out) != "[]" {
		t.Errorf("a dry run created %s", r.out)
	}
}

func TestOffsets(t *testing.T) {
	s := newSession(t)
	s.ok(connectorFile, "connector", "apply", "-f", "-")
	if r := s.ok("", "offsets", "get", "orders"); !strings.Contains(r.out, "no offsets") {
		t.Errorf("get: %q", r.out)
	}
	if r := s.ok(`{"offsets":[{"partition":{"a":1},"offset":null}]}`, "offsets", "alter", "orders", "-f", "-"); !strings.Contains(r.err, "altered successfully") {
		t.Errorf("alter: %q", r.err)
	}
	if r := s.ok("", "offsets", "reset", "orders"); !strings.Contains(r.err, "reset successfully") {
		t.Errorf("reset: %q", r.err)
	}
	if r := s.run("[]", "offsets", "alter", "orders", "-f", "-"); r.code != 6 || !strings.Contains(r.err, "expected") {
		t.Errorf("alter with a list: %d %q", r.code, r.err)
	}
}

func TestLogs(t *testing.T) {
	s := newSession(t)
	s.ok(connectorFile, "connector", "apply", "-f", "-")
	if r := s.ok("", "connector", "logs", "orders"); r.out != "" {
		t.Errorf("logs of a connector that logged nothing: %q", r.out)
	}
	if r := s.run("", "connector", "logs", "nope"); r.code != 3 {
		t.Errorf("logs of no connector: %d %q", r.code, r.err)
	}
}

func TestApplyReadsEveryFormat(t *testing.T) {
	s := newSession(t)
	dir := t.TempDir()
	files := map[string]string{
		"a.properties": "name=a\nconnector.class=TestSource\ntopic=t\n",
		"b.yaml":       "name: b\nconnector.class: TestSource\ntopic: t\ntasks.max: 1\n---\nname: c\nconfig:\n  connector.class: TestSource\n  topic: t\n",
		"d.json":       `[{"name":"d","connector.class":"TestSource","topic":"\ud83d\ude00"}]`,
	}
	args := []string{"connector", "apply"}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-f", path)
	}
	s.ok("", args...)
	r := s.ok("", "connector", "list")
	for _, name := range []string{"\na ", "\nb ", "\nc ", "\nd "} {
		if !strings.Contains(r.out, name) {
			t.Errorf("connector%s is missing in %s", name, r.out)
		}
	}
	if r := s.ok("", "connector", "get", "d"); !strings.Contains(r.out, "\U0001F600") {
		t.Errorf("an escaped emoji became %s", r.out)
	}
}
