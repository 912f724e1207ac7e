package e2e_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"
)

// The relying party of openid-client for JavaScript, unmodified.
func TestOpenIDClient(t *testing.T) {
	t.Parallel()
	needModule(t, "openid-client")
	node := needNode(t)
	s := serve(t, cheapHashing...)
	s.Apply(clients + amelia)
	input, err := json.Marshal(map[string]string{
		"issuer": s.Issuer, "redirectURI": callback, "secret": secret, "username": "amelia", "password": ameliasPassword,
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), node, "openid-client.mjs", string(input)).CombinedOutput()
	if err != nil || string(out) != "ok\n" {
		t.Errorf("%v\n%s", err, out)
	}
}

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
