package e2e_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
)

// The relying party of go-oidc and x/oauth2, as their documentation has it.
func goOIDC(t *testing.T, s *idp) {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), s.Issuer)
	if err != nil {
		t.Fatal(err)
	}

	for clientID, style := range map[string]oauth2.AuthStyle{
		"basic": oauth2.AuthStyleInHeader, "post": oauth2.AuthStyleInParams, "public": oauth2.AuthStyleInParams,
	} {
		t.Run("code/"+clientID, func(t *testing.T) {
			t.Parallel()
			cfg := oauth2.Config{
				ClientID: clientID, RedirectURL: callback, Endpoint: provider.Endpoint(),
				Scopes: []string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess},
			}
			if clientID != "public" {
				cfg.ClientSecret = secret
			}
			cfg.Endpoint.AuthStyle = style
			goOIDCCode(t, s, provider, cfg)
		})
	}

	t.Run("implicit", func(t *testing.T) {
		t.Parallel()
		cfg := oauth2.Config{ClientID: "basic", RedirectURL: callback, Endpoint: provider.Endpoint(), Scopes: []string{oidc.ScopeOpenID}}
		verifier := provider.Verifier(&oidc.Config{ClientID: "basic"})
		amelia := newPerson(s.Issuer, "amelia", ameliasPassword)
		for _, responseType := range []string{"id_token", "id_token token"} {
			answer := visit(t, amelia, cfg.AuthCodeURL("a state", oidc.Nonce("a nonce"), oauth2.SetAuthURLParam("response_type", responseType)))
			if answer.Get("state") != "a state" {
				t.Errorf("state %q", answer.Get("state"))
			}
			token, err := verifier.Verify(t.Context(), answer.Get("id_token"))
			if err != nil {
				t.Fatal(err)
			}
			if token.Nonce != "a nonce" {
				t.Errorf("nonce %q", token.Nonce)
			}
			if responseType == "id_token" {
				continue
			}
			if err := token.VerifyAccessToken(answer.Get("access_token")); err != nil {
				t.Error(err)
			}
			info, err := provider.UserInfo(t.Context(), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: answer.Get("access_token")}))
			if err != nil {
				t.Fatal(err)
			}
			if info.Subject != token.Subject {
				t.Errorf("sub %q of userinfo, %q of the token", info.Subject, token.Subject)
			}
		}
	})

	t.Run("errors", func(t *testing.T) {
		t.Parallel()
		cfg := oauth2.Config{ClientID: "basic", RedirectURL: callback, Endpoint: provider.Endpoint(), Scopes: []string{oidc.ScopeOpenID}}
		nobody := newPerson(s.Issuer, "", "")
		answer := visit(t, nobody, cfg.AuthCodeURL("a state", oauth2.SetAuthURLParam("prompt", "none")))
		if answer.Get("error") != "login_required" || answer.Get("state") != "a state" {
			t.Errorf("answer %v", answer)
		}
		cfg.ClientSecret = "not the secret"
		cfg.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
		_, err := cfg.Exchange(t.Context(), "not a code")
		refused, ok := errors.AsType[*oauth2.RetrieveError](err)
		if !ok || refused.ErrorCode != "invalid_client" || refused.Response.StatusCode != http.StatusUnauthorized {
			t.Errorf("a wrong secret: %v", err)
		}
		cfg.ClientSecret = secret
		_, err = cfg.Exchange(t.Context(), "not a code")
		if refused, ok := errors.AsType[*oauth2.RetrieveError](err); !ok || refused.ErrorCode != "invalid_grant" {
			t.Errorf("a wrong code: %v", err)
		}
		if _, err := provider.UserInfo(t.Context(), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "not a token"})); err == nil {
			t.Error("userinfo for a wrong token")
		}
	})
}

func goOIDCCode(t *testing.T, s *idp, provider *oidc.Provider, cfg oauth2.Config) {
	t.Helper()
	verifier := oauth2.GenerateVerifier()
	amelia := newPerson(s.Issuer, "amelia", ameliasPassword)
	answer := visit(t, amelia, cfg.AuthCodeURL("a state", oidc.Nonce("a nonce"), oauth2.S256ChallengeOption(verifier)))
	if answer.Get("state") != "a state" {
		t.Errorf("state %q", answer.Get("state"))
	}
	if _, err := cfg.Exchange(t.Context(), answer.Get("code"), oauth2.VerifierOption(oauth2.GenerateVerifier())); err == nil {
		t.Error("a code with another verifier was redeemed")
	}
	answer = visit(t, amelia, cfg.AuthCodeURL("a state", oidc.Nonce("a nonce"), oauth2.S256ChallengeOption(verifier)))
	token, err := cfg.Exchange(t.Context(), answer.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := token.Extra("id_token").(string)
	idToken, err := provider.Verifier(&oidc.Config{ClientID: cfg.ClientID}).Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := idToken.VerifyAccessToken(token.AccessToken); err != nil && idToken.AccessTokenHash != "" {
		t.Error(err)
	}
	info, err := provider.UserInfo(t.Context(), cfg.TokenSource(t.Context(), token))
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Name string `json:"name"`
	}
	if err := info.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	type person struct {
		Sub, Nonce, Name, Email string
		Verified                bool
	}
	want := person{idToken.Subject, "a nonce", "Amelia Pond", "amelia@brand.example", true}
	if diff := cmp.Diff(want, person{info.Subject, idToken.Nonce, claims.Name, info.Email, info.EmailVerified}); diff != "" {
		t.Error(diff)
	}
	hint := goOIDCRefresh(t, provider, cfg, token, idToken.Subject)
	goOIDCSignOut(t, provider, cfg, amelia, hint)
}

// goOIDCRefresh lets the library's token source notice that there is no access
// token, and gives the new ID token.
func goOIDCRefresh(t *testing.T, provider *oidc.Provider, cfg oauth2.Config, token *oauth2.Token, sub string) string {
	t.Helper()
	source := cfg.TokenSource(t.Context(), &oauth2.Token{RefreshToken: token.RefreshToken})
	refreshed, err := source.Token()
	if err != nil {
		t.Fatal(err)
	}
	if refreshed.AccessToken == token.AccessToken || refreshed.RefreshToken == token.RefreshToken {
		t.Error("refreshing changed nothing")
	}
	raw, _ := refreshed.Extra("id_token").(string)
	idToken, err := provider.Verifier(&oidc.Config{ClientID: cfg.ClientID}).Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	info, err := provider.UserInfo(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	if idToken.Subject != sub || info.Subject != sub {
		t.Errorf("refreshed for %q and %q, want %q", idToken.Subject, info.Subject, sub)
	}
	return raw
}

// goOIDCSignOut goes where discovery says, since the library has no function for it.
func goOIDCSignOut(t *testing.T, provider *oidc.Provider, cfg oauth2.Config, amelia *person, hint string) {
	t.Helper()
	var metadata struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := provider.Claims(&metadata); err != nil {
		t.Fatal(err)
	}
	request := params("id_token_hint", hint, "post_logout_redirect_uri", goodbye, "state", "a state")
	page, err := amelia.get(t.Context(), metadata.EndSession+"?"+request.Encode())
	if err != nil {
		t.Fatal(err)
	}
	target, err := page.Target()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(target.String(), goodbye+"?") || target.Query().Get("state") != "a state" {
		t.Errorf("after signing out: %v", target)
	}
	silent := cfg.AuthCodeURL("a state", oauth2.SetAuthURLParam("prompt", "none"), oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))
	answer := visit(t, amelia, silent)
	if answer.Get("error") != "login_required" {
		t.Errorf("still signed in: %v", answer)
	}
}
