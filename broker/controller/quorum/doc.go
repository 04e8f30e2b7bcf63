// Package quorum replicates the metadata log with go.etcd.io/raft/v3: a RawNode
// driven by Node's loop, over a partition of broker/logstore.
//
// # Files
//
// All are in the folder of __cluster_metadata-0, in Kafka's layout:
//
//	<base>.log, .index ...          the log, see package logstore
//	quorum-state                    JSON: term and vote, see hardstate.go
//	<end>-<epoch>.checkpoint        a snapshot of the state machine, see snapshot.go
//
// # Entries and offsets
//
// A raft entry is one record of the log: term = leader epoch, index - 1 =
// offset. The empty entry that raft appends when it elects a leader is Kafka's
// LeaderChange control batch. The records of one proposal form a group, which
// is applied whole or not at all: each entry says how many of its group follow
// it. A group is stored as one record batch, so that in the files a batch is a
// group. Only a follower that gets a group in two messages stores two batches;
// the last record of the first then has the header "more" with the number of
// records that are missing. A leader change that cuts a group off makes the
// rest of it void, on all nodes alike, as the log is the same everywhere.
//
// # Durability
//
// Order for one Ready of raft: quorum-state if term or vote changed (temp,
// fsync, rename, fsync of the folder), then each batch, flushed before the
// next one is written, then the messages to other voters, then the committed
// entries to the state machine. As at most one batch is not flushed at any
// time, a damaged batch that a sound one follows was flushed once: recovery
// refuses such a log instead of cutting it (logstore.Config.NeverCut). A crash
// leaves a torn batch at most, which nobody was told of.
//
// A write that fails (disk full) ends the raft instance, as a crash would, and
// the next proposal starts a new one from the files; nothing of the failed
// write was told to anyone.
//
// # Voters
//
// With one voter, whatever is in its log is committed, it elects itself at
// once, needs no ticks and no Transport. More voters need a Transport and
// their ids in Config.Voters, which are the same on all nodes; the ids of
// nodes are raft's ids minus one, as raft has no id 0.
package quorum
