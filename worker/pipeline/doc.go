// Package pipeline takes records between a connector and Kafka: the transform
// chain with its predicates, the converters, and one place ([Errors]) that
// decides for every failed operation whether to retry, skip, dead-letter or fail.
//
//	source  transforms -> headers, key, value -> Encoded (bytes for the producer)
//	sink    key, value, headers -> transforms -> Batch (for Put)
//
// A [Source] or [Sink] belongs to one task and is used by one goroutine. It runs a
// whole batch in one call; an error or panic in a plugin leaves the loop at that
// record, is decided on, and the loop goes on behind it, so that a good record
// pays nothing for the bad one.
//
// Non-obvious:
//   - A retry resumes at the operation that failed, as in Java: transforms change
//     the record in place, so those before it must not run again.
//   - Reporters (log, dead letter queue) run before the tolerance is asked: a task
//     that dies of a record with errors.tolerance=none still dead-letters it.
//   - Encoded bytes live in chunks that are reused only after every record of
//     the batch is acknowledged.
package pipeline
