package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// runStream measures how fast a backlog of changes is drained into the topic,
// beside the raw pgoutput stream of the same backlog read and thrown away.
func runStream(ctx context.Context, b *bench) error {
	for _, v := range []struct {
		name   string
		events int
		perTxn int
		target float64
	}{
		{"thousand", b.events, 1000, 120_000},
		{"single", b.events / 4, 1, 90_000},
	} {
		if err := b.oneStream(ctx, v.name, v.events, v.perTxn, v.target); err != nil {
			return fmt.Errorf("transactions of %d rows: %w", v.perTxn, err)
		}
	}
	return nil
}

func (b *bench) oneStream(ctx context.Context, name string, events, perTxn int, target float64) error {
	db := "benchstream" + name
	c, err := b.database(ctx, db)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	if err := createTable(ctx, c, "orders"); err != nil {
		return err
	}
	l, err := b.start(ctx, "stream-"+name)
	if err != nil {
		return err
	}
	defer l.stop()
	topic := db + ".public.orders"
	config := b.source(db, "orders", db, nil)
	if err := l.put(db, config); err != nil {
		return err
	}
	if err := l.waitRunning(ctx, db); err != nil {
		return err
	}
	// One row shows that streaming has begun; then the connector is stopped, the
	// backlog is made, and a second slot is left at the same place for the limit.
	if err := fill(ctx, c, "orders", -1, -1, 0); err != nil {
		return err
	}
	if _, _, err := waitEnd(ctx, l, topic, 1, time.Minute); err != nil {
		return err
	}
	if err := l.call("PUT", "/connectors/"+db+"/stop", nil, nil); err != nil {
		return err
	}
	if _, err := c.Exec(ctx, "SELECT pg_create_logical_replication_slot('limit_"+name+"', 'pgoutput')"); err != nil {
		return err
	}
	if err := fill(ctx, c, "orders", 1, events, perTxn); err != nil {
		return err
	}
	limit, err := b.drainRaw(ctx, db, "limit_"+name, db, events)
	if err != nil {
		return fmt.Errorf("the raw stream: %w", err)
	}
	before, err := l.cpu()
	if err != nil {
		return err
	}
	if err := l.call("PUT", "/connectors/"+db+"/resume", nil, nil); err != nil {
		return err
	}
	first, end, err := waitEnd(ctx, l, topic, int64(events)+1, 15*time.Minute)
	if err != nil {
		return err
	}
	after, err := l.cpu()
	if err != nil {
		return err
	}
	peak, err := l.memory("VmHWM")
	if err != nil {
		return err
	}
	mode := "JSON schemas=false, fsync before ack"
	for _, r := range []result{
		{What: fmt.Sprintf("%d events in %d-row transactions, first to last record", events, perTxn),
			Value: float64(events) / end.Sub(first).Seconds(), Unit: "events/s", Limit: limit, LimitOf: "raw pgoutput", Target: target},
		{What: fmt.Sprintf("streaming CPU, %d-row transactions", perTxn), Value: (after - before) / float64(events) * 1e6, Unit: "CPU s/M"},
		{What: fmt.Sprintf("streaming peak memory (VmHWM), %d-row", perTxn), Value: peak, Unit: "MB", Target: 300, Lower: true},
	} {
		r.Workload, r.Mode = "stream", mode
		if err := b.report(r); err != nil {
			return err
		}
	}
	return l.remove(db)
}

// drainRaw reads a slot with pgoutput until it has seen that many inserts and
// returns inserts a second from the first to the last.
func (b *bench) drainRaw(ctx context.Context, db, slot, publication string, events int) (float64, error) {
	conn, err := pgconn.Connect(ctx, b.pg.DSN(db)+"&replication=database")
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	if err := pglogrepl.StartReplication(ctx, conn, slot, 0, pglogrepl.StartReplicationOptions{
		PluginArgs: []string{"proto_version '1'", "publication_names '" + publication + "'"}}); err != nil {
		return 0, err
	}
	var first time.Time
	for n := 0; n < events; {
		msg, err := conn.ReceiveMessage(ctx)
		if err != nil {
			return 0, err
		}
		data, ok := msg.(*pgproto3.CopyData)
		if !ok {
			return 0, fmt.Errorf("unexpected message %T", msg)
		}
		switch data.Data[0] {
		case pglogrepl.XLogDataByteID:
			if data.Data[25] != 'I' { // 1 + three 8-byte positions, then the message
				continue
			}
			if n == 0 {
				first = time.Now()
			}
			n++
		case pglogrepl.PrimaryKeepaliveMessageByteID:
			if err := pglogrepl.SendStandbyStatusUpdate(ctx, conn, pglogrepl.StandbyStatusUpdate{WALWritePosition: 1}); err != nil {
				return 0, err
			}
		}
	}
	return float64(events) / time.Since(first).Seconds(), nil
}
