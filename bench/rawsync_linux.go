package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// rawSync writes size bytes to each of n files and makes them durable, again and
// again, each file on a thread of its own: what the disk gives.
func rawSync(dir string, n, size int, d time.Duration) (took []time.Duration, span time.Duration, err error) {
	begin := time.Now()
	end := begin.Add(d)
	errs := make([]error, n)
	each := make([][]time.Duration, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { each[i], errs[i] = syncLoop(filepath.Join(dir, fmt.Sprintf("raw-%d", i)), size, end) })
	}
	wg.Wait()
	span = time.Since(begin)
	for i := range n {
		if errs[i] != nil {
			return nil, 0, errs[i]
		}
		took = append(took, each[i]...)
	}
	return took, span, nil
}

func syncLoop(path string, size int, end time.Time) (took []time.Duration, err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer os.Remove(path)
	defer f.Close()
	data := make([]byte, size)
	fillRandom(data)
	for at := int64(0); ; at += int64(size) {
		begin := time.Now()
		if begin.After(end) {
			return took, nil
		}
		if _, err := f.WriteAt(data, at); err != nil {
			return nil, err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return nil, err
		}
		took = append(took, time.Since(begin))
	}
}
