package api_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/web/webtest"
)

func TestStepThatBreaksSomebodyTellsHowItIsForced(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key := p.APIKey(nil, op.APIScopes()...)
	var made struct{ Kid string }
	p.Call(key, "POST", "/keys", `{}`).Want(http.StatusCreated).Into(&made)
	steps := "/keys/" + made.Kid + "/steps"
	const way = `"force": true does it all the same`
	if early := wantProblem(t, p.Call(key, "POST", steps, `{"step":"activate","force":true}`), http.StatusConflict); strings.Contains(early.Detail, way) {
		t.Errorf("force does not help: %+v", early)
	}
	p.Call(key, "POST", steps, `{"step":"publish"}`).Want(http.StatusOK)
	var broken problem
	webtest.Eventually(t, "each instance publishes the key", func() bool {
		broken = wantProblem(t, p.Call(key, "POST", steps, `{"step":"activate"}`), http.StatusConflict)
		return strings.Contains(broken.Detail, "would break")
	})
	if !strings.HasSuffix(broken.Detail, way) {
		t.Errorf("%+v", broken)
	}
	p.Call(key, "POST", steps, `{"step":"activate","force":true}`).Want(http.StatusOK)
}

// importOf is the body that brings a key in.
func importOf(t *testing.T, members map[string]string) string {
	t.Helper()
	body, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestImportedKeyIsInNothingThatIsTold(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key := p.APIKey(nil, op.APIScopes()...)
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := webtest.NewPrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := json.Marshal(jose.JSONWebKey{Key: private, KeyID: "theirs", Algorithm: keys.RS256})
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	var told []byte
	call := func(status int, body string, headers ...string) *webtest.Reply {
		reply := p.Call(key, "POST", "/keys/import", body, headers...).Want(status)
		told = append(told, reply.Body...)
		return reply
	}
	good := importOf(t, map[string]string{"client_id": "messaging", "key": string(jwk)})
	var made keys.Status
	call(http.StatusCreated, good, "Idempotency-Key", "move").Into(&made)
	call(http.StatusCreated, good, "Idempotency-Key", "move")
	if made.Kid != "theirs" || made.Alg != keys.RS256 || made.ClientID != "messaging" || made.State != keys.Created {
		t.Errorf("%+v", made)
	}
	call(http.StatusUnprocessableEntity, importOf(t, map[string]string{"key": text}), "Idempotency-Key", "move")
	call(http.StatusConflict, importOf(t, map[string]string{"key": text, "kid": "another"}))
	call(http.StatusConflict, importOf(t, map[string]string{"client_id": "messaging", "key": base64.StdEncoding.EncodeToString(der)}))
	call(http.StatusBadRequest, importOf(t, map[string]string{"client_id": "messaging", "key": text, "alg": "ES256"}))
	call(http.StatusBadRequest, importOf(t, map[string]string{"key": text, "alg": "ES256"}))
	call(http.StatusBadRequest, importOf(t, map[string]string{"key": text, "client_id": "site"}))
	call(http.StatusNotFound, importOf(t, map[string]string{"key": text, "client_id": "nobody"}))
	call(http.StatusBadRequest, importOf(t, map[string]string{"key": text, "extra": text}))
	call(http.StatusBadRequest, importOf(t, map[string]string{"key": strings.ReplaceAll(string(jwk), `"d"`, `"e2"`)}))
	call(http.StatusBadRequest, importOf(t, map[string]string{"key": text[:len(text)/2]}))

	// The connector holds it already, and it signs.
	steps := "/keys/theirs/steps"
	p.Call(key, "POST", steps, `{"step":"publish"}`).Want(http.StatusOK)
	webtest.Eventually(t, "each instance publishes the key", func() bool {
		return p.Call(key, "POST", steps, `{"step":"activate","pasted":true}`).Status == http.StatusOK
	})
	if action := webtest.Query[string](p, "select action || ' ' || target from audit_events where action like '%import%'"); action != "keys.import theirs" {
		t.Error(action)
	}
	for _, table := range []string{"audit_events", "idempotency_keys", "signing_keys"} {
		told = append(told, webtest.Query[string](p, "select string_agg(t::text, ' ') from "+table+" t")...)
	}
	if told = append(told, p.Log.String()...); secret.In(told) || !secret.In([]byte(text)) || !secret.In(jwk) {
		t.Error("the private key is told of")
	}
}

func TestKeyThatCannotBeBroughtIn(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key := p.APIKey(nil, op.APIScopes()...)
	for what, body := range map[string]string{
		"no key":        `{"key":"hunter2"}`,
		"encrypted":     importOf(t, map[string]string{"key": encryptedKey}),
		"a public key":  importOf(t, map[string]string{"key": publicKey(t)}),
		"a JWK of text": importOf(t, map[string]string{"key": `{"kty":"oct","k":"aHVudGVyMg"}`}),
	} {
		if got := wantProblem(t, p.Call(key, "POST", "/keys/import", body), http.StatusBadRequest, "/key"); what == "encrypted" && got.Errors[0].Detail != "must not be encrypted by itself" {
			t.Errorf("%+v", got)
		}
	}
}

// encryptedKey is an empty one, encrypted by PBES2.
var encryptedKey = base64.StdEncoding.EncodeToString([]byte("\x30\x46\x30\x42\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d\x30\x35" +
	"\x30\x14\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c\x30\x07\x04\x01s\x02\x02\x7f\xff" +
	"\x30\x1d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2a\x04\x100123456789abcdef\x04\x00"))

func publicKey(t *testing.T) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func TestPublicKeyIsExported(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key := p.APIKey(nil, op.ScopeKeysRead)
	var list struct{ Keys []keys.Status }
	p.Call(key, "GET", "/keys?client_id=messaging", nil).Want(http.StatusOK).Into(&list)
	var exported struct {
		Kid     string
		OneLine string `json:"one_line"`
		PEM     string
		JWK     jose.JSONWebKey
	}
	p.Call(key, "GET", "/keys/"+list.Keys[0].Kid+"/public", nil).Want(http.StatusOK).Into(&exported)
	block, _ := pem.Decode([]byte(exported.PEM))
	if block == nil || block.Type != "PUBLIC KEY" || base64.StdEncoding.EncodeToString(block.Bytes) != exported.OneLine || exported.Kid != list.Keys[0].Kid {
		t.Fatalf("%+v", exported)
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if of, ok := public.(*rsa.PublicKey); !ok || !of.Equal(exported.JWK.Key) || exported.JWK.KeyID != exported.Kid {
		t.Errorf("%+v", exported)
	}
}

func TestLeakedKeyIsRevoked(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key := p.APIKey(nil, op.APIScopes()...)
	var list struct{ Keys []keys.Status }
	p.Call(key, "GET", "/keys?client_id=messaging", nil).Want(http.StatusOK).Into(&list)
	leaked := "/keys/" + list.Keys[0].Kid
	wantProblem(t, p.Call(key, "POST", leaked+"/revoke", `{"compromised":false}`), http.StatusBadRequest, "/compromised")
	wantProblem(t, p.Call(key, "POST", leaked+"/revoke", `{}`), http.StatusBadRequest, "")
	var revoked op.RevokedStatus
	p.Call(key, "POST", leaked+"/revoke", `{"compromised":true}`, "Idempotency-Key", "1").Want(http.StatusOK).Into(&revoked)
	var exported struct {
		OneLine string `json:"one_line"`
	}
	p.Call(key, "GET", "/keys/"+revoked.ReplacedBy+"/public", nil).Want(http.StatusOK).Into(&exported)
	if len(revoked.Affected) != 1 || revoked.Affected[0].ClientID != "messaging" || revoked.Affected[0].Paste != exported.OneLine {
		t.Errorf("%+v", revoked)
	}
	wantProblem(t, p.Call(key, "GET", leaked+"/public", nil), http.StatusConflict)
	wantProblem(t, p.Call(key, "POST", leaked+"/revoke", `{"compromised":true}`), http.StatusConflict)
	var again op.RevokedStatus
	p.Call(key, "POST", leaked+"/revoke", `{"compromised":true}`, "Idempotency-Key", "1").Want(http.StatusOK).Into(&again)
	if again.ReplacedBy != revoked.ReplacedBy {
		t.Errorf("%+v", again)
	}
	if target := webtest.Query[string](p, "select target from audit_events where action = 'keys.revoke'"); target != revoked.Kid {
		t.Error(target)
	}
}
