// Package data is the record model: schemas, values, structs and maps as Kafka
// Connect defines them, laid out for Go.
//
// A [Value] is a 24-byte tagged union; it knows its Java class without a schema,
// because Connect lets a value disagree with the schema of its place. A row is a
// [Struct]: a schema and a slice of values carved from an [Arena] that the batch
// owns. A [Schema] is immutable once built, and code compiles per-schema plans
// once and caches them by *Schema.
//
// Non-obvious:
//   - The zero Value is null.
//   - Strings and bytes may alias only memory that is never written again
//     (garbage-collected buffers), never a buffer that is reused: a Value may
//     outlive the call that made it.
//   - Structs and slices of values from an Arena die when the batch is recycled.
//     [Value.Clone] copies to the heap.
//   - [Unchanged] is not null: it says that the source did not send the value
//     (an unmodified TOAST column) and the old one still holds. A Value may also
//     carry a placeholder that stands for it in Java's format, see [UnchangedAs].
//
// The package imports the standard library only and knows nothing of records,
// connectors or converters.
package data
