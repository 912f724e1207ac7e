package op_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/brandidp/idp/web/webtest"
)

// asJSON writes parameters as an object.
func asJSON(form url.Values) string {
	object := map[string]string{}
	for name := range form {
		object[name] = form.Get(name)
	}
	body, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	return string(body)
}

//contract:2.5-json 2.5-post
func TestConnectorsMayAskInJSON(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	const mediaType = "application/json; charset=UTF-8"
	code := func() string {
		return silent(t, b, challenged(windowRequest("client_id", "messaging-code", "response_type", "code"))).Get("code")
	}
	grant := func() url.Values {
		return params("grant_type", "authorization_code", "redirect_uri", window, "code", code(), "code_verifier", verifier)
	}
	credentials := basic("messaging-code:" + messagingSecret)
	token := tokens(t, b.Do(b.RawRequest("POST", "/token", mediaType, asJSON(grant()), "Authorization", credentials)))
	if token.AccessToken == "" || token.TokenType != "Bearer" || claims(t, p, "messaging-code", token.IDToken)["lp_sdes"] == nil {
		t.Errorf("%+v", token)
	}
	byPost := with(grant(), "client_id", "messaging-code", "client_secret", messagingSecret)
	tokens(t, b.Do(b.RawRequest("POST", "/token", mediaType, asJSON(byPost))))

	const site = "site:" + siteSecret
	body := asJSON(params("grant_type", "authorization_code", "redirect_uri", siteCallback, "code", "x"))
	for name, test := range map[string]struct {
		credentials, body string
		status            int
		code              string
	}{
		"an ordinary client":    {basic(site), body, 415, "invalid_request"},
		"nobody":                {basic("nobody:x"), body, 415, "invalid_request"},
		"no credentials":        {"", body, 401, "invalid_client"},
		"a wrong secret":        {basic("messaging-code:x"), body, 401, "invalid_client"},
		"a code that is none":   {credentials, body, 400, "invalid_grant"},
		"a code twice":          {credentials, strings.Replace(body, "{", `{"code":"x",`, 1), 400, "invalid_request"},
		"twice by an escape":    {credentials, strings.Replace(body, "{", `{"c\u006fde":"x",`, 1), 400, "invalid_request"},
		"a number":              {credentials, strings.Replace(body, `"x"`, "1", 1), 400, "invalid_request"},
		"null":                  {credentials, strings.Replace(body, `"x"`, "null", 1), 400, "invalid_request"},
		"a list":                {credentials, strings.Replace(body, `"x"`, `["x"]`, 1), 400, "invalid_request"},
		"an object":             {credentials, strings.Replace(body, `"x"`, `{"a":"x"}`, 1), 400, "invalid_request"},
		"a list of all":         {credentials, "[" + body + "]", 400, "invalid_request"},
		"two objects":           {credentials, body + body, 400, "invalid_request"},
		"cut off":               {credentials, strings.TrimSuffix(body, "}"), 400, "invalid_request"},
		"a form":                {credentials, "code=x", 400, "invalid_request"},
		"not UTF-8":             {credentials, strings.Replace(body, `"x"`, "\"\xff\"", 1), 400, "invalid_request"},
		"NUL":                   {credentials, strings.Replace(body, `"x"`, `"\u0000"`, 1), 400, "invalid_request"},
		"deep":                  {credentials, `{"a":` + strings.Repeat("[", 50_000), 400, "invalid_request"},
		"1 MB":                  {credentials, `{"a":"` + strings.Repeat("a", 1<<20) + `"}`, 413, "invalid_request"},
		"credentials twice":     {credentials, strings.Replace(body, "{", `{"client_secret":"x",`, 1), 400, "invalid_request"},
		"another's client_id":   {credentials, strings.Replace(body, "{", `{"client_id":"site",`, 1), 400, "invalid_request"},
		"another grant":         {credentials, strings.Replace(body, "authorization_code", "password", 1), 400, "unsupported_grant_type"},
		"no grant":              {credentials, "{}", 400, "invalid_request"},
		"a name in other case":  {credentials, strings.Replace(body, `"code"`, `"Code"`, 1), 400, "invalid_request"},
		"an ordinary malformed": {basic(site), "{", 400, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			request := b.RawRequest("POST", "/token", mediaType, test.body)
			if test.credentials != "" {
				request.Header.Set("Authorization", test.credentials)
			}
			wantWire(t, b.Do(request), test.status, test.code)
		})
	}
}

// TestPercentEncodedCodes: a sender may encode each character, whether it has to
// or not.
//
//contract:2.5-percent
func TestPercentEncodedCodes(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	var encoded strings.Builder
	for _, c := range []byte(silent(t, b, codeRequest()).Get("code")) {
		fmt.Fprintf(&encoded, "%%%02x", c)
	}
	body := "grant_type=authorization_code&redirect_uri=" + url.QueryEscape(siteCallback) + "&code=" + encoded.String()
	request := b.RawRequest("POST", "/token", "application/x-www-form-urlencoded", body, "Authorization", basic("site:"+siteSecret))
	if token := tokens(t, b.Do(request)); token.AccessToken == "" || token.IDToken == "" {
		t.Errorf("%+v", token)
	}
}

// TestPKCEWithASecret: Conversational Cloud sends its secret with the verifier, in
// every shape that the connector's windows and applications have.
//
//contract:2.2-pkce 2.5-post 2.5-verifier 2.6-external 2.6-mobile 4-code 4-label 4-scheme 4-verifier
func TestPKCEWithASecret(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, `
clients:
  - client_id: mobile
    application_type: native
    client_secret: secret-of-mobile-0123456789-0123456789
    require_pkce: true
    redirect_uris: ["com.brand.app:/callback", "http://127.0.0.1/cb", https://lpcdn.lpsnmedia.net/le_unified_window/index.html, https://liveperson.net]
    conversational_cloud: {variant: rfc, account_id: "12345678"}
`)
	b := amelia(t, p)
	const secret = "secret-of-mobile-0123456789-0123456789"
	for _, address := range []string{window, "https://liveperson.net", "com.brand.app:/callback", "http://127.0.0.1:50123/cb"} {
		request := windowRequest("client_id", "mobile", "response_type", "code", "redirect_uri", address)
		wantError(t, b.Authorize(request), "invalid_request")
		code := silent(t, b, challenged(request)).Get("code")
		grant := params("grant_type", "authorization_code", "redirect_uri", address, "code", code)
		wantWire(t, redeemAs(b, "mobile", secret, grant), http.StatusBadRequest, "invalid_grant")
		wantWire(t, redeemAs(b, "mobile", secret, with(grant, "code_verifier", verifier+"x")), http.StatusBadRequest, "invalid_grant")
		wantWire(t, b.Post("/token", with(grant, "client_id", "mobile", "code_verifier", verifier)), http.StatusUnauthorized, "invalid_client")
		byPost := with(grant, "code_verifier", verifier, "client_id", "mobile", "client_secret", secret)
		if token := tokens(t, b.Post("/token", byPost)); claims(t, p, "mobile", token.IDToken)["sub"] == nil {
			t.Errorf("%s: %+v", address, token)
		}
	}
}
