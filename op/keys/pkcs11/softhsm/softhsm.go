// Package softhsm gives tests a PKCS #11 token in software, SoftHSM's. It must never
// be imported by anything but tests.
package softhsm

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/brandidp/idp/op/keys/pkcs11"
)

const (
	label = "idp test"
	pin   = "271828"
)

// modules are the places where distributions have the library.
var modules = []string{
	"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so", "/opt/homebrew/lib/softhsm/libsofthsm2.so",
}

// Module is the path of the library, or an error that says what to install.
func Module() (string, error) {
	for _, path := range modules {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", errors.New("SoftHSM is missing: deploy/dev/prerequisites.sh softhsm")
}

// Make makes a token in a folder. The library finds it by the variable
// SOFTHSM2_CONF, of which configuration is the value.
func Make(folder string) (options pkcs11.Options, configuration string, err error) {
	module, err := Module()
	if err != nil {
		return pkcs11.Options{}, "", err
	}
	configuration = filepath.Join(folder, "softhsm2.conf")
	tokens := Tokens(folder)
	err = os.Mkdir(tokens, 0o700)
	if err == nil {
		err = os.WriteFile(configuration, []byte("directories.tokendir = "+tokens+"\nobjectstore.backend = file\nlog.level = ERROR\n"), 0o600)
	}
	if err != nil {
		return pkcs11.Options{}, "", fmt.Errorf("make a token: %w", err)
	}
	cmd := exec.Command("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "314159") //nolint:noctx // it takes a moment
	cmd.Env = append(os.Environ(), "SOFTHSM2_CONF="+configuration)
	if out, err := cmd.CombinedOutput(); err != nil {
		return pkcs11.Options{}, "", fmt.Errorf("make a token: %w: %s", err, out)
	}
	return pkcs11.Options{Module: module, Token: label, PIN: pin}, configuration, nil
}

// Tokens is where the tokens are of a folder in which Make has made one.
func Tokens(folder string) string { return filepath.Join(folder, "tokens") }

var shared struct {
	sync.Once

	options pkcs11.Options
	folder  string
	err     error
}

// Shared gives the token of this process, made when it is first asked for, and the
// folder that it lies in: the library reads its configuration once.
func Shared(tb testing.TB) (pkcs11.Options, string) {
	tb.Helper()
	shared.Do(func() {
		var configuration string
		shared.folder, shared.err = os.MkdirTemp("", "idp-softhsm-") //nolint:usetesting // it outlives the test that asks first
		if shared.err == nil {
			shared.options, configuration, shared.err = Make(shared.folder)
		}
		if shared.err == nil {
			shared.err = os.Setenv("SOFTHSM2_CONF", configuration) //nolint:usetesting // as above
		}
	})
	if shared.err != nil {
		tb.Fatal(shared.err)
	}
	return shared.options, shared.folder
}

// Run runs a package's tests, removes the token of this process, and gives the exit
// code. M is a *testing.M, or something that runs one.
func Run(m interface{ Run() int }) int {
	if folder := os.Getenv(holdVariable); folder != "" { // started by Hang
		if err := hold(folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	code := m.Run()
	if err := os.RemoveAll(shared.folder); err != nil {
		fmt.Fprintln(os.Stderr, "remove the token:", err)
		code = max(code, 1)
	}
	return code
}
