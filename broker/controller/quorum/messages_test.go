package quorum_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leat-project/leat/internal/vfs"
)

var rewrite = flag.Bool("rewrite", false, "write golden files anew")

const messagesFile = "testdata/damage.txt"

// TestDamageMessages holds what an operator is told of each kind of damaged
// file of the metadata log against testdata/damage.txt.
func TestDamageMessages(t *testing.T) {
	disk := vfs.NewMem()
	v := mustStart(t, disk, 1<<30)
	for i := range 100 {
		if err := v.add(t.Context(), fmt.Sprint("value ", 100+i)); err != nil {
			t.Fatal(err)
		}
	}
	v.close()
	mustStart(t, disk, 1).close() // writes a snapshot first thing
	mustStart(t, disk, 1<<30).close()
	snaps, logs := files(t, disk, ".checkpoint"), files(t, disk, ".log")
	if len(snaps) != 1 || len(logs) < 2 {
		t.Fatalf("snapshots %q, logs %q", snaps, logs)
	}
	snap, last := snaps[0], logs[len(logs)-1]
	replaced := func(name, content string) func(*vfs.Mem) {
		return func(d *vfs.Mem) {
			if err := vfs.WriteFileAtomic(d, name, []byte(content)); err != nil {
				t.Fatal(err)
			}
		}
	}
	removed := func(names ...string) func(*vfs.Mem) {
		return func(d *vfs.Mem) {
			for _, name := range names {
				if err := d.Remove(name); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	in := func(name string) string { return filepath.Join(folder, name) }
	flipped := func(name string, at int64, cut bool) func(*vfs.Mem) {
		return func(d *vfs.Mem) { damage(t, d, name, at, cut) }
	}
	var out strings.Builder
	for _, tc := range []struct {
		name string
		do   func(*vfs.Mem)
	}{
		{"snapshot, a bit", flipped(snap, 300, false)},
		{"snapshot, cut before the footer", flipped(snap, -80, true)},
		{"snapshot, empty", flipped(snap, 0, true)},
		{"log, a bit", flipped(last, -10, false)},
		{"log, its last batch cut", flipped(last, -10, true)},
		{"log, its last file gone", removed(in(last))},
		{"quorum-state, no JSON", replaced(in("quorum-state"), "{")},
		{"quorum-state, garbage behind", replaced(in("quorum-state"), `{"leaderId":1,"leaderEpoch":3,"votedId":1,"votedDirectoryId":"d","data_version":1}x`)},
		{"quorum-state, unknown key", replaced(in("quorum-state"), `{"leader":1}`)},
		{"quorum-state, a version of the future", replaced(in("quorum-state"), `{"leaderId":1,"leaderEpoch":3,"data_version":2}`)},
		{"quorum-state, older than the log", replaced(in("quorum-state"), `{"leaderId":1,"leaderEpoch":1,"votedId":1,"votedDirectoryId":"d","data_version":1}`)},
		{"partition.metadata, no id", replaced(in("partition.metadata"), "version: 0\n")},
		{"log-start-offset-checkpoint, beyond the end", replaced("/data/log-start-offset-checkpoint", "0\n1\n__cluster_metadata 0 9999\n")},
		{"replication-offset-checkpoint, beyond the end", replaced("/data/replication-offset-checkpoint", "0\n1\n__cluster_metadata 0 9999\n")},
		{"meta.properties, gone", removed("/data/meta.properties")},
	} {
		d := disk.CrashClone(nil)
		tc.do(d)
		fmt.Fprintf(&out, "%s\n", tc.name)
		v, err := start(d, 1<<30)
		if err == nil {
			v.close()
			t.Errorf("%s: started", tc.name)
			continue
		}
		fmt.Fprintf(&out, "\t%v\n", strings.ReplaceAll(err.Error(), "\n", "\n\t"))
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
