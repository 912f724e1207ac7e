package op

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

// TokenSourceRequest is what the page script, or a backend of the brand, asks with.
// Of a page it is read member by member, each a text.
type TokenSourceRequest struct {
	// ClientID names the client that the page speaks for.
	ClientID string
	// ResponseType is code or id_token, if the client has registered it, or none
	// (OAuth 2.0 Multiple Response Types 4), which gets iss and sub alone. ""
	// stands for code, or for id_token if the client has no codes.
	ResponseType string
	// CodeChallenge and CodeChallengeMethod are those of RFC 7636.
	CodeChallenge, CodeChallengeMethod string
	// RedirectURI is what a code is bound to; "" stands for the label of the
	// embedded flow if the client has registered it, else for its first address.
	RedirectURI string
}

// TokenSourceAnswer is what they get: an ID token, or a code, or neither, and whose it
// is, since a page can read neither a code nor a JWE.
type TokenSourceAnswer struct {
	IDToken     string `json:"id_token,omitempty"`
	ExpiresIn   int64  `json:"expires_in,omitempty"` // of the ID token, in seconds
	Code        string `json:"code,omitempty"`
	RedirectURI string `json:"redirect_uri,omitempty"` // that the code is bound to
	Issuer      string `json:"iss"`
	Subject     string `json:"sub"`
}

// TokenSource answers POST /token-source: an ID token or a code for a page of
// the brand, by the cookie of who is signed in. It is the authorization endpoint with
// prompt=none by another door: the same decision and the same errors. Content
// type, origin and client are checked before the cookie is read, and whoever
// fails there learns nothing.
func (p *Provider) TokenSource(w http.ResponseWriter, r *http.Request) {
	noStore(w)
	w.Header().Add("Vary", "Origin")
	v, err := p.current()
	if err != nil {
		p.writeTokenError(w, r, asError(err))
		return
	}
	client, members, err := v.tokenSourceClient(w, r)
	if err != nil {
		p.writeTokenError(w, r, asError(err))
		return
	}
	grantOrigin(w, r, client)
	w.Header().Set("Access-Control-Allow-Credentials", "true")
	answer, err := p.answerPage(r, v, client, members)
	if err != nil {
		p.writeTokenError(w, r, asError(err))
		return
	}
	body, err := json.Marshal(answer)
	if err != nil {
		p.writeTokenError(w, r, asError(err))
		return
	}
	writeJSON(w, http.StatusOK, body)
}

// errForbidden is one answer without any grant.
var errForbidden = &Error{
	Code: "access_denied", Status: http.StatusForbidden,
	Description: "this page may not ask for tokens: its origin must be one of the client's web_origins, the body JSON with its client_id",
}

// tokenSourceClient finds the client that a page speaks for, and gives the
// members of the request.
func (v *view) tokenSourceClient(w http.ResponseWriter, r *http.Request) (*storage.Client, map[string]json.RawMessage, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	origin := r.Header.Values("Origin")
	if err != nil || mediaType != "application/json" || len(origin) != 1 || !v.origins[origin[0]] || r.URL.RawQuery != "" {
		return nil, nil, errForbidden
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 8<<10))
	if err != nil {
		return nil, nil, errForbidden
	}
	var (
		members  map[string]json.RawMessage
		clientID string
	)
	if json.Unmarshal(body, &members) != nil || json.Unmarshal(members["client_id"], &clientID) != nil {
		return nil, nil, errForbidden
	}
	client := v.clients[clientID]
	if client == nil || client.ConversationalCloud == nil || !slices.Contains(client.WebOrigins, origin[0]) {
		return nil, nil, errForbidden
	}
	return client, members, nil
}

// readMembers takes the members of a request over. One that means nothing here
// is refused: it may be a check that its sender relies on.
func readMembers(members map[string]json.RawMessage) (*TokenSourceRequest, error) {
	request := &TokenSourceRequest{}
	known := map[string]*string{
		"client_id": &request.ClientID, "response_type": &request.ResponseType, "redirect_uri": &request.RedirectURI,
		"code_challenge": &request.CodeChallenge, "code_challenge_method": &request.CodeChallengeMethod,
	}
	for name, value := range members {
		member := known[name]
		if member == nil {
			return nil, invalidRequest("the body has a member that is not client_id, response_type, redirect_uri, code_challenge or code_challenge_method")
		}
		if json.Unmarshal(value, member) != nil || *member == "" {
			return nil, invalidRequest(name + " must be a text that is not empty")
		}
	}
	return request, nil
}

// responseTypeNone asks who is signed in, and for nothing to prove it with.
const responseTypeNone = "none"

// TokenSourceResponseType is what the token source gives pages of a client:
// code, or id_token for a client without the code flow, or "".
func TokenSourceResponseType(client *storage.Client) string {
	for _, responseType := range []string{responseTypeCode, responseTypeIDToken} {
		if client.Allows(responseType) {
			return responseType
		}
	}
	return ""
}

// authRequestOf makes the authorization request with prompt=none that a request of a
// page or backend stands for.
func authRequestOf(client *storage.Client, asked *TokenSourceRequest) (*authRequest, error) {
	request := &authRequest{ClientID: client.ClientID, ResponseType: asked.ResponseType, Scopes: words(TokenSourceScope(client))}
	if request.ResponseType == "" {
		request.ResponseType = TokenSourceResponseType(client)
	}
	switch {
	case request.ResponseType == responseTypeNone:
	case request.ResponseType != responseTypeCode && request.ResponseType != responseTypeIDToken:
		return nil, fault("unsupported_response_type", "response_type must be code, id_token or none")
	case !client.Allows(request.ResponseType):
		return nil, fault("unauthorized_client", "the client has not registered this response_type")
	}
	if request.ResponseType != responseTypeCode {
		if asked.RedirectURI != "" || asked.CodeChallenge != "" || asked.CodeChallengeMethod != "" {
			return nil, invalidRequest("redirect_uri and code_challenge are for codes, which this request does not ask for")
		}
		return request, nil
	}
	request.RedirectURI = asked.RedirectURI
	switch {
	case asked.RedirectURI == "" && slices.Contains(client.RedirectURIs, liveperson.EmbeddedRedirectURI):
		request.RedirectURI = liveperson.EmbeddedRedirectURI
	case asked.RedirectURI == "":
		request.RedirectURI = client.RedirectURIs[0]
	case !slices.Contains(client.RedirectURIs, asked.RedirectURI):
		return nil, invalidRequest("redirect_uri is not registered for this client, byte for byte")
	}
	challenge := url.Values{}
	if asked.CodeChallenge != "" {
		challenge.Set("code_challenge", asked.CodeChallenge)
	}
	if asked.CodeChallengeMethod != "" {
		challenge.Set("code_challenge_method", asked.CodeChallengeMethod)
	}
	if err := completePKCE(client, request, challenge); err != nil {
		return nil, err
	}
	return request, nil
}

// TokenSourceScope is what the token source grants to pages of a client: all
// that it may ask for in one request, and of that what was allowed if the client
// asks for consent.
func TokenSourceScope(client *storage.Client) string {
	return strings.Join(slices.DeleteFunc(words(client.Scope), func(value string) bool { return value == "offline_access" }), " ")
}

// answerPage answers a page by who is signed in.
func (p *Provider) answerPage(r *http.Request, v *view, client *storage.Client, members map[string]json.RawMessage) (*TokenSourceAnswer, error) {
	asked, err := readMembers(members)
	if err != nil {
		return nil, err
	}
	request, err := authRequestOf(client, asked)
	if err != nil {
		return nil, err
	}
	in, err := p.sessions.Current(r)
	if err != nil {
		return nil, err
	}
	if in != nil && !p.tokenLimit.allow(in.Session.ID, p.opts.Now()) {
		return nil, &Error{
			Code: "temporarily_unavailable", Description: "too many requests of this browser session; wait a minute",
			Status: http.StatusTooManyRequests,
		}
	}
	return p.answerFor(r.Context(), v, client, request, in, nil)
}

// allowedScopes leaves of scopes that nobody has asked for by name what the consumer
// has allowed, if the client asks for consent.
func allowedScopes(client *storage.Client, scopes []string, in *storage.SignedIn) []string {
	if !client.AsksConsent() {
		return scopes
	}
	return slices.DeleteFunc(scopes, func(scope string) bool {
		return scope != "openid" && !in.Consents.Cover(client.ID, []string{scope})
	})
}

// answerFor decides as the authorization endpoint does for prompt=none, whether the
// consumer is signed in here or the brand vouches for that. Details are nil for what is
// stored.
func (p *Provider) answerFor(
	ctx context.Context, v *view, client *storage.Client, request *authRequest, in *storage.SignedIn, details *Details,
) (*TokenSourceAnswer, error) {
	if in != nil {
		request.Scopes = allowedScopes(client, request.Scopes, in)
	}
	if next := nextStep(client, request, in, shown{}); next != stepNone {
		return nil, unauthorized(next)
	}
	if request.ResponseType != responseTypeNone {
		err := p.noteClient(ctx, client, in)
		if errors.Is(err, storage.ErrNotFound) {
			return nil, unauthorized(stepSignIn) // signed out in this very moment
		}
		if err != nil {
			return nil, err
		}
	}
	answer := &TokenSourceAnswer{Issuer: p.opts.Issuer, Subject: in.Consumer.Sub}
	var err error
	switch request.ResponseType {
	case responseTypeCode:
		answer.RedirectURI = request.RedirectURI
		answer.Code, err = p.codeForPage(ctx, client, request, in, details)
	case responseTypeIDToken:
		answer.IDToken, answer.ExpiresIn, err = p.tokenForPage(v, client, request, in, details)
	}
	return answer, err
}

// unauthorized is what a page gets where a step is left.
func unauthorized(next step) *Error {
	e := *errorsOfNone[next]
	e.Status = http.StatusUnauthorized
	return &e
}

func (p *Provider) codeForPage(ctx context.Context, client *storage.Client, request *authRequest, in *storage.SignedIn, details *Details) (string, error) {
	out, code, _, err := p.prepare(client, request)
	if err != nil {
		return "", err
	}
	sealed, err := p.sealDetails(out.code, client, details)
	if err != nil {
		return "", err
	}
	err = p.issue(ctx, client, request, in, storage.Issue{Code: code, DetailsSealed: sealed})
	for next, fault := range errorsOfNone {
		if errors.Is(err, fault) {
			err = unauthorized(next)
		}
	}
	return out.code, err
}

func (p *Provider) tokenForPage(
	v *view, client *storage.Client, request *authRequest, in *storage.SignedIn, details *Details,
) (token string, expiresIn int64, err error) {
	claims, err := p.idTokenClaims(v, client, details.over(in.Consumer), idTokenRequest{scopes: request.Scopes, session: &in.Session})
	if errors.Is(err, errSessionEnded) {
		err = unauthorized(stepSignIn)
	}
	if err != nil {
		return "", 0, err
	}
	token, err = p.sign(v, client, claims)
	return token, claims.Expires - p.opts.Now().Unix(), err
}

// ErrNoClient means that no such client is registered, or not for this use.
var ErrNoClient = errors.New("no such client")

// TokenSourceClient finds the client whose token source script is asked for.
func (p *Provider) TokenSourceClient(clientID string) (*storage.Client, error) {
	v, err := p.current()
	if err != nil {
		return nil, err
	}
	client := v.clients[clientID]
	if client == nil || client.ConversationalCloud == nil {
		return nil, ErrNoClient
	}
	return client, nil
}
