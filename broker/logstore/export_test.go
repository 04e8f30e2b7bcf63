package logstore

// Checkpoint writes the checkpoint files now, as Run does from time to time.
func (s *Store) Checkpoint() { s.checkpointAll() }

// EmptyTrash removes deleted files now.
func (s *Store) EmptyTrash() { s.emptyTrash() }

// OffsetsLooked is at how many partitions the writing of checkpoints has looked so far.
func (s *Store) OffsetsLooked() int64 { return s.offsetsLooked.Load() }

// AppendLocked says whether somebody holds the lock of appends.
func (p *Partition) AppendLocked() bool {
	if p.appendMu.TryLock() {
		p.appendMu.Unlock()
		return false
	}
	return true
}
