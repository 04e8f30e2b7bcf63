package logstore_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

// TestDamagedFiles damages one file at random, after a crash and after a clean stop: flipped bits, a cut, zeroed
// pages, garbage at the end, the file gone. What is read must be what was written; where something is missing, an
// error or the log names the file. LEAT_CRASH_RUNS and LEAT_CRASH_SEED are as for TestCrashModel.
func TestDamagedFiles(t *testing.T) {
	runs, seed := 120, 0
	for name, p := range map[string]*int{"LEAT_CRASH_RUNS": &runs, "LEAT_CRASH_SEED": &seed} {
		if v, err := strconv.Atoi(os.Getenv(name)); err == nil {
			*p = v
		}
	}
	kinds := map[string]int{}
	for i := range runs {
		kinds[damagedRun(t, uint64(seed+i))]++
		if t.Failed() {
			t.Fatalf("LEAT_CRASH_SEED=%d LEAT_CRASH_RUNS=1", seed+i)
		}
	}
	t.Logf("damaged: %v", kinds)
	for _, kind := range []string{".log", ".index", ".timeindex", ".txnindex", ".snapshot", "leader-epoch-checkpoint", "partition.metadata",
		"recovery-point-offset-checkpoint", "meta.properties"} {
		if runs >= 400 && kinds[kind] == 0 {
			t.Errorf("no %s was damaged", kind)
		}
	}
}

const damagedBatches = 60

// damagedRun returns the kind of file that it damaged.
func damagedRun(t *testing.T, seed uint64) string {
	rng := rand.New(rand.NewPCG(seed, 5))
	mem := vfs.NewMem()
	s := open(t, mem)
	p := create(t, s, smallSegments)
	aborted := map[int64]bool{} // offsets of aborted records and of markers
	for i := range damagedBatches {
		from := p.LogEndOffset()
		switch i % 10 {
		case 3: // a transaction in between, and its abort
			mustAppend(t, p, batchAt(wantTime(from), 2, producer(2, int16(i/10), 0), txn), epochOf(i))
			aborted[from], aborted[from+1] = true, true
		case 4:
			m := recordbatch.AppendMarker(nil, 2, int16(i/10), recordbatch.Marker{}, wantTime(from))
			mustAppend(t, p, m, coordinator, epochOf(i))
			aborted[from] = true
		default:
			mustAppend(t, p, batchAt(wantTime(from), 2), epochOf(i))
		}
	}
	if _, err := p.DeleteRecordsBefore(1); err != nil {
		t.Fatal(err)
	}
	s.Checkpoint()
	clean := rng.IntN(2) == 0
	end := p.LogEndOffset()
	if clean {
		closeStore(t, s)
	}
	disk := mem.CrashClone(nil)
	if !clean {
		closeStore(t, s)
	}
	name, how := damage(t, disk, rng)
	base := filepath.Base(name)
	what := fmt.Sprintf("seed %d, clean stop %v: %s of %s", seed, clean, how, name)
	var log syncBuffer
	s, err := logstore.Open(logstore.Config{Dirs: []string{"/data"}, FS: disk, NodeID: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	kind := base
	if ext := filepath.Ext(base); ext != ".metadata" && ext != ".properties" && ext != "" && !strings.HasPrefix(base, ".") {
		kind = ext
	}
	if err != nil {
		if !strings.Contains(err.Error(), base) {
			t.Errorf("%s: the error does not name the file: %v", what, err)
		}
		return kind
	}
	defer closeStore(t, s)
	p = s.Get(orders)
	switch {
	case p == nil:
		t.Errorf("%s: the partition is gone", what)
	case p.Err() != nil:
		if !strings.Contains(p.Err().Error(), base) {
			t.Errorf("%s: the error does not name the file: %v", what, p.Err())
		}
	default:
		checkDamaged(t, p, damaged{what: what, base: base, end: end, aborted: aborted, log: &log})
	}
	return kind
}

// wantTime is the time of the record at an offset.
func wantTime(offset int64) int64 { return epoch0 + offset }

func epochOf(i int) func(*logstore.AppendOptions) {
	return func(o *logstore.AppendOptions) { o.LeaderEpoch = int32(i / 20) }
}

// damage changes one file of the data folder and returns its name and what was done.
func damage(t *testing.T, mem *vfs.Mem, rng *rand.Rand) (name, how string) {
	t.Helper()
	files, err := mem.Files("/data", "/data/orders-0")
	if err != nil {
		t.Fatal(err)
	}
	name = files[rng.IntN(len(files))]
	if how, err = mem.Damage(name, rng); err != nil {
		t.Fatal(err)
	}
	return name, how
}

type damaged struct {
	what, base string
	end        int64 // of the log before
	aborted    map[int64]bool
	log        *syncBuffer
}

// checkDamaged reads everything from every offset and compares what comes with what was written.
func checkDamaged(t *testing.T, p *logstore.Partition, d damaged) {
	t.Helper()
	missing := p.LogEndOffset() < d.end
	// Offsets of batches are not covered by the checksum, so that the end may be anywhere.
	for from := p.LogStartOffset(); from < min(p.LogEndOffset(), 2*d.end); from++ {
		r, err := p.Read(logstore.ReadOptions{Offset: from, MaxBytes: 1, MinOneBatch: true})
		if err != nil {
			if !errors.Is(err, logstore.ErrStorage) || !strings.Contains(err.Error(), d.base) || !strings.Contains(err.Error(), "byte") {
				t.Errorf("%s: reading at %d gives %v", d.what, from, err)
				return
			}
			continue
		}
		data, err := r.AppendTo(nil)
		r.Release()
		if err != nil {
			t.Errorf("%s: reading at %d gives %v", d.what, from, err)
			return
		}
		if !checkBatch(t, d, from, data) {
			return
		}
	}
	if missing && !strings.Contains(d.log.String(), d.base) {
		t.Errorf("%s: the log ends at %d instead of %d, and nothing names the file: %s", d.what, p.LogEndOffset(), d.end, d.log.String())
	}
}

// checkBatch compares a batch that was read for an offset with what was written there.
func checkBatch(t *testing.T, d damaged, from int64, data []byte) bool {
	t.Helper()
	if len(data) == 0 {
		t.Errorf("%s: reading at %d gives nothing", d.what, from)
		return false
	}
	b, _, err := recordbatch.Next(data)
	if err != nil || !b.CRCValid() {
		t.Errorf("%s: bad batch at %d: %v", d.what, from, err)
		return false
	}
	if b.BaseOffset() > from || b.NextOffset() <= from {
		if strings.HasSuffix(d.base, ".log") {
			return false // base offsets are not covered by the checksum: the format cannot tell
		}
		t.Errorf("%s: asked for %d, got batch [%d, %d]", d.what, from, b.BaseOffset(), b.LastOffset())
		return false
	}
	var rd recordbatch.Reader
	if err := rd.Reset(b); err != nil {
		t.Errorf("%s: batch at %d: %v", d.what, from, err)
		return false
	}
	for rd.Next() {
		r := rd.Record()
		if r.Timestamp != wantTime(r.Offset) && !strings.HasSuffix(d.base, ".log") {
			t.Errorf("%s: the record at %d has the time %d, want %d", d.what, r.Offset, r.Timestamp, wantTime(r.Offset))
			return false
		}
		if d.aborted[r.Offset] != (b.Transactional() || b.Control()) && !strings.HasSuffix(d.base, ".log") {
			t.Errorf("%s: the record at %d is another", d.what, r.Offset)
			return false
		}
	}
	return rd.Err() == nil
}

// syncBuffer is a log that is written from many goroutines.
type syncBuffer struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
