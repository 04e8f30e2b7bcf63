package postgres

import (
	"strings"
	"testing"

	"github.com/leat-project/leat/internal/postgrestest"
)

func TestSnapshotThenStream(t *testing.T) {
	pg := postgrestest.Start(t)
	pg.CreateDatabase(t, "shop")
	pg.Exec(t, "shop", `CREATE TABLE a(id int PRIMARY KEY, v text, n numeric(8,2))`,
		`INSERT INTO a VALUES (1,'one',1.5),(2,NULL,2),(3,E'tab\tback\\slash\nline',NULL)`, `CREATE TABLE empty(id int PRIMARY KEY)`)
	h := newHarness(t, pg, "shop", nil).start()
	h.awaitLen(3)
	pg.Exec(t, "shop", `INSERT INTO a VALUES (4,'four',4)`, `UPDATE a SET v='ONE' WHERE id=1`, `UPDATE a SET id=20 WHERE id=2`, `DELETE FROM a WHERE id=3`)
	h.awaitLen(10)
	want := `shop.public.a r {id=1} null -> {id=1 v=one n=150e-2}
shop.public.a r {id=2} null -> {id=2 v=null n=200e-2}
shop.public.a r {id=3} null -> {id=3 v=tab	back\slash
line n=null}
shop.public.a c {id=4} null -> {id=4 v=four n=400e-2}
shop.public.a u {id=1} null -> {id=1 v=ONE n=150e-2}
shop.public.a d {id=2} {id=2 v=null n=null} -> null
shop.public.a tombstone {id=2}
shop.public.a c {id=20} null -> {id=20 v=null n=200e-2}
shop.public.a d {id=3} {id=3 v=null n=null} -> null
shop.public.a tombstone {id=3}
`
	if got := h.show(); got != want {
		t.Fatalf("records:\n%s\nwant:\n%s", got, want)
	}
	if got := offsetJSON(h.stored); !strings.Contains(got, `"lsn_commit"`) || strings.Contains(got, "snapshot") {
		t.Fatalf("offset %s: want lsn_commit and no snapshot", got)
	}
}
