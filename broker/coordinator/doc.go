// Package coordinator runs state machines whose state lives in a compacted
// topic: groups on __consumer_offsets, transactions on __transaction_state.
//
// One Loop owns one partition of such a topic. A single goroutine takes
// events, lets the State change itself and collect records, appends the
// records of all events it took in one go, waits until they are committed,
// and only then lets the answers out. So
//
//   - a state is never seen before it is durable, and an answer never
//     precedes its record;
//   - events that arrive during a flush share the next one (group commit);
//   - the State needs no locks and can be tested without a Loop.
//
// When an append fails the memory is ahead of the log. The Loop then throws
// the State away (Abandon answers what is parked there), replays the log into
// a fresh one, and fails the events of that round. While the log cannot be
// read, events fail too. Events that come during a replay wait for it; who does
// not want to, asks Ready first.
//
// Timers are part of the Loop: they fire as events.
package coordinator
