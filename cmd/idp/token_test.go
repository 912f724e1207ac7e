package main

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/liveperson/inspect"
)

func TestTokenPreview(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)

	text := i.run("", "token", "preview", "--client", "messaging-code", "--consumer", "Amelia")
	if text.code != 0 || !strings.HasPrefix(text.stdout, "{\n  \"iss\": \"https://id.brand.example\",\n") || !strings.HasSuffix(text.stdout, " bytes, signed.\niat_backdating is not seen here: iat never lies before the sign-in, which is this moment.\n") {
		t.Fatalf("%+v", text)
	}

	var preview op.Preview

	decode(t, i.run("", "token", "preview", "--client", "messaging-code", "--consumer", "amelia@brand.example", "--json"), &preview)

	var claims map[string]any
	if err := json.Unmarshal(preview.Payload, &claims); err != nil {
		t.Fatal(err)
	}

	if claims["aud"] != "messaging-code" || claims["given_name"] != "Amelia" || claims["lp_sdes"] == nil || claims["at_hash"] == nil ||
		preview.Size < 900 || preview.Encrypted || preview.Checks != nil {
		t.Errorf("%d bytes: %s\n%v", preview.Size, preview.Payload, preview.Checks)
	}
}

//contract:1.5-consumer-token
func TestTokenPreviewWarnsAndRefuses(t *testing.T) {
	t.Parallel()

	i := newInstallation(t)
	i.environ = append(i.environ, "IDP_ISSUER=https://id.brand.example")
	file := strings.Replace(brandYAML, "ctype: vip", "ctype: vip, role: "+strings.Repeat("x", 800), 1)
	i.run(strings.Replace(file, "username: rory", "sub: \"4711\"\n    username: rory", 1), "apply", "-f", "-")

	long := i.run("", "token", "preview", "--client", "messaging-code", "--consumer", "amelia")
	if long.code != 0 || !strings.Contains(long.stdout, "of 2048 characters") || !strings.HasSuffix(long.stdout, "(1.5)\n") {
		t.Errorf("a long lp_sdes: %+v", long)
	}

	for args, want := range map[string]string{
		"--client messaging-code --consumer nobody":                          "there is no consumer",
		"--client nobody --consumer amelia":                                  `client "nobody": not found`,
		"--client messaging-code --consumer rory":                            "the consumer is disabled",
		"--client messaging-code --consumer amelia --response-type id_token": "has not registered this response type: it has code",
		"--client messaging-code":                                            `required flag(s) "consumer" not set`,
	} {
		got := i.run("", append([]string{"token", "preview"}, strings.Fields(args)...)...)
		if got.code != 1 || got.stdout != "" || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: %+v", args, got)
		}
	}
}

// tokenKey signs the tokens that are inspected.
var tokenKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}

	return key
})

// signToken makes a token without a fault, but for the claims that are given.
func signToken(t *testing.T, issuer string, claims map[string]any) string {
	t.Helper()

	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: tokenKey(), KeyID: "one"}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}

	now := time.Now()
	all := map[string]any{
		"iss": issuer, "sub": "0b6c2c8e-6c0e-4f51-9d5a-3f1f1b9c8a10", "aud": "messaging", "acr": "loa1",
		"iat": now.Unix() - 1, "exp": now.Add(time.Hour).Unix(), "given_name": "Amelia\u202e",
	}
	maps.Copy(all, claims)

	payload, err := json.Marshal(all)
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

	return token
}

// inspected runs idp token inspect with a token on standard input.
func inspected(t *testing.T, token string, args ...string) result {
	t.Helper()

	return (&installation{t: t}).run(token+"\n", append([]string{"token", "inspect"}, args...)...)
}

func keyFile(t *testing.T, key any) string {
	t.Helper()

	document, err := json.Marshal(jose.JSONWebKey{Key: key, KeyID: "one"})
	if err != nil {
		t.Fatal(err)
	}

	file := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(file, document, 0o600); err != nil {
		t.Fatal(err)
	}

	return file
}

func TestTokenInspectOffline(t *testing.T) {
	t.Parallel()

	const issuer = "https://id.brand.example"

	key := keyFile(t, tokenKey().Public())
	token := signToken(t, issuer, nil)

	good := inspected(t, token, "--key", key, "--issuer", issuer, "--client", "messaging")
	for _, want := range []string{"✓ Algorithm ", "  1.1  RS256\n", "✓ Signature ", "✓ Issuer ", "\nConversational Cloud would take it.\n"} {
		if good.code != 0 || !strings.Contains(good.stdout, want) {
			t.Errorf("want %q in\n%s%s", want, good.stdout, good.stderr)
		}
	}

	if strings.Contains(good.stdout+good.stderr, "Amelia") || strings.Contains(good.stdout, token[:30]) {
		t.Errorf("it tells of the person, or the token:\n%s", good.stdout)
	}

	asArgument := inspected(t, "", token, "--key", key, "--claims")
	if asArgument.code != 0 || !strings.Contains(asArgument.stdout, `"given_name": "Amelia\u202e"`) || !strings.Contains(asArgument.stdout, `"alg": "RS256"`) {
		t.Errorf("with its claims: %+v", asArgument)
	}

	if unsigned := inspected(t, token, "-"); unsigned.code != 0 || !strings.Contains(unsigned.stdout, "– Signature ") ||
		!strings.Contains(unsigned.stdout, "Nothing is wrong with what could be checked.") {
		t.Errorf("without a key: %+v", unsigned)
	}

	bad := inspected(t, signToken(t, issuer, map[string]any{"exp": time.Now().UnixMilli()}), "--key", key, "--json")

	var report struct {
		Verdict inspect.Verdict `json:"verdict"`
		Checks  []inspect.Check `json:"checks"`
		Claims  any             `json:"claims"`
	}
	if err := json.Unmarshal([]byte(bad.stdout), &report); err != nil || report.Verdict != inspect.Refused || len(report.Checks) < 10 || report.Claims != nil {
		t.Errorf("%v, report %+v", err, report)
	}

	if bad.code != 1 || bad.stderr != "Error: Conversational Cloud would refuse this token\n" {
		t.Errorf("a token in milliseconds: %+v", bad)
	}
}

func TestTokenInspectEncrypted(t *testing.T) {
	t.Parallel()

	encrypter, err := jose.NewEncrypter(jose.A128CBC_HS256,
		jose.Recipient{Algorithm: jose.RSA_OAEP_256, Key: tokenKey().Public(), KeyID: "lpsso"}, (&jose.EncrypterOptions{}).WithContentType("JWT"))
	if err != nil {
		t.Fatal(err)
	}

	encrypted, err := encrypter.Encrypt([]byte(signToken(t, "https://id.brand.example", nil)))
	if err != nil {
		t.Fatal(err)
	}

	token, err := encrypted.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}

	if closed := inspected(t, token); closed.code != 0 || !strings.Contains(closed.stdout, "no decryption key was given") {
		t.Errorf("without the key: %+v", closed)
	}

	opened := inspected(t, token, "--key", keyFile(t, tokenKey().Public()), "--decryption-key", keyFile(t, tokenKey()))
	if opened.code != 0 || !strings.Contains(opened.stdout, "✓ Encrypted content ") || !strings.Contains(opened.stdout, "would take it") {
		t.Errorf("with the key: %+v", opened)
	}
}

func TestTokenInspectWithAProvider(t *testing.T) {
	t.Parallel()

	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)

	own, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: tokenKey().Public(), KeyID: "one"}}})
	if err != nil {
		t.Fatal(err)
	}

	for path, document := range map[string]string{
		"/.well-known/openid-configuration": `{"issuer":"` + server.URL + `","jwks_uri":"` + server.URL + `/jwks.json"}`,
		"/jwks/messaging.json":              string(own),
		"/jwks.json":                        strings.Replace(string(own), `"one"`, `"two"`, 1),
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(document)) })
	}

	token := signToken(t, server.URL, nil)

	if got := inspected(t, token, "--issuer", server.URL, "--client", "messaging"); got.code != 0 || !strings.Contains(got.stdout, "would take it") {
		t.Errorf("by the client's keys: %+v", got)
	}

	if got := inspected(t, token, "--issuer", server.URL); got.code != 1 || !strings.Contains(got.stdout, "✗ Key id ") {
		t.Errorf("by all keys, which lack it: %+v", got)
	}

	if got := inspected(t, token, "--issuer", server.URL, "--client", "site"); got.code != 1 || !strings.Contains(got.stderr, "--issuer: keys: the issuer has no connector of that name") {
		t.Errorf("an unknown client: %+v", got)
	}

	server.Close()

	if got := inspected(t, token, "--issuer", server.URL); got.code != 2 || !strings.Contains(got.stderr, "--issuer: discovery: the provider does not answer") {
		t.Errorf("a provider that is down: %+v", got)
	}
}

func TestTokenInspectRefuses(t *testing.T) {
	t.Parallel()

	private := keyFile(t, tokenKey())

	for _, test := range []struct {
		stdin string
		args  []string
		want  string
	}{
		{"", nil, "there is no token"},
		{"x", []string{"a", "b"}, "takes one argument, the token"},
		{"x", []string{"--key", private}, "--key: this is a private key"},
		{"x", []string{"--key", "/nowhere"}, "--key: open /nowhere"},
		{"x", []string{"--decryption-key", keyFile(t, tokenKey().Public())}, "--decryption-key: the decryption key must be"},
		{"x", []string{"--issuer", "http://id.brand.example"}, "--issuer: discovery: http://id.brand.example"},
		{"x", nil, "would refuse this token"},
	} {
		if got := inspected(t, test.stdin, test.args...); got.code != 1 || !strings.Contains(got.stderr, test.want) {
			t.Errorf("%q: %+v", test.args, got)
		}
	}
}
