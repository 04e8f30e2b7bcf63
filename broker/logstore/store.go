package logstore

import (
	"context"
	"errors"
)

// Store owns log dirs and the partitions in them. All methods are safe for concurrent use.
type Store struct{}

// DirInfo describes a log dir.
type DirInfo struct {
	Path    string
	ID      TopicID // directory.id of meta.properties
	Offline error   // what took it offline, nil if it is in service
}

var errSkeleton = errors.New("not there yet")

// Open locks the log dirs, reads or writes meta.properties, and recovers every partition folder, in parallel.
// A *vfs.LockedError names the process that holds a dir. A dir that cannot be read is offline; with none left
// Open fails. After a clean shutdown nothing is scanned.
func Open(cfg Config) (*Store, error) { return nil, errSkeleton }

// Run does the background work (retention, compaction, flush.ms, checkpoints, removal of deleted folders,
// producer expiration) until ctx ends. Call it once.
func (s *Store) Run(ctx context.Context) error { return errSkeleton }

// Close flushes everything, writes producer snapshots, checkpoints and the clean shutdown marker, and releases
// the locks. Stop appending first. If ctx ends early the marker is not written and the next Open recovers.
func (s *Store) Close(ctx context.Context) error { return errSkeleton }

// ClusterID is the cluster id in meta.properties.
func (s *Store) ClusterID() string { return "" }

// Dirs describes the log dirs in the order of Config.Dirs.
func (s *Store) Dirs() []DirInfo { return nil }

// Create makes the folder of a new partition, durably, in the dir with the fewest partitions, and opens it.
// ErrExists if the partition is there.
func (s *Store) Create(tp TopicPartition, id TopicID, cfg LogConfig) (*Partition, error) {
	return nil, errSkeleton
}

// Get returns an open partition, nil if there is none.
func (s *Store) Get(tp TopicPartition) *Partition { return nil }

// Partitions returns all open partitions, sorted by topic and number.
func (s *Store) Partitions() []*Partition { return nil }

// Delete closes a partition and renames its folder durably to <topic>-<n>.<uuid>-delete; Run removes it after
// file.delete.delay.ms. Readers that hold data keep it. ErrUnknown if there is none. It needs no disk space.
func (s *Store) Delete(tp TopicPartition) error { return errSkeleton }

// MarkStray closes a partition that the cluster's metadata does not know and renames its folder to
// <topic>-<n>.<uuid>-stray, where it stays for a person to look at.
func (s *Store) MarkStray(tp TopicPartition) error { return errSkeleton }
