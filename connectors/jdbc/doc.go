// Package jdbc is the JDBC sink for PostgreSQL under two Java class names:
// io.debezium.connector.jdbc.JdbcSinkConnector and
// io.confluent.connect.jdbc.JdbcSinkConnector. [Register] adds both. They differ
// in keys, defaults, names and column types ([settings] hides that); the task that
// writes is one.
//
// The path of a record in the task:
//
//	Put: mapping (which operation, key and row, from the schemas)
//	  -> plan (for a mapping and a table: columns and binders)
//	  -> buffer (the encoded row, the last operation of a key wins)
//	writer goroutine: one transaction a buffer, deletes first, then rows
//
// The writer works while Put fills the next buffer, and takes over whatever is
// there when it is done: little traffic is written at once, much traffic in large
// batches.
//
// Non-obvious:
//   - A buffer retains its batches until it is committed: a record that the
//     database refuses is reported as it came.
//   - Errors of the writer are dealt with by the next Put or PreCommit, never in
//     the background: only these may report records and ask for a retry.
//   - A change of a table happens only when nothing is buffered or under way, so
//     that rows of the old schema are committed and hold no locks.
//   - An update may lack values that it left alone (TOAST). It becomes an UPDATE of
//     the other columns and fails where the row is missing, with two exceptions:
//     the row of a changed key is moved instead of deleted (rekey.go), and records
//     that are read again after a crash wait for the delete of their row
//     (orphan.go).
//   - The task's context ends before the last PreCommit: from then on there is no
//     writer and PreCommit writes by itself.
//   - PreCommit hands out only what is committed in the database.
package jdbc
