package op

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/brandidp/idp/storage"
)

// userinfo is the answer of the UserInfo endpoint.
type userinfo struct {
	Subject string `json:"sub"`
	profileClaims
}

var errToken = &Error{Code: "invalid_token", Description: "the access token is unknown or has expired", Status: http.StatusUnauthorized}

// UserInfo answers the UserInfo endpoint (OpenID Connect Core 5.3): GET, and POST
// with the token in the header or the body.
func (p *Provider) UserInfo(w http.ResponseWriter, r *http.Request) {
	noStore(w)
	token, err := bearerToken(w, r)
	if err != nil {
		p.refuseBearer(w, r, asError(err))
		return
	}
	access, err := p.opts.Store.AccessTokenBySHA256(r.Context(), hashOf(token))
	if errors.Is(err, storage.ErrNotFound) {
		err = errToken
	}
	if err != nil {
		p.refuseBearer(w, r, asError(err))
		return
	}
	v, err := p.current()
	if err != nil {
		p.refuseBearer(w, r, asError(err))
		return
	}
	client := v.byID[access.ClientID]
	if client != nil {
		grantOrigin(w, r, client)
	}
	asked, err := storedClaims(client, access.ClaimsRequest)
	if err != nil {
		p.refuseBearer(w, r, asError(err))
		return
	}
	answer := userinfo{Subject: access.Consumer.Sub, profileClaims: claimsOf(access.Consumer, words(access.Scope))}
	answer.add(access.Consumer, asked.UserInfo)
	body, err := json.Marshal(answer)
	if err == nil {
		body, err = v.custom[access.ClientID].AppendTo(body, access.Consumer)
	}
	if err != nil {
		p.refuseBearer(w, r, asError(err))
		return
	}
	writeJSON(w, http.StatusOK, body)
}

// bearerToken finds the token of a request (RFC 6750 2), which may come by one
// way only, and never in the query.
func bearerToken(w http.ResponseWriter, r *http.Request) (string, error) {
	header := r.Header.Get("Authorization")
	scheme, token, _ := strings.Cut(header, " ")
	inHeader := strings.EqualFold(scheme, "Bearer") && token != ""
	if r.URL.Query().Has("access_token") {
		return "", invalidRequest("an access token does not belong into the query")
	}
	if r.Method == http.MethodPost && r.ContentLength != 0 {
		params, err := readParams(w, r)
		if err != nil {
			return "", err
		}
		if values := params["access_token"]; len(values) > 0 {
			if inHeader || len(values) > 1 {
				return "", invalidRequest("the access token must be sent once")
			}
			return values[0], nil
		}
	}
	if !inHeader {
		return "", errNoToken
	}
	return token, nil
}

// errNoToken carries no code on the wire (RFC 6750 3.1).
var errNoToken = &Error{Code: "invalid_token", Description: "an access token is needed", Status: http.StatusUnauthorized}

func (p *Provider) refuseBearer(w http.ResponseWriter, r *http.Request, e *Error) {
	if e.Status < http.StatusInternalServerError {
		challenge := `Bearer realm="idp"`
		if e != errNoToken {
			challenge += `, error="` + e.Code + `", error_description="` + e.Description + `"`
		}
		w.Header().Set("WWW-Authenticate", challenge)
	}
	p.writeTokenError(w, r, e)
}
