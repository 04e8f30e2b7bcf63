package logstore_test

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

var rewrite = flag.Bool("rewrite", false, "write golden files anew")

const messagesFile = "testdata/damage.txt"

// edit changes the content of a file; nil removes it.
type edit func([]byte) []byte

func flipAt(at int) edit {
	return func(b []byte) []byte {
		if at < 0 {
			at += len(b)
		}
		b[at] ^= 0x10
		return b
	}
}

func cutTo(n int) edit { return func(b []byte) []byte { return b[:n] } }

func longer(b []byte) []byte { return append(b, "garbage"...) }

func text(s string) edit { return func([]byte) []byte { return []byte(s) } }

func gone([]byte) []byte { return nil }

// TestDamageMessages holds what an operator is told of each kind of damaged
// file against testdata/damage.txt.
func TestDamageMessages(t *testing.T) {
	disk := vfs.NewMem()
	s := open(t, disk)
	p := create(t, s, smallSegments)
	for i := range 100 {
		mustAppend(t, p, batch(8, producer(1, 0, int32(8*i))))
	}
	mustAppend(t, p, batch(2, producer(2, 0, 0), txn))
	mustAppend(t, p, recordbatch.AppendMarker(nil, 2, 0, recordbatch.Marker{}, epoch0), coordinator)
	segments := p.Segments()
	closeStore(t, s)
	if segments < 3 {
		t.Fatalf("%d segments", segments)
	}
	last := func(suffix string) string {
		t.Helper()
		names, err := disk.List("/data/orders-0")
		if err != nil {
			t.Fatal(err)
		}
		found := ""
		for _, n := range names {
			if strings.HasSuffix(n, suffix) {
				found = n
			}
		}
		return "orders-0/" + found
	}
	var out strings.Builder
	for _, tc := range []struct {
		name, file string
		clean      bool
		do         edit
	}{
		{"a bit of the last batch", last(".log"), false, flipAt(-3)},
		{"cut within a batch", last(".log"), false, cutTo(30)},
		{"garbage behind", last(".log"), false, longer},
		{"gone", last(".log"), true, gone},
		{"a bit of an old segment", "orders-0/00000000000000000000.log", true, flipAt(200)},
		{"odd length", "orders-0/00000000000000000000.index", true, longer},
		{"gone", "orders-0/00000000000000000000.index", true, gone},
		{"odd length", "orders-0/00000000000000000000.timeindex", true, longer},
		{"odd length", last(".txnindex"), true, longer},
		{"a bit", last(".snapshot"), true, flipAt(20)},
		{"a version of the future", last(".snapshot"), true, func(b []byte) []byte { b[1] = 9; return b }},
		{"cut", last(".snapshot"), true, cutTo(5)},
		{"no number", "orders-0/leader-epoch-checkpoint", true, text("0\n1\nx 0\n")},
		{"wrong count", "orders-0/leader-epoch-checkpoint", true, text("0\n7\n0 0\n")},
		{"no id", "orders-0/partition.metadata", true, text("version: 0\n")},
		{"no id of 22 characters", "orders-0/partition.metadata", true, text("version: 0\ntopic_id: abc\n")},
		{"no number", "recovery-point-offset-checkpoint", true, text("0\n1\norders 0 x\n")},
		{"a version of the future", "recovery-point-offset-checkpoint", true, text("5\n0\n")},
		{"too high", "recovery-point-offset-checkpoint", true, text("0\n1\norders 0 9999\n")},
		{"too high", "replication-offset-checkpoint", true, text("0\n1\norders 0 9999\n")},
		{"too high", "log-start-offset-checkpoint", true, text("0\n1\norders 0 9999\n")},
		{"gone", "meta.properties", true, gone},
		{"another node", "meta.properties", true, text("version=1\ncluster.id=c\nnode.id=7\ndirectory.id=AAAAAAAAAAAAAAAAAAAAAQ\n")},
		{"a version of the future", "meta.properties", true, text("version=2\n")},
		{"no cluster", "meta.properties", true, text("version=1\nnode.id=1\ndirectory.id=AAAAAAAAAAAAAAAAAAAAAQ\n")},
		{"no directory", "meta.properties", true, text("version=1\ncluster.id=c\nnode.id=1\n")},
	} {
		d := disk.CrashClone(nil)
		if !tc.clean {
			if err := d.Remove("/data/.kafka_cleanshutdown"); err != nil {
				t.Fatal(err)
			}
		}
		change(t, d, path.Join("/data", tc.file), tc.do)
		fmt.Fprintf(&out, "%s, %s\n", tc.file, tc.name)
		for _, line := range told(t, d) {
			fmt.Fprintf(&out, "\t%s\n", line)
		}
	}
	if *rewrite {
		if err := os.WriteFile(messagesFile, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(messagesFile)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("messages differ from %s (run with -rewrite to take them):\n%s", messagesFile, out.String())
	}
}

func change(t *testing.T, d *vfs.Mem, file string, do edit) {
	t.Helper()
	var data []byte
	if there, err := vfs.Exists(d, file); err != nil {
		t.Fatal(err)
	} else if there {
		if data, err = vfs.ReadFile(d, file, 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	if data = do(data); data == nil {
		if err := d.Remove(file); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := vfs.WriteFileAtomic(d, file, data); err != nil {
		t.Fatal(err)
	}
}

// told opens a store, reads all of the partition, and returns the lines that
// were logged as warnings and errors, and the errors.
func told(t *testing.T, d *vfs.Mem) []string {
	t.Helper()
	var log syncBuffer
	plain := &slog.HandlerOptions{Level: slog.LevelWarn, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	var errs []string
	s, err := logstore.Open(logstore.Config{Dirs: []string{"/data"}, FS: d, NodeID: 1, Logger: slog.New(slog.NewTextHandler(&log, plain))})
	if err != nil {
		errs = append(errs, "refused: "+err.Error())
	} else {
		defer closeStore(t, s)
		p := s.Get(orders)
		if err := p.Err(); err != nil {
			errs = append(errs, "partition: "+err.Error())
		} else {
			for at := p.LogStartOffset(); at < p.LogEndOffset(); at += 8 {
				r, err := p.Read(logstore.ReadOptions{Offset: at, MaxBytes: 1, MinOneBatch: true})
				if err != nil {
					errs = append(errs, "reading: "+err.Error())
					break
				}
				r.Release()
			}
		}
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if lines[0] == "" {
		lines = nil
	}
	return append(lines, errs...)
}
