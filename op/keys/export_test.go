package keys_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/brandidp/idp/op/keys"
)

//contract:1.6-one-line
func TestEveryFormIsTheSameKey(t *testing.T) {
	t.Parallel()
	all, _, rows := set(t)
	row := rows[1]
	written, err := keys.PEM(row.PublicJWK)
	if err != nil {
		t.Fatal(err)
	}
	line, err := keys.OneLine(row.PublicJWK)
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode([]byte(written))
	if block == nil || block.Type != "PUBLIC KEY" || len(rest) > 0 || base64.StdEncoding.EncodeToString(block.Bytes) != line {
		t.Fatalf("PEM and one line differ:\n%s\n%s", written, line)
	}
	if _, err := x509.ParsePKIXPublicKey(block.Bytes); err != nil || strings.ContainsAny(line, "\r\n -") {
		t.Errorf("one line: %v", err)
	}
	if got, want := keys.PublishedJWKS(rows, 7), all.OwnJWKS(7); string(got) != string(want) {
		t.Errorf("JWKS %s, published is %s", got, want)
	}
	if got := keys.PublishedJWKS(rows, 8); string(got) != `{"keys":[]}` {
		t.Errorf("a key that is not published yet: %s", got)
	}
}

func TestActiveOf(t *testing.T) {
	t.Parallel()
	_, _, rows := set(t)
	if row, err := keys.ActiveOf(rows, 7, keys.RS256); err != nil || row != rows[1] {
		t.Errorf("owner 7: %v", err)
	}
	if _, err := keys.ActiveOf(rows, 8, keys.RS256); !errors.Is(err, keys.ErrNoKey) { // it has one that is created alone
		t.Errorf("owner 8: %v", err)
	}
}

func TestCompactSize(t *testing.T) {
	t.Parallel()
	all, _, rows := set(t)
	signer, err := all.Signer(7, keys.RS256, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, length := range []int{1, 2, 3, 700} {
		token, err := signer.Sign([]byte(strings.Repeat("x", length)))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := keys.CompactSize(rows[1], length); err != nil || got != len(token) {
			t.Errorf("%d bytes: %d, %v; the token has %d", length, got, err, len(token))
		}
	}
}

func TestWhatIsNoPublicKeyIsNotWritten(t *testing.T) {
	t.Parallel()
	for _, jwk := range []string{`{}`, `7`, `{"kty":"oct","k":"c2VjcmV0"}`} {
		if _, err := keys.PEM(json.RawMessage(jwk)); err == nil {
			t.Errorf("%s as PEM", jwk)
		}
		if _, err := keys.OneLine(json.RawMessage(jwk)); err == nil {
			t.Errorf("%s in one line", jwk)
		}
	}
}
