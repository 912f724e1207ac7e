package inspect_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/liveperson/inspect"
)

func certificate(tb testing.TB) []byte {
	tb.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now, NotAfter: now.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, brandKey.Public(), brandKey)
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

func jwk(tb testing.TB, key jose.JSONWebKey) []byte {
	tb.Helper()
	document, err := json.Marshal(key)
	if err != nil {
		tb.Fatal(err)
	}
	return document
}

func TestEveryFormOfAKeyVerifies(t *testing.T) {
	t.Parallel()
	for name, form := range map[string][]byte{
		"PEM":             publicPEM(t, brandKey.Public()),
		"one line":        []byte(base64.StdEncoding.EncodeToString(spki(t, brandKey.Public())) + "\n"),
		"certificate":     pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate(t)}),
		"certificate, 64": []byte(base64.StdEncoding.EncodeToString(certificate(t))),
		"JWK":             jwk(t, jose.JSONWebKey{Key: brandKey.Public(), KeyID: "one"}),
		"JWK without kid": jwk(t, jose.JSONWebKey{Key: brandKey.Public()}),
		"key set":         []byte(`{"keys":[` + string(jwk(t, jose.JSONWebKey{Key: brandKey.Public(), KeyID: "one"})) + `]}`),
	} {
		opts := options(t)
		opts.Keys = parse(t, form)
		if report := inspect.Token(good(t), opts); report.Verdict != inspect.Accepted || faults(report) != nil {
			t.Errorf("%s: %s, %q", name, report.Verdict, faults(report))
		}
		opts.Keys = nil
		if report := inspect.Token(good(t), opts); report.Verdict != inspect.Undecided {
			t.Errorf("without a key: %s", report.Verdict)
		}
	}
}

func TestWhatIsNoKeyIsRefused(t *testing.T) {
	t.Parallel()
	pkcs8, err := x509.MarshalPKCS8PrivateKey(brandKey)
	if err != nil {
		t.Fatal(err)
	}
	public := publicPEM(t, brandKey.Public())
	line := base64.StdEncoding.EncodeToString(spki(t, brandKey.Public()))
	for says, forms := range map[string][]string{
		"empty": {"", " \n"},
		"private key": {
			string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})),
			string(jwk(t, jose.JSONWebKey{Key: brandKey})), string(jwk(t, jose.JSONWebKey{Key: []byte("secret")})),
			`{"keys":[` + string(jwk(t, jose.JSONWebKey{Key: brandKey})) + `]}`,
		},
		"more than one key":    {string(public) + string(public)},
		"PKCS #1":              {string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&brandKey.PublicKey)}))},
		"does not go on":       {"-----BEGIN PUBLIC KEY-----"},
		"several lines":        {line[:64] + "\n" + line[64:]},
		"this is no key":       {"hello", line[1:]},
		"SubjectPublicKeyInfo": {base64.StdEncoding.EncodeToString([]byte("hello"))},
		"neither a JWK":        {`{"keys":7}`, `{`},
		"the key set is empty": {`{"keys":[]}`},
	} {
		for _, form := range forms {
			if _, err := inspect.ParseKeys([]byte(form)); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v", says, err)
			}
		}
	}
}

//contract:1.6-base64url
func TestKeysThatDoNotFit(t *testing.T) {
	t.Parallel()
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ours := jose.JSONWebKey{Key: brandKey.Public(), KeyID: "one"}
	with := func(change func(*jose.JSONWebKey)) *inspect.Keys {
		changed := ours
		change(&changed)
		return keySet(t, changed)
	}
	modulus := base64.StdEncoding.EncodeToString(brandKey.N.Bytes())
	for name, test := range map[string]struct {
		keys *inspect.Keys
		want []string
		says string
	}{
		"another kid":    {with(func(k *jose.JSONWebKey) { k.KeyID = "two" }), []string{"kid failed", "signature left-out"}, `"one"`},
		"a kid twice":    {keySet(t, ours, ours), []string{"kid failed", "signature left-out"}, "more than one"},
		"for encryption": {with(func(k *jose.JSONWebKey) { k.Use = "enc" }), []string{"key failed"}, "must be sig"},
		"for PS256":      {with(func(k *jose.JSONWebKey) { k.Algorithm = "PS256" }), []string{"key failed"}, "must be RS256"},
		"of a curve":     {with(func(k *jose.JSONWebKey) { k.Key = curve.Public() }), []string{"key failed", "signature left-out"}, "must be RSA"},
		"a curve, PEM":   {parse(t, publicPEM(t, curve.Public())), []string{"key failed", "signature left-out"}, "not an RSA key"},
		"plain base64": {
			parse(t, []byte(`{"keys":[{"kty":"RSA","kid":"one","e":"AQAB","n":"`+modulus+`"}]}`)),
			[]string{"key failed", "signature left-out"},
			"plain base64",
		},
		"no modulus": {
			parse(t, []byte(`{"keys":[{"kty":"RSA","kid":"one","e":"AQAB"}]}`)), []string{"key failed", "signature left-out"}, "n of the key",
		},
		"no exponent": {
			parse(t, []byte(`{"keys":[{"kty":"RSA","kid":"one","n":"AQAB"}]}`)), []string{"key failed", "signature left-out"}, "e of the key",
		},
	} {
		opts := options(t)
		opts.Keys = test.keys
		report := inspect.Token(good(t), opts)
		check, _, _ := strings.Cut(test.want[0], " ")
		if diff := cmp.Diff(test.want, faults(report)); diff != "" || !strings.Contains(found(report, check), test.says) {
			t.Errorf("%s: %q, faults (-want +got):\n%s", name, found(report, check), diff)
		}
	}
}

//contract:1.1-key-1024
func TestAShortKeyIsWarnedOf(t *testing.T) {
	t.Parallel()
	short := newKey(1024)
	opts := options(t)
	opts.Keys = keySet(t, jose.JSONWebKey{Key: short.Public(), KeyID: "one"})
	report := inspect.Token(sign(t, short, jose.RS256, claims(nil), nil), opts)
	if diff := cmp.Diff([]string{"key warned"}, faults(report)); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestTheHeaderHasToNameAKeyOfASet(t *testing.T) {
	t.Parallel()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: brandKey}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims(nil))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		keys *inspect.Keys
		want []string
	}{
		"key set":    {options(t).Keys, []string{"kid failed", "signature left-out"}},
		"pasted key": {parse(t, publicPEM(t, brandKey.Public())), nil},
		"no key":     {nil, []string{"kid warned", "signature left-out"}},
	} {
		opts := options(t)
		opts.Keys = test.keys
		if diff := cmp.Diff(test.want, faults(inspect.Token(token, opts))); diff != "" {
			t.Errorf("%s: faults (-want +got):\n%s", name, diff)
		}
	}
}
