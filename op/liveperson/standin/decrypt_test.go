package standin_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/liveperson/standin"
)

func encryptionKey(t *testing.T, key liveperson.EncryptionKey) *rsa.PublicKey {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(key.Base64)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		t.Fatal(err)
	}
	return public.(*rsa.PublicKey)
}

// A nested token is decrypted and then examined as any other.
func TestEncryptedTokens(t *testing.T) {
	t.Parallel()
	b := newBrand(t, func(c *standin.Connector) {
		if c.ID == "code" { // serves here as the one with a pasted key
			c.Keys, c.CodeFlow, c.JWKSEndpoint = standin.KeysPasted, false, ""
		}
	})
	given, err := b.cloud.EncryptionKey()
	if err != nil {
		t.Fatal(err)
	}
	key := encryptionKey(t, given)
	type options struct {
		alg      jose.KeyAlgorithm
		enc      jose.ContentEncryption
		key      *rsa.PublicKey
		cty, kid string
		zip      jose.CompressionAlgorithm
		crit     bool
		plain    string
	}
	good := func(change func(*options)) string {
		o := options{jose.RSA_OAEP_256, jose.A128CBC_HS256, key, "JWT", given.Kid, "", false, b.token(b.goodClaims())}
		if change != nil {
			change(&o)
		}
		extra := &jose.EncrypterOptions{Compression: o.zip}
		if o.cty != "" {
			extra = extra.WithContentType(jose.ContentType(o.cty))
		}
		if o.crit {
			extra = extra.WithHeader("crit", []string{"b64"})
		}
		encrypter, err := jose.NewEncrypter(o.enc, jose.Recipient{Algorithm: o.alg, Key: o.key, KeyID: o.kid}, extra)
		if err != nil {
			t.Fatal(err)
		}
		encrypted, err := encrypter.Encrypt([]byte(o.plain))
		if err != nil {
			t.Fatal(err)
		}
		compact, err := encrypted.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return compact
	}
	cut := func(token string) string { return token[:strings.LastIndex(token, ".")+1] }
	expired := b.goodClaims()
	expired["exp"] = now.Unix() - 1
	for name, test := range map[string]struct {
		connector, token string
		fails            []string
	}{
		"A128CBC-HS256":             {"implicit", good(nil), nil},
		"A256GCM":                   {"implicit", good(func(o *options) { o.enc = jose.A256GCM }), nil},
		"no kid, pasted key":        {"code", good(func(o *options) { o.kid = "" }), nil},
		"no kid, JWKS":              {"implicit", good(func(o *options) { o.kid = "" }), []string{"encryption"}},
		"another kid":               {"code", good(func(o *options) { o.kid = "x" }), []string{"encryption"}},
		"RSA-OAEP":                  {"implicit", good(func(o *options) { o.alg = jose.RSA_OAEP }), []string{"encryption"}},
		"A256CBC-HS512":             {"implicit", good(func(o *options) { o.enc = jose.A256CBC_HS512 }), []string{"encryption"}},
		"zip":                       {"implicit", good(func(o *options) { o.zip = jose.DEFLATE }), []string{"encryption"}},
		"crit":                      {"implicit", good(func(o *options) { o.crit = true }), []string{"encryption"}},
		"no cty":                    {"implicit", good(func(o *options) { o.cty = "" }), []string{"encryption"}},
		"another key":               {"implicit", good(func(o *options) { o.key = &testKeys()[0].PublicKey }), []string{"encryption"}},
		"not a signed token inside": {"implicit", good(func(o *options) { o.plain = `{"sub":"x"}` }), []string{"segments"}},
		"encrypted twice":           {"implicit", good(func(o *options) { o.plain = good(nil) }), []string{"segments"}},
		"expired inside":            {"implicit", good(func(o *options) { o.plain = b.token(expired) }), []string{"exp"}},
		"empty segments":            {"implicit", "....", []string{"encryption"}},
		"header not base64url":      {"implicit", "?....", []string{"encryption"}},
		"header not JSON":           {"implicit", "eA....", []string{"encryption"}},
		"another tag":               {"implicit", cut(good(nil)) + "AAAAAAAAAAAAAAAAAAAAAA", []string{"encryption"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attempt, _, _ := b.in(t).exchange(test.connector, map[string]string{"id_token": test.token})
			if diff := cmp.Diff(test.fails, failed(attempt)); diff != "" {
				t.Errorf("failed checks (-want +got):\n%s", diff)
			}
			if test.fails == nil && (!strings.Contains(string(attempt.Token.Envelope), "RSA-OAEP-256") || attempt.Consumer.Subject != subject) {
				t.Errorf("envelope %s, consumer %+v", attempt.Token.Envelope, attempt.Consumer)
			}
		})
	}
}

// A connector with a pasted key needs neither a JWKS nor a kid.
func TestPastedKeyAlone(t *testing.T) {
	t.Parallel()
	b := newBrand(t, func(c *standin.Connector) { c.Keys, c.JWKSEndpoint = standin.KeysPasted, "" })
	attempt, _, _ := b.exchange("implicit", map[string]string{"id_token": sign(t, b.goodClaims(), jose.RS256, testKeys()[0], "")})
	if got := outcomes(attempt); attempt.Refusal != nil || got["kid"] != standin.LeftOut || got["pasted"] != standin.Passed {
		t.Errorf("refusal %v, checks %v", attempt.Refusal, got)
	}
	attempt, _, _ = b.exchange("implicit", map[string]string{"id_token": sign(t, b.goodClaims(), jose.RS256, testKeys()[1], "first")})
	if diff := cmp.Diff([]string{"pasted"}, failed(attempt)); diff != "" {
		t.Errorf("failed checks (-want +got):\n%s", diff)
	}
	without := newBrand(t, func(c *standin.Connector) { c.Keys, c.PublicKey = standin.KeysPasted, "" })
	attempt, _, _ = without.exchange("implicit", map[string]string{"id_token": without.token(without.goodClaims())})
	if diff := cmp.Diff([]string{"pasted"}, failed(attempt)); diff != "" {
		t.Errorf("failed checks (-want +got):\n%s", diff)
	}
}
