// Package kafka turns Kafka client configuration under its Java names into
// options of franz-go's client, with Java's defaults wherever the two differ
// (linger, compression, sizes, ages, acknowledgements), so that a property means
// here what it means in Kafka.
//
// Every Kafka client of the project is made of [Options]. A property that cannot
// work here is refused with an error that names it; unknown ones are reported by
// [Unknown] for the caller to warn about.
//
// Four properties differ: max.block.ms ends no wait, since franz-go waits for as long as
// its caller's context lasts, batch.size is no bound (a batch grows to max.request.size
// while earlier requests are in flight), max.poll.records is the caller's business, since
// franz-go is told it at each poll, and a delivery.timeout.ms below Connect's 2147483647 (without end) counts from the
// record's timestamp, since franz-go does: records with timestamps of long ago fail
// at their first error or at once.
package kafka
