package op

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/brandidp/idp/storage"
)

// userinfo is the answer of the UserInfo endpoint. Issuer and Audience are there if
// it is signed.
type userinfo struct {
	Issuer   string `json:"iss,omitempty"`
	Subject  string `json:"sub"`
	Audience string `json:"aud,omitempty"`
	profileClaims
}

var (
	errToken = &Error{
		Code: "invalid_token", Description: "the access token is unknown, has expired, or speaks for no consumer", Status: http.StatusUnauthorized,
	}
	errScope = &Error{Code: "insufficient_scope", Description: "the access token was granted without openid", Status: http.StatusForbidden}
)

// UserInfo answers the UserInfo endpoint (OpenID Connect Core 5.3): GET, and POST
// with the token in the header or the body.
func (p *Provider) UserInfo(w http.ResponseWriter, r *http.Request) {
	noStore(w)
	token, err := bearerToken(w, r)
	if err != nil {
		p.refuseBearer(w, r, asError(err))
		return
	}
	mediaType, body, err := p.userInfo(w, r, token)
	if err != nil {
		p.refuseBearer(w, r, asError(err))
		return
	}
	write(w, http.StatusOK, mediaType, body)
}

// mediaJWT is the media type of a signed answer.
const mediaJWT = "application/jwt"

// userInfo gives what an access token's client may know of its consumer, signed if
// the client has registered that (OpenID Connect Core 5.3.2).
func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request, token string) (mediaType string, body []byte, err error) {
	v, err := p.current()
	if err != nil {
		return "", nil, err
	}
	sha256, _, err := p.readAccessToken(v, token)
	if err != nil {
		return "", nil, errToken
	}
	access, err := p.opts.Store.AccessTokenBySHA256(r.Context(), sha256)
	if errors.Is(err, storage.ErrNotFound) {
		return "", nil, errToken
	}
	if err != nil {
		return "", nil, err
	}
	client := v.byID[access.ClientID]
	if client == nil {
		return "", nil, errStale // it is newer than what this instance knows
	}
	grantOrigin(w, r, client)
	if !slices.Contains(words(access.Scope), "openid") {
		return "", nil, errScope
	}
	asked, err := storedClaims(client, access.ClaimsRequest, access.Scope, access.Granted)
	if err != nil {
		return "", nil, err
	}
	answer := userinfo{Subject: access.Consumer.Sub, profileClaims: claimsOf(access.Consumer, words(access.Scope))}
	answer.add(access.Consumer, asked.UserInfo)
	signed := client.UserinfoSignedResponseAlg != ""
	if signed {
		answer.Issuer, answer.Audience = p.opts.Issuer, client.ClientID
	}
	body, err = json.Marshal(answer)
	if err == nil {
		body, err = v.custom[client.ID].AppendTo(body, access.Consumer)
	}
	if err != nil || !signed {
		return mediaJSON, body, err
	}
	signer, err := v.signerOf(0, client.UserinfoSignedResponseAlg)
	if err != nil {
		return "", nil, err
	}
	jwt, err := signer.Sign(body)
	return mediaJWT, []byte(jwt), err
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
		if e == errScope {
			challenge += `, scope="openid"`
		}
		w.Header().Set("WWW-Authenticate", challenge)
	}
	p.writeTokenError(w, r, e)
}
