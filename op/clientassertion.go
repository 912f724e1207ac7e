package op

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/json"

	"github.com/brandidp/idp/storage"
)

// assertionType is the one client_assertion_type (RFC 7523 2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// typClientAssertion is a typ of client assertions, which may also have none or the
// general one. By it and by their sub they are told from request objects.
const typClientAssertion = "client-authentication+jwt"

// audienceIssuer is the token_endpoint_auth_audience of clients whose assertions
// name the issuer alone.
const audienceIssuer = "issuer"

const (
	// maxAssertion bounds a client assertion, in bytes.
	maxAssertion = 8 << 10
	// assertionLifetime is how far ahead the end of an assertion may lie: each is
	// kept in mind until then.
	assertionLifetime = 5 * time.Minute
	// assertionSkew is how far a client's clock may be ahead of ours.
	assertionSkew = 30 * time.Second
)

// assertionClaims are the claims of a client assertion (RFC 7523 3).
type assertionClaims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience string   `json:"aud"` // one text: of a list, nobody knows who else has it
	ID       string   `json:"jti"`
	Expires  *float64 `json:"exp"`
	NotYet   *float64 `json:"nbf"`
	IssuedAt *float64 `json:"iat"`
}

// badAssertion tells a client what is wrong with its assertion.
func badAssertion(description string, cause error) *Error {
	return &Error{Code: "invalid_client", Description: description, Status: http.StatusUnauthorized, Cause: cause}
}

// checkAssertion proves a client by what it has signed (private_key_jwt, RFC 7523
// 3), once: the assertion is kept in mind until it expires.
func (p *Provider) checkAssertion(ctx context.Context, v *view, client *storage.Client, assertion, endpoint string) error {
	verifier := v.assertions[client.ID]
	if verifier == nil || len(assertion) > maxAssertion {
		return errClient
	}
	typ, payload, err := verifier.Verify(assertion)
	if err != nil {
		return badAssertion("client_assertion is not signed by a key and an algorithm that the client has registered", err)
	}
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	if !slices.Contains([]string{"", typJWT, typClientAssertion}, typ) {
		return badAssertion("client_assertion is a token of another kind, by its typ", nil)
	}
	var claims assertionClaims
	if err := json.Unmarshal(payload, &claims); err != nil {
		return badAssertion("client_assertion must hold one JSON object, no member twice: iss, sub, aud and jti one text each, exp, nbf and iat numbers", err)
	}
	if e := p.checkAssertionClaims(client, &claims, endpoint); e != nil {
		return e
	}
	expires := time.UnixMilli(int64(*claims.Expires * 1000))
	err = p.opts.Store.UseAssertion(ctx, client.ID, hashOf(claims.ID), expires)
	if errors.Is(err, storage.ErrAssertionRefused) {
		return badAssertion("client_assertion was used before, or has expired", err)
	}
	return err
}

// checkAssertionClaims holds an assertion to its client, to us and to the clock.
func (p *Provider) checkAssertionClaims(client *storage.Client, claims *assertionClaims, endpoint string) error {
	audiences := []string{p.opts.Issuer, p.opts.Issuer + endpointToken, p.opts.Issuer + endpoint}
	if client.TokenEndpointAuthAudience == audienceIssuer {
		audiences = audiences[:1]
	}
	switch {
	case claims.Issuer != client.ClientID || claims.Subject != client.ClientID:
		return badAssertion("iss and sub in client_assertion must be the client_id", nil)
	case !slices.Contains(audiences, claims.Audience):
		return badAssertion("aud in client_assertion must be the issuer, or the token endpoint if the client may name it", nil)
	}
	if rule := p.assertionTimes(claims); rule != "" {
		return badAssertion("client_assertion: "+rule, nil)
	}
	return nil
}

// assertionTimes says why an assertion is not, or not any more, to be taken, "" if it
// is: by its times, and by a jti by which it is known again.
func (p *Provider) assertionTimes(claims *assertionClaims) string {
	now := float64(p.opts.Now().UnixMilli()) / 1000
	switch {
	case claims.ID == "":
		return "jti is missing"
	case claims.Expires == nil:
		return "exp is missing"
	case *claims.Expires <= now:
		return "it has expired"
	case *claims.Expires > now+(assertionLifetime+assertionSkew).Seconds():
		return "exp must be at most five minutes ahead"
	case claims.IssuedAt != nil && *claims.IssuedAt > now+assertionSkew.Seconds():
		return "iat lies in the future"
	case claims.NotYet != nil && *claims.NotYet > now+assertionSkew.Seconds():
		return "it is not valid yet"
	}
	return ""
}
