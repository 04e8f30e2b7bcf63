package logstore

// Checkpoint writes the checkpoint files now, as Run does from time to time.
func (s *Store) Checkpoint() { s.checkpointAll() }

// EmptyTrash removes deleted files now.
func (s *Store) EmptyTrash() { s.emptyTrash() }
