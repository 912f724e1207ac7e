// Package datadir says where the data directories of tests' servers are made. It is a
// package of its own since the tests of storage/builtin ask it, too, which storagetest
// imports. It must never be imported by anything but tests.
package datadir

import (
	"os"
	"syscall"
)

// Parent is the folder that data directories are made in: one in memory if there is room,
// since a database is a few hundred files, made and removed again with each test, at which
// a file system on a disk may take longer than everything else that the test does. A
// TMPDIR that somebody has set is used instead.
func Parent() string {
	const memory, room = "/dev/shm", 2 << 30
	var system syscall.Statfs_t
	if os.Getenv("TMPDIR") != "" || syscall.Statfs(memory, &system) != nil || system.Bavail < room/uint64(system.Bsize) { //nolint:gosec // a size of blocks is positive
		return os.TempDir()
	}
	return memory
}
