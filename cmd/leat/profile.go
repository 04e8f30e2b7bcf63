package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
)

// profile writes a CPU profile of the whole run to the file that LEAT_CPUPROFILE
// names, and the heap at its end to that of LEAT_MEMPROFILE. The function that it
// returns ends both.
func profile() (stop func() error, err error) {
	var cpu *os.File
	if path := os.Getenv("LEAT_CPUPROFILE"); path != "" {
		if cpu, err = os.Create(path); err != nil {
			return nil, fmt.Errorf("LEAT_CPUPROFILE: %w", err)
		}
		if err := pprof.StartCPUProfile(cpu); err != nil {
			return nil, fmt.Errorf("LEAT_CPUPROFILE: %w", err)
		}
	}
	return func() error {
		var errs []error
		if cpu != nil {
			pprof.StopCPUProfile()
			errs = append(errs, cpu.Close())
		}
		if path := os.Getenv("LEAT_MEMPROFILE"); path != "" {
			errs = append(errs, writeHeap(path))
		}
		return errors.Join(errs...)
	}, nil
}

func writeHeap(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("LEAT_MEMPROFILE: %w", err)
	}
	runtime.GC()
	return errors.Join(pprof.Lookup("allocs").WriteTo(f, 0), f.Close())
}
