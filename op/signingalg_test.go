package op_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/brandidp/idp/web/webtest"
)

// algBrand has a client for each algorithm of ID tokens.
func algBrand() string {
	var b strings.Builder
	b.WriteString("clients:\n")
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		fmt.Fprintf(&b, `  - client_id: by-%[1]s
    client_secret: secret-of-by-%[1]s-0123456789-0123456789
    redirect_uris: [https://%[1]s.brand.example/cb]
    response_types: [code id_token token, id_token]
    id_token_signed_response_alg: %[1]s
`, alg)
	}
	return b.String()
}

// verified gives the claims of an ID token that is signed by an algorithm with a
// key of the provider's.
func verified(t *testing.T, p *webtest.Provider, alg, idToken string) map[string]any {
	t.Helper()
	ctx := oidc.ClientContext(t.Context(), p.Browser(t).Client)
	config := &oidc.Config{ClientID: "by-" + alg, Now: p.Now, SupportedSigningAlgs: []string{alg}}
	token, err := oidc.NewVerifier(p.Issuer, oidc.NewRemoteKeySet(ctx, p.Address+"/jwks.json"), config).Verify(ctx, idToken)
	if err != nil {
		t.Fatalf("%s: %v", alg, err)
	}
	var all map[string]any
	if err := token.Claims(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

//defect:4-algorithms
//security:15-hint
func TestIDTokensByEachAlgorithm(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, algBrand())
	b := amelia(t, p)
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		address := "https://" + alg + ".brand.example/cb"
		request := codeRequest("client_id", "by-"+alg, "redirect_uri", address, "response_type", "code id_token token")
		answer := silent(t, b, request)
		half := func(value string) string {
			if alg == "EdDSA" {
				sum := sha512.Sum512([]byte(value))
				return base64.RawURLEncoding.EncodeToString(sum[:32])
			}
			sum := sha256.Sum256([]byte(value))
			return base64.RawURLEncoding.EncodeToString(sum[:16])
		}
		front := verified(t, p, alg, answer.Get("id_token"))
		if front["at_hash"] != half(answer.Get("access_token")) || front["c_hash"] != half(answer.Get("code")) {
			t.Errorf("%s: at_hash %v, c_hash %v", alg, front["at_hash"], front["c_hash"])
		}
		page := redeemAs(b, "by-"+alg, "secret-of-by-"+alg+"-0123456789-0123456789",
			params("grant_type", "authorization_code", "code", answer.Get("code"), "redirect_uri", address))
		token := tokens(t, page)
		if all := verified(t, p, alg, token.IDToken); all["at_hash"] != half(token.AccessToken) || all["sub"] != front["sub"] {
			t.Errorf("%s: claims %v", alg, all)
		}
		silent(t, b, with(request, "prompt", "none", "id_token_hint", token.IDToken))
		head, rest, _ := strings.Cut(token.IDToken, ".")
		payload, signature, _ := strings.Cut(rest, ".")
		for name, forged := range map[string]string{
			"changed":        head + "." + payload[:8] + "A" + payload[9:] + "." + signature,
			"no signature":   head + "." + payload + ".",
			"half of it":     head + "." + payload + "." + signature[:len(signature)/2],
			"another's name": strings.Split(answer.Get("id_token"), ".")[0] + "." + payload + "." + strings.Repeat("A", len(signature)),
		} {
			if page := b.Authorize(with(request, "prompt", "none", "id_token_hint", forged)); page.Answer().Get("error") != "invalid_request" {
				t.Errorf("%s, %s: answer %v", alg, name, page.Answer())
			}
		}
	}
}

// TestOneKeyForAnAlgorithm: the provider gets a key with the first client that
// needs one, once, and a connector's keys are its own.
func TestOneKeyForAnAlgorithm(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	algs := func() []string {
		var set struct {
			Keys []struct {
				Alg string `json:"alg"`
			} `json:"keys"`
		}
		if err := json.Unmarshal([]byte(p.Browser(t).Get("/jwks/site.json").Body), &set); err != nil {
			t.Fatal(err)
		}
		var algs []string
		for _, key := range set.Keys {
			algs = append(algs, key.Alg)
		}
		slices.Sort(algs)
		return algs
	}
	if got := algs(); !slices.Equal(got, []string{"RS256"}) {
		t.Errorf("at first: keys for %v", got)
	}
	another := func(name string) string {
		return strings.Replace(algBrand(), "clients:\n", "clients:\n  - client_id: "+name+"\n    redirect_uris: [https://a.example/cb]\n    id_token_signed_response_alg: ES256\n", 1)
	}
	p.Apply(another("first"))
	want := []string{"ES256", "EdDSA", "PS256", "RS256"}
	if got := algs(); !slices.Equal(got, want) {
		t.Errorf("keys for %v, want %v", got, want)
	}
	if result := p.Apply(another("first")); len(result.Diff.Changes) != 0 {
		t.Errorf("a second time: %s", result.Diff)
	}
	p.Apply(another("second"))
	if got := algs(); !slices.Equal(got, want) {
		t.Errorf("with another client: keys for %v", got)
	}
	if body := p.Browser(t).Get("/jwks/messaging.json").Body; strings.Count(body, `"kid"`) != 1 || !strings.Contains(body, "RS256") {
		t.Errorf("keys of a connector: %s", body)
	}
}
