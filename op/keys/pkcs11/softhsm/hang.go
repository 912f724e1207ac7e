package softhsm

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// holdVariable names the folder of tokens that a test binary is started to hold.
const holdVariable = "IDP_TEST_HOLD_TOKENS"

// Hang has the token of this process answer nothing, neither yes nor no, until back is
// called: the library waits for locks on the token's files, which another process holds.
func Hang(tb testing.TB) (back func()) {
	tb.Helper()
	_, folder := Shared(tb)
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	holder := exec.Command(self) //nolint:gosec,noctx // this very program, until back ends it
	holder.Env, holder.Stderr = append(os.Environ(), holdVariable+"="+Tokens(folder)), os.Stderr
	until, err := holder.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	holds, err := holder.StdoutPipe()
	if err == nil {
		err = holder.Start()
	}
	if err == nil {
		_, err = io.ReadFull(holds, make([]byte, 1))
	}
	if err != nil {
		tb.Fatalf("hold the token's files: %v", err)
	}
	ended := false
	back = func() {
		tb.Helper()
		if ended {
			return
		}
		ended = true
		if err := errors.Join(until.Close(), holder.Wait()); err != nil {
			tb.Error(err)
		}
	}
	tb.Cleanup(back)
	return back
}

// hold locks every file of the tokens in a folder, says so, and keeps the locks until
// nobody writes to it any more.
func hold(folder string) error {
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error { //nolint:gosec // a test's own folder
		if err != nil || entry.IsDir() {
			return err
		}
		file, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // as above; the locks last as long as it is open
		if err != nil {
			return err //nolint:wrapcheck // wrapped below
		}
		held = append(held, file)
		return syscall.FcntlFlock(file.Fd(), syscall.F_SETLKW, &syscall.Flock_t{Type: syscall.F_WRLCK})
	})
	if err == nil {
		_, err = os.Stdout.Write([]byte{'.'})
	}
	if err == nil {
		_, err = io.Copy(io.Discard, os.Stdin)
	}
	if err != nil {
		return fmt.Errorf("hold the files of the tokens: %w", err)
	}
	return nil
}

// held are the files that hold has locked. A file that nothing refers to is closed.
var held []*os.File
