package op_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/web/webtest"
)

const (
	signingCallback = "https://signing.brand.example/cb"
	strictCallback  = "https://strict.brand.example/cb"
)

// clientKeys are the keys of the clients that sign what they ask, by their kid.
var clientKeys = sync.OnceValue(func() map[string]crypto.Signer {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return map[string]crypto.Signer{"rsa": rsaKey, "ec": ecKey, "ed": edKey, "other": other}
})

// signingBrand has clients that sign what they ask.
func signingBrand(tb testing.TB) string {
	tb.Helper()
	set := func(kids ...string) string {
		var keys jose.JSONWebKeySet
		for _, kid := range kids {
			keys.Keys = append(keys.Keys, jose.JSONWebKey{Key: clientKeys()[kid].Public(), KeyID: kid, Use: "sig"})
		}
		document, err := json.Marshal(keys)
		if err != nil {
			tb.Fatal(err)
		}
		return string(document)
	}
	return `
clients:
  - client_id: signing
    client_secret: secret-of-signing-0123456789-0123456789
    redirect_uris: [` + signingCallback + `, ` + signingCallback + `2]
    response_types: [code, id_token, code id_token]
    jwks: ` + set("rsa", "ec", "ed") + `
  - client_id: strict
    client_secret: secret-of-strict-0123456789-01234567890
    redirect_uris: [` + strictCallback + `]
    jwks: ` + set("rsa", "ec") + `
    request_object_signing_alg: ES256
`
}

// signed makes a request object.
func signed(tb testing.TB, alg jose.SignatureAlgorithm, kid, typ string, payload any) string {
	tb.Helper()
	body, isText := payload.(string)
	if !isText {
		document, err := json.Marshal(payload)
		if err != nil {
			tb.Fatal(err)
		}
		body = string(document)
	}
	options := (&jose.SignerOptions{}).WithHeader("kid", kid)
	if typ != "" {
		options = options.WithType(jose.ContentType(typ))
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: clientKeys()[kid]}, options)
	if err != nil {
		tb.Fatal(err)
	}
	jws, err := signer.Sign([]byte(body))
	if err != nil {
		tb.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		tb.Fatal(err)
	}
	return compact
}

type members = map[string]any

// asked is what a request object of the client signing holds; a value of nil
// takes a member away.
func asked(p *webtest.Provider, more members) members {
	all := members{
		"iss": "signing", "aud": p.Issuer, "exp": p.Now().Add(time.Minute).Unix(), "nbf": p.Now().Unix(), "iat": p.Now().Unix(), "jti": "a",
		"client_id": "signing", "response_type": "code", "redirect_uri": signingCallback, "scope": "openid", "state": "inside", "nonce": "inner",
	}
	for name, value := range more {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	return all
}

const typRequest = "oauth-authz-req+jwt"

// beside is the request that carries an object, as RFC 9101 has it.
func beside(object string, pairs ...string) url.Values {
	return with(params("client_id", "signing", "request", object), pairs...)
}

//defect:4-algorithms
func TestRequestObjects(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, signingBrand(t))
	b := p.Browser(t)
	b.Authorize(codeRequest()).SignIn("amelia", ameliasPassword)
	for alg, kid := range map[jose.SignatureAlgorithm]string{jose.RS256: "rsa", jose.PS256: "rsa", jose.ES256: "ec", jose.EdDSA: "ed"} {
		for _, typ := range []string{"", "JWT", typRequest, "application/OAuth-authz-req+JWT"} {
			answer := silent(t, b, beside(signed(t, alg, kid, typ, asked(p, nil))))
			if answer.Get("code") == "" || answer.Get("state") != "inside" {
				t.Errorf("%s, typ %s: answer %v", alg, typ, answer)
			}
		}
	}
	// Without a kid every key is tried.
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: clientKeys()["ec"]}, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(asked(p, nil))
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(body)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	silent(t, b, beside(compact))

	object := signed(t, jose.ES256, "ec", typRequest, asked(p, members{"response_type": "id_token code", "max_age": 1000, "claims": members{"id_token": members{"given_name": nil}}}))
	answer := b.Post("/authorize", beside(object)).Answer()
	all := claims(t, p, "signing", answer.Get("id_token"))
	if all["given_name"] != "Amelia" || all["nonce"] != "inner" || answer.Get("code") == "" {
		t.Errorf("claims %v", all)
	}
	// The object is what counts, also when it has expired by the time of the password.
	object = signed(t, jose.ES256, "ec", "", asked(p, members{"exp": float64(p.Now().UnixMilli())/1000 + 5.5, "nbf": p.Now().Add(50 * time.Second).Unix(), "aud": []string{"x", p.Issuer}, "login_hint": "rory"}))
	page := p.Browser(t).Authorize(beside(object))
	if page.Form("sign-in").Get("username") != "rory" {
		t.Error("login_hint of the object is lost")
	}
	p.Advance(10 * time.Minute)
	if answer := page.SignIn("amelia", ameliasPassword).Answer(); answer.Get("code") == "" || answer.Get("state") != "inside" {
		t.Errorf("answer %v", answer)
	}
}

// TestRequestObjectReplacesTheQuery: what the object holds counts, and if it is
// of RFC 9101 nothing else does.
//
//security:25-beside
func TestRequestObjectReplacesTheQuery(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, signingBrand(t))
	b := amelia(t, p)
	outside := []string{
		"response_type", "code", "redirect_uri", signingCallback + "2", "scope", "openid email", "state", "outside", "nonce", "outer", "response_mode", "fragment", "max_age", "0",
	}
	t.Run("oidcc-ensure-request-object-with-redirect-uri", func(t *testing.T) {
		page := b.Authorize(beside(signed(t, jose.RS256, "rsa", "", asked(p, members{"max_age": 1000})), outside...))
		address, answer := page.Target(), page.Answer()
		if !strings.HasPrefix(address, signingCallback+"#") || answer.Get("state") != "inside" || answer.Get("code") == "" {
			t.Errorf("target %s", address)
		}
	})
	t.Run("OpenID Connect", func(t *testing.T) {
		few := members{"aud": nil, "exp": nil, "nbf": nil, "client_id": nil, "response_type": nil, "redirect_uri": nil, "scope": nil, "nonce": nil, "max_age": 1000}
		page := b.Authorize(beside(signed(t, jose.PS256, "rsa", "", asked(p, few)), outside...))
		if answer := page.Answer(); !strings.HasPrefix(page.Target(), signingCallback+"2#") || answer.Get("state") != "inside" || answer.Get("code") == "" {
			t.Errorf("target %s", page.Target())
		}
	})
	t.Run("RFC 9101", func(t *testing.T) {
		page := b.Authorize(beside(signed(t, jose.PS256, "rsa", typRequest, asked(p, nil)), outside...))
		if answer := page.Answer(); !strings.HasPrefix(page.Target(), signingCallback+"?") || answer.Get("state") != "inside" || answer.Get("code") == "" {
			t.Errorf("target %s", page.Target())
		}
		page = b.Authorize(beside(signed(t, jose.PS256, "rsa", typRequest, asked(p, members{"state": nil, "prompt": "none"})), outside...))
		if answer := page.Answer(); answer.Has("state") || answer.Get("code") == "" {
			t.Errorf("target %s", page.Target())
		}
		wantErrorPage(t, b.Authorize(beside(signed(t, jose.PS256, "rsa", typRequest, asked(p, members{"redirect_uri": nil})), outside...)), http.StatusBadRequest, "invalid_request")
	})
	// The object's address is held to the registration as any other.
	evil := signed(t, jose.RS256, "rsa", "", asked(p, members{"redirect_uri": "https://evil.example/"}))
	wantErrorPage(t, b.Authorize(beside(evil, outside...)), http.StatusBadRequest, "invalid_request")
	wantError(t, b.Authorize(beside(signed(t, jose.RS256, "rsa", "", asked(p, members{"prompt": "none login"})))), "invalid_request")
	wantError(t, b.Authorize(beside(signed(t, jose.RS256, "rsa", "", asked(p, members{"registration": members{}})))), "registration_not_supported")
}

// TestRequestObjectsThatAreRefused sends each to the address beside it, and once
// more without one: there is a page then.
//
//security:18-twice 25-other-kind 25-forged
func TestRequestObjectsThatAreRefused(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, signingBrand(t))
	b := amelia(t, p)
	sign := func(more members) string { return signed(t, jose.ES256, "ec", "", asked(p, more)) }
	typed := func(typ string, more members) string { return signed(t, jose.ES256, "ec", typ, asked(p, more)) }
	full := func(object string) url.Values {
		return codeRequest("client_id", "signing", "redirect_uri", signingCallback, "nonce", "", "request", object)
	}
	good := sign(nil)
	parts := strings.Split(good, ".")
	flat := base64.RawURLEncoding.EncodeToString
	const invalid, unsupported = "invalid_request_object", "request_not_supported"
	for name, test := range map[string]struct{ object, code string }{
		"no JWT":               {"x", invalid},
		"anybody's":            {sign(members{"iss": nil, "client_id": nil}), invalid},
		"a key not registered": {signed(t, jose.ES256, "other", "", asked(p, nil)), invalid},
		"another's kid":        {signed(t, jose.RS256, "rsa", "", asked(p, nil))[:40] + good[40:], invalid},
		"changed":              {parts[0] + "." + flat([]byte(`{"client_id":"signing"}`)) + "." + parts[2], invalid},
		"no signature":         {parts[0] + "." + parts[1] + ".", invalid},
		"alg none":             {flat([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".", unsupported},
		"alg none, signed":     {flat([]byte(`{"alg":"none"}`)) + "." + parts[1] + "." + parts[2], unsupported},
		"alg None":             {flat([]byte(`{"alg":"None"}`)) + "." + parts[1] + ".", invalid},
		"alg HS256":            {flat([]byte(`{"alg":"HS256"}`)) + "." + parts[1] + "." + parts[2], invalid},
		"encrypted":            {"e30.e30.e30.e30.e30", invalid},
		"an ID token's typ":    {typed("id_token+jwt", nil), invalid},
		"an access token":      {typed("at+jwt", nil), invalid},
		"a client assertion":   {sign(members{"sub": "signing"}), invalid},
		"assertion, by typ":    {typed("client-authentication+jwt", nil), invalid},
		"too large":            {sign(members{"state": strings.Repeat("a", 32<<10)}), invalid},
		"expired":              {sign(members{"exp": p.Now().Unix() - 1}), invalid},
		"not yet":              {sign(members{"nbf": p.Now().Add(2 * time.Minute).Unix()}), invalid},
		"exp as text":          {sign(members{"exp": "2100-01-01"}), invalid},
		"exp null":             {signed(t, jose.ES256, "ec", "", `{"client_id":"signing","exp":null}`), invalid},
		"another issuer":       {sign(members{"iss": "site"}), invalid},
		"another client":       {sign(members{"client_id": "site"}), invalid},
		"no client":            {typed(typRequest, members{"client_id": nil}), invalid},
		"another audience":     {sign(members{"aud": "https://other.example"}), invalid},
		"no audience":          {sign(members{"aud": []string{}}), invalid},
		"a number as audience": {sign(members{"aud": 1}), invalid},
		"another type":         {sign(members{"response_type": "code id_token"}), invalid},
		"request inside":       {sign(members{"request": "x"}), invalid},
		"request_uri inside":   {sign(members{"request_uri": "https://signing.brand.example/r"}), invalid},
		"state as number":      {sign(members{"state": 1}), invalid},
		"scope as list":        {sign(members{"scope": []string{"openid"}}), invalid},
		"max_age as list":      {sign(members{"max_age": []int{1}}), invalid},
		"claims as list":       {sign(members{"claims": []int{1}}), invalid},
		"a member twice":       {signed(t, jose.ES256, "ec", "", `{"client_id":"signing","state":"a","state":"b"}`), invalid},
		"a list":               {signed(t, jose.ES256, "ec", "", `[]`), invalid},
		"null":                 {signed(t, jose.ES256, "ec", "", `null`), invalid},
		"no JSON":              {signed(t, jose.ES256, "ec", "", `state=x`), invalid},
	} {
		t.Run(name, func(t *testing.T) {
			page := b.Authorize(full(test.object))
			wantError(t, page, test.code)
			if !strings.HasPrefix(page.Target(), signingCallback+"?") || page.Answer().Get("state") != "st" {
				t.Errorf("target %s", page.Target())
			}
			bare := params("client_id", "signing")
			bare.Set("request", test.object)
			if name == "another type" {
				bare.Set("response_type", "code")
			}
			wantErrorPage(t, b.Authorize(bare), http.StatusBadRequest, test.code)
		})
	}
	t.Run("an algorithm other than the client's", func(t *testing.T) {
		mine := members{"iss": nil, "client_id": "strict", "redirect_uri": strictCallback}
		wantErrorPage(t, b.Authorize(params("client_id", "strict", "request", signed(t, jose.RS256, "rsa", "", asked(p, mine)))), http.StatusBadRequest, invalid)
		silent(t, b, params("client_id", "strict", "request", signed(t, jose.ES256, "ec", "", asked(p, mine))))
	})
	t.Run("a client without keys", func(t *testing.T) {
		wantError(t, b.Authorize(codeRequest("request", signed(t, jose.ES256, "ec", "", asked(p, members{"iss": "site", "client_id": "site"})))), unsupported)
	})
	t.Run("sent twice", func(t *testing.T) {
		request := maps.Clone(codeRequest("client_id", "signing", "redirect_uri", signingCallback))
		request["request"] = []string{good, good}
		wantError(t, b.Authorize(request), "invalid_request")
		for _, name := range []string{"client_id", "redirect_uri", "response_type", "state"} {
			request := beside(typed(typRequest, nil), "redirect_uri", signingCallback, "response_type", "code", "state", "st")
			request[name] = append(request[name], request.Get(name))
			wantErrorPage(t, b.Authorize(request), http.StatusBadRequest, "invalid_request")
		}
		wantError(t, b.Do(rawQuery(b, "/authorize", full(good).Encode()+"&nonce=a&nonce=b")), "invalid_request")
	})
	t.Run("by reference", func(t *testing.T) {
		request := codeRequest("client_id", "signing", "redirect_uri", signingCallback, "request_uri", "urn:ietf:params:oauth:request_uri:x")
		wantError(t, b.Authorize(request), "request_uri_not_supported")
		wantError(t, b.Authorize(with(request, "request", good)), "request_uri_not_supported")
		wantErrorPage(t, b.Authorize(params("client_id", "signing", "request_uri", "https://signing.brand.example/r")), http.StatusBadRequest, "invalid_request")
	})
	t.Run("left empty", func(t *testing.T) {
		request := codeRequest()
		request["request"], request["request_uri"], request["registration"] = []string{""}, []string{""}, []string{""}
		silent(t, b, request)
	})
	t.Run("registration", func(t *testing.T) {
		wantError(t, b.Authorize(codeRequest("registration", "{}")), "registration_not_supported")
	})
}
