// Package debtool fetches Debian packages and unpacks them into a cache folder,
// so that tests and the demo can run real servers and tools that the machine
// does not have, without installing anything and without being root.
//
// apt runs with a state of its own (lists, archives, locks) below the cache;
// the machine's apt state is read, never written. Packages are unpacked with
// dpkg-deb, their installation scripts never run: Debian's postgresql would
// start a cluster on port 5432.
//
// A tree appears in the cache only when it is complete. Several processes may
// ask for the same tree at the same time: one fetches, the others wait.
package debtool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Tree is a folder with unpacked Debian packages in it.
type Tree struct {
	// Root is the absolute path that stands for "/" inside the packages.
	Root string
}

// CacheDir returns the folder for everything that Leat's tests and demo fetch
// once: $LEAT_CACHE, else leat below the user's cache folder (~/.cache/leat).
func CacheDir() (string, error) {
	if dir := os.Getenv("LEAT_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache folder (set LEAT_CACHE to name one): %w", err)
	}
	return filepath.Join(dir, "leat"), nil
}

// Fetch returns the tree with that name, and fills it at the first call with
// the named packages and everything they depend on that is not installed on
// the machine. Packages whose name starts with one of skip are left out.
//
// It needs apt-get and dpkg-deb, so a Debian or a relative of it, and the
// network at the first call. It is safe for concurrent use by processes.
func Fetch(ctx context.Context, name string, packages, skip []string) (*Tree, error) {
	cache, err := CacheDir()
	if err != nil {
		return nil, err
	}
	root := filepath.Join(cache, "deb", name)
	if isComplete(root) {
		return &Tree{Root: root}, nil
	}
	if err := os.MkdirAll(filepath.Dir(root), 0o755); err != nil {
		return nil, fmt.Errorf("creating the cache folder: %w", err)
	}
	unlock, err := Lock(filepath.Join(cache, "deb", ".lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()
	if isComplete(root) {
		return &Tree{Root: root}, nil
	}
	if err := fill(ctx, cache, root, packages, skip); err != nil {
		return nil, fmt.Errorf("fetching the Debian packages %s: %w", strings.Join(packages, " "), err)
	}
	return &Tree{Root: root}, nil
}

// Path returns the absolute path of a file of the tree, given as it is named
// inside the package ("usr/bin/kcat").
func (t *Tree) Path(elem ...string) string {
	return filepath.Join(append([]string{t.Root}, elem...)...)
}

// Env returns the environment of this process extended so that programs of the
// tree find the libraries of the tree.
func (t *Tree) Env() []string {
	return append(os.Environ(), "LD_LIBRARY_PATH="+t.LibraryPath())
}

// LibraryPath returns the value for LD_LIBRARY_PATH.
func (t *Tree) LibraryPath() string {
	triple := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[runtime.GOARCH]
	return strings.Join([]string{t.Path("usr/lib", triple), t.Path("lib", triple), t.Path("usr/lib")}, ":")
}

// Kcat returns a runnable kcat: the machine's, else one fetched into the cache.
// env is the environment to run it with.
func Kcat(ctx context.Context) (path string, env []string, err error) {
	if path, err := exec.LookPath("kcat"); err == nil {
		return path, os.Environ(), nil
	}
	tree, err := Fetch(ctx, "kcat", []string{"kcat"}, nil)
	if err != nil {
		return "", nil, err
	}
	return tree.Path("usr/bin/kcat"), tree.Env(), nil
}

// completeMark is the file whose presence says that a tree is whole.
const completeMark = ".complete"

func isComplete(root string) bool {
	_, err := os.Stat(filepath.Join(root, completeMark))
	return err == nil
}

// fill builds the tree beside its final place and moves it there when whole.
func fill(ctx context.Context, cache, root string, packages, skip []string) error {
	for _, tool := range []string{"apt-get", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			return errors.New("the command " + tool + " is missing: on a machine that is not a Debian, install the program itself and put it on PATH")
		}
	}
	debs, err := download(ctx, cache, packages, skip)
	if err != nil {
		return err
	}
	part := root + ".part"
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	if err := os.MkdirAll(part, 0o755); err != nil {
		return err
	}
	for _, deb := range debs {
		if out, err := exec.CommandContext(ctx, "dpkg-deb", "-x", deb, part).CombinedOutput(); err != nil {
			return fmt.Errorf("unpacking %s: %w: %s", filepath.Base(deb), err, lastLine(out))
		}
	}
	if err := os.WriteFile(filepath.Join(part, completeMark), nil, 0o644); err != nil {
		return err
	}
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	return os.Rename(part, root)
}
