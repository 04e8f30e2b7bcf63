// Package txn is the transaction coordinator: which producer owns a
// transactional id, which partitions its transaction touches, and how it ends.
//
// A Shard holds the transactional ids of one partition of
// __transaction_state. It is a coordinator.State: every method runs on the
// shard's loop, and results are valid once the round is committed.
//
//	Empty -> Ongoing -> PrepareCommit -> CompleteCommit -> Ongoing | Empty
//	                 -> PrepareAbort  -> CompleteAbort  -> Ongoing | Empty
//
// The decision is the durable Prepare record: from there on the transaction
// ends that way whatever happens. Markers are then written to all partitions
// (Config.WriteMarkers, outside the loop) and the Complete record follows.
// After a restart every Prepare entry has its markers written again.
//
// Both protocols are spoken. Clients of transaction version 2 (KIP-890: EndTxn
// from v5, Produce from v12) get a new epoch with every completed transaction,
// carried by the markers, so that nothing late of the old transaction can
// enter the log.
package txn
