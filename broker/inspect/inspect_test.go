package inspect_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/leat-project/leat/broker/inspect"
	"github.com/leat-project/leat/broker/inspect/inspecttest"
)

// read reads all files below path.
func read(t testing.TB, path string, opts inspect.Options) (items []any, problems []*inspect.Problem) {
	t.Helper()
	files, err := inspect.Walk(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		err := inspect.File(f, opts, func(item any) error {
			if p, ok := item.(*inspect.Problem); ok {
				problems = append(problems, p)
			}
			items = append(items, item)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return items, problems
}

func records(items []any) (out []*inspect.Record) {
	for _, it := range items {
		if r, ok := it.(*inspect.Record); ok {
			out = append(out, r)
		}
	}
	return out
}

// TestReadsKafka finds nothing wrong with a log dir of Apache Kafka, and all that
// was written into it.
func TestReadsKafka(t *testing.T) {
	dir := inspecttest.Kafka(t)
	items, problems := read(t, dir, inspect.Options{Data: true})
	for _, p := range problems {
		t.Errorf("problem: %v", p)
	}
	kinds, codecs := map[inspect.Kind]int{}, map[string]int{}
	for _, it := range items {
		switch x := it.(type) {
		case *inspect.Opened:
			kinds[x.Kind]++
		case *inspect.Batch:
			codecs[x.Codec]++
		}
		if _, err := json.Marshal(it); err != nil {
			t.Errorf("%+v: %v", it, err)
		}
	}
	for _, k := range []inspect.Kind{inspect.Log, inspect.Index, inspect.TimeIndex, inspect.TxnIndex, inspect.Snapshot, inspect.Epochs,
		inspect.Checkpoint, inspect.Image, inspect.Properties} {
		if kinds[k] == 0 {
			t.Errorf("no file of kind %s in %v", k, kinds)
		}
	}
	for _, c := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		if codecs[c] == 0 {
			t.Errorf("no batch with codec %s in %v", c, codecs)
		}
	}
}

// TestDecodesKafka compares what the decoders say with what was done.
func TestDecodesKafka(t *testing.T) {
	dir := inspecttest.Kafka(t)
	seen := map[string]string{} // the last one of a kind
	for _, topic := range []string{"__consumer_offsets-1", "__transaction_state-2", "__cluster_metadata-0", "orders-0"} {
		items, _ := read(t, filepath.Join(dir, topic), inspect.Options{Data: true})
		for _, r := range records(items) {
			for _, p := range []*inspect.Payload{r.Key, r.Value} {
				if p != nil && p.Kind != "" {
					seen[p.Kind] = p.String()
				}
			}
		}
	}
	for kind, want := range map[string]string{
		"OffsetCommitKey":     `OffsetCommitKey{"group":"readers","topic":"orders","partition":1}`,
		"OffsetCommitValue":   `OffsetCommitValue{"offset":22,"leaderEpoch":-1,"metadata":"",`,
		"TransactionLogKey":   `TransactionLogKey{"transactionalId":"tx"}`,
		"TransactionLogValue": `"transactionTimeoutMs":40000,"transactionStatus":4,"transactionPartitions":[],`,
		"TopicRecord":         `TopicRecord{"name":"`,
		"ConfigRecord":        `"resourceType":2,"resourceName":"`,
		"LeaderChange":        "LeaderChange{}",
		"LeaderChangeMessage": `"voterId":1`,
		"RegisterBrokerRecord": `"endPoints":[{"name":"PLAINTEXT","host":"127.0.0.1","port":17400,"securityProtocol":0}],` +
			`"features":[{"name":`,
		"COMMIT":       "COMMIT{}",
		"ABORT":        "ABORT{}",
		"EndTxnMarker": `EndTxnMarker{"coordinatorEpoch":`,
	} {
		if !strings.Contains(seen[kind], want) {
			t.Errorf("%s: %q, want %q in it", kind, seen[kind], want)
		}
	}
}

// TestConfigsOfTopicsInOtherDirs: of several log dirs one has the metadata.
func TestConfigsOfTopicsInOtherDirs(t *testing.T) {
	dir, other := inspecttest.Kafka(t), t.TempDir()
	if err := os.Rename(filepath.Join(dir, "accounts-0"), filepath.Join(other, "accounts-0")); err != nil {
		t.Fatal(err)
	}
	for _, paths := range [][]string{{dir, other}, {other, dir}} {
		src, err := inspect.Topics(paths, func(topic string) bool { return topic == "accounts" })
		if err != nil {
			t.Fatal(err)
		}
		if len(src.Topics) != 1 || src.Topics[0].Configs["cleanup.policy"] != "compact" {
			t.Errorf("of %v the topics are %+v, want accounts with its settings", paths, src.Topics)
		}
	}
}

// TestNamesDamage flips a bit in every byte of a file of each kind: nothing is
// taken for whole, and every problem names the file.
func TestNamesDamage(t *testing.T) {
	dir := inspecttest.Kafka(t)
	for _, c := range []struct {
		name, file string
		// free are bytes that nothing protects, such as those that the CRC of a
		// batch leaves out because the leader writes them.
		free func(i int) bool
	}{
		{"log", "orders-1/00000000000000000008.log", func(i int) bool { return i < 8 || i >= 12 && i < 16 }},
		{"snapshot", "orders-1/00000000000000000024.snapshot", nil},
		{"index", "orders-1/00000000000000000162.index", nil},
		{"timeindex", "orders-1/00000000000000000138.timeindex", func(i int) bool { return i%12 == 11 }},
		{"txnindex", "orders-1/00000000000000000042.txnindex", func(i int) bool { return i > 1 }},
		{"epochs", "orders-1/leader-epoch-checkpoint", func(i int) bool { return i != 0 && i != 2 }},
		{"checkpoint", "replication-offset-checkpoint", func(i int) bool { return i > 1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(dir, c.file)
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := range whole {
				if c.free != nil && c.free(i) {
					continue
				}
				bad := append([]byte(nil), whole...)
				bad[i] ^= 1
				if err := os.WriteFile(path, bad, 0o600); err != nil {
					t.Fatal(err)
				}
				_, problems := read(t, path, inspect.Options{})
				if len(problems) == 0 {
					t.Errorf("a flipped bit in byte %d of %d is not noticed", i, len(whole))
					continue
				}
				if p := problems[0]; p.File != path || !strings.Contains(p.Error(), filepath.Base(path)) {
					t.Errorf("byte %d: the problem %q does not name the file", i, p.Error())
				}
			}
			if err := os.WriteFile(path, whole, 0o600); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestNamesCuts cuts a log at every length.
func TestNamesCuts(t *testing.T) {
	path := filepath.Join(inspecttest.Kafka(t), "orders-1/00000000000000000100.log")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ends := map[int64]bool{}
	items, _ := read(t, path, inspect.Options{})
	for _, it := range items {
		if b, ok := it.(*inspect.Batch); ok {
			ends[b.Position] = true
		}
	}
	for n := len(whole) - 1; n >= 0; n-- {
		if err := os.Truncate(path, int64(n)); err != nil {
			t.Fatal(err)
		}
		_, problems := read(t, path, inspect.Options{Deep: true})
		if whole := ends[int64(n)]; whole != (len(problems) == 0) {
			t.Errorf("cut to %d bytes, which is at a batch: %v; problems %v", n, whole, problems)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, topic := range []string{"__consumer_offsets-1", "__transaction_state-2", "__cluster_metadata-0"} {
		items, _ := read(f, filepath.Join(inspecttest.Kafka(f), topic), inspect.Options{Data: true, Decoder: inspect.Raw})
		for i, r := range records(items) {
			if i%7 == 0 && r.Key != nil && r.Value != nil {
				f.Add([]byte(r.Key.Text), []byte(r.Value.Text))
			}
		}
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		for _, d := range []inspect.Decoder{inspect.Offsets, inspect.Transactions, inspect.Metadata, inspect.Share} {
			k, v, err := inspect.Decode(d, key, value)
			if err == nil && k == nil && v == nil && (key != nil || value != nil) {
				t.Errorf("decoder %d said nothing of %x, %x", d, key, value)
			}
			if len(k.String())+len(v.String()) > 64*(len(key)+len(value)+64) {
				t.Errorf("decoder %d blew %d bytes up", d, len(key)+len(value))
			}
		}
	})
}

// FuzzFile reads files of each kind with any content.
func FuzzFile(f *testing.F) {
	names := []string{"00000000000000000008.log", "00000000000000000008.index", "00000000000000000008.timeindex", "00000000000000000008.txnindex",
		"00000000000000000008.snapshot", "leader-epoch-checkpoint", "replication-offset-checkpoint", "partition.metadata", "meta.properties"}
	dir := inspecttest.Kafka(f)
	for i, name := range []string{"orders-1/00000000000000000100.log", "orders-1/00000000000000000162.index", "orders-1/00000000000000000162.timeindex",
		"orders-1/00000000000000000042.txnindex", "orders-1/00000000000000000024.snapshot", "orders-1/leader-epoch-checkpoint",
		"replication-offset-checkpoint", "orders-1/partition.metadata", "meta.properties"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), data, data)
	}
	f.Fuzz(func(t *testing.T, kind uint8, data, log []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, names[int(kind)%len(names)])
		for name, content := range map[string][]byte{filepath.Join(dir, names[0]): log, path: data} {
			if err := os.WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := inspect.File(path, inspect.Options{Data: true}, func(any) error { return nil }); err != nil {
			t.Fatal(err)
		}
	})
}

// A log start beyond the end is refused: records would be gone with it.
func TestRefusesImpossibleStart(t *testing.T) {
	dir := inspecttest.Kafka(t)
	if err := os.WriteFile(filepath.Join(dir, "log-start-offset-checkpoint"), []byte("0\n1\norders 1 99999\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := inspect.Topics([]string{dir}, func(topic string) bool { return topic == "orders" })
	var corrupt *inspect.CorruptError
	if !errors.As(err, &corrupt) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"orders-1", "log-start-offset-checkpoint", "99999"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
}

// TestNotANumber shows a quota that is no number: JSON has none for it.
func TestNotANumber(t *testing.T) {
	for bits, want := range map[uint64]string{math.Float64bits(math.NaN()): `"NaN"`, math.Float64bits(math.Inf(-1)): `"-Inf"`,
		math.Float64bits(math.Inf(1)): `"Inf"`, math.Float64bits(1.5): `1.5`} {
		// Frame, kind and version; no entities, the key "k", the value, not removed, no tags.
		value := binary.BigEndian.AppendUint64([]byte{1, 14, 0, 1, 2, 'k'}, bits)
		_, v, err := inspect.Decode(inspect.Metadata, nil, append(value, 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(v)
		if err != nil || !strings.Contains(string(text), `"value":`+want+`,`) {
			t.Errorf("%s (%v), want the value %s", text, err, want)
		}
	}
}

// TestSkippedSorted lists what is left out in the same order every time.
func TestSkippedSorted(t *testing.T) {
	dir := t.TempDir()
	want := []string{filepath.Join(dir, "b-x") + ": not a folder of a partition in service"}
	for _, topic := range []string{"a", "c", "d", "e", "f", "g", "h"} {
		folder := filepath.Join(dir, topic+"-0")
		want = append(want, folder+": no partition of the topic has a record: create it instead")
	}
	slices.Sort(want)
	for _, w := range want {
		folder, _, _ := strings.Cut(w, ": ")
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s, err := inspect.Topics([]string{dir}, func(string) bool { return true })
	if err != nil || !slices.Equal(s.Skipped, want) {
		t.Errorf("skipped %q (%v), want %q", s.Skipped, err, want)
	}
}
