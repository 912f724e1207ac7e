package e2e_test

import (
	"os"
	"os/exec"
	"testing"
)

// needNode gives the path of Node.
func needNode(tb testing.TB) string {
	tb.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		tb.Fatal("no node in PATH: install Node 20 or newer (Debian 13, Ubuntu 25.04: apt-get install nodejs)")
	}
	return node
}

// needModule fails unless npm has installed a module beside the tests.
func needModule(tb testing.TB, name string) {
	tb.Helper()
	if _, err := os.Stat("node_modules/" + name); err != nil {
		tb.Fatalf("%s is not there: run make test, or npm ci in web/e2e", name)
	}
}
