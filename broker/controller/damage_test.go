package controller_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/internal/vfs"
)

const metadataFolder = "/data/__cluster_metadata-0"

// contents is all that an image says, as text.
func contents(img *controller.Image) string {
	var b strings.Builder
	for _, t := range img.Topics() {
		fmt.Fprintf(&b, "%s %s", t.Name, state(img, t.Name))
		for _, p := range t.Partitions {
			fmt.Fprintf(&b, " %+v", p)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// past is a data folder as a stop and as a crash leave it, and all that was
// true before.
type past struct {
	stopped, crashed *vfs.Mem
	states           map[string]int // contents of the image after each change, and its number
	last             int
}

// makePast has two lives of changes, the second with snapshots.
func makePast(t *testing.T) past {
	t.Helper()
	h := past{states: map[string]int{}}
	disk := vfs.NewMem()
	change := func(n *node, i int) {
		var err error
		if name := fmt.Sprint("topic", i%12); n.Image().Topic(name) == nil {
			_, err = n.CreateTopic(t.Context(), create(name, config("retention.ms", strconv.Itoa(1000+i))), false)
		} else if i%5 == 0 {
			err = n.DeleteTopic(t.Context(), n.Image().Topic(name).ID)
		} else {
			value := strconv.Itoa(i)
			err = n.ReplaceConfigs(t.Context(), controller.Resource{Type: controller.TopicResource, Name: name},
				[]controller.ConfigEntry{{Name: "retention.ms", Value: &value}}, false)
		}
		if err != nil {
			t.Fatal(err)
		}
		h.last++
		h.states[contents(n.Image())] = h.last
	}
	for life, changes := range []int{40, 60} {
		n, err := startNode(disk, 1500, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range changes {
			change(n, i)
		}
		if life == 1 {
			h.crashed = disk.CrashClone(nil)
		}
		n.stop()
	}
	h.stopped = disk
	return h
}

// TestDamagedFiles damages one file of a log dir at random, after a stop and
// after a crash. A start refuses, with the name of the file and where it can
// be told the position, or has the metadata as it was. What it may lose is the
// end of the log after a crash, as a crash might have: then the log says so,
// unless records are gone without a trace. LEAT_CRASH_RUNS and LEAT_CRASH_SEED
// are as for TestCrashModel.
func TestDamagedFiles(t *testing.T) {
	runs, seed := 150, 0
	for name, p := range map[string]*int{"LEAT_CRASH_RUNS": &runs, "LEAT_CRASH_SEED": &seed} {
		if v, err := strconv.Atoi(os.Getenv(name)); err == nil {
			*p = v
		}
	}
	h := makePast(t)
	kinds, refused := map[string]int{}, map[string]int{}
	for i := range runs {
		kind, no := h.damagedRun(t, uint64(seed+i))
		kinds[kind]++
		if no {
			refused[kind]++
		}
		if t.Failed() {
			t.Fatalf("LEAT_CRASH_SEED=%d LEAT_CRASH_RUNS=1", seed+i)
		}
	}
	t.Logf("damaged: %v, refused: %v", kinds, refused)
	for _, kind := range []string{".log", ".index", ".timeindex", ".checkpoint", "quorum-state", "leader-epoch-checkpoint", "partition.metadata",
		"recovery-point-offset-checkpoint", "replication-offset-checkpoint", "meta.properties", ".kafka_cleanshutdown"} {
		if runs >= 150 && kinds[kind] == 0 {
			t.Errorf("no %s was damaged: %v", kind, kinds)
		}
	}
}

// damagedRun returns the kind of file that it damaged and whether a start
// refused it.
func (h past) damagedRun(t *testing.T, seed uint64) (kind string, refused bool) {
	rng := rand.New(rand.NewPCG(seed, 6))
	clean := rng.IntN(2) == 0
	disk := h.crashed.CrashClone(nil)
	if clean {
		disk = h.stopped.CrashClone(nil)
	}
	files, err := disk.Files("/data", metadataFolder)
	if err != nil {
		t.Fatal(err)
	}
	// Kinds are as likely as each other.
	byKind := map[string][]string{}
	for _, f := range files {
		byKind[fileKind(f)] = append(byKind[fileKind(f)], f)
	}
	kind = slices.Sorted(maps.Keys(byKind))[rng.IntN(len(byKind))]
	name := byKind[kind][rng.IntN(len(byKind[kind]))]
	how, err := disk.Damage(name, rng)
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Base(name)
	what := fmt.Sprintf("seed %d, clean stop %v: %s of %s", seed, clean, how, base)
	var log lockedBuffer
	n, err := startLogging(slog.New(slog.NewTextHandler(&log, nil)), disk, 1<<20, nil)
	if err != nil {
		position := (kind == ".log" || kind == ".checkpoint") && how != "loss"
		named := strings.Contains(err.Error(), base) || how == "loss" && strings.Contains(err.Error(), metadataFolder)
		if !named || position && !strings.Contains(err.Error(), "position ") && !strings.Contains(err.Error(), "byte ") {
			t.Errorf("%s: the error names no file and position: %v", what, err)
		}
		return kind, true
	}
	defer n.stop()
	got := h.states[contents(n.Image())]
	told := strings.Contains(log.String(), base)
	switch {
	case got == h.last:
	case got == 0:
		t.Errorf("%s: served what never was:\n%s", what, contents(n.Image()))
	case clean || kind != ".log":
		t.Errorf("%s: served state %d of %d", what, got, h.last)
	case !told && how != "loss" && !strings.HasPrefix(how, "cut"):
		t.Errorf("%s: served state %d of %d, and nothing names the file: %s", what, got, h.last, log.String())
	}
	// It goes on from there.
	if _, err := n.CreateTopic(t.Context(), create("after"), false); err != nil {
		t.Errorf("%s: a change after the start: %v", what, err)
	}
	return kind, false
}

// fileKind is the suffix of files that are named by offset, the name of others.
func fileKind(path string) string {
	base := filepath.Base(path)
	if base[0] >= '0' && base[0] <= '9' {
		return filepath.Ext(base)
	}
	return base
}

// lockedBuffer is a log that is written from many goroutines.
type lockedBuffer struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
