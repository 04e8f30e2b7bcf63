package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// A row of the bench table: 12 columns, about 250 bytes as COPY text.
const tableColumns = `id bigint PRIMARY KEY, customer_id int NOT NULL, sku text NOT NULL, quantity int NOT NULL,
 price numeric(12,2) NOT NULL, discount double precision, paid boolean NOT NULL, note text, address text,
 ref uuid, created_at timestamptz NOT NULL, updated_at timestamp(3) NOT NULL`

// rowExpr is the SELECT list that makes row i.
const rowExpr = `i, (i*7919)%100000, 'SKU-'||lpad((i%50000)::text,8,'0'), (i%20)::int, ((i*31)%1000000)/100.0,
 (i%100)/7.0, i%3=0, 'order note number '||i||' with some text that makes the row as long as usual',
 (i%999)||' Long Street, Springfield, Some County, Postcode '||lpad((i%99999)::text,5,'0'),
 md5(i::text)::uuid, timestamptz '2026-01-01 00:00:00+00' + make_interval(secs => i%30000000),
 timestamp '2026-01-01 00:00:00' + make_interval(secs => i%30000000)`

func createTable(ctx context.Context, c *pgx.Conn, name string) error {
	_, err := c.Exec(ctx, "DROP TABLE IF EXISTS "+name+"; CREATE TABLE "+name+" ("+tableColumns+")")
	return err
}

// fill inserts rows from..to into a table, perTxn rows a transaction (0: one).
func fill(ctx context.Context, c *pgx.Conn, table string, from, to, perTxn int) error {
	if perTxn == 0 {
		perTxn = to - from + 1
	}
	// A procedure may commit inside its loop: one call makes all transactions.
	_, err := c.Exec(ctx, fmt.Sprintf(`CREATE OR REPLACE PROCEDURE bench_fill(lo bigint, hi bigint, step bigint) LANGUAGE plpgsql AS $$
		BEGIN
		  FOR s IN 0..(hi-lo)/step LOOP
		    INSERT INTO %s SELECT %s FROM generate_series(lo+s*step, least(hi, lo+s*step+step-1)) i;
		    COMMIT;
		  END LOOP;
		END $$`, table, rowExpr))
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, "SET synchronous_commit = off")
	if err == nil {
		_, err = c.Exec(ctx, fmt.Sprintf("CALL bench_fill(%d, %d, %d)", from, to, perTxn))
	}
	return err
}

// copyOut measures COPY table TO STDOUT read and thrown away: rows a second and
// bytes a row.
func copyOut(ctx context.Context, c *pgx.Conn, table string) (rowsPerSecond, bytesPerRow float64, err error) {
	var n countWriter
	start := time.Now()
	tag, err := c.PgConn().CopyTo(ctx, &n, "COPY "+table+" TO STDOUT")
	if err != nil {
		return 0, 0, err
	}
	rows := float64(tag.RowsAffected())
	return rows / time.Since(start).Seconds(), float64(n) / rows, nil
}

// copyIn measures COPY table FROM STDIN of text made before the clock starts.
func copyIn(ctx context.Context, src, dst *pgx.Conn, from, to string) (rowsPerSecond float64, err error) {
	var text strings.Builder
	if _, err := src.PgConn().CopyTo(ctx, &text, "COPY "+from+" TO STDOUT"); err != nil {
		return 0, err
	}
	start := time.Now()
	tag, err := dst.PgConn().CopyFrom(ctx, strings.NewReader(text.String()), "COPY "+to+" FROM STDIN")
	if err != nil {
		return 0, err
	}
	return float64(tag.RowsAffected()) / time.Since(start).Seconds(), nil
}

type countWriter int64

func (w *countWriter) Write(p []byte) (int, error) { *w += countWriter(len(p)); return len(p), nil }
