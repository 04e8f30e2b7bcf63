package vfs

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
)

// Damage does to a file what bad disks and careless hands do, one thing that rng decides: it flips a bit, cuts the file,
// zeroes a sector, appends garbage, or removes it. It returns what it did, in words. The file must not be empty.
func (m *Mem) Damage(name string, rng *rand.Rand) (how string, err error) {
	f, err := m.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return "", err
	}
	at := rng.Int64N(size)
	change := func(at int64, b []byte) error {
		_, err := f.WriteAt(b, at)
		return err
	}
	switch rng.IntN(6) {
	case 0:
		return fmt.Sprintf("cut at %d of %d", at, size), f.Truncate(at)
	case 1:
		at = at / 512 * 512
		return fmt.Sprintf("zeros at %d of %d", at, size), change(at, make([]byte, min(512, size-at)))
	case 2:
		garbage := make([]byte, 1+rng.IntN(200))
		for i := range garbage {
			garbage[i] = byte(rng.IntN(256))
		}
		return fmt.Sprintf("%d bytes of garbage behind %d", len(garbage), size), change(size, garbage)
	case 3:
		return "loss", m.Remove(name)
	}
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		return "", err
	}
	b[0] ^= 1 << rng.IntN(8)
	return fmt.Sprintf("a flipped bit at %d of %d", at, size), change(at, b)
}

// Files lists the files of folders that are not empty, with their paths.
func (m *Mem) Files(dirs ...string) ([]string, error) {
	var files []string
	for _, dir := range dirs {
		names, err := m.List(dir)
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			path := filepath.Join(dir, n)
			info, err := m.Stat(path)
			if err != nil {
				return nil, err
			}
			if !info.Dir && info.Size > 0 {
				files = append(files, path)
			}
		}
	}
	return files, nil
}
