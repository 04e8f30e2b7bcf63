//go:build peers

package peers_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

const (
	perfRecords    = 100_000
	perfRecordSize = 200
)

// TestJavaReadsOurLogFiles has Kafka's dump tool check what the broker wrote,
// compressed batches and indexes included, also after kill -9.
func TestJavaReadsOurLogFiles(t *testing.T) {
	b := start(t)
	b.tool(t, "", topicsTool, "--create", "--topic", "load", "--partitions", "1", "--config", "segment.bytes=4194304")
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		out := b.offline(t, "", perfTool, "--topic", "load", "--num-records", fmt.Sprint(perfRecords/5), "--record-size", fmt.Sprint(perfRecordSize), "--throughput", "-1",
			"--producer-props", "bootstrap.servers="+b.broker.Kafka(), "compression.type="+codec)
		contains(t, codec, out, fmt.Sprintf("%d records sent", perfRecords/5))
	}
	b.broker.Restart(t)
	contains(t, "end offset", b.tool(t, "", offsetsTool, "--topic", "load"), fmt.Sprintf("load:0:%d", perfRecords))
	b.broker.Stop(t)

	segments, err := filepath.Glob(filepath.Join(b.data, "load-0", "*.log"))
	if err != nil || len(segments) < 2 {
		t.Fatalf("segments %q, %v; want several", segments, err)
	}
	out := b.offline(t, "", dumpTool, "--files", strings.Join(segments, ","))
	contains(t, "the dump", out, "isvalid: true", fmt.Sprintf("lastOffset: %d", perfRecords-1))
	if strings.Contains(out, "isvalid: false") || strings.Contains(out, "Found ") {
		t.Errorf("the dump tool complains:\n%s", out)
	}
	var indexes []string
	for _, file := range segments {
		contains(t, "the dump", out, "Dumping "+file)
		for _, kind := range []string{".index", ".timeindex"} {
			indexes = append(indexes, strings.TrimSuffix(file, ".log")+kind)
		}
	}
	out = b.offline(t, "", dumpTool, "--index-sanity-check", "--files", strings.Join(indexes, ","))
	for _, file := range indexes {
		contains(t, "the check of the indexes", out, file+" passed sanity check")
	}
}
