package op

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/brandidp/idp/storage"
)

// codeLifetime is how long a code waits for its redemption (RFC 6749 4.1.2).
const codeLifetime = time.Minute

// Authorize answers the authorization endpoint (OpenID Connect Core 3.1.2, 3.2.2,
// 3.3.2), GET and POST.
func (p *Provider) Authorize(w http.ResponseWriter, r *http.Request) {
	params, err := readParams(w, r)
	if err != nil {
		p.ShowError(w, r, asError(err))
		return
	}
	if p.repost(w, r, params) {
		return
	}
	v, err := p.current()
	if err != nil {
		p.ShowError(w, r, asError(err))
		return
	}
	params, refused := p.openRequestObject(v, params)
	request, client, fault := v.addressOf(params)
	if fault != nil {
		if refused != nil { // whose fault the missing address may be
			fault = refused
		}
		p.ShowError(w, r, fault)
		return
	}
	if refused == nil {
		refused = p.complete(v, client, request, params)
	}
	if fault := refused; fault != nil {
		p.sendError(w, r, client, request, fault)
		return
	}
	in, err := p.sessions.Current(r)
	if err != nil {
		p.sendError(w, r, client, request, asError(err))
		return
	}
	if !request.prompts(promptNone) { // which a page asks by itself, with nobody before it
		p.touch(in)
	}
	p.proceed(w, r, v, client, request, in, shown{})
}

// shown is what a person has done for this very request.
type shown struct {
	authenticated bool // the password was verified for this ticket, or the brand's login has for it
	elsewhere     bool // that was the brand's login, which need not have asked anything
	chosen        bool // went on as the account that was offered
	consented     bool
}

// step is what has to happen before a request can be answered.
type step int

const (
	stepNone step = iota
	stepSignIn
	stepChoose // go on as somebody, or sign in as somebody else
	stepConsent
)

// nextStep decides. It is the same for the page, the script and prompt=none.
func nextStep(client *storage.Client, request *authRequest, in *storage.SignedIn, done shown) step {
	switch {
	case in == nil:
		return stepSignIn
	case !request.admits(in.Consumer) && !done.authenticated:
		return stepSignIn
	case request.prompts(promptLogin) && !done.authenticated:
		return stepSignIn
	case request.MaxAge != nil && !done.authenticated && in.Now.Sub(in.Session.AuthTime) > time.Duration(*request.MaxAge)*time.Second:
		return stepSignIn
	case !request.meets(client, in.Session.ACR) && !done.authenticated:
		return stepSignIn
	case done.chosen:
	case request.prompts(promptSelectAccount) && !done.authenticated,
		ownedByApplication(client, request.RedirectURI) && (!done.authenticated || done.elsewhere):
		return stepChoose
	}
	if !done.consented && request.lacksConsent(client, in) {
		return stepConsent
	}
	return stepNone
}

// errorsOfNone are what prompt=none gets where a step is left (OpenID Connect
// Core 3.1.2.6).
var errorsOfNone = map[step]*Error{
	stepSignIn:  fault("login_required", "nobody is signed in, or the sign-in is too old"),
	stepChoose:  fault("interaction_required", "this client needs the consumer to choose to go on"),
	stepConsent: fault("consent_required", "the consumer has to agree first"),
}

// proceed answers a request, or shows the page that has to come first.
func (p *Provider) proceed(w http.ResponseWriter, r *http.Request, v *view, client *storage.Client, request *authRequest, in *storage.SignedIn, done shown) {
	next := nextStep(client, request, in, done)
	if next != stepNone && request.prompts(promptNone) {
		p.sendError(w, r, client, request, errorsOfNone[next])
		return
	}
	switch next {
	case stepSignIn, stepChoose:
		if p.loginURL(client) != "" && (next == stepSignIn || !ownedByApplication(client, request.RedirectURI)) {
			p.handOver(w, r, client, request, in)
			return
		}
		p.showSignIn(w, r, client, request, in, done, SignInPage{Status: http.StatusOK, Username: request.LoginHint})
	case stepConsent:
		p.showConsent(w, r, client, request, in)
	case stepNone:
		p.answer(w, r, v, client, request, in)
	}
}

// issued is what goes into an answer besides the ID token.
type issued struct {
	code        string
	accessToken string
}

// answer issues what was asked for to somebody who is signed in.
func (p *Provider) answer(w http.ResponseWriter, r *http.Request, v *view, client *storage.Client, request *authRequest, in *storage.SignedIn) {
	out, code, token, err := p.prepare(client, request)
	if err == nil {
		err = p.noteClient(r.Context(), client, in)
	}
	if errors.Is(err, storage.ErrNotFound) {
		err = errorsOfNone[stepSignIn] // signed out in this very moment
	}
	if err == nil && (code != nil || token != nil) {
		err = p.issue(r.Context(), client, request, in, storage.Issue{Code: code, AccessToken: token})
	}
	if err != nil {
		p.sendError(w, r, client, request, asError(err))
		return
	}
	p.sendIssued(w, r, v, client, request, in, out)
}

// prepare makes the code and the access token that the response type asks for,
// and what is to be stored of them.
func (p *Provider) prepare(client *storage.Client, request *authRequest) (issued, *storage.NewCode, *storage.NewAccessToken, error) {
	var (
		out   issued
		code  *storage.NewCode
		token *storage.NewAccessToken
	)
	scope := strings.Join(request.Scopes, " ")
	claims, err := request.Claims.text()
	if err != nil {
		return issued{}, nil, nil, err
	}
	if request.gives(wordCode) {
		value, err := p.newHandle()
		if err != nil {
			return issued{}, nil, nil, err
		}
		out.code, code = value, &storage.NewCode{
			SHA256: hashOf(value), ClientID: client.ID, RedirectURI: request.RedirectURI, Scope: scope,
			Nonce: request.Nonce, CodeChallenge: request.CodeChallenge, ClaimsRequest: claims, Lifetime: codeLifetime,
		}
	}
	if request.gives(wordToken) {
		handle, err := p.newHandle()
		if err != nil {
			return issued{}, nil, nil, err
		}
		out.accessToken, token = handle, &storage.NewAccessToken{
			SHA256: accessTokenSHA256(client, handle), ClientID: client.ID, Scope: scope, ClaimsRequest: claims, Lifetime: client.AccessTokenLifetime.Duration(),
		}
	}
	return out, code, token, nil
}

// issue stores what is to be issued, unless the session has ended or the consent was
// withdrawn in this very moment.
func (p *Provider) issue(ctx context.Context, client *storage.Client, request *authRequest, in *storage.SignedIn, issue storage.Issue) error {
	issue.Session, issue.ClientID = &in.Session, client.ID
	if client.AsksConsent() {
		issue.Consent = request.consentScopes(client)
	}
	err := p.opts.Store.Issue(ctx, issue)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return errorsOfNone[stepSignIn]
	case errors.Is(err, storage.ErrNoConsent):
		return errorsOfNone[stepConsent]
	}
	return err
}

// sendIssued signs the ID token, if one is asked for, and answers.
func (p *Provider) sendIssued(w http.ResponseWriter, r *http.Request, v *view, client *storage.Client, request *authRequest, in *storage.SignedIn, out issued) {
	var a answer
	pageAsks := request.ResponseMode == modeWebMessage && client.ConversationalCloud != nil
	if pageAsks { // as the token source tells it
		a.add("sub", in.Consumer.Sub)
	}
	if out.code != "" {
		a.add("code", out.code)
	}
	if out.accessToken != "" {
		var err error
		out.accessToken, err = p.accessToken(v, client, out.accessToken, accessGrant{
			sub: in.Consumer.Sub, scope: strings.Join(request.Scopes, " "), session: &in.Session, lifetime: client.AccessTokenLifetime.Duration(),
		})
		if err != nil {
			p.sendError(w, r, client, request, asError(err))
			return
		}
		a.add("access_token", out.accessToken)
		a.add("token_type", "Bearer")
		a.add("expires_in", strconv.FormatInt(int64(client.AccessTokenLifetime), 10))
		a.add("scope", strings.Join(request.Scopes, " "))
	}
	if request.gives(wordIDToken) {
		idToken, expires, err := p.frontIDToken(v, client, request, in, out)
		if err != nil {
			p.sendError(w, r, client, request, asError(err))
			return
		}
		if pageAsks && out.accessToken == "" {
			a.add("expires_in", strconv.FormatInt(expires-p.opts.Now().Unix(), 10))
		}
		a.add(tokenParameter(client, request), idToken)
	}
	p.send(w, r, client, request, a)
}

// frontIDToken signs the ID token of an authorization response, and gives its exp.
func (p *Provider) frontIDToken(v *view, client *storage.Client, request *authRequest, in *storage.SignedIn, out issued) (token string, expires int64, err error) {
	asked := idTokenRequest{
		scopes: request.Scopes, nonce: request.Nonce, code: out.code, accessToken: out.accessToken, session: &in.Session,
		userinfoFollows: request.ResponseType != responseTypeIDToken,
	}
	if request.Claims != nil {
		asked.claims = request.Claims.IDToken
	}
	claims, err := p.idTokenClaims(v, client, in.Consumer, asked)
	if errors.Is(err, errSessionEnded) {
		err = errorsOfNone[stepSignIn]
	}
	if err != nil {
		return "", 0, err
	}
	token, err = p.sign(v, client, claims)
	return token, claims.Expires, err
}

// newHandle makes a 256-bit random value for a code or token.
func (p *Provider) newHandle() (string, error) {
	random := make([]byte, 32)
	if _, err := io.ReadFull(p.opts.Rand, random); err != nil {
		return "", fmt.Errorf("make random value: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(random), nil
}

func hashOf(value string) []byte {
	sum := sha256.Sum256([]byte(value))
	return sum[:]
}
