// Package inspecttest holds a log dir that Apache Kafka 4.3.1 wrote, for the
// tests of what reads such dirs.
//
// It is one node in KRaft mode, stopped cleanly, with log.index.interval.bytes
// 300 and 3 partitions of each internal topic. A Go client (franz-go) filled
// it in two phases with a restart between them, which began leader epoch 2:
//
//	orders    2 partitions, segment.ms=500, retention.ms=-1, max.message.bytes=2000000. Each phase wrote,
//	          twice: 8 idempotent records a partition with each of the five codecs, then in three
//	          transactions of the id "tx" one record a partition, of which the second was aborted.
//	          184 offsets a partition; partition 1 was cut to offset 7 by DeleteRecords.
//	accounts  1 partition, cleanup.policy=compact, segment.ms=200, min.cleanable.dirty.ratio=0.01,
//	          delete.retention.ms=0: 48 records with the keys a0 to a5, every twelfth a tombstone of a5,
//	          then, after compaction, key "last". 49 offsets.
//	empty     1 partition without records.
//	group     "readers" committed orders-0 at 11 and orders-1 at 22.
package inspecttest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	_ "embed"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

//go:embed kafka-4.3.1.tar.gz
var kafka []byte

// Kafka unpacks the log dir into a temporary folder and returns its path.
func Kafka(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "kafka")
	if err := unpack(dir); err != nil {
		t.Fatalf("unpacking Kafka's log dir: %v", err)
	}
	return dir
}

func unpack(dir string) error {
	zip, err := gzip.NewReader(bytes.NewReader(kafka))
	if err != nil {
		return err
	}
	for in := tar.NewReader(zip); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			if err := os.MkdirAll(path, 0o700); err != nil {
				return err
			}
			continue
		}
		data, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return err
		}
	}
}
