package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// source is one parsed file.
type source struct {
	name    string // slash-separated, from the root
	pkg     string // its folder
	isTest  bool
	file    *ast.File
	fset    *token.FileSet
	imports []string
}

// sources parses every Go file of the main module. Build tags are not looked
// at: an edge on another operating system is an edge.
func sources(t *testing.T) []source {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	var all []source
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return enter(root, path, entry.Name())
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		s, err := parse(root, path)
		if err == nil {
			all = append(all, s)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("found %d Go files below %s, which cannot be all", len(all), root)
	}
	return all
}

// enter skips folders that hold no code of the main module.
func enter(root, path, name string) error {
	if path == root {
		return nil
	}
	if name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func parse(root, path string) (source, error) {
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return source{}, err
	}
	rel = filepath.ToSlash(rel)
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return source{}, err
	}
	s := source{
		name: rel, pkg: filepath.ToSlash(filepath.Dir(rel)), file: file, fset: fset,
		isTest: strings.HasSuffix(rel, "_test.go"),
	}
	for _, imp := range file.Imports {
		p, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			return source{}, err
		}
		s.imports = append(s.imports, p)
	}
	return s, nil
}

// under says whether path is folder or lies below it; "" holds everything.
func under(path, folder string) bool {
	return folder == "" || path == folder || strings.HasPrefix(path, folder+"/")
}

func underAny(path string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return under(path, f) })
}

// entry returns the longest key of table that pkg lies under.
func entry[T any](table map[string]T, pkg string) (best string, found bool) {
	for key := range table {
		if under(pkg, key) && (!found || len(key) > len(best)) {
			best, found = key, true
		}
	}
	return best, found
}

func TestImportsOfOurs(t *testing.T) {
	for _, s := range sources(t) {
		for _, imp := range s.imports {
			if imp != module && !strings.HasPrefix(imp, module+"/") {
				continue
			}
			to := strings.TrimPrefix(strings.TrimPrefix(imp, module), "/")
			if why := forbidden(s.pkg, to, s.isTest); why != "" {
				t.Errorf("%s imports %s: %s (internal/archtest/table.go)", s.name, to, why)
			}
		}
	}
}

// forbidden says why from may not import to; empty means that it may.
func forbidden(from, to string, isTest bool) string {
	if from == to || isHarness(from) && isHarness(to) {
		return ""
	}
	if a, b := connector(from), connector(to); a != "" && b != "" && a != b {
		return "a connector imports no other connector"
	}
	key, ok := entry(edges, from)
	if !ok {
		return "the folder " + from + " has no entry in the table edges"
	}
	allowed := slices.Clone(edges[key])
	if isTest {
		if k, ok := entry(inTests, from); ok {
			allowed = append(allowed, inTests[k]...)
		}
	}
	switch {
	case isHarness(to):
		if slices.Contains(allowed, harness) {
			return ""
		}
		return "a test harness is for tests"
	case under(to, key), underAny(to, allowed):
		return ""
	case key == "internal" && isHarness(from):
		return ""
	}
	return key + " may import only " + strings.Join(allowed, ", ")
}

func isHarness(pkg string) bool { return underAny(pkg, harnesses) }

// connector returns the part below connectors/ that makes one connector:
// everything under a shared parent such as connectors/debezium is one.
func connector(pkg string) string {
	rest, ok := strings.CutPrefix(pkg, "connectors/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

func TestImportsOfModules(t *testing.T) {
	for _, s := range sources(t) {
		for _, imp := range s.imports {
			if isStandard(imp) || under(imp, module) {
				continue
			}
			if why := refused(s, imp); why != "" {
				t.Errorf("%s imports %s: %s (internal/archtest/table.go)", s.name, imp, why)
			}
		}
	}
}

func isStandard(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return !strings.Contains(first, ".")
}

func refused(s source, imp string) string {
	key, ok := entry(modules, imp)
	if !ok {
		return "the module has no entry in the table modules"
	}
	where := modules[key]
	if s.isTest && (len(where) == 0 || underAny(imp, openToTests)) {
		return ""
	}
	if under(s.pkg, "connect") && !s.isTest {
		return "connect uses the standard library only"
	}
	if underAny(s.pkg, where) {
		return ""
	}
	if len(where) == 0 {
		return "the module is for test files"
	}
	return "the module is for " + strings.Join(where, ", ")
}

func TestPluginsStartNoGoroutines(t *testing.T) {
	for _, s := range sources(t) {
		if s.isTest || !underAny(s.pkg, plugins) {
			continue
		}
		for _, pos := range goStatements(s.file) {
			t.Errorf("%s:%d: a plugin starts goroutines only through its context (ctx.Go), which recovers panics and waits for them", s.name, s.fset.Position(pos).Line)
		}
	}
}

func goStatements(file *ast.File) (found []token.Pos) {
	ast.Inspect(file, func(n ast.Node) bool {
		if g, ok := n.(*ast.GoStmt); ok {
			found = append(found, g.Pos())
		}
		return true
	})
	return found
}

func TestUnsafeStaysInOneFile(t *testing.T) {
	for _, s := range sources(t) {
		if slices.Contains(s.imports, "unsafe") && s.name != unsafeFile {
			t.Errorf("%s imports unsafe; only %s may", s.name, unsafeFile)
		}
	}
}

func TestEveryPackageHasOneComment(t *testing.T) {
	with := map[string][]string{}
	for _, s := range sources(t) {
		if s.isTest {
			continue
		}
		if _, ok := with[s.pkg]; !ok {
			with[s.pkg] = nil
		}
		if s.file.Doc != nil {
			with[s.pkg] = append(with[s.pkg], s.name)
		}
	}
	for pkg, files := range with {
		if len(files) != 1 {
			t.Errorf("package %s has %d package comments, want 1: %s", pkg, len(files), strings.Join(files, " "))
		}
	}
}
