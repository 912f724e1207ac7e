package op_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/brandidp/idp/web/webtest"
)

// brand has connectors, an ordinary client of each kind, and some consumers.
const brand = `
clients:
  - client_id: messaging
    client_name: Messaging
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    response_types: [id_token]
    web_origins: [https://www.brand.example]
    conversational_cloud: {variant: rfc, account_id: "12345678"}
  - client_id: messaging-code
    client_secret: secret-of-messaging-code-0123456789abcdef
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html, https://liveperson.net]
    response_types: [code, id_token]
    web_origins: [https://shop.brand.example]
    conversational_cloud: {variant: rfc}
  - client_id: site
    client_name: The site
    client_secret: abcdefghijabcdefghijabcdefghijabcdefghij
    redirect_uris: [https://www.brand.example/cb, "https://www.brand.example/cb?a=1&b=%2F"]
    response_types: [code, id_token, token id_token, code id_token, token code, code id_token token]
  - client_id: site2
    client_secret: "0123456789012345678901234567890123456789"
    redirect_uris: [https://www.brand.example/cb2, https://www.brand.example/cb]
    response_types: [code, id_token, id_token token, code id_token, code token, code id_token token]
  - client_id: post
    client_secret: secret-of-post-0123456789-0123456789
    token_endpoint_auth_method: client_secret_post
    redirect_uris: [https://post.brand.example/cb]
    response_types: [code, code id_token, code token, code id_token token]
  - client_id: hardened
    client_secret: secret-of-hardened-0123456789-01234567
    require_pkce: true
    redirect_uris: [https://hardened.brand.example/cb]
  - client_id: careful
    client_name: Careful
    client_secret: secret-of-careful-0123456789-01234567
    consent: required
    redirect_uris: [https://careful.brand.example/cb]
    response_types: [code, id_token]
  - client_id: app
    application_type: native
    token_endpoint_auth_method: none
    redirect_uris: ["com.brand.app:/cb", "http://127.0.0.1/cb", "http://[::1]/cb", "https://app.brand.example/cb"]
  - client_id: page
    token_endpoint_auth_method: none
    redirect_uris: [https://page.brand.example/cb]
    web_origins: [https://page.brand.example]
consumers:
  - username: amelia
    password: correct horse battery staple
    claims: {given_name: Amelia, family_name: Pond, email: amelia@brand.example, email_verified: true}
    personal_info: {firstname: Amelia, contacts: [{email: amelia@brand.example, phoneType: MOBILE}]}
    customer_info: {ctype: vip, customerId: 138766AC, balance: -400.99, currency: USD}
  - username: rory
    password: another good password
    claims: {given_name: Rory}
  - username: river
    password: spoilers and more spoilers
    claims:
      name: River Song
      given_name: River
      family_name: Song
      middle_name: Melody
      nickname: Riv
      preferred_username: river
      profile: https://www.brand.example/river
      picture: https://www.brand.example/river.png
      website: https://river.example
      gender: female
      birthdate: "1980-04-15"
      zoneinfo: Europe/London
      locale: en-GB
      email: river@brand.example
      email_verified: true
      phone_number: "+12127888877"
      phone_number_verified: true
      address: {formatted: "1 Road\nLondon", street_address: 1 Road, locality: London, region: Greater London, postal_code: N1, country: GB}
  - username: john
    password: some good password of john
    disabled: true
  - username: nopassword
    claims: {given_name: No}
`

const (
	ameliasPassword = "correct horse battery staple"
	rorysPassword   = "another good password"
	riversPassword  = "spoilers and more spoilers"

	window       = "https://lpcdn.lpsnmedia.net/le_unified_window/index.html"
	siteCallback = "https://www.brand.example/cb"

	siteSecret      = "abcdefghijabcdefghijabcdefghijabcdefghij"
	site2Secret     = "0123456789012345678901234567890123456789"
	postSecret      = "secret-of-post-0123456789-0123456789"
	messagingSecret = "secret-of-messaging-code-0123456789abcdef"
)

// params makes the parameters of a request from pairs of names and values.
func params(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values
}

// with is values with other pairs; the value "" takes a parameter away.
func with(values url.Values, pairs ...string) url.Values {
	out := maps.Clone(values)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			out.Del(pairs[i])
		} else {
			out.Set(pairs[i], pairs[i+1])
		}
	}
	return out
}

// codeRequest is the site's authorization request for a code.
func codeRequest(pairs ...string) url.Values {
	return with(params("client_id", "site", "response_type", "code", "scope", "openid",
		"redirect_uri", siteCallback, "state", "st", "nonce", "no"), pairs...)
}

// implicitRequest is the site's authorization request for an ID token.
func implicitRequest(pairs ...string) url.Values {
	return codeRequest(append([]string{"response_type", "id_token"}, pairs...)...)
}

// windowRequest is that of a conversation window.
func windowRequest(pairs ...string) url.Values {
	return with(params("client_id", "messaging", "response_type", "id_token", "scope", "openid", "redirect_uri", window,
		"state", `{"lpUnifiedWindowConfig":{"accountId":"12345678"}}`), pairs...)
}

// amelia gives a browser in which Amelia is signed in.
func amelia(tb testing.TB, p *webtest.Provider) *webtest.Browser {
	tb.Helper()
	b := p.Browser(tb)
	if page := b.Authorize(codeRequest()).SignIn("amelia", ameliasPassword); page.Target() == "" {
		tb.Fatalf("sign-in: status %d, message %q\n%s", page.Status, page.Text("message"), p.Log)
	}
	return b
}

// silent sends a request that has to be answered at once.
func silent(tb testing.TB, b *webtest.Browser, request url.Values) url.Values {
	tb.Helper()
	page := b.Authorize(request)
	if page.Status != http.StatusFound {
		tb.Fatalf("status %d, want 302\n%s", page.Status, page.Body)
	}
	return page.Answer()
}

// redeem has the site redeem a code.
func redeem(b *webtest.Browser, code string, pairs ...string) *webtest.Page {
	return redeemAs(b, "site", siteSecret, with(params("grant_type", "authorization_code", "redirect_uri", siteCallback, "code", code), pairs...))
}

// redeemAs sends a token request with the Basic credentials of a client.
func redeemAs(b *webtest.Browser, client, secret string, form url.Values) *webtest.Page {
	request := b.Request("/token", form)
	request.SetBasicAuth(client, secret)
	return b.Do(request)
}

// tokenAnswer is what the token endpoint and the token source answer.
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	Scope        string `json:"scope"`
	Error        string `json:"error"`
	Description  string `json:"error_description"`
	Issuer       string `json:"iss"`
	Subject      string `json:"sub"`
	Code         string `json:"code"`
	RedirectURI  string `json:"redirect_uri"`
}

func decode(tb testing.TB, page *webtest.Page) tokenAnswer {
	tb.Helper()
	var answer tokenAnswer
	if err := json.Unmarshal([]byte(page.Body), &answer); err != nil {
		tb.Fatalf("status %d: %v\n%s", page.Status, err, page.Body)
	}
	return answer
}

// tokens decodes a token response that has to be one.
func tokens(tb testing.TB, page *webtest.Page) tokenAnswer {
	tb.Helper()
	if page.Status != http.StatusOK {
		tb.Fatalf("status %d\n%s", page.Status, page.Body)
	}
	return decode(tb, page)
}

// claims verifies an ID token as its relying party does, by the client's own
// keys, and gives its claims.
func claims(tb testing.TB, p *webtest.Provider, client, idToken string) map[string]any {
	tb.Helper()
	ctx := oidc.ClientContext(tb.Context(), p.Browser(tb).Client)
	keys := oidc.NewRemoteKeySet(ctx, p.Address+"/jwks/"+client+".json")
	config := &oidc.Config{ClientID: client, Now: p.Now}
	token, err := oidc.NewVerifier(p.Issuer, keys, config).Verify(ctx, idToken)
	if err != nil {
		tb.Fatal(err)
	}
	var all map[string]any
	if err := token.Claims(&all); err != nil {
		tb.Fatal(err)
	}
	return all
}

// wantError checks an error that went to the relying party.
func wantError(tb testing.TB, page *webtest.Page, code string) {
	tb.Helper()
	if page.Target() == "" {
		tb.Errorf("status %d, no way to the relying party; want error %s\n%s", page.Status, code, page.Text("error"))
		return
	}
	answer := page.Answer()
	if answer.Get("error") != code {
		tb.Errorf("error %q (%s), want %q; target %s", answer.Get("error"), answer.Get("error_description"), code, page.Target())
	}
	for _, name := range []string{"code", "id_token", "access_token"} {
		if answer.Has(name) {
			tb.Errorf("an error came with a %s", name)
		}
	}
}

// wantErrorPage checks an error that must not be sent anywhere.
func wantErrorPage(tb testing.TB, page *webtest.Page, status int, code string) {
	tb.Helper()
	if page.Status != status || page.Text("error") != code || page.Target() != "" || page.Text("request-id") == "" {
		tb.Errorf("status %d, error %q, target %q; want %d, %q and none\n%s",
			page.Status, page.Text("error"), page.Target(), status, code, page.Body)
	}
}

// wantSignIn checks that the sign-in page is shown.
func wantSignIn(tb testing.TB, page *webtest.Page) {
	tb.Helper()
	if page.Status != http.StatusOK || page.Element("sign-in") == nil {
		tb.Errorf("status %d, want the sign-in page; target %q", page.Status, page.Target())
	}
}

// wantWire checks a JSON error of the token or UserInfo endpoint.
func wantWire(tb testing.TB, page *webtest.Page, status int, code string) {
	tb.Helper()
	if page.Status != status || decode(tb, page).Error != code {
		tb.Errorf("status %d %s; want %d %s", page.Status, page.Body, status, code)
	}
	if !strings.Contains(page.Header.Get("Cache-Control"), "no-store") {
		tb.Errorf("Cache-Control %q", page.Header.Get("Cache-Control"))
	}
	if got := page.Header.Get("Content-Type"); got != "application/json" && got != "application/json;charset=UTF-8" {
		tb.Errorf("Content-Type %q", got)
	}
}

// userinfo asks the UserInfo endpoint with a bearer token.
func userinfo(b *webtest.Browser, accessToken string) *webtest.Page {
	return b.Do(b.Request("/userinfo", nil, "Authorization", "Bearer "+accessToken))
}
