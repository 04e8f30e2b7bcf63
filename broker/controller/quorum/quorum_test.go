package quorum_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/leat-project/leat/broker/controller/quorum"
	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

// list is a state machine that keeps all values.
type list struct {
	mu     sync.Mutex
	values []string
	groups []int // length after each group
	at     quorum.Position
}

func (l *list) Restore(at quorum.Position, records func(fn func([]byte) error) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.values, l.groups, l.at = nil, nil, at
	return records(func(v []byte) error { l.values = append(l.values, string(v)); return nil })
}

func (l *list) Apply(c quorum.Commit) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, v := range c.Values {
		l.values = append(l.values, string(v))
	}
	l.groups = append(l.groups, len(l.values))
	l.at = c.Position
	return nil
}

func (l *list) Snapshot() (quorum.Position, iter.Seq[[]byte]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	values := slices.Clone(l.values)
	return l.at, func(yield func([]byte) bool) {
		for _, v := range values {
			if !yield([]byte(v)) {
				return
			}
		}
	}
}

func (l *list) get() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.values)
}

func (l *list) end() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at.End
}

var tp = logstore.TopicPartition{Topic: "__cluster_metadata"}

const folder = "/data/__cluster_metadata-0"

// voter is a running node with its store.
type voter struct {
	*quorum.Node
	list  *list
	store *logstore.Store
	stop  context.CancelFunc
	wg    sync.WaitGroup
}

func openStore(fsys vfs.FS, node int32) (*logstore.Store, *logstore.Partition, error) {
	store, err := logstore.Open(logstore.Config{
		Dirs: []string{"/data"}, FS: fsys, NodeID: node, Logger: slog.New(slog.DiscardHandler),
		NeverCut: func(p logstore.TopicPartition) bool { return p == tp },
	})
	if err != nil {
		return nil, nil, err
	}
	cfg := logstore.DefaultLogConfig()
	cfg.Delete, cfg.SegmentBytes, cfg.MaxMessageBytes = false, 4096, 64<<20
	part := store.Get(tp)
	if part == nil {
		if part, err = store.CreateIn(0, tp, logstore.TopicID{15: 1}, cfg); err != nil {
			return nil, nil, err
		}
	}
	part.SetConfig(cfg)
	return store, part, nil
}

func start(fsys vfs.FS, snapshotBytes int64, edit ...func(*quorum.Config)) (*voter, error) {
	cfg := quorum.Config{
		NodeID: 1, Voters: []int32{1}, DirectoryID: "dir", FS: fsys, SnapshotBytes: snapshotBytes,
		Tick: 100 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	}
	for _, e := range edit {
		e(&cfg)
	}
	store, part, err := openStore(fsys, cfg.NodeID)
	if err != nil {
		return nil, err
	}
	cfg.Log = part
	v := &voter{store: store, list: &list{}}
	if v.Node, err = quorum.Open(cfg); err == nil {
		err = v.Start(v.list)
	}
	if err != nil {
		_ = store.Close(context.Background()) // the first error tells
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	v.stop = cancel
	v.wg.Go(func() { _ = v.Run(ctx) }) // ended by close
	return v, nil
}

// close ends a voter; its store is closed cleanly.
func (v *voter) close() {
	v.stop()
	v.wg.Wait()
	_ = v.store.Close(context.Background()) // the disk may be broken on purpose
}

// add appends a group.
func (v *voter) add(ctx context.Context, values ...string) error {
	if err := v.Lead(ctx); err != nil {
		return err
	}
	var data [][]byte
	for _, s := range values {
		data = append(data, []byte(s))
	}
	return v.Append(ctx, v.list.end()-1, data, nil)
}

func mustStart(t *testing.T, fsys vfs.FS, snapshotBytes int64) *voter {
	t.Helper()
	v, err := start(fsys, snapshotBytes)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func sameValues(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%d values %.200q, want %d: %.200q", len(got), got, len(want), want)
	}
}

// TestRestart: everything that was answered is there again, from the log or
// from a snapshot with the log behind it, and the log before is gone.
func TestRestart(t *testing.T) {
	for _, snapshotBytes := range []int64{1 << 30, 2000} {
		disk := vfs.NewMem()
		var want []string
		for life := range 4 {
			v := mustStart(t, disk, snapshotBytes)
			sameValues(t, v.list.get(), want)
			if st := v.Status(); st.LeaderID != 1 || st.Epoch != int32(life+1) {
				t.Fatalf("life %d: status %+v", life, st)
			}
			for i := range 100 {
				group := []string{fmt.Sprint(life, ".", i), "second", "third"}
				if err := v.add(t.Context(), group...); err != nil {
					t.Fatal(err)
				}
				want = append(want, group...)
			}
			sameValues(t, v.list.get(), want)
			st := v.Status()
			if end := v.list.end(); st.HighWatermark != end || st.Voters[0].LogEndOffset != end {
				t.Fatalf("status %+v, the log ends at %d", st, end)
			}
			v.close()
			if life%2 == 0 {
				disk = disk.CrashClone(rand.New(rand.NewPCG(uint64(life), 1)))
			}
		}
		snaps := files(t, disk, ".checkpoint")
		if (snapshotBytes == 2000) != (len(snaps) > 0) || len(snaps) > 3 { // the end of a run may come before the oldest goes
			t.Fatalf("snapshots %v with one every %d bytes", snaps, snapshotBytes)
		}
		if snapshotBytes == 2000 && slices.Contains(files(t, disk, ".log"), "00000000000000000000.log") {
			t.Fatal("the first segment is still there after snapshots")
		}
	}
}

func files(t *testing.T, disk *vfs.Mem, suffix string) []string {
	t.Helper()
	names, err := disk.List(folder)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(names, func(n string) bool { return !strings.HasSuffix(n, suffix) })
}

// TestLogBeforeRaft opens a log that has no quorum-state and no leader change
// records: batches of epoch 1 with a change each, as the first format had.
func TestLogBeforeRaft(t *testing.T) {
	disk := vfs.NewMem()
	store, part, err := openStore(disk, 1)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 10 {
		var b recordbatch.Builder
		for j := range 3 {
			want = append(want, fmt.Sprint(i, j))
			b.Add(1, nil, []byte(want[len(want)-1]))
		}
		buf, err := b.Build(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Append(buf, logstore.AppendOptions{Origin: logstore.OriginCoordinator, LeaderEpoch: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		v := mustStart(t, disk, 1<<30)
		sameValues(t, v.list.get(), want)
		if err := v.add(t.Context(), "new"); err != nil {
			t.Fatal(err)
		}
		want = append(want, "new")
		v.close()
	}
}

// TestDamage flips bits of every file that is read and wants the start to be
// refused with the name of the file and a position.
func TestDamage(t *testing.T) {
	disk := vfs.NewMem()
	v := mustStart(t, disk, 3000)
	for i := range 100 {
		if err := v.add(t.Context(), fmt.Sprint("value ", i)); err != nil {
			t.Fatal(err)
		}
	}
	want := v.list.get()
	v.close()
	crashed := disk.CrashClone(nil)
	if err := crashed.Remove("/data/.kafka_cleanshutdown"); err != nil {
		t.Fatal(err)
	}
	unknown := crashed.CrashClone(nil)
	for _, f := range []string{"recovery-point-offset-checkpoint", "replication-offset-checkpoint"} {
		if err := unknown.Remove("/data/" + f); err != nil {
			t.Fatal(err)
		}
	}
	snaps, logs := files(t, disk, ".checkpoint"), files(t, disk, ".log")
	newest, last := snaps[len(snaps)-1], logs[len(logs)-1]
	for _, tc := range []struct {
		name, file string
		at         int64 // from the end if negative
		disk       *vfs.Mem
		cut        bool // bytes from at on are gone, else one bit is flipped
		want       string
	}{
		{"snapshot, a bit", newest, 300, disk, false, "position "},
		{"snapshot, cut", newest, -60, disk, true, "position "},
		{"snapshot, empty", newest, 0, disk, true, "position 0"},
		{"log after a clean shutdown", last, -40, disk, false, "the crc does not match"},
		{"log after a crash", last, 80, crashed, false, "position "},
		{"log after a crash, no checkpoints", last, 80, unknown, false, "position 7"},
		{"quorum-state", "quorum-state", 2, disk, false, "no quorum state"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := tc.disk.CrashClone(nil)
			damage(t, d, tc.file, tc.at, tc.cut)
			v, err := start(d, 1<<30)
			if err == nil {
				v.close()
				t.Fatalf("started with a damaged %s", tc.file)
			}
			if !strings.Contains(err.Error(), tc.file) || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error %q names neither %s nor %q", err, tc.file, tc.want)
			}
		})
	}
	t.Run("torn tail", func(t *testing.T) {
		d := unknown.CrashClone(nil)
		damage(t, d, last, -10, true)
		v := mustStart(t, d, 1<<30)
		sameValues(t, v.list.get(), want[:len(want)-1])
		v.close()
	})
	t.Run("older snapshot", func(t *testing.T) {
		d := disk.CrashClone(nil)
		if err := d.Remove(filepath.Join(folder, newest)); err != nil {
			t.Fatal(err)
		}
		v := mustStart(t, d, 1<<30)
		sameValues(t, v.list.get(), want)
		v.close()
	})
}

func damage(t *testing.T, d *vfs.Mem, name string, at int64, cut bool) {
	t.Helper()
	f, err := d.Open(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	if at < 0 {
		at += size
	}
	if cut {
		if err := f.Truncate(at); err != nil {
			t.Fatal(err)
		}
		return
	}
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x10
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

// TestDiskFull: a full disk fails changes and nothing else, and the next
// change after there is space succeeds; so after a start on a full disk.
func TestDiskFull(t *testing.T) {
	var mu sync.Mutex
	full := false
	setFull := func(v bool) { mu.Lock(); full = v; mu.Unlock() }
	errFull := errors.New("no space")
	disk := vfs.NewMem()
	fsys := vfs.Faults{FS: disk, Fail: func(op vfs.Op, _ string) error {
		mu.Lock()
		defer mu.Unlock()
		if full && (op == vfs.OpWrite || op == vfs.OpCreate) {
			return fmt.Errorf("%w: %w", logstore.ErrStorage, errFull)
		}
		return nil
	}}
	v := mustStart(t, fsys, 1<<30)
	var want []string
	for i := range 6 {
		value := fmt.Sprint("value ", i)
		setFull(i%3 == 1)
		err := v.add(t.Context(), value)
		if (err != nil) != (i%3 == 1) {
			t.Fatalf("change %d: %v", i, err)
		}
		if err == nil {
			want = append(want, value)
		}
		sameValues(t, v.list.get(), want)
	}
	setFull(true)
	v.close()
	crashed := disk.CrashClone(nil)
	fsys.FS = crashed
	v = mustStart(t, fsys, 1<<30)
	sameValues(t, v.list.get(), want)
	if err := v.add(t.Context(), "no"); err == nil {
		t.Fatal("a change succeeded on a full disk")
	}
	setFull(false)
	if err := v.add(t.Context(), "yes"); err != nil {
		t.Fatal(err)
	}
	sameValues(t, v.list.get(), append(want, "yes"))
	v.close()
}

// TestSnapshotFails: a snapshot that cannot be written is not tried again and
// again meanwhile; changes go on, and the node ends at once.
func TestSnapshotFails(t *testing.T) {
	tried := make(chan struct{}, 100)
	v := mustStart(t, vfs.Faults{FS: vfs.NewMem(), Fail: func(op vfs.Op, path string) error {
		if op == vfs.OpCreate && strings.HasSuffix(path, ".checkpoint.part") {
			tried <- struct{}{}
			return errors.New("no space")
		}
		return nil
	}}, 1)
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprint("value ", i))
		if err := v.add(t.Context(), want[i]); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			<-tried
		}
	}
	sameValues(t, v.list.get(), want)
	v.close()
	if len(tried) > 0 {
		t.Fatalf("tried %d more times", len(tried))
	}
}

// network carries messages between voters in memory.
type network struct {
	mu     sync.Mutex
	voters map[int32]*voter
	cut    map[int32]bool
	rng    *rand.Rand
	loss   float64
}

func (n *network) Send(messages []*raftpb.Message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, m := range messages {
		from, to := int32(m.GetFrom())-1, int32(m.GetTo())-1
		v := n.voters[to]
		if v == nil || n.cut[from] || n.cut[to] || n.rng.Float64() < n.loss {
			continue
		}
		v.Receive(proto.Clone(m).(*raftpb.Message))
	}
}

// TestThreeVoters runs the same code with three voters and a transport that
// loses messages, cuts voters off, and restarts them from what a crash leaves
// of their disks: what was acknowledged is in all lists, in one order, and
// groups are whole.
func TestThreeVoters(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { threeVoters(t, seed) })
		})
	}
}

func threeVoters(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 5))
	net := &network{voters: map[int32]*voter{}, cut: map[int32]bool{}, rng: rand.New(rand.NewPCG(seed, 6)), loss: 0.02}
	ids := []int32{1, 2, 3}
	disks := map[int32]*vfs.Mem{}
	boot := func(id int32) {
		v, err := start(disks[id], 3000, func(c *quorum.Config) { c.NodeID, c.Voters, c.Transport = id, ids, net })
		if err != nil {
			t.Fatalf("voter %d: %v", id, err)
		}
		net.mu.Lock()
		net.voters[id] = v
		net.mu.Unlock()
	}
	for _, id := range ids {
		disks[id] = vfs.NewMem()
		boot(id)
	}
	acked := map[string]bool{}
	sequence := 0
	for range 40 {
		victim := ids[rng.IntN(3)]
		switch rng.IntN(4) {
		case 0:
			net.mu.Lock()
			net.cut[victim] = true
			net.mu.Unlock()
		case 1:
			net.mu.Lock()
			v := net.voters[victim]
			delete(net.voters, victim)
			net.mu.Unlock()
			disk := disks[victim].CrashClone(rng) // the power fails, then the program ends
			v.close()
			disks[victim] = disk
			boot(victim)
		}
		for range 10 {
			for _, id := range ids {
				name := fmt.Sprint("g", sequence)
				if net.voters[id].add(t.Context(), name+".0", name+".1", name+".2") == nil {
					acked[name] = true
				}
				sequence++
			}
			time.Sleep(50 * time.Millisecond)
		}
		net.mu.Lock()
		clear(net.cut)
		net.mu.Unlock()
		time.Sleep(time.Second)
	}
	net.mu.Lock()
	net.loss = 0
	net.mu.Unlock()
	time.Sleep(10 * time.Second)
	first := net.voters[1].list.get()
	for _, id := range ids[1:] {
		sameValues(t, net.voters[id].list.get(), first)
	}
	seen := map[string]bool{}
	for i := 0; i < len(first); i += 3 {
		name := strings.TrimSuffix(first[i], ".0")
		if i+2 >= len(first) || first[i+1] != name+".1" || first[i+2] != name+".2" || seen[name] {
			t.Fatalf("group at %d is torn or doubled: %q", i, first[i:min(i+3, len(first))])
		}
		seen[name] = true
	}
	for name := range acked {
		if !seen[name] {
			t.Fatalf("the acknowledged group %s is lost", name)
		}
	}
	if len(acked) < 100 {
		t.Fatalf("only %d of %d groups were acknowledged", len(acked), sequence)
	}
	t.Logf("%d groups acknowledged, %d in the log, epoch %d", len(acked), len(seen), net.voters[1].Status().Epoch)
	for _, id := range ids {
		net.voters[id].close()
	}
}

// slowList is a list whose snapshots are written when the test says so.
type slowList struct {
	list
	begun, written chan struct{}
}

func (l *slowList) Snapshot() (quorum.Position, iter.Seq[[]byte]) {
	at, values := l.list.Snapshot()
	l.begun <- struct{}{}
	return at, func(yield func([]byte) bool) {
		<-l.written
		values(yield)
	}
}

// TestLogGrowsDuringASnapshot: what is appended while a snapshot is written counts
// for the next one, which is due at once here.
func TestLogGrowsDuringASnapshot(t *testing.T) {
	disk := vfs.NewMem()
	store, part, err := openStore(disk, 1)
	if err != nil {
		t.Fatal(err)
	}
	sm := &slowList{begun: make(chan struct{}, 100), written: make(chan struct{})}
	v := &voter{store: store, list: &sm.list}
	if v.Node, err = quorum.Open(quorum.Config{NodeID: 1, Voters: []int32{1}, DirectoryID: "dir", FS: disk, SnapshotBytes: 2000,
		Tick: 100 * time.Millisecond, Logger: slog.New(slog.DiscardHandler), Log: part}); err != nil {
		t.Fatal(err)
	}
	if err := v.Start(sm); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	v.stop = cancel
	v.wg.Go(func() { _ = v.Run(ctx) }) // ended by close
	defer v.close()
	finish := sync.OnceFunc(func() { close(sm.written) })
	defer finish()
	add := func() {
		if err := v.add(t.Context(), strings.Repeat("x", 500)); err != nil {
			t.Fatal(err)
		}
	}
	for n := 0; len(sm.begun) == 0; n++ {
		if add(); n > 100 {
			t.Fatal("no snapshot was begun")
		}
	}
	<-sm.begun
	for range 8 {
		add()
	}
	finish()
	select {
	case <-sm.begun:
	case <-time.After(time.Minute):
		t.Error("no other snapshot although more than SnapshotBytes came after the first")
	}
}
