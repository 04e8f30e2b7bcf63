// Package postgres is Debezium's PostgreSQL source connector,
// io.debezium.connector.postgresql.PostgresConnector 3.5.0.Final: it reads the
// captured tables once (the snapshot) and then follows a logical replication slot
// by pgoutput (the stream). Configuration, events, topics and stored offsets are
// Debezium's, so that either program can go on where the other stopped.
//
// A [Task] runs phases, one after the other, on the goroutine that calls Poll:
//
//	prepare   connects, checks the server, creates publication and slot, decides
//	catchUp   streams from an existing slot up to now, before a new snapshot
//	snapshot  reads the tables by COPY in one REPEATABLE READ snapshot
//	stream    follows the slot for ever
//	idle      snapshot.mode=initial_only, when all is done
//
// Sub-packages: wire (raw reading, the goroutine that owns the replication
// connection), column (types to schemas and decoders).
//
// Non-obvious:
//   - Every record carries a position with a sequence number that rises over the
//     whole run of the task. The slot is confirmed to the end of a transaction
//     once a position at or behind its last record is durable (progress.go); as
//     snapshot rows have numbers too, nothing is confirmed while they are in
//     flight, and no position inside a transaction ever is.
//   - The stream begins at the stored lsn_commit, or at the slot where that is
//     further: the server leaves out transactions that end before. A transaction
//     of which only a part was stored is emitted again from its start.
//   - A snapshot is only taken when the slot stands at its very start: either the
//     slot was just created with it, or catchUp emitted everything before it.
//     So what was deleted since a first attempt reaches the topic.
//   - Batches are the framework's; strings alias chunks of the wire package,
//     which are never reused.
package postgres
