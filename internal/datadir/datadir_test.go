package datadir_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leat-project/leat/internal/datadir"
)

func TestOpenTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "data")
	d, err := datadir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("mode of the folder = %v, %v", info.Mode(), err)
	}
	if _, err := datadir.Open(path); err == nil || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) {
		t.Fatalf("second open: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if d, err = datadir.Open(path); err != nil {
		t.Fatalf("open after close: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRefuses(t *testing.T) {
	for _, c := range []struct{ name, file, text, want string }{
		{"newer format", "format", "99\n", "format 99"},
		{"damaged format", "format", "x", "damaged"},
		{"somebody else's folder", "important.txt", "", "important.txt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, c.file), []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := datadir.Open(dir); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error = %v, want one with %q", err, c.want)
			}
		})
	}
}

// TestOlderFormat: a folder of an older format opens and has the present one
// from then on.
func TestOlderFormat(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "format")
	if err := os.WriteFile(file, []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := datadir.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil || string(text) != fmt.Sprintln(datadir.Format) {
		t.Fatalf("format after the upgrade = %q, %v", text, err)
	}
}
