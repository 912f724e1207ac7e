package seal_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/brandidp/idp/op/seal"
)

//security:22-stolen-database
func TestOpenWithSecret(t *testing.T) {
	t.Parallel()
	const secret, purpose = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG", "purpose"
	plaintext := []byte("an access token")
	sealed, err := seal.WithSecret(rand.Reader, secret, purpose, plaintext, "client")
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := seal.OpenWithSecret(secret, purpose, sealed, "client"); err != nil || !bytes.Equal(opened, plaintext) {
		t.Errorf("opened %q, %v", opened, err)
	}
	again, err := seal.WithSecret(rand.Reader, secret, purpose, plaintext, "client")
	if err != nil || bytes.Equal(sealed, again) || bytes.Contains(sealed, plaintext) {
		t.Errorf("sealed twice alike, or not at all: %v", err)
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	elsewhere := bytes.Clone(sealed)
	elsewhere[5] ^= 1
	for name, test := range map[string]struct {
		secret, purpose, client string
		sealed                  []byte
	}{
		"another secret":    {secret + "x", purpose, "client", sealed},
		"another purpose":   {secret, "other", "client", sealed},
		"another client":    {secret, purpose, "client2", sealed},
		"changed":           {secret, purpose, "client", changed},
		"of a data key":     {secret, purpose, "client", elsewhere},
		"cut":               {secret, purpose, "client", sealed[:40]},
		"of nothing at all": {secret, purpose, "client", nil},
	} {
		if opened, err := seal.OpenWithSecret(test.secret, test.purpose, test.sealed, test.client); !errors.Is(err, seal.ErrSealed) {
			t.Errorf("%s: opened %q, %v", name, opened, err)
		}
	}
}
