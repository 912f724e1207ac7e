// Package e2e_test is what people and relying parties see of the provider: it
// builds the program, starts it as an operator does, and comes to it over the
// network, with unmodified libraries of relying parties and with Chromium. It
// must never reach into the process or its memory; what a test has to know of
// the database it reads from outside.
package e2e_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/brandidp/idp/web/webtest"
)

// folder is where the programs under test lie, so that every user may run them.
var folder string

func TestMain(m *testing.M) {
	code := 1
	var err error
	if folder, err = os.MkdirTemp("", "idp-e2e-"); err == nil {
		if err = os.Chmod(folder, 0o755); err == nil {
			code = webtest.Run(m)
		}
		err = errors.Join(err, os.RemoveAll(folder))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "the folder of the program under test:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// The program under test, and the same without the race detector for what is
// measured or large; each is built when the first test asks for it.
var (
	program = sync.OnceValues(func() (string, error) { return compile("idp", buildFlags...) })
	plain   = sync.OnceValues(func() (string, error) { return compile("idp-plain") })
)

// build gives the path of the program.
func build(tb testing.TB) string { tb.Helper(); return built(tb, program) }

// buildPlain gives the path of the program without the race detector.
func buildPlain(tb testing.TB) string { tb.Helper(); return built(tb, plain) }

func built(tb testing.TB, program func() (string, error)) string {
	tb.Helper()
	path, err := program()
	if err != nil {
		tb.Fatalf("build the program: %v", err)
	}
	return path
}

func compile(name string, flags ...string) (string, error) {
	if err := showSources(); err != nil {
		return "", err
	}
	path := filepath.Join(folder, name)
	args := append([]string{"build", "-o", path}, flags...)
	out, err := exec.Command("go", append(args, "github.com/brandidp/idp/cmd/idp")...).CombinedOutput()
	if err != nil {
		return "", errors.Join(err, errors.New(string(out)))
	}
	return path, nil
}

// showSources looks at each file that the program is made of. go test, which sees
// that, then takes no result of these tests from its cache when one has changed.
func showSources() error {
	for _, folder := range []string{"../../cmd", "../../op", "../../web", "../../storage", "../../migrations"} {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() && entry.Name() == "node_modules" {
				return fs.SkipDir
			}
			if err == nil && entry.Type().IsRegular() {
				_, err = os.Stat(path)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
