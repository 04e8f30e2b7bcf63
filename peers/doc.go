// Package peers sets Leat beside the Java programs that it stands in for. Its
// tests (build tag peers, `make peers`) run Java's clients, all of Apache
// Kafka's command-line tools, Kafka Streams and Kafka Connect with Debezium
// against the broker of the real binary, and kill them and it while they work.
// They have Java's converters and transforms answer random cases, with which our
// fixture suites are then run (testdata/Recorder.java makes such recordings).
// The package itself fetches the jars with Maven and makes command lines, for
// those tests and for the bench.
//
// The product never needs any of it, nor does `make test`.
package peers
