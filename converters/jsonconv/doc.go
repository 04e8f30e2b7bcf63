// Package jsonconv is Kafka Connect's JsonConverter: JSON text with the schema in
// an envelope ({"schema":...,"payload":...}) or without.
//
// Writing compiles a plan per *data.Schema once: member names and the envelope's
// schema are text already, so that a record costs its payload and one copy.
//
// Reading has two ways. The fast one decodes straight into structs and knows the
// usual layout only; the last schema texts are kept, and equal text gives the same
// *data.Schema, so that plans of later stages hit. On anything unusual it gives up
// without a result, and the slow one parses the whole text into a tree and follows
// the Java program word for word, its errors included. A fuzz test holds both to the
// same answer.
//
// Non-obvious:
//   - Strings of a decoded record alias the input, which is never written again.
//   - Numbers and escapes are Jackson's and Java's: 1.0E10, \u001F, surrogate
//     pairs escaped, other characters as they are.
//   - A converter is used by one goroutine.
package jsonconv
