// Package peers sets Leat beside the Java programs that it stands in for. Its
// tests (build tag peers, `make peers`) run Apache Kafka's own command-line tools
// against the broker of the real binary; the package itself fetches their jars
// with Maven and makes command lines, for those tests and for the bench.
//
// The product never needs any of it, nor does `make test`.
package peers
