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

// program is the binary under test, built when the first test asks for it.
var program struct {
	sync.Once

	dir, path string
	err       error
}

func TestMain(m *testing.M) {
	code := webtest.Run(m)
	if program.dir != "" {
		if err := os.RemoveAll(program.dir); err != nil {
			fmt.Fprintln(os.Stderr, "remove the program under test:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// build gives the path of the program. It lies where every user may run it.
func build(tb testing.TB) string {
	tb.Helper()
	program.Do(func() {
		program.dir, program.err = os.MkdirTemp("", "idp-e2e-") //nolint:usetesting // it outlives the test that asks first
		if program.err == nil {
			program.err = errors.Join(os.Chmod(program.dir, 0o755), showSources())
		}
		if program.err != nil {
			return
		}
		program.path = filepath.Join(program.dir, "idp")
		args := append([]string{"build", "-o", program.path}, buildFlags...)
		out, err := exec.Command("go", append(args, "github.com/brandidp/idp/cmd/idp")...).CombinedOutput()
		if err != nil {
			program.err = errors.Join(err, errors.New(string(out)))
		}
	})
	if program.err != nil {
		tb.Fatalf("build the program: %v", program.err)
	}
	return program.path
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
