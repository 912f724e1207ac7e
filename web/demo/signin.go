package demo

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/gorilla/sessions"
	"golang.org/x/oauth2"
)

// person is who is signed in at the brand's site.
type person struct {
	Subject string
	Name    string // given name
	Email   string
	IDToken string // the hint at sign-out
}

// signedIn tells who is signed in at the brand; nil for nobody.
func (b *brand) signedIn(r *http.Request) *person {
	session, err := b.cookies.Get(r, sessionCookie)
	if err != nil {
		return nil
	}
	p := &person{}
	for name, field := range map[string]*string{"sub": &p.Subject, "name": &p.Name, "email": &p.Email, "id_token": &p.IDToken} {
		*field, _ = session.Values[name].(string)
	}
	if p.Subject == "" {
		return nil
	}
	return p
}

// signIn sends the browser to the provider: code flow with PKCE, state and nonce.
func (b *brand) signIn(w http.ResponseWriter, r *http.Request) {
	var random [3 * 32]byte
	if _, err := io.ReadFull(b.opts.Rand, random[:]); err != nil {
		b.fail(w, http.StatusInternalServerError, "Something went wrong on our side.")
		return
	}
	text := base64.RawURLEncoding.EncodeToString
	state, nonce, verifier := text(random[:32]), text(random[32:64]), text(random[64:])
	session := b.fresh(signInCookie, signInSeconds)
	session.Values["state"], session.Values["nonce"], session.Values["verifier"] = state, nonce, verifier
	session.Values["connector"] = connectionNamed(r.FormValue("connector")).ID
	if err := session.Save(r, w); err != nil {
		b.fail(w, http.StatusInternalServerError, "Something went wrong on our side.")
		return
	}
	http.Redirect(w, r, b.oauth.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)), http.StatusFound)
}

// fresh makes a cookie's session without anything of an earlier one.
func (b *brand) fresh(name string, seconds int) *sessions.Session {
	session := sessions.NewSession(b.cookies, name)
	options := *b.cookies.Options
	options.MaxAge = seconds
	session.Options = &options
	return session
}

// callback is where the provider sends the browser back to.
func (b *brand) callback(w http.ResponseWriter, r *http.Request) {
	started, _ := b.cookies.Get(r, signInCookie) // a broken cookie is an empty session
	_ = b.fresh(signInCookie, -1).Save(r, w)     // once only
	if r.FormValue("error") != "" {
		b.fail(w, http.StatusOK, "The sign-in was not completed.")
		return
	}
	p, err := b.finish(r, started)
	if err != nil {
		b.fail(w, http.StatusBadRequest, "The sign-in could not be completed. Please begin again.")
		return
	}
	session := b.fresh(sessionCookie, sessionSeconds)
	session.Values["sub"], session.Values["name"], session.Values["email"] = p.Subject, p.Name, p.Email
	session.Values["id_token"] = p.IDToken
	if err := session.Save(r, w); err != nil {
		b.fail(w, http.StatusInternalServerError, "Something went wrong on our side.")
		return
	}
	// The page is the one that they came from, and a conversation there goes on.
	chosen, _ := started.Values["connector"].(string)
	http.Redirect(w, r, "/?connector="+connectionNamed(chosen).ID, http.StatusFound)
}

// finish redeems the code, verifies the ID token and reads UserInfo.
func (b *brand) finish(r *http.Request, started *sessions.Session) (*person, error) {
	text := func(name string) string { value, _ := started.Values[name].(string); return value }
	state, nonce, verifier := text("state"), text("nonce"), text("verifier")
	if state == "" || subtle.ConstantTimeCompare([]byte(state), []byte(r.FormValue("state"))) != 1 {
		return nil, errors.New("state is not that of this browser")
	}
	if r.FormValue("iss") != b.opts.Addresses.Provider { // RFC 9207
		return nil, errors.New("the answer is of another issuer")
	}
	ctx := oidc.ClientContext(r.Context(), b.opts.Client)
	token, err := b.oauth.Exchange(ctx, r.FormValue("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, fmt.Errorf("redeem code: %w", err)
	}
	raw, _ := token.Extra("id_token").(string)
	idToken, err := b.verifier.Verify(ctx, raw)
	if err != nil {
		return nil, fmt.Errorf("verify ID token: %w", err)
	}
	if idToken.Nonce != nonce {
		return nil, errors.New("the ID token's nonce is not that of this browser")
	}
	p, err := b.person(ctx, token, idToken.Subject)
	if err != nil {
		return nil, err
	}
	p.IDToken = raw
	return p, nil
}

func (b *brand) person(ctx context.Context, token *oauth2.Token, subject string) (*person, error) {
	info, err := b.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, fmt.Errorf("read UserInfo: %w", err)
	}
	if info.Subject != subject {
		return nil, errors.New("UserInfo is of somebody else")
	}
	var claims struct {
		GivenName string `json:"given_name"`
	}
	if err := info.Claims(&claims); err != nil {
		return nil, fmt.Errorf("read UserInfo: %w", err)
	}
	return &person{Subject: subject, Name: claims.GivenName, Email: info.Email}, nil
}

// signOut ends the brand's session and has the provider end its own. The hint lets
// it do so without asking, and the address lets it lead back.
func (b *brand) signOut(w http.ResponseWriter, r *http.Request) {
	p := b.signedIn(r)
	_ = b.fresh(sessionCookie, -1).Save(r, w)
	if p == nil { // signed out before, in another tab
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	query := url.Values{
		"id_token_hint": {p.IDToken}, "post_logout_redirect_uri": {b.opts.Addresses.Brand + "/signed-out"},
		"state": {connectionNamed(r.FormValue("connector")).ID},
	}
	http.Redirect(w, r, b.endSession+"?"+query.Encode(), http.StatusSeeOther)
}

// signedOut is where the provider leads back to. The state says which page they
// came from; it decides nothing else, so nobody has to prove it.
func (b *brand) signedOut(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/?connector="+connectionNamed(r.FormValue("state")).ID, http.StatusFound)
}
