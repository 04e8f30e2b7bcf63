package tests

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/leat-project/leat/internal/postgrestest"
)

// The tables under load. orders has 10 KB texts (stored out of line) that most
// updates leave unchanged, and the types of everyday tables; customers is small.
// oplog is not captured: every change is written to it in its own transaction,
// so that what was committed is known whatever the client saw.
const loadTables = `
CREATE TABLE orders (
  id bigint PRIMARY KEY, seq bigint NOT NULL, customer_id int, sku text NOT NULL, big text, big2 text NOT NULL DEFAULT '',
  price numeric(14,4), total numeric(20,6), ratio double precision, small real, paid boolean, at timestamptz, at_local timestamp,
  day date, clock time, ref uuid, doc jsonb, raw bytea, tags text[], code varchar(20), n2 smallint, ch char(5));
ALTER TABLE orders ALTER COLUMN big SET STORAGE EXTERNAL;
ALTER TABLE orders ALTER COLUMN big2 SET STORAGE EXTERNAL;
CREATE TABLE customers (id int PRIMARY KEY, seq bigint NOT NULL, name text NOT NULL, mail text);
CREATE TABLE oplog (n bigserial PRIMARY KEY, tbl text NOT NULL, key bigint NOT NULL, op text NOT NULL, seq bigint,
  txid bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint % 4294967296), lsn pg_lsn NOT NULL DEFAULT pg_current_wal_insert_lsn());
CREATE SEQUENCE seqs;`

// orderValues is the SELECT list of everything in orders but id, for key k.
const orderValues = `nextval('seqs'), (k % 500)::int, 'SKU-' || k, repeat(md5(k::text || random()::text), 320), repeat(md5(random()::text), 320),
  ((k * 7919) % 10000000) / 10000.0, round((random() * 1e12)::numeric / 1e6, 6), random() * 1e6, (random() * 1000)::real, k % 3 = 0,
  timestamptz '2026-01-01 00:00:00.123456+00' + make_interval(secs => k * 1.5), timestamp '1999-12-31 23:59:59.999999' - make_interval(secs => k),
  date '2026-02-28' - (k % 20000)::int, time '00:00:00' + make_interval(secs => (k % 86399) + 0.25), gen_random_uuid(),
  jsonb_build_object('k', k, 'text', 'it''s "quoted" \ and '||chr(233), 'list', jsonb_build_array(1, null, 2.50)), decode(md5(k::text), 'hex'),
  ARRAY['a' || k, 'b,"c', NULL], 'c' || (k % 100), (k % 30000)::int2, 'ab'`

// load keeps changing the source until it is stopped. It survives restarts of
// the server.
type load struct {
	t       *testing.T
	pg      *postgrestest.Server
	db      string
	rng     *rand.Rand
	changes atomic.Int64
	stop    context.CancelFunc
	done    chan struct{}
	err     error
	next    int64 // next new order id
	pause   time.Duration
}

// newLoad makes the tables with rows orders in them.
func newLoad(t *testing.T, pg *postgrestest.Server, db string, rows int, seed uint64) *load {
	t.Helper()
	pg.CreateDatabase(t, db)
	pg.Exec(t, db, loadTables,
		fmt.Sprintf("INSERT INTO orders SELECT k, %s FROM generate_series(1, %d) k", orderValues, rows),
		"INSERT INTO customers SELECT i, nextval('seqs'), 'customer ' || i, 'c' || i || '@example.com' FROM generate_series(1, 500) i")
	return &load{t: t, pg: pg, db: db, rng: rand.New(rand.NewPCG(seed, 1)), next: int64(rows) + 1, pause: 3 * time.Millisecond}
}

// run starts changing rows in the background.
func (l *load) run() {
	ctx, cancel := context.WithCancel(context.Background())
	l.stop, l.done = cancel, make(chan struct{})
	go func() {
		defer close(l.done)
		for ctx.Err() == nil {
			if err := l.session(ctx); err != nil && ctx.Err() == nil {
				var pgErr *pgconn.PgError
				if errors.As(err, &pgErr) && !strings.HasPrefix(pgErr.Code, "57P") {
					l.err = err
					return
				}
				time.Sleep(50 * time.Millisecond) // the server is restarting
			}
		}
	}()
	l.t.Cleanup(func() { l.end() })
}

// end stops the load and fails the test when the load itself went wrong.
func (l *load) end() {
	l.t.Helper()
	if l.done == nil {
		return
	}
	l.stop()
	<-l.done
	l.done = nil
	if l.err != nil {
		l.t.Errorf("the load on the source failed: %v", l.err)
	}
}

func (l *load) session(ctx context.Context) error {
	c, err := pgx.Connect(ctx, l.pg.DSN(l.db))
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	for ctx.Err() == nil {
		if err := l.transaction(ctx, c); err != nil {
			return err
		}
		time.Sleep(l.pause)
	}
	return nil
}

// transaction makes one to twenty changes and commits them. The end of the load
// does not interrupt it: the server may commit what its client has given up, later
// than somebody looks at the tables.
func (l *load) transaction(ctx context.Context, c *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	tx, err := c.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	n := 1 + l.rng.IntN(20)
	for range n {
		if err := l.change(ctx, tx); err != nil {
			return err
		}
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	l.changes.Add(int64(n))
	return nil
}

const logChange = "INSERT INTO oplog (tbl, key, op, seq) "

func (l *load) change(ctx context.Context, tx pgx.Tx) error {
	id := 1 + l.rng.Int64N(l.next-1)
	var sql string
	switch p := l.rng.IntN(100); {
	case p < 30: // insert
		id = l.next
		l.next++
		sql = "WITH k AS (SELECT $1::bigint AS k), x AS (INSERT INTO orders SELECT k, " + orderValues + " FROM k ON CONFLICT DO NOTHING RETURNING id, seq) " +
			logChange + "SELECT 'orders', id, 'c', seq FROM x"
	case p < 70: // update that leaves the large texts alone
		sql = "WITH x AS (UPDATE orders SET seq = nextval('seqs'), price = price + 1, paid = NOT paid, doc = doc || '{\"u\": 1}' WHERE id = $1 RETURNING id, seq) " +
			logChange + "SELECT 'orders', id, 'u', seq FROM x"
	case p < 80: // update of one large text
		sql = "WITH x AS (UPDATE orders SET seq = nextval('seqs'), big = repeat(md5(random()::text), 320), total = NULL WHERE id = $1 RETURNING id, seq) " +
			logChange + "SELECT 'orders', id, 'u', seq FROM x"
	case p < 90: // delete
		sql = "WITH x AS (DELETE FROM orders WHERE id = $1 RETURNING id) " + logChange + "SELECT 'orders', id, 'd', NULL FROM x"
	case p < 95: // the key changes: a delete of the old and a create of the new
		fresh := l.next
		l.next++
		sql = fmt.Sprintf("WITH x AS (UPDATE orders SET id = %d, seq = nextval('seqs') WHERE id = $1 RETURNING id, seq), y AS ("+
			logChange+"SELECT 'orders', id, 'c', seq FROM x) "+logChange+"SELECT 'orders', $1::bigint, 'd', NULL FROM x", fresh)
	default:
		id = 1 + l.rng.Int64N(500)
		sql = "WITH x AS (UPDATE customers SET seq = nextval('seqs'), name = name || '.' WHERE id = $1 RETURNING id, seq) " +
			logChange + "SELECT 'customers', id, 'u', seq FROM x"
	}
	_, err := tx.Exec(ctx, sql, id)
	return err
}

// op is one committed change of the oplog.
type op struct {
	table string
	key   int64
	op    string
	seq   int64 // 0 for a delete
	txid  int64
}

// committed returns the changes made at or after a WAL position, in order.
func (l *load) committed(fromLSN string) []op {
	l.t.Helper()
	c := l.pg.Connect(l.t, l.db)
	rows, err := c.Query(context.Background(),
		"SELECT tbl, key, op, coalesce(seq, 0), txid FROM oplog WHERE lsn >= $1::pg_lsn ORDER BY n", fromLSN)
	if err != nil {
		l.t.Fatal(err)
	}
	ops, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (o op, err error) {
		err = r.Scan(&o.table, &o.key, &o.op, &o.seq, &o.txid)
		return o, err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return ops
}
