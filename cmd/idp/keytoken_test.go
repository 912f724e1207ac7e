//go:build cgo

package main

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/keys/pkcs11"
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

	deleteInToken(t, i, options, configured, kids[1])
}

// deleteInToken deletes keys there: one that the program reaches, and one that it has no
// way to, which it tells of.
func deleteInToken(t *testing.T, i *installation, options pkcs11.Options, configured []string, published string) {
	t.Helper()

	if r := i.run("", "key", "create", "--client", "messaging-code", "--signer", "pkcs11"); r.code != 0 {
		t.Fatalf("%+v", r)
	}

	kids, _ := states(t, i, "--client", "messaging-code")
	gone, stays := signerInToken(t, i, options, published), signerInToken(t, i, options, kids[2])

	if r := i.run("", "key", "delete", "--force", "--", published); r.code != 0 || strings.Contains(r.stdout, "private half") {
		t.Errorf("%+v", r)
	}

	if _, err := gone.Sign(rand.Reader, make([]byte, sha256.Size), crypto.SHA256); !errors.Is(err, pkcs11.ErrNoKey) {
		t.Errorf("the private half of a deleted key: %v", err)
	}

	i.environ = configured[:len(configured)-3]

	if r := i.run("", "key", "revoke", "--compromised", "--", kids[2]); r.code != 0 ||
		!strings.Contains(r.stdout, "Warning: its private half is still in the token, as pkcs11:token=idp%20test;id=%") || !strings.Contains(r.stdout, "pkcs11.module is not set") {
		t.Errorf("%+v", r)
	}

	i.environ = configured

	if _, err := stays.Sign(rand.Reader, make([]byte, sha256.Size), crypto.SHA256); err != nil {
		t.Errorf("the private half that the program had no way to: %v", err)
	}
}

// signerInToken signs by the private half of a key, as long as that is there.
func signerInToken(t *testing.T, i *installation, options pkcs11.Options, kid string) crypto.Signer {
	t.Helper()

	token, err := pkcs11.Open(options)
	if err != nil {
		t.Fatal(err)
	}

	store := i.store()

	snapshot, err := store.ReadSnapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	key, err := keys.Find(snapshot.Keys, kid)
	if err != nil {
		t.Fatal(err)
	}

	address, err := pkcs11.ParseURI(key.PrivateURI)
	if err != nil {
		t.Fatal(err)
	}

	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(key.PublicJWK); err != nil {
		t.Fatal(err)
	}

	return token.Key(address, jwk.Key)
}
