package broker_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/brokertest"
	"github.com/leat-project/leat/internal/vfs"
)

// brittle is the file system with a folder that can fail.
type brittle struct {
	dir    string
	syncs  atomic.Bool // syncs fail
	all    atomic.Bool // everything does
	broken error
}

func (f *brittle) fs() vfs.FS {
	return vfs.Faults{FS: vfs.OS{}, Fail: func(op vfs.Op, path string) error {
		if strings.HasPrefix(path, f.dir) && (f.all.Load() || f.syncs.Load() && op == vfs.OpSync) {
			return f.broken
		}
		return nil
	}}
}

// produceOnce sends a record without retries.
func produceOnce(t *testing.T, addr, topic string, partition int32) error {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DisableIdempotentWrite(), kgo.RecordRetries(0), kgo.UnknownTopicRetries(-1),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	return cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: partition, Value: []byte("v")}).FirstErr()
}

// countGroups counts the groups whose committed offset is served, and those
// whose coordinator is not there.
func countGroups(t *testing.T, b *brokertest.Broker, n int) (served, refused int) {
	t.Helper()
	cl := client(t, b)
	for i := range n {
		req := kmsg.NewPtrOffsetFetchRequest()
		req.Group = fmt.Sprint("group ", i)
		r, err := pin(cl, req, 7).Request(testContext(t))
		for err == nil && r.ErrorCode == kerr.CoordinatorLoadInProgress.Code {
			r, err = pin(cl, req, 7).Request(testContext(t))
		}
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case r.ErrorCode == kerr.NotCoordinator.Code:
			refused++
		case r.ErrorCode != 0 || len(r.Topics) != 1 || r.Topics[0].Partitions[0].Offset != 1:
			t.Errorf("group %d: %+v", i, r)
		default:
			served++
		}
	}
	return served, refused
}

// TestLogDirFails has one of two log dirs fail while the broker runs, then at a
// start, then come back: the other one serves all the time, new partitions go
// there, and nothing that was acknowledged is lost or begun anew.
func TestLogDirFails(t *testing.T) {
	good, bad := filepath.Join(t.TempDir(), "good"), filepath.Join(t.TempDir(), "bad")
	f := &brittle{dir: bad, broken: errors.New("input/output error")}
	b := brokertest.StartOn(t, f.fs(), nil, map[string]string{"log.dirs": good + "," + bad})
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	if _, err := adm.CreateTopic(t.Context(), 5, 1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	commit := func(group string) error {
		var o kadm.Offsets
		o.AddOffset("t", 0, 1, -1)
		return adm.CommitAllOffsets(t.Context(), group, o)
	}
	const groups = 40
	for i := range groups {
		if err := commit(fmt.Sprint("group ", i)); err != nil {
			t.Fatal(err)
		}
	}
	where := map[int32]string{}
	dirs := func() kadm.DescribedLogDirs {
		t.Helper()
		d, err := adm.DescribeBrokerLogDirs(t.Context(), 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	dirs().EachPartition(func(p kadm.DescribedLogDirPartition) {
		if p.Topic == "t" {
			where[p.Partition] = p.Dir
		}
	})
	count := map[string]int{}
	for n := range int32(5) {
		count[where[n]]++
		if err := produceOnce(t, b.Addr(), "t", n); err != nil {
			t.Fatal(err)
		}
	}
	// They are made side by side, and the metadata log is a partition, too.
	if count[good] == 0 || count[bad] == 0 {
		t.Fatalf("5 partitions in the dirs: %v, want some in each", count)
	}

	check := func(state, topic string) {
		t.Helper()
		for n := range int32(5) {
			err := produceOnce(t, b.Addr(), "t", n)
			if where[n] == good && err != nil || where[n] == bad && !errors.Is(err, kerr.KafkaStorageError) {
				t.Errorf("%s: partition %d in %s: %v", state, n, where[n], err)
			}
		}
		d := dirs()
		if d[good].Err != nil || !errors.Is(d[bad].Err, kerr.KafkaStorageError) {
			t.Errorf("%s: dirs %v, %v", state, d[good].Err, d[bad].Err)
		}
		if _, err := adm.CreateTopic(t.Context(), 3, 1, nil, topic); err != nil {
			t.Fatal(err)
		}
		for n := range int32(3) {
			if err := produceOnce(t, b.Addr(), topic, n); err != nil {
				t.Errorf("%s: new partition %d: %v", state, n, err)
			}
		}
	}
	f.syncs.Store(true)
	check("running", "u")
	f.all.Store(true)
	b.Restart()
	check("started so", "v")
	if served, refused := countGroups(t, b, groups); served == 0 || refused == 0 {
		t.Errorf("%d groups served and %d refused, want those whose partitions are in the good dir", served, refused)
	}
	f.syncs.Store(false)
	f.all.Store(false)
	b.Restart()
	if served, _ := countGroups(t, b, groups); served != groups {
		t.Errorf("%d of %d groups have their offsets again", served, groups)
	}
	ends, err := adm.ListEndOffsets(t.Context(), "t", "u", "v")
	if err != nil {
		t.Fatal(err)
	}
	ends.Each(func(o kadm.ListedOffset) {
		want := int64(1)
		if o.Topic == "t" && where[o.Partition] == good {
			want = 3
		}
		// The record whose sync failed was not acknowledged and may be there.
		if o.Offset < want || o.Offset > want+1 || o.Topic != "t" && o.Offset != 1 {
			t.Errorf("%s-%d ends at %d, %v, want %d", o.Topic, o.Partition, o.Offset, o.Err, want)
		}
	})
}
