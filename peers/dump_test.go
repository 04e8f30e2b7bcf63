//go:build peers

package peers_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	perfRecords    = 100_000
	perfRecordSize = 200
)

// TestJavaReadsOurLogFiles has Kafka's dump tool check what the broker wrote:
// compressed batches, transactions, indexes, snapshots of producers, the records
// of the coordinators and of the metadata, also after kill -9.
func TestJavaReadsOurLogFiles(t *testing.T) {
	// A snapshot of the metadata with every change.
	b := start(t, "metadata.log.max.record.bytes.between.snapshots=1")
	b.createTopic(t, "load", 1, "segment.bytes=4194304")
	codecs := []string{"none", "gzip", "snappy", "lz4", "zstd"}
	produce := func(props string, more ...string) {
		t.Helper()
		args := []string{"--topic", "load", "--num-records", fmt.Sprint(perfRecords / len(codecs)), "--record-size", fmt.Sprint(perfRecordSize), "--throughput", "-1",
			"--bootstrap-server", b.broker.Kafka(), "--command-property", props}
		contains(t, props, b.offline(t, "", perfTool, append(args, more...)...), fmt.Sprintf("%d records sent", perfRecords/len(codecs)))
	}
	for _, codec := range codecs {
		produce("compression.type=" + codec)
	}
	b.tool(t, "", consumerTool, "--topic", "load", "--group", "dumped", "--from-beginning", "--max-messages", "10", "--timeout-ms", "30000")
	b.broker.Restart(t)
	contains(t, "end offset", b.tool(t, "", offsetsTool, "--topic", "load"), fmt.Sprintf("load:0:%d", perfRecords))
	produce("transactional.id=payer", "--transaction-duration-ms", "100")
	b.broker.Stop(t)
	b.dumpMetadata(t)

	segments := b.files(t, "load-0", ".log")
	if len(segments) < 2 {
		t.Fatalf("segments %q; want several", segments)
	}
	out := b.dump(t, segments)
	contains(t, "the dump", out, "isvalid: true", fmt.Sprintf("lastOffset: %d", perfRecords-1), "isTransactional: true isControl: true")
	if strings.Contains(out, "isvalid: false") {
		t.Error("the dump tool finds invalid batches")
	}
	indexes := append(b.files(t, "load-0", ".index"), b.files(t, "load-0", ".timeindex")...)
	out = b.dump(t, indexes, "--index-sanity-check")
	for _, file := range indexes {
		contains(t, "the check of the indexes", out, file+" passed sanity check")
	}
	contains(t, "the snapshots", b.dump(t, b.files(t, "load-0", ".snapshot")), "producerId: ", "lastSequence: ")
	contains(t, "the offsets", b.dump(t, b.files(t, "__consumer_offsets-*", ".log"), "--offsets-decoder"), `"group":"dumped","topic":"load","partition":0`, `"protocolType":"consumer"`)
	contains(t, "the transactions", b.dump(t, b.files(t, "__transaction_state-*", ".log"), "--transaction-log-decoder"), `"transactionalId":"payer"`, `"transactionStatus":`)
}

// dumpMetadata has Kafka's tool decode the metadata log and the newest snapshot.
func (b *bench) dumpMetadata(t *testing.T) {
	t.Helper()
	const metadata, decoder = "__cluster_metadata-0", "--cluster-metadata-decoder"
	out := b.dump(t, b.files(t, metadata, ".log"), decoder)
	contains(t, "the metadata log", out, "LeaderChange", `"type":"TOPIC_RECORD"`, `"name":"load"`, `"type":"PARTITION_RECORD"`, `"type":"CONFIG_RECORD"`)
	out = b.dump(t, b.files(t, metadata, ".checkpoint"), decoder)
	contains(t, "the metadata snapshot", out, "SnapshotHeader", `"name":"load"`, `"type":"PARTITION_RECORD"`, `"type":"CONFIG_RECORD"`, `"type":"FEATURE_LEVEL_RECORD"`, "SnapshotFooter")
}

// dump runs Kafka's dump tool over files and fails the test when it finds a
// mismatch in one.
func (b *bench) dump(t *testing.T, files []string, args ...string) string {
	t.Helper()
	out := b.offline(t, "", dumpTool, append(args, "--files", strings.Join(files, ","))...)
	for _, file := range files {
		contains(t, "the dump", out, "Dumping "+file)
	}
	if strings.Contains(out, "Found ") || strings.Contains(out, "Exception") {
		t.Errorf("the dump tool complains of %q:\n%s", files, out[max(0, len(out)-2000):])
	}
	return out
}

// files returns the files of partitions that are not empty.
func (b *bench) files(t *testing.T, partitions, suffix string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(b.data, partitions, "*"+suffix))
	if err != nil {
		t.Fatal(err)
	}
	files := slices.DeleteFunc(all, func(file string) bool {
		info, err := os.Stat(file)
		return err == nil && info.Size() == 0
	})
	if len(files) == 0 {
		t.Fatalf("no file of %s ends with %s", partitions, suffix)
	}
	return files
}
