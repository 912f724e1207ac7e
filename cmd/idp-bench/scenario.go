package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// scenario is one operation that is measured.
type scenario struct {
	name    string
	operate func(*browser, context.Context) error
}

// implicitFlow is the name of the scenario that is held against the yardstick.
const implicitFlow = "implicit flow with session"

// scenarios in the order in which they are measured; sign-in renews the session
// that those after it use.
var scenarios = []scenario{
	{"sign-in", (*browser).signIn},
	{"code flow with session", (*browser).codeFlow},
	{implicitFlow, (*browser).implicitFlow},
	{"userinfo", (*browser).userinfo},
	{"jwks", public("/jwks.json", `{"keys":[`)},
	{"discovery", public("/.well-known/openid-configuration", `{"issuer":`)},
}

// state is what Conversational Cloud's window sends along, about as long as it
// is there.
var state = `{"lpUnifiedWindowConfig":{"accountId":"12345678","env":"prod","external":true,"lang":"en-US","skill":"` + strings.Repeat("s", 100) + `"}}`

var (
	authorizeImplicit = authorize("messaging", "id_token", window)
	authorizeCode     = authorize("messaging-code", "code", window)
)

func authorize(clientID, responseType, redirectURI string) string {
	return "/authorize?" + url.Values{
		"client_id": {clientID}, "response_type": {responseType}, "scope": {"openid"}, "redirect_uri": {redirectURI},
		"state": {state}, "parentWindowOrigin": {"https://www.brand.example"},
	}.Encode()
}

// implicitFlow gets an ID token for somebody who is signed in: one redirect.
func (b *browser) implicitFlow(ctx context.Context) error {
	page, err := b.get(ctx, authorizeImplicit)
	if err != nil {
		return err
	}
	_, err = page.param("id_token")
	return err
}

// codeFlow gets a code by redirect and has the relying party redeem it.
func (b *browser) codeFlow(ctx context.Context) error {
	page, err := b.get(ctx, authorizeCode)
	if err != nil {
		return err
	}
	code, err := page.param("code")
	if err != nil {
		return err
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {window}}
	request, err := b.request(ctx, http.MethodPost, "/token", form)
	if err != nil {
		return err
	}
	request.SetBasicAuth("messaging-code", clientSecret)
	response, err := b.do(request)
	if err != nil {
		return err
	}
	var tokens struct {
		AccessToken string `json:"access_token"`
		IDToken     string `json:"id_token"`
	}
	if err := json.Unmarshal([]byte(response.body), &tokens); err != nil || tokens.IDToken == "" {
		return fmt.Errorf("token endpoint: %w: status %d", errUnexpected, response.status)
	}
	b.accessToken = tokens.AccessToken
	return nil
}

func (b *browser) userinfo(ctx context.Context) error {
	request, err := b.request(ctx, http.MethodGet, "/userinfo", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+b.accessToken)
	response, err := b.do(request)
	if err != nil {
		return err
	}
	if response.status != http.StatusOK || !strings.HasPrefix(response.body, `{"sub":`) {
		return fmt.Errorf("%w: status %d", errUnexpected, response.status)
	}
	return nil
}

// public reads a document that is the same for everybody.
func public(path, begins string) func(*browser, context.Context) error {
	return func(b *browser, ctx context.Context) error {
		request, err := b.request(ctx, http.MethodGet, path, nil)
		if err != nil {
			return err
		}
		response, err := b.do(request)
		if err != nil {
			return err
		}
		if response.status != http.StatusOK || !strings.HasPrefix(response.body, begins) {
			return fmt.Errorf("%w: status %d", errUnexpected, response.status)
		}
		return nil
	}
}
