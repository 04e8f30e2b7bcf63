// Package claim makes sure that one worker alone runs the connectors of a group.id:
// it holds the membership of the Kafka consumer group of that name, with protocol type
// "leat". A worker that is alone in the group has the claim.
//
// The rules, in the words of Kafka's classic group protocol:
//
//   - Alone and leader: the claim is this worker's. It keeps it by heartbeats.
//   - Not leader: another worker was here first. This one leaves and stops with an
//     error that names the other, which joins again and goes on undisturbed.
//   - Leader, but not alone: the others are told to go, or their sessions end. A worker
//     that has the claim goes on; one that has not waits.
//   - FENCED_INSTANCE_ID: a successor with the same id took over. This worker stops.
//   - INCONSISTENT_GROUP_PROTOCOL: the group is of Java workers, or of consumers.
//
// Members are static (KIP-345): a worker that starts again after a crash takes its own
// place at once instead of after the session timeout. Silence of Kafka takes nothing
// away: a worker that has the claim goes on, and joins again when Kafka is back.
//
// A rebalance ends only when every member has joined it or is out, because its timeout
// is longer than a session. So a worker that runs tasks is the leader or, if Kafka has
// not heard of it for a session, out of the group; in that case it learns at its next
// heartbeat whether another took its place.
package claim
