package postgres

import (
	"slices"
	"strings"
	"testing"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/internal/postgrestest"
)

// TestCatchUpFillsUnchangedValues updates rows that an interrupted snapshot never
// emitted, in columns beside a large text that the update does not send: the
// catch-up must carry the text, also under a new key, but for a row that is gone.
func TestCatchUpFillsUnchangedValues(t *testing.T) {
	pg := postgrestest.Start(t)
	pg.CreateDatabase(t, "fill")
	pg.Exec(t, "fill", `CREATE TABLE a(id int PRIMARY KEY, v text, big text)`, `ALTER TABLE a ALTER big SET STORAGE EXTERNAL`,
		`INSERT INTO a SELECT g, 'v', repeat(chr(97+g%26), 9000) FROM generate_series(1,200) g`)
	h := newHarness(t, pg, "fill", map[string]string{"max.batch.size": "5", "max.queue.size": "6"})
	h.limit = 20
	h.start()
	h.await("part of the snapshot", func(rs []*connect.Record) bool { return len(rs) >= h.limit })
	h.stop()
	before := len(h.records)
	pg.Exec(t, "fill", `UPDATE a SET v = 'w' WHERE id = 150`, `UPDATE a SET id = 1160 WHERE id = 160`,
		`UPDATE a SET v = 'gone' WHERE id = 170`, `DELETE FROM a WHERE id = 170`)
	h.limit = 0
	h.start()
	rs := h.await("the completed snapshot", func([]*connect.Record) bool { return strings.Contains(h.logs.String(), "snapshot completed") })
	caughtUp := rs[before:]
	for _, c := range []struct{ key, want string }{
		{"{id=150}", strings.Repeat(string(rune('a'+150%26)), 9000)},
		{"{id=1160}", strings.Repeat(string(rune('a'+160%26)), 9000)},
		{"{id=170}", "__debezium_unavailable_value"},
	} {
		i := slices.IndexFunc(caughtUp, func(r *connect.Record) bool { return plain(r.Key) == c.key })
		if i < 0 {
			t.Fatalf("no event of %s in the catch-up", c.key)
		}
		after, _ := caughtUp[i].Value.Struct().Lookup("after")
		big, _ := after.Struct().Lookup("big")
		got := big.Placeholder()
		if !big.IsUnchanged() {
			got = big.Str()
		}
		if got != c.want {
			t.Errorf("big of %s = %.40q, want %.40q", c.key, got, c.want)
		}
	}
}
