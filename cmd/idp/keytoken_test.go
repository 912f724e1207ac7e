//go:build cgo

package main

import (
	"strings"
	"testing"

	"github.com/brandidp/idp/op/keys/pkcs11/softhsm"
)

// TestKeyIsMadeInAToken makes one key there, while all others are in the database.
func TestKeyIsMadeInAToken(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)
	if r := i.run("", "key", "create", "--signer", "pkcs11"); r.code != 1 || !strings.Contains(r.stderr, "pkcs11.module") {
		t.Errorf("without a token: %+v", r)
	}

	options, _ := softhsm.Shared(t)

	pin := i.write("pin", options.PIN+"\n")
	i.environ = append(i.environ, "IDP_PKCS11_MODULE="+options.Module, "IDP_PKCS11_TOKEN="+options.Token, "IDP_PKCS11_PIN_FILE="+pin)

	if r := i.run("", "key", "create", "--client", "messaging-code", "--signer", "pkcs11"); r.code != 0 ||
		!strings.Contains(r.stdout, ", in a PKCS #11 token. Next: ") {
		t.Fatalf("%+v", r)
	}

	if r := i.run("", "key", "create"); r.code != 0 || !strings.Contains(r.stdout, ", sealed in the database. Next: ") {
		t.Errorf("%+v", r)
	}

	kids, got := states(t, i, "--client", "messaging-code")
	if len(kids) != 2 || got[1] != "created" {
		t.Fatalf("keys %v", got)
	}

	if r := i.run("", "key", "publish", "--", kids[1]); r.code != 0 {
		t.Errorf("%+v", r)
	}

	if r := i.run("", "doctor"); r.code != 0 {
		t.Errorf("doctor: %+v", r)
	}

	configured := i.environ
	i.environ = configured[:len(configured)-3]

	if r := i.run("", "doctor"); r.code != 1 || !strings.Contains(r.stdout, "signing key "+kids[1]+": it is in the PKCS #11 token "+options.Token+", and pkcs11.module is not set; ") {
		t.Errorf("doctor without the token: %+v", r)
	}

	i.environ = configured

	if r := i.run("", "key", "create", "--signer", "openssl"); r.code == 0 {
		t.Errorf("another signer: %+v", r)
	}
}
