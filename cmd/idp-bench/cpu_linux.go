package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// threadCPU is the CPU time of the calling thread.
func threadCPU() (time.Duration, error) { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }

// processCPU is the CPU time of a process with all its threads, those that have
// ended included, to the nanosecond. The clock's id is made of the process id as
// clock_getcpuclockid(3) does it.
func processCPU(pid int) (time.Duration, error) { return clock(int32(^pid<<3 | 2)) } //nolint:gosec // process ids fit

func clock(id int32) (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(id, &t); err != nil {
		return 0, fmt.Errorf("read CPU clock: %w", err)
	}
	return time.Duration(t.Nano()), nil
}

// familyCPU is the CPU time of a process and its children, those that have ended
// included (to the kernel's tick of 10 ms).
func familyCPU(parent int) (time.Duration, error) {
	total, err := processCPU(parent)
	if err != nil {
		return 0, err
	}
	ended, err := endedChildrenCPU(parent)
	if err != nil {
		return 0, err
	}
	total += ended
	children, err := childrenOf(parent)
	if err != nil {
		return 0, err
	}
	for _, child := range children {
		spent, err := processCPU(child)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ESRCH) {
			continue // has just ended
		}
		if err != nil {
			return 0, err
		}
		total += spent
	}
	return total, nil
}

func childrenOf(parent int) ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var children []int
	for _, name := range stats {
		fields, err := statFields(name)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if fields[1] == strconv.Itoa(parent) {
			child, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", name, err)
			}
			children = append(children, child)
		}
	}
	return children, nil
}

func endedChildrenCPU(parent int) (time.Duration, error) {
	fields, err := statFields(fmt.Sprintf("/proc/%d/stat", parent))
	if err != nil {
		return 0, err
	}
	var ticks int64
	for _, text := range fields[13:15] { // cutime and cstime, see proc_pid_stat(5)
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read CPU time of children: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// statFields gives the fields of a stat file after the program's name, which may
// hold spaces: the state, the parent and so on.
func statFields(name string) ([]string, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read process: %w", err)
	}
	var fields []string
	for field := range bytes.FieldsSeq(raw[bytes.LastIndexByte(raw, ')')+1:]) {
		fields = append(fields, string(field))
	}
	if len(fields) < 15 {
		return nil, fmt.Errorf("read %s: %d fields", name, len(fields))
	}
	return fields, nil
}

// freeSpace is how many bytes can be written below a folder.
func freeSpace(folder string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(folder, &stat); err != nil {
		return 0, fmt.Errorf("ask for the free space of %s: %w", folder, err)
	}
	return int64(stat.Bavail) * stat.Bsize, nil //nolint:gosec // sizes of disks fit
}
