package logstore

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/leat-project/leat/internal/vfs"
)

// Names of the checkpoint files of a log dir (Kafka: LogManager, ReplicaManager, LogCleanerManager). They are text, every
// line ends with a line feed:
//
//	0                  version
//	2                  number of lines that follow
//	orders 0 1207      topic, partition, offset
//	orders 1 1198
//
// leader-epoch-checkpoint in a partition's folder is the same with "epoch startOffset" in its lines.
// partition.metadata is "version: 0" and "topic_id: <22 characters of base64url>".
const (
	recoveryPointFile = "recovery-point-offset-checkpoint"
	logStartFile      = "log-start-offset-checkpoint"
	highWatermarkFile = "replication-offset-checkpoint"
	cleanerFile       = "cleaner-offset-checkpoint"
)

// maxTextFile bounds checkpoint and metadata files, in bytes.
const maxTextFile = 64 << 20

// offsetCheckpoint maps partitions to offsets, as one checkpoint file holds them.
type offsetCheckpoint map[TopicPartition]int64

// readCheckpoint reads a checkpoint file; a missing one is empty.
func readCheckpoint(fsys vfs.FS, path string) (offsetCheckpoint, error) {
	data, err := readText(fsys, path)
	if err != nil {
		return nil, err
	}
	return parseCheckpoint(data, path)
}

func parseCheckpoint(data []byte, path string) (offsetCheckpoint, error) {
	lines, err := parseCounted(data, path)
	if err != nil {
		return nil, err
	}
	c := make(offsetCheckpoint, len(lines))
	for i, line := range lines {
		f := strings.Fields(line)
		if len(f) != 3 {
			return nil, fmt.Errorf("%s line %d: %q is not \"topic partition offset\": %w", path, i+3, line, ErrCorrupt)
		}
		part, err := strconv.ParseInt(f[1], 10, 32)
		if err != nil || part < 0 {
			return nil, fmt.Errorf("%s line %d: bad partition %q: %w", path, i+3, f[1], ErrCorrupt)
		}
		off, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil || off < 0 {
			return nil, fmt.Errorf("%s line %d: bad offset %q: %w", path, i+3, f[2], ErrCorrupt)
		}
		c[TopicPartition{f[0], int32(part)}] = off
	}
	return c, nil
}

func writeCheckpoint(fsys vfs.FS, path string, c offsetCheckpoint) error {
	out := fmt.Appendf(nil, "0\n%d\n", len(c))
	for _, tp := range slices.SortedFunc(maps.Keys(c), compareTP) {
		out = fmt.Appendf(out, "%s %d %d\n", tp.Topic, tp.Partition, c[tp])
	}
	return vfs.WriteFileAtomic(fsys, path, out)
}

// readText reads a checkpoint file; a missing one is empty.
func readText(fsys vfs.FS, path string) ([]byte, error) {
	there, err := vfs.Exists(fsys, path)
	if err != nil || !there {
		return nil, err
	}
	return vfs.ReadFile(fsys, path, maxTextFile)
}

// parseCounted cuts a text file of version 0: "0", a count, and so many lines. An empty file has no lines: Kafka makes
// it before it has anything to write.
func parseCounted(data []byte, path string) ([]string, error) {
	if len(data) == 0 {
		return nil, nil
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	if len(lines) < 2 || strings.TrimSpace(lines[0]) != "0" {
		return nil, fmt.Errorf("%s line 1: want version 0: %w", path, ErrCorrupt)
	}
	n, err := strconv.Atoi(strings.TrimSpace(lines[1]))
	if err != nil || n != len(lines)-2 {
		return nil, fmt.Errorf("%s line 2: count %q does not match the %d lines that follow: %w", path, lines[1], len(lines)-2, ErrCorrupt)
	}
	return lines[2:], nil
}

const (
	partitionMetadataFile = "partition.metadata"
	metaPropertiesFile    = "meta.properties"
	cleanShutdownFile     = ".kafka_cleanshutdown"
	lockFile              = ".lock"
)

// partitionMetadata is the content of partition.metadata.
func partitionMetadata(id TopicID) []byte { return fmt.Appendf(nil, "version: 0\ntopic_id: %s\n", id) }

// readPartitionMetadata returns the topic id of a partition folder, zero when the file is missing.
func readPartitionMetadata(fsys vfs.FS, path string) (TopicID, error) {
	there, err := vfs.Exists(fsys, path)
	if err != nil || !there {
		return TopicID{}, err
	}
	data, err := vfs.ReadFile(fsys, path, maxTextFile)
	if err != nil {
		return TopicID{}, err
	}
	return ParsePartitionMetadata(data, path)
}

// ParsePartitionMetadata returns the topic id in the content of a partition.metadata file; errors name path.
func ParsePartitionMetadata(data []byte, path string) (TopicID, error) {
	for line := range bytes.Lines(data) {
		if v, ok := strings.CutPrefix(string(line), "topic_id:"); ok {
			id, err := ParseTopicID(strings.TrimSpace(v))
			if err != nil {
				return TopicID{}, fmt.Errorf("%s: %w: %w", path, err, ErrCorrupt)
			}
			return id, nil
		}
	}
	return TopicID{}, fmt.Errorf("%s: no line \"topic_id:\": %w", path, ErrCorrupt)
}

// ParseTopicID reads the form that TopicID.String writes.
func ParseTopicID(s string) (TopicID, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != len(TopicID{}) {
		return TopicID{}, fmt.Errorf("%q is no id of 22 base64url characters", s)
	}
	return TopicID(b), nil
}
