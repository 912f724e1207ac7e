//go:build cgo

package op_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/keys/pkcs11"
	"github.com/brandidp/idp/op/keys/pkcs11/softhsm"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/webtest"
)

// These tests share one token, which some of them take away: they do not run at once.

// TestTheTokenOfTheKeysIsNotConfigured in an instance: its log says so at the start, and
// names the keys.
func TestTheTokenOfTheKeysIsNotConfigured(t *testing.T) {
	options, _ := softhsm.Shared(t)
	signers, err := keys.NewSigners(keys.SignerOptions{Name: keys.SignerPKCS11, PKCS11: options})
	if err != nil {
		t.Fatal(err)
	}
	p := webtest.Start(t, nil, brand)
	key, err := op.CreateKey(t.Context(), p.Store, op.NewKey{Audit: webtest.Operator, Make: func(alg string) (*storage.SigningKey, error) { return signers.GenerateInToken(rand.Reader, alg) }})
	if err != nil {
		t.Fatal(err)
	}
	other := p.Another()
	if want := "signing key " + key.Kid + ": it is in the PKCS #11 token " + options.Token + ", and pkcs11.module is not set"; !strings.Contains(other.Log.String(), want) {
		t.Errorf("want %q in\n%s", want, other.Log)
	}
}

// TestTheTokenOfTheKeysIsAway: whoever needs a signature hears that it is for a moment,
// nobody is signed out, no code or refresh token is used up, and when the token is back
// all goes on.
func TestTheTokenOfTheKeysIsAway(t *testing.T) {
	options, _ := softhsm.Shared(t)
	signers, err := keys.NewSigners(keys.SignerOptions{Name: keys.SignerPKCS11, PKCS11: options})
	if err != nil {
		t.Fatal(err)
	}
	p := webtest.Start(t, func(opts *web.Options) { opts.Signers, opts.RefreshGrace = signers, 0 }, brand, refreshBrand)
	b := amelia(t, p)
	silent(t, b, implicitRequest())
	refreshToken := granted(t, b).RefreshToken
	p.Counts.Take()
	code := silent(t, b, codeRequest()).Get("code")
	wantCost(t, p, "authorize with a session, code", 2, 1)
	tokens(t, redeem(b, code))
	wantCost(t, p, "token by code, signed in a token", 4, 1)
	code, retried := silent(t, b, codeRequest()).Get("code"), silent(t, b, challenged(delegatingRequest())).Get("code")
	redeemRetried := func() *webtest.Page { return redeemAs(b, "delegating", portalSecret, retryGrant(retried)) }

	back := softhsm.Away(t)
	wantError(t, b.Authorize(implicitRequest()), "temporarily_unavailable")
	for range 2 { // nothing that was presented is used up
		for what, page := range map[string]*webtest.Page{
			"a code": redeem(b, code), "a code that may be retried": redeemRetried(), "a refresh token": refresh(b, refreshToken),
			"a page": fromPage(t, b, "messaging", messagingOrigin),
		} {
			wantWire(t, page, http.StatusServiceUnavailable, "temporarily_unavailable")
			if page.Header.Get("Retry-After") == "" {
				t.Errorf("%s: no Retry-After", what)
			}
		}
	}
	if jwks := b.Get("/jwks.json"); jwks.Status != http.StatusOK {
		t.Errorf("key set: status %d", jwks.Status)
	}
	back()
	silent(t, b, implicitRequest())
	first := tokens(t, redeem(b, code))
	tokens(t, redeemRetried())
	refreshed := tokens(t, refresh(b, refreshToken))
	wantAccess(t, b, first.AccessToken, http.StatusOK)
	wantAccess(t, b, refreshed.AccessToken, http.StatusOK)
	wantRefused(t, redeem(b, code)) // but once
	wantAccess(t, b, first.AccessToken, http.StatusUnauthorized)
	wantRefused(t, refresh(b, refreshToken))
	wantAccess(t, b, refreshed.AccessToken, http.StatusUnauthorized)
	if log := p.Log.String(); !strings.Contains(log, options.Token) || strings.Contains(log, options.PIN) {
		t.Error("the log does not name the token, or tells its PIN")
	}
}

// TestTheTokenOfTheKeysHangs: it answers neither yes nor no. Nobody waits for it for
// ever, and what needs no signature goes on.
func TestTheTokenOfTheKeysHangs(t *testing.T) {
	options, _ := softhsm.Shared(t)
	options.Limit = 500 * time.Millisecond
	signers, err := keys.NewSigners(keys.SignerOptions{Name: keys.SignerPKCS11, PKCS11: options})
	if err != nil {
		t.Fatal(err)
	}
	p := webtest.Start(t, func(opts *web.Options) { opts.Signers = signers }, brand)
	b := amelia(t, p)
	silent(t, b, implicitRequest())

	back := softhsm.Hang(t)
	wantError(t, b.Authorize(implicitRequest()), "temporarily_unavailable")
	page := fromPage(t, b, "messaging", messagingOrigin)
	wantWire(t, page, http.StatusServiceUnavailable, "temporarily_unavailable")
	if page.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if jwks := b.Get("/jwks.json"); jwks.Status != http.StatusOK {
		t.Errorf("key set: status %d", jwks.Status)
	}
	back()
	webtest.Eventually(t, "it signs again", func() bool { return b.Authorize(implicitRequest()).Answer().Has("id_token") })
}

// TestAKeyOfTheTokenIsDeleted through the management API: its private half is destroyed
// in the token, or the log says that it stays there.
func TestAKeyOfTheTokenIsDeleted(t *testing.T) {
	options, _ := softhsm.Shared(t)
	signers, err := keys.NewSigners(keys.SignerOptions{Name: keys.SignerPKCS11, PKCS11: options})
	if err != nil {
		t.Fatal(err)
	}
	token, err := pkcs11.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	p := webtest.Start(t, func(opts *web.Options) { opts.Signers = signers }, brand)
	key := p.APIKey(nil, op.APIScopes()...)
	remove := func(while func() (back func())) error {
		made, err := op.CreateKey(t.Context(), p.Store, op.NewKey{Audit: webtest.Operator, Alg: keys.ES256, Make: func(alg string) (*storage.SigningKey, error) {
			return signers.GenerateInToken(rand.Reader, alg)
		}})
		if err != nil {
			t.Fatal(err)
		}
		address, err := pkcs11.ParseURI(made.PrivateURI)
		if err != nil {
			t.Fatal(err)
		}
		back := while()
		p.Call(key, "POST", "/keys/"+made.Kid+"/steps", `{"step":"delete"}`).Want(http.StatusOK)
		back()
		digest := sha256.Sum256([]byte(made.Kid))
		_, err = token.Key(address, &ecdsa.PublicKey{}).Sign(nil, digest[:], crypto.SHA256)
		return err
	}
	const stays = "the private half of a deleted signing key is still in its token"
	if err := remove(func() func() { return func() {} }); !errors.Is(err, pkcs11.ErrNoKey) || strings.Contains(p.Log.String(), stays) {
		t.Errorf("a key that was deleted: %v", err)
	}
	// A row with the address of a key that is another's destroys nothing.
	others, _, err := token.Generate(rand.Reader, pkcs11.P256)
	if err != nil {
		t.Fatal(err)
	}
	row, err := signers.GenerateInToken(rand.Reader, keys.ES256)
	if err != nil {
		t.Fatal(err)
	}
	row.PrivateURI = others.String()
	if err := signers.Destroy(row); err == nil {
		t.Error("a key is destroyed that is not the row's")
	}
	digest := sha256.Sum256(nil)
	if _, err := token.Key(others, &ecdsa.PublicKey{}).Sign(nil, digest[:], crypto.SHA256); err != nil {
		t.Errorf("another's key: %v", err)
	}
	if err := remove(func() func() { return softhsm.Away(t) }); err != nil || !strings.Contains(p.Log.String(), stays) {
		t.Errorf("a key that was deleted while the token was away: %v", err)
	}
}
