package logstore

import "context"

func (s *Store) cleanLoop(ctx context.Context) error { <-ctx.Done(); return nil }

func (p *Partition) completeSwaps(names []string) (bool, error) { return false, nil }
