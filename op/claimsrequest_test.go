package op_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/web/webtest"
)

const claimsBrand = `
clients:
  - client_id: modest
    client_secret: secret-of-modest-0123456789-0123456789
    redirect_uris: [https://modest.brand.example/cb]
    response_types: [code, id_token]
    scope: openid email
  - client_id: lasting
    client_secret: secret-of-lasting-0123456789-012345678
    redirect_uris: [https://lasting.brand.example/cb]
    grant_types: [authorization_code, refresh_token]
`

// given are the claims of the consumer that somebody is told.
func given(all map[string]any) map[string]any {
	out := map[string]any{}
	for _, name := range []string{"name", "given_name", "email", "email_verified", "phone_number", "address", "birthdate", "updated_at", "foo", "lp_sdes"} {
		if all[name] != nil {
			out[name] = all[name]
		}
	}
	return out
}

func TestClaimsParameter(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := p.Browser(t)
	b.Authorize(codeRequest()).SignIn("river", riversPassword)
	type some = map[string]any
	for name, test := range map[string]struct {
		claims            string
		idToken, userinfo some
	}{
		"none":              {`{}`, some{}, some{}},
		"empty members":     {`{"id_token":{},"userinfo":{}}`, some{}, some{}},
		"each in its place": {`{"id_token":{"email":null},"userinfo":{"name":{"essential":true}}}`, some{"email": "river@brand.example"}, some{"name": "River Song"}},
		"both":              {`{"id_token":{"given_name":{}},"userinfo":{"given_name":null}}`, some{"given_name": "River"}, some{"given_name": "River"}},
		"unknown claims and members": {
			`{"id_token":{"foo":{"essential":true},"sid":null,"lp_sdes":null,"name#ja":null,"name":{"purpose":"x","Values":["x"]}},"userinfo":{"foo":null},"other":[1]}`,
			some{"name": "River Song"},
			some{},
		},
		"values":        {`{"id_token":{"email":{"value":"river@brand.example"},"birthdate":{"values":["x","1980-04-15"]},"name":{"value":"Amelia"},"given_name":{"values":[]}}}`, some{"email": "river@brand.example", "birthdate": "1980-04-15", "given_name": "River"}, some{}},
		"other types":   {`{"userinfo":{"email_verified":{"value":true},"phone_number":{"value":12127888877},"updated_at":null}}`, some{}, some{"email_verified": true, "updated_at": 0.0}},
		"hostile texts": {`{"userinfo":{"name":{"values":["<script>","\u0000","River Song"]}}}`, some{}, some{"name": "River Song"}},
	} {
		t.Run(name, func(t *testing.T) {
			anyTime := cmp.FilterPath(func(path cmp.Path) bool { return strings.Contains(path.GoString(), "updated_at") }, cmp.Comparer(func(a, b any) bool { return a != nil && b != nil }))
			answer := silent(t, b, codeRequest("response_type", "code id_token token", "claims", test.claims))
			token := tokens(t, redeem(b, answer.Get("code")))
			for place, got := range map[string]map[string]any{
				"the ID token of the authorization endpoint": claims(t, p, "site", answer.Get("id_token")),
				"the ID token of the token endpoint":         claims(t, p, "site", token.IDToken),
			} {
				if diff := cmp.Diff(test.idToken, given(got), anyTime); diff != "" {
					t.Errorf("%s (-want +got):\n%s", place, diff)
				}
			}
			for place, accessToken := range map[string]string{"beside the code": answer.Get("access_token"), "of the code": token.AccessToken} {
				var got map[string]any
				if err := json.Unmarshal([]byte(userinfo(b, accessToken).Body), &got); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.userinfo, given(got), anyTime); diff != "" {
					t.Errorf("UserInfo by the token %s (-want +got):\n%s", place, diff)
				}
			}
		})
	}
	t.Run("with the ID token alone", func(t *testing.T) {
		answer := silent(t, b, implicitRequest("claims", `{"id_token":{"email":null},"userinfo":{"name":null}}`))
		if diff := cmp.Diff(some{"email": "river@brand.example"}, given(claims(t, p, "site", answer.Get("id_token")))); diff != "" {
			t.Errorf("claims (-want +got):\n%s", diff)
		}
	})
	t.Run("after a sign-in", func(t *testing.T) {
		page := p.Browser(t).Authorize(codeRequest("response_type", "code token", "claims", `{"id_token":{"email":null},"userinfo":{"name":null}}`))
		answer := page.SignIn("river", riversPassword).Answer()
		token := tokens(t, redeem(b, answer.Get("code")))
		if all := claims(t, p, "site", token.IDToken); all["email"] != "river@brand.example" || all["name"] != nil {
			t.Errorf("ID token %v", all)
		}
		for _, accessToken := range []string{answer.Get("access_token"), token.AccessToken} {
			if body := userinfo(b, accessToken).Body; !strings.Contains(body, `"name":"River Song"`) || strings.Contains(body, "email") {
				t.Errorf("UserInfo %s", body)
			}
		}
	})
}

// TestClaimsAreKeptThroughRefreshes: what was asked for once holds for all that
// comes of it, as long as the client's scope does.
func TestClaimsAreKeptThroughRefreshes(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, claimsBrand)
	b := amelia(t, p)
	const address, secret = "https://lasting.brand.example/cb", "secret-of-lasting-0123456789-012345678"
	answer := silent(t, b, codeRequest("client_id", "lasting", "redirect_uri", address, "scope", "openid offline_access",
		"claims", `{"id_token":{"given_name":null},"userinfo":{"email":null}}`))
	page := redeemAs(b, "lasting", secret, params("grant_type", "authorization_code", "code", answer.Get("code"), "redirect_uri", address))
	check := func(name, given string) {
		t.Helper()
		token := tokens(t, page)
		if all := claims(t, p, "lasting", token.IDToken); fmt.Sprint(all["given_name"]) != given || all["email"] != nil {
			t.Errorf("%s: ID token %v", name, all)
		}
		if body := userinfo(b, token.AccessToken).Body; !strings.Contains(body, `"email":"amelia@brand.example"`) || strings.Contains(body, "given_name") {
			t.Errorf("%s: UserInfo %s", name, body)
		}
	}
	refresh := func(pairs ...string) *webtest.Page {
		return redeemAs(b, "lasting", secret, params(append(pairs, "grant_type", "refresh_token", "refresh_token", tokens(t, page).RefreshToken)...))
	}
	check("by code", "Amelia")
	for range 2 {
		page = refresh()
		check("refreshed", "Amelia")
	}
	page = refresh("scope", "openid")
	check("refreshed for less", "Amelia")
	p.Apply(strings.Replace(claimsBrand, "    grant_types: [authorization_code, refresh_token]", "    grant_types: [authorization_code, refresh_token]\n    scope: openid email offline_access", 1))
	page = refresh()
	check("refreshed when the client may have less", "<nil>")
}

func TestClaimsThatTheClientMayNotAskFor(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, claimsBrand)
	b := p.Browser(t)
	b.Authorize(codeRequest()).SignIn("river", riversPassword)
	answer := silent(t, b, implicitRequest("client_id", "modest", "redirect_uri", "https://modest.brand.example/cb",
		"claims", `{"id_token":{"email":null,"name":{"essential":true},"phone_number":null,"address":null,"updated_at":null}}`))
	if diff := cmp.Diff(map[string]any{"email": "river@brand.example"}, given(claims(t, p, "modest", answer.Get("id_token")))); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}

func TestClaimsThatAreNoClaims(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	for _, value := range []string{
		"x", "null", "[]", `"a"`, `{"id_token":`, `{"id_token":[]}`, `{"userinfo":"name"}`, `{"userinfo":{"name":true}}`, `{"userinfo":{"name":{"essential":"yes"}}}`,
		`{"userinfo":{"name":{"values":"a"}}}`, `{"userinfo":{"name":null,"name":{"value":"a"}}}`, `{"id_token":{"sub":{"value":1}}}`, `{"id_token":{"sub":{"value":null}}}`,
		`{"id_token":{"acr":{"essential":true,"values":[1]}}}`, `{"userinfo":{}}{}`, `{"userinfo":{"name":{"value":"` + strings.Repeat("a", 4096) + `"}}}`,
	} {
		for _, responseType := range []string{"code", "id_token", "code token"} {
			wantError(t, b.Authorize(codeRequest("response_type", responseType, "claims", value)), "invalid_request")
		}
	}
	silent(t, b, codeRequest("claims", `{"userinfo":{"name":{"value":"`+strings.Repeat("é", 2000)+`"}}}`))
	silent(t, b, codeRequest("claims_locales", "en-GB \xc3\xa9", "claims", " \n{}\t"))
}

// TestClaimSub asks for one person: nobody else is answered for.
func TestClaimSub(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	answer := silent(t, b, implicitRequest())
	sub, _ := claims(t, p, "site", answer.Get("id_token"))["sub"].(string)
	value := func(sub string) string { return `{"id_token":{"sub":{"value":"` + sub + `"}}}` }

	silent(t, b, implicitRequest("prompt", "none", "claims", value(sub)))
	silent(t, b, codeRequest("claims", `{"id_token":{"sub":{"values":["x","`+sub+`"]}},"userinfo":{"sub":{"essential":true}}}`))
	silent(t, b, implicitRequest("id_token_hint", answer.Get("id_token"), "claims", value(sub)))
	for _, demand := range []string{value("x"), `{"userinfo":{"sub":{"value":"x"}}}`, `{"id_token":{"sub":{"values":["x","y"]}}}`} {
		wantError(t, b.Authorize(codeRequest("prompt", "none", "claims", demand)), "login_required")
		page := b.Authorize(codeRequest("claims", demand))
		wantSignIn(t, page)
		wantError(t, page.SignIn("amelia", ameliasPassword), "login_required")
	}
	wantError(t, b.Authorize(implicitRequest("prompt", "none", "id_token_hint", answer.Get("id_token"), "claims", value("x"))), "login_required")
	page := p.Browser(t).Authorize(implicitRequest("claims", value(sub)))
	if page.SignIn("amelia", ameliasPassword).Answer().Get("id_token") == "" {
		t.Error("the person who was asked for is not answered for")
	}
}

func TestClaimACR(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	for _, fine := range []string{
		`{"id_token":{"acr":null}}`, `{"id_token":{"acr":{"essential":true}}}`, `{"id_token":{"acr":{"values":["urn:mace:incommon:iap:silver"]}}}`,
		`{"id_token":{"acr":{"essential":true,"values":["2","loa1"]}}}`, `{"id_token":{"acr":{"essential":true,"value":"loa1"},"auth_time":{"essential":true}}}`,
	} {
		all := claims(t, p, "site", silent(t, b, implicitRequest("claims", fine)).Get("id_token"))
		if all["acr"] != "loa1" || all["auth_time"] == nil {
			t.Errorf("%s: acr %v, auth_time %v", fine, all["acr"], all["auth_time"])
		}
	}
	for _, request := range [][]string{{}, {"prompt", "none"}, {"response_type", "code"}} {
		for _, demand := range []string{`{"id_token":{"acr":{"essential":true,"values":["2","LOA1"]}}}`, `{"id_token":{"acr":{"essential":true,"value":"x"}}}`} {
			wantError(t, b.Authorize(implicitRequest(append(request, "claims", demand)...)), "unmet_authentication_requirements")
		}
	}
	silent(t, b, implicitRequest("acr_values", "urn:mace:incommon:iap:silver 2"))
}

// TestClaimsAreAgreedTo: who agrees is told of what claims ask for, too, and what
// is given is what was shown.
//
//security:14-silent
func TestClaimsAreAgreedTo(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	request := codeRequest("client_id", "careful", "redirect_uri", carefulCallback)
	plain, asked := b.Authorize(request), b.Authorize(with(request, "claims", `{"userinfo":{"email":null}}`))
	if plain.Element("consent") == nil || asked.Element("consent") == nil || strings.Count(asked.Body, "<li>") != strings.Count(plain.Body, "<li>")+1 {
		t.Errorf("the page for claims says nothing of them:\n%s", asked.Body)
	}
	// What was agreed to on one page does not stand for the other.
	form := asked.Form("consent")
	form.Set("proof", plain.Form("consent").Get("proof"))
	form.Set("consent", "allow")
	if again := b.Post("/consent", form); again.Element("consent") == nil {
		t.Errorf("the proof of another page was taken: target %s", again.Target())
	}
	answer := asked.Submit("consent", map[string]string{"consent": "allow"}).Answer()
	page := redeemAs(b, "careful", "secret-of-careful-0123456789-01234567", params("grant_type", "authorization_code", "code", answer.Get("code"), "redirect_uri", carefulCallback))
	if page := userinfo(b, tokens(t, page).AccessToken); page.Status != http.StatusOK || !strings.Contains(page.Body, `"email":"amelia@brand.example"`) {
		t.Errorf("UserInfo %d %s", page.Status, page.Body)
	}
}
