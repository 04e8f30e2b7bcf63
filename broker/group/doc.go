// Package group is the group coordinator: membership, rebalances, committed
// offsets.
//
// A Shard holds the groups whose state lives in one partition of
// __consumer_offsets. It is a coordinator.State: every method runs on the
// shard's loop, nothing here locks, and every answer is given through
// Tx.After, so only once its records are committed.
//
// Classic groups (classic.go, join.go, sync.go, leave.go) follow Kafka's
// ClassicGroup and GroupMetadataManager:
//
//	Empty -> PreparingRebalance -> CompletingRebalance -> Stable
//	  ^__________________|_______________________________|  (and back)
//
// Requests that wait (JoinGroup until all have joined, SyncGroup until the
// leader's assignment is there) are parked on their member as a reply
// function. Exactly one reply is given to each request: a member's parked
// reply is cleared by whoever calls it.
//
// KIP-848 groups (consumer.go, heartbeat848.go) are assigned by the coordinator;
// every heartbeat brings a member one step nearer to its target. A group with
// members changes between the two (migrate.go), and serves both at once while
// it does (mixed.go).
//
// Records are Kafka's: offset commits, classic group metadata (records.go).
// Group metadata is written when an assignment arrives, when a group becomes
// empty, and when a static member is replaced, which is all that is needed to
// let members of a stable group go on after a restart.
//
// Non-obvious:
//   - while a join or a sync is parked the session timer does not remove its
//     member, except for a member that never joined before (after
//     newMemberJoinTimeout), whose client may be long gone;
//   - static members (KIP-345) stay through a rebalance they do not join;
//   - a committed offset of a transaction is pending, keyed by producer id,
//     until the transaction's marker reaches the partition;
//   - markers are written by the shard itself (EndTxn), so that no offset of a
//     transaction can be written behind the marker that ends it.
package group
