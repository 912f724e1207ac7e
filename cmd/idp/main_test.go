package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/brandidp/idp/cmd/idp/config"
	"github.com/brandidp/idp/op/keys/pkcs11/softhsm"
	"github.com/brandidp/idp/web/webtest"
)

func TestMain(m *testing.M) { os.Exit(softhsm.Run(tests{m})) }

// tests are those of the package, run with a database server and a browser.
type tests struct{ *testing.M }

func (t tests) Run() int { return webtest.Run(t.M) }

// result is what a command line came to.
type result struct {
	code   int
	stdout string
	stderr string
}

// execute runs a command line as main does, without the machine's variables
// and files.
func execute(t *testing.T, environ []string, args ...string) result {
	t.Helper()

	var stdout, stderr bytes.Buffer

	in := config.Inputs{Environ: append([]string{"HOME=/home/amelia"}, environ...), UserID: 1000}
	code := run(t.Context(), in, args, new(bytes.Buffer), &stdout, &stderr)

	return result{code: code, stdout: stdout.String(), stderr: stderr.String()}
}
