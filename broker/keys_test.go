package broker_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/leat-project/leat/broker/settings"
)

// literals are the strings in the code of the broker and its command, without
// tests and without the declarations of keys.
func literals(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	files := 0
	for _, root := range []string{".", "../cmd/leat"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			declares := strings.HasPrefix(filepath.ToSlash(path), "settings/")
			if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || declares && !strings.HasSuffix(path, "topic.go") && !strings.HasSuffix(path, "group.go") {
				return nil
			}
			files++
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				// In the table of topic keys only the synonyms count: they are
				// looked up when a topic's value is resolved.
				if kv, ok := n.(*ast.KeyValueExpr); ok && declares {
					if key, ok := kv.Key.(*ast.Ident); ok && key.Name != "Synonyms" {
						return false
					}
				}
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if s, err := strconv.Unquote(lit.Value); err == nil {
						found[s] = true
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 50 {
		t.Fatalf("looked at %d files only", files)
	}
	return found
}

// Every key that is accepted is read by the code, or declared to be without
// effect, with a reason, here and in the documentation.
func TestEveryKeyWorksOrSaysWhyNot(t *testing.T) {
	read := literals(t)
	page, err := os.ReadFile("../docs/broker-config.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := func(kind, name, why string) bool {
		return strings.Contains(string(page), "| "+kind+" | `"+name+"` | "+why+" |\n")
	}
	listed := 0
	check := func(kind string, d settings.Def, used bool) {
		switch {
		case d.Inert == "" && !used:
			t.Errorf("%s key %s is accepted, but no code reads it", kind, d.Name)
		case d.Inert != "" && !documented(kind, d.Name, d.Inert):
			t.Errorf("docs/broker-config.md lacks the line: | %s | `%s` | %s |", kind, d.Name, d.Inert)
		}
		if d.Inert != "" {
			listed++
		}
	}
	for _, d := range settings.Broker.All() {
		check("broker", d, read[d.Name] || d.Name == settings.FlushBeforeAck || len(d.OneOf) == 1)
	}
	for _, d := range settings.Topic.All() {
		check("topic", d, read[d.Name] || d.Name == settings.FlushBeforeAck)
	}
	for _, d := range settings.Group.All() {
		check("group", d, read[d.Name])
	}
	if n := strings.Count(string(page), "\n| broker | ") + strings.Count(string(page), "\n| topic | "); n != listed {
		t.Errorf("docs/broker-config.md lists %d keys without effect, want %d", n, listed)
	}
}
