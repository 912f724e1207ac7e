package builtin

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// A process that is killed while it starts for the first time leaves an initdb
// that goes on writing. The next start is not in its way, nor it in that one's.
func TestNextStartAfterAKilledFirst(t *testing.T) {
	t.Parallel()
	for moment, sign := range map[string]string{
		"before all":                "start.lock",
		"before initdb":             "socket",
		"initdb makes folders":      "*/pg_*",
		"initdb writes settings":    "*/postgresql.conf",
		"initdb makes the template": "*/base/1",
		"initdb fills the template": "*/base/1/1249",
		"initdb copies it":          "*/base/[45]",
		"the data have their name":  "data",
		"the server starts":         "data/postmaster.pid",
		"the server listens":        "socket/.s.PGSQL." + port,
	} {
		t.Run(moment, func(t *testing.T) {
			t.Parallel()
			dir := dataDir(t)
			killed := helperCommand(t, dir)
			if err := killed.Start(); err != nil {
				t.Fatal(err)
			}
			eventually(t, sign, func() bool {
				found, err := filepath.Glob(filepath.Join(dir, "postgres", sign))
				return err == nil && len(found) > 0
			})
			kill(t, killed)

			s := start(t, Options{DataDir: dir})
			execute(t, connect(t, s.URL()), "create table kept ()")
			stop(t, s)
			eventually(t, "the killed process's initdb ends", func() bool { return !initdbRuns(t, dir) })
			s = start(t, Options{DataDir: dir})
			if !query[bool](t, connect(t, s.URL()), "select to_regclass('kept') is not null") {
				t.Error("the table is gone")
			}
			if left, err := filepath.Glob(filepath.Join(dir, "postgres", attempts+"*")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %q, error %v", left, err)
			}
		})
	}
}

// Between the making of the socket's folder and its handing over is a moment too.
func TestSocketFolderOfAKilledStart(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	path := filepath.Join(dir, "postgres")
	if err := firstError(os.Mkdir(path, 0o711), os.Chmod(path, 0o711), os.Mkdir(filepath.Join(path, "socket"), 0o700)); err != nil {
		t.Fatal(err)
	}
	s := start(t, Options{DataDir: dir, Disposable: true})
	execute(t, connect(t, s.URL()), "select 1")
}

// initdbRuns reports whether a process makes data in dir.
func initdbRuns(t *testing.T, dir string) bool {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file) // no longer there, if it has ended
		if err == nil && bytes.Contains(raw, []byte(filepath.Join(dir, "postgres", attempts))) {
			return true
		}
	}
	return false
}
