package postgres

import (
	"context"
	"encoding/binary"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connectors/debezium/postgres/column"
	"github.com/leat-project/leat/connectors/debezium/postgres/wire"
)

// offlineDecoder decodes changes of one table, id int and v text, without a server.
func offlineDecoder(t testing.TB, props map[string]string) (*decoder, *connect.Batch) {
	all := map[string]string{"name": "n", "database.hostname": "h", "database.user": "u", "database.dbname": "d", "topic.prefix": "p", "plugin.name": "pgoutput"}
	for k, v := range props {
		all[k] = v
	}
	cfg, err := parse(all)
	if err != nil {
		t.Fatal(err)
	}
	task := &Task{cfg: cfg, log: slog.New(slog.DiscardHandler), partition: connect.NewPartition(nil)}
	task.emitter = emitter{cfg: cfg, partition: task.partition, headers: headersFor(cfg, 0), now: time.UnixMilli(1)}
	task.catalogue.types = map[uint32]*column.Type{23: {OID: 23, Name: "int4", Schema: "pg_catalog", Kind: 'b', BaseMod: -1},
		25: {OID: 25, Name: "text", Schema: "pg_catalog", Kind: 'b', BaseMod: -1}}
	rel := &relation{schema: "public", name: "a", columns: []attribute{{name: "id", oid: 23, mod: -1, notNull: true}, {name: "v", oid: 25, mod: -1}}, key: []string{"id"}}
	plan, err := task.catalogue.compile(cfg, rel, 'd', []sent{{"id", 23, -1}, {"v", 25, -1}})
	if err != nil {
		t.Fatal(err)
	}
	d := &decoder{t: task, tables: map[uint32]*table{1: plan}}
	b := connect.NewBatch(0, 0, nil)
	d.begin(b)
	return d, b
}

func tuple(values ...string) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(values)))
	for _, v := range values {
		switch v {
		case "NULL":
			b = append(b, 'n')
		case "UNSENT":
			b = append(b, 'u')
		default:
			b = binary.BigEndian.AppendUint32(append(b, 't'), uint32(len(v)))
			b = append(b, v...)
		}
	}
	return b
}

func change(kind string, parts ...[]byte) wire.Message {
	b := append([]byte(kind[:1]), 0, 0, 0, 1)
	for i, p := range parts {
		b = append(append(b, kind[1+i]), p...)
	}
	return wire.Message{Start: 100, Data: b}
}

func TestChanges(t *testing.T) {
	for _, c := range []struct {
		name  string
		props map[string]string
		m     wire.Message
		want  string
	}{
		{"insert", nil, change("IN", tuple("1", "x")), "p.public.a c {id=1} null -> {id=1 v=x}\n"},
		{"update", nil, change("UN", tuple("1", "NULL")), "p.public.a u {id=1} null -> {id=1 v=null}\n"},
		{"unsent", nil, change("UN", tuple("1", "UNSENT")), "p.public.a u {id=1} null -> {id=1 v=unchanged}\n"},
		{"full", nil, change("UON", tuple("1", "old"), tuple("1", "UNSENT")), "p.public.a u {id=1} {id=1 v=old} -> {id=1 v=old}\n"},
		{"full, nothing changed", map[string]string{"skip.messages.without.change": "true"}, change("UON", tuple("1", "old"), tuple("1", "UNSENT")), ""},
		{"delete", nil, change("DK", tuple("1", "NULL")), "p.public.a d {id=1} {id=1 v=null} -> null\np.public.a tombstone {id=1}\n"},
		{"delete without tombstone", map[string]string{"tombstones.on.delete": "false"}, change("DK", tuple("1", "NULL")), "p.public.a d {id=1} {id=1 v=null} -> null\n"},
		{"new key", nil, change("UKN", tuple("1", "NULL"), tuple("2", "x")),
			"p.public.a d {id=1} {id=1 v=null} -> null\np.public.a tombstone {id=1}\np.public.a c {id=2} null -> {id=2 v=x}\n"},
		{"skipped", map[string]string{"skipped.operations": "c"}, change("IN", tuple("1", "x")), ""},
		{"left out, as the value is broken", map[string]string{"event.processing.failure.handling.mode": "skip"}, change("IN", tuple("one", "x")), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, b := offlineDecoder(t, c.props)
			if err := d.message(context.Background(), c.m); err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for i := range b.Records {
				got.WriteString(describe(&b.Records[i]) + "\n")
			}
			if got.String() != c.want {
				t.Errorf("records\n%swant\n%s", got.String(), c.want)
			}
		})
	}
}

func TestBrokenValueNamesColumn(t *testing.T) {
	d, _ := offlineDecoder(t, nil)
	err := d.message(context.Background(), change("IN", tuple("one", "x")))
	for _, part := range []string{"column id of table public.a", `"one" is no integer`, "event.processing.failure.handling.mode"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v, want %q in it", err, part)
		}
	}
}

// TestLastRecordCompletesTransaction: the offset of a transaction's last record
// says that the transaction is complete, so that a restart does not repeat it.
func TestLastRecordCompletesTransaction(t *testing.T) {
	d, b := offlineDecoder(t, nil)
	d.commit = 50
	begin := append([]byte{'B'}, make([]byte, 20)...)
	commit := append([]byte{'C'}, make([]byte, 25)...)
	binary.BigEndian.PutUint64(commit[10:], 200)
	for _, m := range []wire.Message{{Data: begin}, change("IN", tuple("1", "x")), change("IN", tuple("2", "x")), {Data: commit}} {
		if err := d.message(context.Background(), m); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []wire.LSN{50, 200} {
		if got := b.Records[i].SourceOffset.(*position).lsnCommit; got != want {
			t.Errorf("record %d: lsn_commit %d, want %d", i, got, want)
		}
	}
}

func TestNoAllocationPerChange(t *testing.T) {
	d, b := offlineDecoder(t, nil)
	m := change("IN", tuple("1", "some text"))
	n := testing.AllocsPerRun(2000, func() {
		if b.Len() == 500 {
			b.Reset()
		}
		if err := d.message(context.Background(), m); err != nil {
			t.Fatal(err)
		}
	})
	if n > 0 {
		t.Errorf("%v allocations a change, want 0 but for blocks", n)
	}
}

// FuzzChange: no bytes of pgoutput make the decoder panic.
func FuzzChange(f *testing.F) {
	f.Add(change("UKN", tuple("1", "NULL"), tuple("2", "UNSENT")).Data)
	f.Add(append([]byte{'B'}, make([]byte, 20)...))
	f.Add(append([]byte{'C'}, make([]byte, 25)...))
	f.Add([]byte("M\x01\x00\x00\x00\x00\x00\x00\x00\x00p\x00\x00\x00\x00\x01x"))
	f.Add([]byte("T\x00\x00\x00\x01\x00\x00\x00\x00\x01"))
	f.Add([]byte("O\x00\x00\x00\x00\x00\x00\x00\x01o\x00"))
	f.Fuzz(func(t *testing.T, message []byte) {
		if len(message) == 0 || message[0] == 'R' {
			return // relations need the catalogue
		}
		d, _ := offlineDecoder(t, map[string]string{"skipped.operations": "none"})
		_ = d.message(context.Background(), wire.Message{Data: message})
	})
}
