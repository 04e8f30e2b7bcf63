package main

import (
	"context"
	"strings"
	"testing"

	"github.com/leat-project/leat/internal/postgrestest"
)

// stageOn is a stage without leat: a server with both databases.
func stageOn(t *testing.T) *stage {
	t.Helper()
	pg := postgrestest.Start(t)
	return &stage{pg: pg.Server}
}

func TestCompareSeesEveryDifference(t *testing.T) {
	st := stageOn(t)
	ctx := t.Context()
	if err := createSource(ctx, st, options{rows: 200, customers: 20}); err != nil {
		t.Fatal(err)
	}
	results, equal, err := compareAll(ctx, st)
	if err != nil || equal || results[0] != nil || results[1] != nil {
		t.Fatalf("with an empty target: %v, equal %v, %v; want no results, not equal", results, equal, err)
	}
	copyToTarget(t, st)
	if _, equal, err := compareAll(ctx, st); err != nil || !equal {
		t.Fatalf("with a copy: equal %v, %v; want true", equal, err)
	}
	err = st.pg.Exec(ctx, targetDB,
		"DELETE FROM orders WHERE id IN (1, 100)",
		"INSERT INTO orders SELECT 1000, customer_id, status, quantity, price, weight, note, token, placed_at, updated_at FROM orders WHERE id = 2",
		"UPDATE orders SET note = NULL WHERE id = 3",
		"UPDATE orders SET note = '' WHERE id = 3",
		"UPDATE orders SET price = price + 0.01 WHERE id = 4")
	if err != nil {
		t.Fatal(err)
	}
	c, err := compare(ctx, st, "orders")
	if err != nil {
		t.Fatal(err)
	}
	if c.rows != 200 || c.missing != 2 || c.surplus != 1 || c.different != 2 || c.equal != 196 {
		t.Fatalf("rows %d, missing %d, surplus %d, different %d, equal %d; want 200, 2, 1, 2, 196", c.rows, c.missing, c.surplus, c.different, c.equal)
	}
	if len(c.examples) != maxExamples {
		t.Fatalf("examples: %q, want %d", c.examples, maxExamples)
	}
}

// copyToTarget makes the target as the sink would, with plainer types.
func copyToTarget(t *testing.T, st *stage) {
	t.Helper()
	dump := st.pg.Command(t.Context(), "psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", sourceDB, "-c", "COPY customers TO STDOUT")
	customers, err := dump.Output()
	if err != nil {
		t.Fatal(err)
	}
	dump = st.pg.Command(t.Context(), "psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", sourceDB, "-c", "COPY orders TO STDOUT")
	orders, err := dump.Output()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.WithoutCancel(t.Context())
	err = st.pg.Exec(ctx, targetDB,
		"CREATE TABLE customers (id int PRIMARY KEY, name text, email text, vip boolean, born date, profile text)",
		"CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int, status text, quantity int, price numeric, weight double precision, note text, token text, placed_at timestamptz, updated_at timestamptz)")
	if err != nil {
		t.Fatal(err)
	}
	for table, rows := range map[string][]byte{"customers": customers, "orders": orders} {
		load := st.pg.Command(ctx, "psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", targetDB, "-c", "COPY "+table+" FROM STDIN")
		load.Stdin = strings.NewReader(string(rows))
		if out, err := load.CombinedOutput(); err != nil {
			t.Fatalf("loading %s: %v: %s", table, err, out)
		}
	}
}

func TestLoadChangesTheSource(t *testing.T) {
	st := stageOn(t)
	if err := createSource(t.Context(), st, options{rows: 500, customers: 20}); err != nil {
		t.Fatal(err)
	}
	load := &changes{dsn: st.dsn(sourceDB), rate: 2000, customers: 20}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- load.run(ctx) }()
	grown := func(by int64) func(context.Context) (bool, error) {
		goal := load.total() + by
		return func(context.Context) (bool, error) { return load.total() >= goal, nil }
	}
	if err := waitFor(t.Context(), "rows change", settleTimeout, grown(100)); err != nil {
		t.Fatal(err)
	}
	if err := load.addColumn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := waitFor(t.Context(), "rows change after the new column", settleTimeout, grown(100)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if load.inserts.Load() == 0 || load.updates.Load() == 0 || load.deletes.Load() == 0 {
		t.Fatalf("inserts %d, updates %d, deletes %d; want some of each", load.inserts.Load(), load.updates.Load(), load.deletes.Load())
	}
	err := st.pg.Exec(t.Context(), sourceDB, "DO $$ BEGIN ASSERT (SELECT count(coupon) > 0 FROM orders); END $$")
	if err != nil {
		t.Fatal(err)
	}
}

func TestExamplesCanBeFilled(t *testing.T) {
	t.Chdir("..")
	for _, file := range stageOn(t).connectors() {
		c, err := file.fill()
		if err != nil {
			t.Fatal(err)
		}
		for key, want := range file.set {
			if c.Config[key] != want {
				t.Errorf("%s: %s = %q, want %q", c.Name, key, c.Config[key], want)
			}
		}
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %q, want %q", n, got, want)
		}
	}
}
