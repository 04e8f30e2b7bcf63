package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
)

// profile writes a CPU profile of the whole run to the file that LEAT_CPUPROFILE
// names, and what was allocated to that of LEAT_MEMPROFILE; %p in a name is the
// process id. The function that it returns ends both.
func profile() (stop func() error, err error) {
	var cpu *os.File
	if path := profilePath("LEAT_CPUPROFILE"); path != "" {
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
		if path := profilePath("LEAT_MEMPROFILE"); path != "" {
			errs = append(errs, writeHeap(path))
		}
		return errors.Join(errs...)
	}, nil
}

func profilePath(variable string) string {
	return strings.ReplaceAll(os.Getenv(variable), "%p", strconv.Itoa(os.Getpid()))
}

func writeHeap(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("LEAT_MEMPROFILE: %w", err)
	}
	runtime.GC()
	return errors.Join(pprof.Lookup("allocs").WriteTo(f, 0), f.Close())
}
