// Package logstore keeps partition logs on disk in Kafka's file layout, so that Kafka's own tools read them.
//
// A Store owns one or more log dirs and all partitions in them; a Partition is one log. The server above knows
// topics, leaders and requests; this package knows bytes, offsets, producers and files. It must not know the
// protocol.
//
// # Files
//
//	<dir>/.lock                           held by this process, with its pid
//	<dir>/meta.properties                 version=1, cluster.id, node.id, directory.id
//	<dir>/.kafka_cleanshutdown            written last by Close, removed by Open
//	<dir>/recovery-point-offset-checkpoint, log-start-offset-checkpoint,
//	      replication-offset-checkpoint, cleaner-offset-checkpoint
//	                                      text: "0", count, then "topic partition offset" lines
//	<dir>/<topic>-<n>/partition.metadata  "version: 0", "topic_id: <base64url of 16 bytes>"
//	<dir>/<topic>-<n>/leader-epoch-checkpoint
//	                                      text: "0", count, then "epoch startOffset" lines, both rising
//	<dir>/<topic>-<n>/<base>.log          record batches, see package recordbatch
//	<dir>/<topic>-<n>/<base>.index        8 bytes an entry: relative offset int32, position int32
//	<dir>/<topic>-<n>/<base>.timeindex    12 bytes an entry: timestamp ms int64, relative offset int32
//	<dir>/<topic>-<n>/<base>.txnindex     34 bytes an aborted transaction, see txnindex.go
//	<dir>/<topic>-<n>/<offset>.snapshot   producer state below offset, see snapshot.go
//
// <base> is the first offset of the segment in 20 digits. Index files are neither pre-sized nor mapped, and
// they may lack entries of the last bytes of the active segment: those are in memory, and rebuilt on recovery.
//
// # Offsets of a partition
//
//	logStart <= lastStable <= highWatermark <= logEnd;  flushed <= logEnd
//
// Readers that are no replicas see only what lies below the high watermark. With LogConfig.FlushBeforeAck the
// high watermark advances only over flushed bytes, so nobody reads what a power cut can take back.
//
// # Durability
//
// One fdatasync serves every append that was waiting when it started (group commit): an append marks its
// partition dirty, and one flush a partition runs at a time, outside all locks. Order of a flush: data of older
// segments, data of the active segment, the directory if it gained a file and its own name if that is new, the
// leader epoch file; only then are waiters told. A partition without records has a folder and no files; see bare.go.
// A failed write cuts the file back to the last whole batch and answers ErrStorage; the next
// append tries again. A failed sync is never retried: the log dir is offline until restart and recovery.
//
// # Locks
//
// Order, outermost first: Partition.layoutMu (takes segments away: truncate, retention, compaction's swaps; held
// over renames and directory syncs, nobody on the data path waits for it); Partition.appendMu (append, roll,
// truncate; held over write(2) to the page cache, and over syncs only where appends have ended or must wait: truncation,
// deletion, Close); Partition.mu (published state; never held over I/O); segment.idxMu (held over writes of index
// files); segment.fileMu (held over opening a file); Store.mu. logDir.ckMu (one writer of checkpoints) comes behind
// appendMu and before Partition.mu and Store.mu; who creates, truncates wholly or deletes records takes it, nobody on the
// data path does. offsetFile.mu is the innermost. Partition.signMu (held over the writing of partition.metadata) comes
// behind appendMu; first appenders take it without that. Watchers have their own small lock. Callbacks are
// called without any.
package logstore
