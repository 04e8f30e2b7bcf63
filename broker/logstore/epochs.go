package logstore

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/leat-project/leat/internal/vfs"
)

const leaderEpochFile = "leader-epoch-checkpoint"

// epochEntry says that a leader epoch begins at an offset.
type epochEntry struct {
	epoch int32
	start int64
}

// epochList is the history of leader epochs of a log, strictly rising in both fields (Kafka:
// LeaderEpochFileCache). Its methods return whether they changed it.
type epochList []epochEntry

// last is the newest epoch, -1 if there is none.
func (l epochList) last() int32 {
	if len(l) == 0 {
		return -1
	}
	return l[len(l)-1].epoch
}

// assign records that epoch starts at offset, dropping entries that contradict it.
func (l *epochList) assign(epoch int32, start int64) bool {
	if epoch < 0 || epoch == l.last() {
		return false
	}
	keep := slices.DeleteFunc(*l, func(e epochEntry) bool { return e.epoch >= epoch || e.start >= start })
	*l = append(keep, epochEntry{epoch, start})
	return true
}

// truncateEnd drops epochs that start at or after offset.
func (l *epochList) truncateEnd(offset int64) bool {
	n := len(*l)
	*l = slices.DeleteFunc(*l, func(e epochEntry) bool { return e.start >= offset })
	return len(*l) != n
}

// truncateStart drops epochs that end at or before offset and re-bases the earliest kept one to it.
func (l *epochList) truncateStart(offset int64) bool {
	drop := 0
	for drop+1 < len(*l) && (*l)[drop+1].start <= offset {
		drop++
	}
	if len(*l) == 0 || drop == 0 && (*l)[0].start >= offset {
		return false
	}
	*l = slices.Delete(*l, 0, drop)
	(*l)[0].start = max((*l)[0].start, offset)
	return true
}

// end answers EpochEndOffset for a log that ends at leo.
func (l epochList) end(epoch int32, leo int64) EpochEnd {
	if epoch < 0 || len(l) == 0 || epoch > l.last() {
		return EpochEnd{-1, -1}
	}
	if epoch == l.last() {
		return EpochEnd{epoch, leo}
	}
	for i := len(l) - 1; i >= 0; i-- {
		if l[i].epoch <= epoch {
			return EpochEnd{l[i].epoch, l[i+1].start}
		}
	}
	// Older than everything kept: nothing of it is here, so its end is where the first known epoch starts.
	return EpochEnd{epoch, l[0].start}
}

// at is the epoch of an offset, -1 if unknown.
func (l epochList) at(offset int64) int32 {
	for i := len(l) - 1; i >= 0; i-- {
		if l[i].start <= offset {
			return l[i].epoch
		}
	}
	return -1
}

func (l epochList) encode() []byte {
	out := fmt.Appendf(nil, "0\n%d\n", len(l))
	for _, e := range l {
		out = fmt.Appendf(out, "%d %d\n", e.epoch, e.start)
	}
	return out
}

// readEpochs reads a leader-epoch-checkpoint; a missing one is empty.
func readEpochs(fsys vfs.FS, path string) (epochList, error) {
	data, err := readText(fsys, path)
	if err != nil {
		return nil, err
	}
	return parseEpochs(data, path)
}

func parseEpochs(data []byte, path string) (epochList, error) {
	lines, err := parseCounted(data, path)
	if err != nil {
		return nil, err
	}
	var l epochList
	for i, line := range lines {
		a, b, ok := strings.Cut(line, " ")
		epoch, err1 := strconv.ParseInt(a, 10, 32)
		start, err2 := strconv.ParseInt(b, 10, 64)
		if !ok || err1 != nil || err2 != nil || epoch < 0 || start < 0 {
			return nil, fmt.Errorf("%s line %d: %q is not \"epoch offset\": %w", path, i+3, line, ErrCorrupt)
		}
		if n := len(l); n > 0 && (int32(epoch) <= l[n-1].epoch || start <= l[n-1].start) {
			return nil, fmt.Errorf("%s line %d: %q does not rise: %w", path, i+3, line, ErrCorrupt)
		}
		l = append(l, epochEntry{int32(epoch), start})
	}
	return l, nil
}
