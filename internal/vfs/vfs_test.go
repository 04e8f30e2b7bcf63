package vfs_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"testing"

	"github.com/leat-project/leat/internal/vfs"
)

// TestContract runs the same steps on both implementations.
func TestContract(t *testing.T) {
	for _, c := range []struct {
		name string
		fsys vfs.FS
		root string
	}{{"os", vfs.OS{}, t.TempDir()}, {"mem", vfs.NewMem(), "/"}} {
		t.Run(c.name, func(t *testing.T) {
			fsys, dir := c.fsys, filepath.Join(c.root, "a", "b")
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			if _, err := fsys.Open(filepath.Join(dir, "x")); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("opening what is not there: %v", err)
			}
			must(fsys.MkdirAll(dir))
			must(vfs.WriteFileAtomic(fsys, filepath.Join(dir, "x"), []byte("hello")))
			must(vfs.WriteFileAtomic(fsys, filepath.Join(dir, "x"), []byte("hello world")))
			f, err := fsys.Open(filepath.Join(dir, "x"))
			must(err)
			_, err = f.WriteAt([]byte("W"), 6)
			must(err)
			must(f.Truncate(8))
			must(f.Sync())
			buf := make([]byte, 20)
			if n, err := f.ReadAt(buf, 0); n != 8 || !errors.Is(err, io.EOF) || string(buf[:n]) != "hello Wo" {
				t.Fatalf("read %q, %v", buf[:n], err)
			}
			must(f.Truncate(10))
			if size, err := f.Size(); size != 10 || err != nil {
				t.Fatalf("size %d, %v", size, err)
			}
			must(f.Close())
			must(fsys.Rename(filepath.Join(dir, "x"), filepath.Join(dir, "y")))
			must(vfs.SyncDir(fsys, dir))
			if names, err := fsys.List(dir); err != nil || !slices.Equal(names, []string{"y"}) {
				t.Fatalf("names %v, %v", names, err)
			}
			lock, err := fsys.Lock(filepath.Join(dir, "lock"))
			must(err)
			var locked *vfs.LockedError
			if _, err := fsys.Lock(filepath.Join(dir, "lock")); !errors.As(err, &locked) {
				t.Fatalf("second lock: %v", err)
			}
			must(lock.Close())
			must(fsys.Remove(filepath.Join(dir, "y")))
			if err := fsys.Remove(filepath.Join(dir, "y")); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("removing twice: %v", err)
			}
			must(fsys.RemoveAll(filepath.Join(c.root, "a")))
			must(fsys.RemoveAll(filepath.Join(c.root, "a")))
			if there, err := vfs.Exists(fsys, dir); there || err != nil {
				t.Fatalf("still there: %v, %v", there, err)
			}
		})
	}
}

// TestCrashClone checks that synced data always survives, and that unsynced data sometimes does and sometimes not.
func TestCrashClone(t *testing.T) {
	m := vfs.NewMem()
	if err := m.MkdirAll("/d"); err != nil {
		t.Fatal(err)
	}
	if err := m.SyncDir("/"); err != nil {
		t.Fatal(err)
	}
	if err := vfs.WriteFileAtomic(m, "/d/a", bytes.Repeat([]byte{1}, 3000)); err != nil {
		t.Fatal(err)
	}
	f, _ := m.Open("/d/a")
	if _, err := f.WriteAt(bytes.Repeat([]byte{2}, 3000), 3000); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Create("/d/new"); err != nil {
		t.Fatal(err)
	}
	outcomes := map[string]bool{}
	for seed := range uint64(100) {
		c := m.CrashClone(rand.New(rand.NewPCG(seed, 1)))
		data, err := vfs.ReadFile(c, "/d/a", 1<<20)
		if err != nil || len(data) < 3000 || !bytes.Equal(data[:3000], bytes.Repeat([]byte{1}, 3000)) {
			t.Fatalf("synced data is gone: %d bytes, %v", len(data), err)
		}
		switch tail := data[3000:]; {
		case len(tail) == 0:
			outcomes["nothing"] = true
		case bytes.Count(tail, []byte{2}) == 3000:
			outcomes["all"] = true
		case bytes.Contains(tail, []byte{0}):
			outcomes["holes"] = true
		}
		there, _ := vfs.Exists(c, "/d/new")
		outcomes[map[bool]string{true: "name", false: "no name"}[there]] = true
	}
	if len(outcomes) != 5 {
		t.Fatalf("only these outcomes were seen: %v", outcomes)
	}
	same := m.CrashClone(nil)
	if data, err := vfs.ReadFile(same, "/d/a", 1<<20); err != nil || len(data) != 6000 {
		t.Fatalf("a clone of the living disk has %d bytes, %v", len(data), err)
	}
}

func TestFaults(t *testing.T) {
	m := vfs.NewMem()
	var deny vfs.Op
	f := vfs.Faults{FS: m, Fail: func(op vfs.Op, _ string) error {
		if op == deny {
			return vfs.ErrNoSpace
		}
		return nil
	}}
	file, err := f.Create("/x")
	if err != nil {
		t.Fatal(err)
	}
	deny = vfs.OpWrite
	if n, err := file.WriteAt([]byte("12345678"), 0); n != 4 || !vfs.IsNoSpace(err) {
		t.Fatalf("a failing write wrote %d bytes, %v", n, err)
	}
	deny = vfs.OpSync
	var se *vfs.SyncError
	if err := vfs.SyncFile(file, "/x"); !errors.As(err, &se) || se.Path != "/x" {
		t.Fatalf("a failing sync gives %v", err)
	}
}

// TestSend sends ranges of one file over TCP and into a buffer.
func TestSend(t *testing.T) {
	content := make([]byte, 300<<10)
	for i := range content {
		content[i] = byte(i * 7 >> 3)
	}
	name := filepath.Join(t.TempDir(), "f")
	if err := vfs.WriteFileAtomic(vfs.OS{}, name, content); err != nil {
		t.Fatal(err)
	}
	f, err := vfs.OS{}.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for _, r := range []struct{ off, n int64 }{{0, 300 << 10}, {100, 50}, {4096, 200 << 10}, {299 << 10, 1 << 10}} {
		want := content[r.off : r.off+r.n]
		var buf bytes.Buffer
		if n, err := vfs.Send(&buf, f, r.off, r.n); n != r.n || err != nil || !bytes.Equal(buf.Bytes(), want) {
			t.Fatalf("Send to a buffer: %d, %v", n, err)
		}
		got := make(chan []byte, 1)
		go func() {
			c, err := ln.Accept()
			if err != nil {
				got <- nil
				return
			}
			defer c.Close()
			data, _ := io.ReadAll(c)
			got <- data
		}()
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if n, err := vfs.Send(c, f, r.off, r.n); n != r.n || err != nil {
			t.Fatalf("Send to TCP: %d, %v", n, err)
		}
		c.Close()
		if data := <-got; !bytes.Equal(data, want) {
			t.Fatalf("received %d bytes, want %d, or others", len(data), len(want))
		}
	}
	if _, err := vfs.Send(io.Discard, f, 300<<10-5, 10); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("sending behind the end: %v", err)
	}
}
