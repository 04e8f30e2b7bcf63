// Package task runs source and sink tasks: the loops between a plugin's task and
// Kafka, their offsets, and Java's life cycle of a task.
//
// [Start] returns at once; the task runs on goroutines of its own until it is
// stopped or fails, and tells what it does through [Deps].Report. Plugin code runs
// only on these goroutines, so a plugin that blocks or panics harms its own task
// and nothing else.
//
//	source  poller -> batch -> encode and produce -> tracker -> committer
//	sink    consumer -> decode -> Put -> PreCommit -> commit
//
// Non-obvious:
//   - A source offset is stored only after its record and all records dispatched
//     before it are acknowledged. Nothing is acknowledged to the source system
//     (OffsetsCommitted) before the offset itself is durable.
//   - Two contexts: one ends when the task is asked to stop (Poll and Put see it),
//     the other when it is abandoned; records in flight live in the second.
//   - A sink's plugin calls and its rebalance callbacks take turns (sink.turn); a
//     callback never sees a batch half delivered.
package task
