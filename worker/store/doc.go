// Package store keeps what a worker pool must remember: connector and task
// configurations with their target states, source offsets, and statuses. The
// three stores are maps that are built by replaying a [Log], which is a compacted
// Kafka topic ([KafkaLog]), memory ([MemLog]) or, for the offsets of standalone
// mode, a file ([FileLog]).
//
// Keys and values are Kafka Connect's own (KafkaConfigBackingStore,
// KafkaOffsetBackingStore, KafkaStatusBackingStore), byte for byte, so that a Java
// worker can take over and hand back. JSON is written as Jackson writes it and
// maps in the order of Java's HashMap, because offset keys are compared as bytes
// (see json.go).
//
// Non-obvious:
//   - A write is done when the broker acknowledged it; it is visible in the
//     store's own map only when it was read back. Sync waits for that.
//   - Task configurations take effect with the commit record that follows them,
//     never before; a commit record that counts tasks which were not seen makes
//     the connector inconsistent: it runs without tasks until they are rewritten.
//   - Restart requests and logger levels are acted on only when they are seen
//     live, never when replayed at start.
//   - Every config write passes the [Lease] first: it says whether this worker
//     may write at all. With one worker there is one writer ([SoleWriter]).
package store
