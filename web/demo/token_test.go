//go:build cgo

package demo_test

import (
	"testing"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/keys/pkcs11/softhsm"
	"github.com/brandidp/idp/web/webtest"
)

// Every key is in a PKCS #11 token, made there and never here, and nobody sees the
// difference.
func TestWindowsByKeysInAToken(t *testing.T) {
	t.Parallel()
	options, _ := softhsm.Shared(t)
	signers, err := keys.NewSigners(keys.SignerOptions{Name: keys.SignerPKCS11, PKCS11: options})
	if err != nil {
		t.Fatal(err)
	}
	s := startAt(t, brandName, func(brandFile string) string { return brandFile }, signers)
	t.Run("windows", s.windows)
	if here := webtest.Query[int](s.Provider, "select count(*) from signing_keys where private_sealed is not null"); here > 0 {
		t.Errorf("%d private keys are in the database", here)
	}
	if there := webtest.Query[int](s.Provider, "select count(*) from signing_keys where private_uri like 'pkcs11:%'"); there < 2 {
		t.Errorf("%d keys are in the token", there)
	}
}
