// Package postgres is the PostgreSQL side of the JDBC sink: it reads tables from
// the catalogue ([Table]), says which column type a Connect schema becomes, turns
// values into PostgreSQL's binary format ([Binder]) and writes rows
// ([Session.Write]). It knows schemas and values, not records, topics or buffers.
//
// A row is kept as a COPY tuple, the same bytes for every way of writing it:
//
//	int16   number of fields
//	per field:
//	int32   length in bytes, -1 for null (all numbers big endian)
//	bytes   the value in its type's binary format, or text
//
// A statement parameter is one field of it, an array parameter for unnest the
// fields of many rows one after the other.
//
// Non-obvious:
//   - A column whose type has no encoder here travels as text: its staging column
//     and its parameters are text, and the statement casts.
//   - The key columns come first in a tuple, so that rows of one key share a prefix.
//   - Statements with parameters are prepared once for a shape: for a few rows
//     parsing and planning takes twice as long as writing. Behind a pooler, which
//     may give each transaction another connection, they are sent anew.
//   - A Session is used by one goroutine at a time; whoever hands it on must
//     synchronize.
package postgres
