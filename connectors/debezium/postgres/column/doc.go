// Package column compiles a PostgreSQL column into a Connect schema and a decoder
// of PostgreSQL's text format, as io.debezium.connector.postgresql.PostgresValueConverter
// maps them. The same decoder serves COPY and pgoutput, so a value of the
// snapshot equals that of the stream.
//
// A [Codec] is compiled once a column and used for every row; it does not
// allocate but for values that cannot alias the row (arrays, big decimals).
// The session that produces the text must use TimeZone=UTC, DateStyle=ISO,
// IntervalStyle=postgres, lc_monetary=C and bytea_output=hex ([SessionSettings]).
package column
