package op

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"

	"github.com/brandidp/idp/storage"
)

// tokenSourceAnswer is what the page script gets.
type tokenSourceAnswer struct {
	IDToken   string `json:"id_token"`
	ExpiresIn int64  `json:"expires_in"` // seconds
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
}

// TokenSource answers POST /token-source: an ID token for a page of the brand,
// by the cookie of who is signed in. It is the authorization endpoint with
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
	client, err := v.tokenSourceClient(w, r)
	if err != nil {
		p.writeTokenError(w, r, asError(err))
		return
	}
	grantOrigin(w, r, client)
	w.Header().Set("Access-Control-Allow-Credentials", "true")
	answer, err := p.tokenForPage(r, v, client)
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

// forbidden is one answer without any grant.
var errForbidden = &Error{
	Code: "access_denied", Status: http.StatusForbidden,
	Description: "this page may not ask for tokens: its origin must be one of the client's web_origins, the body JSON with its client_id",
}

// tokenSourceClient finds the client that a page speaks for.
func (v *view) tokenSourceClient(w http.ResponseWriter, r *http.Request) (*storage.Client, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	origin := r.Header.Values("Origin")
	if err != nil || mediaType != "application/json" || len(origin) != 1 || !v.origins[origin[0]] || r.URL.RawQuery != "" {
		return nil, errForbidden
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 8<<10))
	if err != nil {
		return nil, errForbidden
	}
	var request struct {
		ClientID string `json:"client_id"`
	}
	if json.Unmarshal(body, &request) != nil {
		return nil, errForbidden
	}
	client := v.clients[request.ClientID]
	if client == nil || client.ConversationalCloud == nil || !slices.Contains(client.WebOrigins, origin[0]) {
		return nil, errForbidden
	}
	return client, nil
}

func (p *Provider) tokenForPage(r *http.Request, v *view, client *storage.Client) (*tokenSourceAnswer, error) {
	if !client.Allows(responseTypeIDToken) {
		return nil, fault("unauthorized_client", "the client has not registered the response type id_token")
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
	request := &authRequest{ClientID: client.ClientID, ResponseType: responseTypeIDToken, Scopes: words(client.Scope)}
	if next := nextStep(client, request, in, shown{}); next != stepNone {
		e := *errorsOfNone[next]
		e.Status = http.StatusUnauthorized
		return nil, &e
	}
	claims, err := p.idTokenClaims(client, in.Consumer, idTokenRequest{scopes: request.Scopes, session: &in.Session})
	if err != nil {
		return nil, err
	}
	token, err := p.sign(v, client, claims)
	if err != nil {
		return nil, err
	}
	return &tokenSourceAnswer{
		IDToken: token, ExpiresIn: claims.Expires - p.opts.Now().Unix(), Issuer: claims.Issuer, Subject: claims.Subject,
	}, nil
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
