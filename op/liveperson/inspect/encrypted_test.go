package inspect_test

import (
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/liveperson/inspect"
)

// recipientKey is LivePerson's part.
var recipientKey = newKey(2048)

// encryption is how a token is encrypted.
type encryption struct {
	alg  jose.KeyAlgorithm
	enc  jose.ContentEncryption
	kid  string
	opts *jose.EncrypterOptions
}

func usual() encryption {
	return encryption{jose.RSA_OAEP_256, jose.A128CBC_HS256, "lpsso", (&jose.EncrypterOptions{}).WithContentType("JWT")}
}

func (e encryption) encrypt(tb testing.TB, plain string) string {
	tb.Helper()
	encrypter, err := jose.NewEncrypter(e.enc, jose.Recipient{Algorithm: e.alg, Key: recipientKey.Public(), KeyID: e.kid}, e.opts)
	if err != nil {
		tb.Fatal(err)
	}
	encrypted, err := encrypter.Encrypt([]byte(plain))
	if err != nil {
		tb.Fatal(err)
	}
	compact, err := encrypted.CompactSerialize()
	if err != nil {
		tb.Fatal(err)
	}
	return compact
}

func TestEncryptedTokens(t *testing.T) {
	t.Parallel()
	changed := func(change func(*encryption)) encryption { e := usual(); change(&e); return e }
	for name, test := range map[string]struct {
		encryption encryption
		plain      string
		verdict    inspect.Verdict
		want       []string
	}{
		"as it should be": {usual(), good(t), inspect.Accepted, nil},
		"A256GCM":         {changed(func(e *encryption) { e.enc = jose.A256GCM }), good(t), inspect.Accepted, nil},
		"A128GCM": {
			changed(func(e *encryption) { e.enc = jose.A128GCM }), good(t), inspect.Accepted, []string{"encryption warned"},
		},
		"without kid": {changed(func(e *encryption) { e.kid = "" }), good(t), inspect.Accepted, []string{"recipient warned"}},
		"without cty": {changed(func(e *encryption) { e.opts = nil }), good(t), inspect.Accepted, []string{"encryption warned"}},
		"compressed": {
			changed(func(e *encryption) { e.opts.Compression = jose.DEFLATE }), good(t), inspect.Accepted, []string{"encryption warned"},
		},
		"RSA-OAEP": {
			changed(func(e *encryption) { e.alg = jose.RSA_OAEP }), good(t), inspect.Refused, []string{"encryption failed", "nested left-out"},
		},
		"claims alone": {usual(), `{"sub":"a"}`, inspect.Refused, []string{"nested failed"}},
		"by a stranger": {
			usual(), sign(t, strangerKey, jose.RS256, claims(nil), nil), inspect.Refused, []string{"signature failed"},
		},
	} {
		opts := options(t)
		opts.DecryptionKey = recipientKey
		report := inspect.Token(test.encryption.encrypt(t, test.plain), opts)
		if diff := cmp.Diff(test.want, faults(report)); diff != "" || report.Verdict != test.verdict || !report.Encrypted {
			t.Errorf("%s: %s, faults (-want +got):\n%s", name, report.Verdict, diff)
		}
	}
}

func TestAnEncryptedTokenWithoutItsKey(t *testing.T) {
	t.Parallel()
	token := usual().encrypt(t, good(t))
	opts := options(t)
	if report := inspect.Token(token, opts); report.Verdict != inspect.Undecided || faults(report)[0] != "nested left-out" || report.Payload != nil {
		t.Errorf("without a key: %s, %q", report.Verdict, faults(report))
	}
	opts.DecryptionKey = strangerKey
	if report := inspect.Token(token, opts); report.Verdict != inspect.Refused || faults(report)[0] != "nested failed" {
		t.Errorf("with another key: %s, %q", report.Verdict, faults(report))
	}
	for _, broken := range []string{"....", "e30....", "!." + strings.Repeat(".", 3), token[:strings.LastIndex(token, ".")] + ".!"} {
		if report := inspect.Token(broken, opts); report.Verdict != inspect.Refused {
			t.Errorf("%q: %s, %q", broken, report.Verdict, faults(report))
		}
	}
}

func TestParseDecryptionKey(t *testing.T) {
	t.Parallel()
	pkcs8, err := x509.MarshalPKCS8PrivateKey(recipientKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, form := range map[string][]byte{
		"PKCS #8": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
		"PKCS #1": pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(recipientKey)}),
		"JWK":     jwk(t, jose.JSONWebKey{Key: recipientKey}),
	} {
		if key, err := inspect.ParseDecryptionKey(form); err != nil || !key.Equal(recipientKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, form := range map[string][]byte{
		"nothing": nil, "text": []byte("x"), "public": publicPEM(t, recipientKey.Public()),
		"public JWK": jwk(t, jose.JSONWebKey{Key: recipientKey.Public()}),
	} {
		if _, err := inspect.ParseDecryptionKey(form); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
