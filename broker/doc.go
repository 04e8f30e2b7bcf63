// Package broker is the Kafka-protocol server: listeners, connections, the
// request table, and one file for each request (api_NN_name.go).
//
// A Broker ties together the log store (logstore), the metadata (controller)
// and the group coordinators (group, run by coordinator). It is reached only
// through the protocol; nothing but cmd and test harnesses imports it.
//
// # Life of a request
//
// A connection has two goroutines. The reader cuts the stream into frames and
// decodes them (kmsg); the server runs one request after the other and writes
// the answers in that order. A handler may block (Fetch, JoinGroup, SyncGroup);
// when the client goes away its context ends. Produce does not block: it
// appends and leaves its answer to the flush (request.finishLater), so that
// pipelined requests share one. Records are opaque bytes from socket to log
// and, through sendfile, from log to socket.
//
// # Requests served
//
// See requestTable in apis.go: it is what ApiVersions advertises. Versions are
// those of Kafka 4.2; keys that are not served are left out whole.
//
// # Shutdown
//
// Listeners close; connections finish what they have read; then coordinators
// and controller end; then the logs are flushed and closed. A kill at any
// moment loses nothing that was acknowledged: that is the log store's promise,
// and everything here keeps its state in logs.
package broker
