package jdbc_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/internal/postgrestest"
)

// TestHistory puts random histories of a table in random batches; the target must
// be what applying one event after the other gives.
func TestHistory(t *testing.T) {
	pg := postgrestest.Start(t)
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			conn, url := database(t, pg)
			rnd := rand.New(rand.NewPCG(seed, 1))
			h := &history{rnd: rnd, rows: map[int32][2]string{}}
			var recs []rec
			for len(recs) < 4000 {
				recs = append(recs, h.next(len(recs))...)
			}
			var unique string
			if seed%2 == 1 { // now and then rows must be written one by one
				unique = " UNIQUE"
			}
			pg.Exec(t, conn.Config().Database, "CREATE TABLE orders (id int PRIMARY KEY, note text"+unique+", big text)")
			s := startSink(t, debezium, with(url, upsertProps...))
			for len(recs) > 0 {
				n := min(len(recs), 1+rnd.IntN(300))
				if err := s.put(recs[:n]...); err != nil {
					t.Fatalf("Put: %v", err)
				}
				recs = recs[n:]
				if rnd.IntN(5) == 0 {
					s.mustCommit()
				}
			}
			s.mustCommit()
			wantRows(t, conn, "SELECT * FROM orders ORDER BY id", h.String())
		})
	}
}

// history is the model: a table and the events that lead to it.
type history struct {
	rnd  *rand.Rand
	rows map[int32][2]string
}

func (h *history) next(n int) []rec {
	id, note, big := int32(h.rnd.IntN(90)), fmt.Sprintf("note %d", n), fmt.Sprintf("big %d", n)
	old, exists := h.rows[id]
	switch op := h.rnd.IntN(10); {
	case !exists:
		h.rows[id] = [2]string{note, big}
		return []rec{event("c", id, data.String(note), data.String(big))}
	case op < 4:
		h.rows[id] = [2]string{note, old[1]}
		return []rec{event("u", id, data.String(note), data.String("__debezium_unavailable_value"))}
	case op < 6:
		h.rows[id] = [2]string{note, big}
		return []rec{event("u", id, data.String(note), data.String(big))}
	case op < 9:
		delete(h.rows, id)
		return []rec{event("d", id), tombstone(id)}
	}
	to := int32(60 + h.rnd.IntN(60))
	if _, taken := h.rows[to]; taken {
		return nil
	}
	delete(h.rows, id)
	h.rows[to] = [2]string{note, old[1]}
	d, stone, c := event("d", id), tombstone(id), event("c", to, data.String(note), data.Unchanged)
	d.headers = []connect.Header{{Key: "__debezium.newkey", Value: mapOf("id", data.Int64(int64(to)))}}
	stone.headers = d.headers
	c.headers = []connect.Header{{Key: "__debezium.oldkey", Value: mapOf("id", data.Int64(int64(id)))}}
	return []rec{d, stone, c}
}

func (h *history) String() string {
	var ids []int32
	for id := range h.rows {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	var lines []string
	for _, id := range ids {
		lines = append(lines, fmt.Sprintf("%d|%s|%s", id, h.rows[id][0], h.rows[id][1]))
	}
	return strings.Join(lines, "\n")
}

// TestHistoryWithRestarts kills the server at random while rows are being written.
// A batch is given up only when it is taken; read again from the committed offset
// after a crash of the task itself.
func TestHistoryWithRestarts(t *testing.T) {
	pg := postgrestest.Start(t)
	conn, url := database(t, pg)
	rnd := rand.New(rand.NewPCG(7, 7))
	h := &history{rnd: rnd, rows: map[int32][2]string{}}
	var recs []rec
	for len(recs) < 3000 {
		recs = append(recs, h.next(len(recs))...)
	}
	pg.Exec(t, conn.Config().Database, "CREATE TABLE orders (id int PRIMARY KEY, note text, big text)")
	props := with(with(url, upsertProps...), "flush.max.retries", "1000", "flush.retry.delay.ms", "5")
	tp := connect.TopicPartition{Topic: "shop.public.orders"}
	committed, deaths := 0, 0
	var starting sync.WaitGroup
	for committed < len(recs) {
		s := startSink(t, debezium, props)
		s.stamp = 1
		s.offset[tp] = int64(committed)
		for next := committed; committed < len(recs); {
			n := min(len(recs)-next, 1+rnd.IntN(100))
			b := s.batch(recs[next : next+n]...)
			if rnd.IntN(12) == 0 {
				starting.Wait()
				pg.Kill(t)
				starting.Go(func() { pg.Start(t) }) // it comes back while the task tries
			}
			if err := s.putFails(b); err != nil {
				t.Fatalf("Put: %v", err)
			}
			next += n
			if rnd.IntN(4) == 0 || next == len(recs) {
				got := s.commit()[tp]
				if got > int64(next) || got < int64(committed) {
					t.Fatalf("PreCommit = %d, after %d and before %d", got, next, committed)
				}
				committed = int(got)
			}
			if rnd.IntN(20) == 0 && deaths < 30 {
				deaths++
				break // the task dies; another reads again from what is committed
			}
		}
	}
	starting.Wait()
	if deaths == 0 {
		t.Error("the task never died")
	}
	wantRows(t, pg.Connect(t, conn.Config().Database), "SELECT * FROM orders ORDER BY id", h.String())
}
