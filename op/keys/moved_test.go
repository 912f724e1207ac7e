package keys_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

// TestAKeyThatWasMovedDoesNotSign: whoever can write to the database cannot have
// one connector's tokens signed by another's key.
//
//security:2-moved-key
func TestAKeyThatWasMovedDoesNotSign(t *testing.T) {
	t.Parallel()
	_, keyring, rows := set(t)
	changed := func(change func(*storage.SigningKey)) []*storage.SigningKey {
		row := *rows[0]
		change(&row)
		return []*storage.SigningKey{&row}
	}
	for name, changed := range map[string][]*storage.SigningKey{
		"private half of another": changed(func(k *storage.SigningKey) { k.PrivateSealed = rows[1].PrivateSealed }),
		"another kid":             changed(func(k *storage.SigningKey) { k.Kid = rows[1].Kid }),
		"cut":                     changed(func(k *storage.SigningKey) { k.PrivateSealed = k.PrivateSealed[:100] }),
		"nothing":                 changed(func(k *storage.SigningKey) { k.PrivateSealed = nil }),
	} {
		wantSealed(t, name, keys.NewSet(changed, keyring, nil, nil))
	}
	foreign, err := keyring.Seal(seal.Tickets, []byte("x"), "signing_keys", rows[0].Kid)
	if err != nil {
		t.Fatal(err)
	}
	wantSealed(t, "sealed for another purpose", keys.NewSet(changed(func(k *storage.SigningKey) { k.PrivateSealed = foreign }), keyring, nil, nil))
	for name, public := range map[string]string{"no JSON": "{", "symmetric": `{"kty":"oct","k":"AAAA"}`, "private": `{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQAB"}`} {
		set := keys.NewSet(changed(func(k *storage.SigningKey) { k.PublicJWK = json.RawMessage(public) }), keyring, nil, nil)
		if string(set.JWKS()) != `{"keys":[]}` || len(set.Faults()) != 1 {
			t.Errorf("a public half that is %s was published", name)
		}
	}
}

// wantSealed checks that the only key of a set does not open, and nothing signs.
func wantSealed(t *testing.T, name string, set *keys.Set) {
	t.Helper()
	if faults := set.Faults(); len(faults) != 1 || !errors.Is(faults[0], seal.ErrSealed) {
		t.Errorf("%s: %v", name, faults)
	}
	if _, err := set.Signer(0, keys.RS256, 0); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("%s: it signs: %v", name, err)
	}
}

func TestForgedTokensDoNotVerify(t *testing.T) {
	t.Parallel()
	all, _, _ := set(t)
	signer, err := all.Signer(0, keys.RS256, 0)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signer.Sign([]byte(`{"sub":"a"}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := all.Verify(token); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(token, ".")
	encode := base64.RawURLEncoding.EncodeToString
	for name, forged := range map[string]string{
		"another payload": parts[0] + "." + encode([]byte(`{"sub":"b"}`)) + "." + parts[2],
		"no signature":    parts[0] + "." + parts[1] + ".",
		"alg none":        encode([]byte(`{"alg":"none","kid":"`+signer.Kid()+`"}`)) + "." + parts[1] + ".",
		"alg HS256":       encode([]byte(`{"alg":"HS256","kid":"`+signer.Kid()+`"}`)) + "." + parts[1] + "." + parts[2],
		"another kid":     encode([]byte(`{"alg":"RS256","kid":"x"}`)) + "." + parts[1] + "." + parts[2],
		"no kid":          encode([]byte(`{"alg":"RS256"}`)) + "." + parts[1] + "." + parts[2],
		"two parts":       parts[0] + "." + parts[1],
		"empty":           "",
	} {
		if payload, err := all.Verify(forged); err == nil {
			t.Errorf("%s: %s", name, payload)
		}
	}
}

//contract:1.1-key-size 1.6-one-line
func TestOneLineOfAKey(t *testing.T) {
	t.Parallel()
	_, _, rows := set(t)
	line, err := keys.OneLine(rows[0].PublicJWK)
	if err != nil || strings.ContainsAny(line, "\r\n- ") {
		t.Errorf("%q, %v", line, err)
	}
	if der, err := base64.StdEncoding.DecodeString(line); err != nil || len(der) != 294 {
		t.Errorf("%d bytes, %v; want an SPKI of RSA-2048", len(der), err)
	}
	if _, err := keys.OneLine(json.RawMessage("{")); err == nil {
		t.Error("what is no key became a line")
	}
}
