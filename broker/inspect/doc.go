// Package inspect reads the files of a log dir as a tool does: without a
// broker, without changing anything, and telling precisely what is wrong where.
//
// [Walk] finds the files of a folder, [File] reads one and hands what it holds
// to the caller piece by piece: batches, records, index entries, producers,
// epochs, checkpoint lines. What is not as it must be is a [Problem] among
// them, with file, position and what was expected; reading goes on where that
// makes sense. [Topics] describes and checks the partitions in log dirs of
// another cluster, before they are adopted.
//
// Values of Kafka's internal topics are decoded by tables (records.txt), made
// from the record classes of Apache Kafka 4.3.1.
//
// The package knows files that logstore and Kafka write; it must not know the
// protocol, and opens everything for reading only.
package inspect
