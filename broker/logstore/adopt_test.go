package logstore_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/internal/vfs"
)

var (
	adoptedID = logstore.TopicID{9, 8, 7}
	adopted   = logstore.Adoption{
		TopicPartition: logstore.TopicPartition{Topic: "taken", Partition: 3}, ID: adoptedID,
		Source: os.DirFS("testdata/kafka-4.3.1/small-one-0"), LogStart: 40,
		Files: []string{"00000000000000000000.log", "00000000000000000000.index", "00000000000000000000.timeindex",
			"00000000000000000102.snapshot", "leader-epoch-checkpoint"},
	}
)

// takeAdopted is what a broker does once the topic is in its metadata.
func takeAdopted(s *logstore.Store) (*logstore.Partition, error) {
	if p := s.Get(adopted.TopicPartition); p != nil {
		return p, p.Err()
	}
	return s.Create(adopted.TopicPartition, adoptedID, logstore.DefaultLogConfig())
}

func checkAdopted(t *testing.T, p *logstore.Partition) {
	t.Helper()
	if p.LogStartOffset() != 40 || p.LogEndOffset() != 102 || p.TopicID() != adoptedID || len(p.ActiveProducers()) != 2 {
		t.Fatalf("adopted %d..%d, id %s, producers %+v", p.LogStartOffset(), p.LogEndOffset(), p.TopicID(), p.ActiveProducers())
	}
	if _, values := readAll(t, p, 40, logstore.BoundHighWatermark); len(values) < 50 {
		t.Fatalf("%d records from offset 40 on", len(values))
	}
}

// TestAdoptsWithCrashes cuts the power at every operation of an adoption. Before
// the topic is in the metadata, that leaves nothing; behind it, all.
func TestAdoptsWithCrashes(t *testing.T) {
	for limit := int64(0); ; limit++ {
		disk := vfs.NewMem()
		closeStore(t, open(t, disk))
		committed, done := false, false
		if s, err := logstore.Open(logstore.Config{Dirs: []string{"/data"}, FS: powerFails(disk, limit), NodeID: 1}); err == nil {
			if s.Stage(t.Context(), adopted) == nil {
				committed = true // the metadata is written here
				p, err := takeAdopted(s)
				done = err == nil
				if done {
					checkAdopted(t, p)
				}
			}
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			_ = s.Close(ctx) // as far as it gets
		}
		disk = disk.CrashClone(nil)
		s := open(t, disk)
		if committed {
			p, err := takeAdopted(s)
			if err != nil {
				t.Fatalf("limit %d: %v", limit, err)
			}
			checkAdopted(t, p)
			// And once more, with what the first start after the crash wrote.
			closeStore(t, s)
			s = open(t, disk)
			if p, err = takeAdopted(s); err != nil {
				t.Fatalf("limit %d, second start: %v", limit, err)
			}
			checkAdopted(t, p)
		}
		if err := s.DropStaged(); err != nil {
			t.Fatal(err)
		}
		names, err := disk.List("/data")
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			if strings.HasSuffix(n, "-adopt") || !committed && strings.HasPrefix(n, "taken") {
				t.Fatalf("limit %d: %s is left", limit, n)
			}
		}
		closeStore(t, s)
		if done {
			return
		}
	}
}

// TestAdoptionRefused leaves the disk as it was.
func TestAdoptionRefused(t *testing.T) {
	disk := vfs.NewMem()
	s := open(t, disk)
	defer closeStore(t, s)
	missing := adopted
	missing.Files = append([]string{"00000000000000000500.log"}, adopted.Files...)
	if err := s.Stage(t.Context(), missing); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "00000000000000000500.log") {
		t.Errorf("a missing file: %v", err)
	}
	if err := s.Stage(t.Context(), adopted); err != nil {
		t.Fatal(err)
	}
	if _, err := takeAdopted(s); err != nil {
		t.Fatal(err)
	}
	if err := s.Stage(t.Context(), adopted); !errors.Is(err, logstore.ErrExists) {
		t.Errorf("a partition that is there: %v", err)
	}
	names, err := disk.List("/data")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if there, err := vfs.Exists(disk, filepath.Join("/data", n, "adopted-log-start")); err != nil || there || strings.HasSuffix(n, "-adopt") {
			t.Errorf("%s is left: %v", n, err)
		}
	}
}

// A crash may leave the file that says where an adopted log starts. The next
// start completes the adoption.
func TestAdoptedStartIsSettled(t *testing.T) {
	mem := vfs.NewMem()
	s := open(t, mem)
	p := create(t, s)
	for range 10 {
		mustAppend(t, p, batch(1))
	}
	closeStore(t, s)
	const file = "/data/orders-0/adopted-log-start"
	change(t, mem, file, text("3\n"))
	for range 2 {
		s = open(t, mem)
		if p := s.Get(orders); p.Err() != nil || p.LogStartOffset() != 3 {
			t.Errorf("the log starts at %d, want 3: %v", p.LogStartOffset(), p.Err())
		}
		if there, err := vfs.Exists(mem, file); err != nil || there {
			t.Errorf("%s is there: %v, %v", file, there, err)
		}
		disk := mem.CrashClone(rngOf(1))
		closeStore(t, s)
		mem = disk
	}
}
