package op_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// FuzzRequestObject: whatever a client signs into its request, the browser goes
// where the client is registered.
func FuzzRequestObject(f *testing.F) {
	p, b := fuzzed(f, signingBrand(f))
	const good = `{"iss":"signing","aud":"ISSUER","exp":SOON,"nbf":NOW,"iat":NOW,"jti":"a","client_id":"signing","response_type":"code",` +
		`"redirect_uri":"` + signingCallback + `","scope":"openid","state":"inside","nonce":"inner"}`
	silent(f, b, beside(signed(f, jose.ES256, "ec", typRequest, filled(p, good, "")))) // others differ from it
	for _, payload := range []string{
		good, "{}", "null", "[]", `{"state":"\ud800"}`, `{"aud":[null]}`, `{"exp":1e400}`, `{"claims":{"id_token":{"name":{"values":[{}]}}}}`,
		`{"max_age":-0.0}`, `{"redirect_uri":null}`, `{"State":"a","state":"b"}`, strings.Repeat("[", 5000),
		strings.Replace(good, `"iat"`, `"max_age":1,"prompt":"none","claims":{"id_token":{"acr":{"essential":true,"values":["loa1"]}}},"response_mode":"form_post","iat"`, 1),
	} {
		f.Add(typRequest, payload)
		f.Add("", payload)
	}
	f.Fuzz(func(t *testing.T, typ, payload string) {
		b := b.For(t)
		payload = filled(p, payload, "")
		object := signed(t, jose.ES256, "ec", typ, payload)
		checked(t, p, b, b.Request("/authorize", with(codeRequest("client_id", "signing", "redirect_uri", signingCallback), "request", object)))
		checked(t, p, b, b.Request("/authorize", beside(object)))
		checked(t, p, b, b.Request("/authorize", beside(payload)))
	})
}

// FuzzClientAssertion: whatever a client signs, or claims to have signed, is taken
// or refused, and only what is signed by it, for us and for once is taken.
func FuzzClientAssertion(f *testing.F) {
	p, b := fuzzed(f, backendBrand(f))
	for _, payload := range []string{
		`{"iss":"keyed","sub":"keyed","aud":"ISSUER","jti":"ONCE","exp":SOON}`, `{"iss":"keyed","sub":"keyed","aud":"ISSUER/token","jti":"ONCE","exp":SOON.5,"nbf":NOW,"iat":NOW}`,
		`{"iss":"keyed","sub":"keyed","aud":"ISSUER","jti":"a","exp":1}`, `{"iss":"keyed","sub":"keyed","aud":["ISSUER"],"jti":"a","exp":1e300}`,
		`{"iss":"keyed","sub":"keyed","aud":"https://evil.example","jti":"ONCE","exp":SOON}`, `{"iss":"site","sub":"keyed","aud":"ISSUER","jti":"ONCE","exp":SOON}`,
		`{"iss":"keyed","sub":"keyed","aud":"ISSUER","jti":"ONCE","exp":NOW}`, `{"iss":"keyed","sub":"keyed","aud":"ISSUER","jti":"ONCE","exp":SOON0}`,
		`{"sub":null}`, `[]`, `{"sub":"keyed","sub":"keyed"}`, `{"iss":"keyed","sub":"keyed","aud":"ISSUER","jti":"","exp":-0.5,"iat":"x"}`,
	} {
		f.Add(payload, "JWT", "")
	}
	f.Add("", "", "a.b.c")
	f.Add("", "", "eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, payload, typ, raw string) {
		b := b.For(t)
		for _, endpoint := range []string{"/token", "/introspect", "/revoke"} {
			assertion, payload := raw, filled(p, payload, "")
			if raw == "" {
				assertion = signed(t, jose.EdDSA, "ed", typ, payload)
			}
			form := proven(assertion, params("grant_type", "client_credentials", "token", "x"))
			if checked(t, p, b, b.Request(endpoint, form)).Status != http.StatusOK {
				continue
			}
			var claims map[string]any
			now := float64(p.Now().Unix())
			if err := json.Unmarshal([]byte(payload), &claims); raw != "" || err != nil || claims["iss"] != "keyed" || claims["sub"] != "keyed" ||
				!slices.Contains([]any{p.Issuer, p.Issuer + "/token", p.Issuer + endpoint}, claims["aud"]) ||
				claims["exp"].(float64) < now-10 || claims["exp"].(float64) > now+340 {
				t.Errorf("%q, %q is taken for the client's at %s", payload, raw, endpoint)
			}
			if checked(t, p, b, b.Request(endpoint, form)).Status == http.StatusOK {
				t.Errorf("%q is taken twice at %s", payload, endpoint)
			}
		}
	})
}
