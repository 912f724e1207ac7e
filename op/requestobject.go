package op

import (
	stdjson "encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

// maxRequestObject bounds a request object, in bytes: room for 8 KB of state and
// what surrounds it.
const maxRequestObject = 32 << 10

// requestObjectSkew is how far a client's clock may be ahead of ours.
const requestObjectSkew = time.Minute

// The kinds of JWT that are taken for a request object (RFC 9101 10.8): its own,
// and none or the general one, as OpenID Connect Core 6.1 has them. The typ of
// an RFC 9101 object also says that nothing beside the object counts.
const (
	typRequestObject = "oauth-authz-req+jwt"
	typJWT           = "jwt"
)

// newVerifiers prepares the keys of those clients that sign: requests, and, with
// the method private_key_jwt, who they are.
func newVerifiers(clients []*storage.Client) (requests, assertions map[int64]*keys.Verifier, err error) {
	requests, assertions = map[int64]*keys.Verifier{}, map[int64]*keys.Verifier{}
	for _, client := range clients {
		if client.JWKS == nil {
			continue
		}
		if requests[client.ID], err = keys.NewVerifier(client.JWKS, client.RequestObjectSigningAlg); err != nil {
			return nil, nil, fmt.Errorf("keys of client %s: %w", client.ClientID, err)
		}
		if client.TokenEndpointAuthMethod != storage.AuthPrivateKeyJWT {
			continue
		}
		if assertions[client.ID], err = keys.NewVerifier(client.JWKS, client.TokenEndpointAuthSigningAlg); err != nil {
			return nil, nil, fmt.Errorf("keys of client %s: %w", client.ClientID, err)
		}
	}
	return requests, assertions, nil
}

func badObject(description string, cause error) *Error {
	e := fault("invalid_request_object", description)
	e.Cause = cause
	return e
}

// openRequestObject gives the parameters of a request whose request parameter is
// a signed request object (OpenID Connect Core 6.1, RFC 9101): those in the
// object, and if it is not of RFC 9101, beside them those that it leaves out. A
// request without one, or with one that is faulty, stays as it is.
func (p *Provider) openRequestObject(v *view, params url.Values) (url.Values, *Error) {
	object, client := params.Get("request"), v.clients[params.Get("client_id")]
	repeated := false
	for _, values := range params {
		repeated = repeated || len(values) > 1
	}
	if object == "" || client == nil || repeated || params.Get("request_uri") != "" {
		return params, nil // to be refused for the latter
	}
	verifier := v.verifiers[client.ID]
	switch {
	case verifier == nil:
		return params, fault("request_not_supported", "request is not supported for a client that has registered no keys (jwks) to verify it with")
	case len(object) > maxRequestObject:
		return params, badObject("request is longer than 32 KB", nil)
	case unsigned(object):
		return params, fault("request_not_supported", "an unsigned request object is not supported")
	}
	typ, payload, err := verifier.Verify(object)
	if err != nil {
		return params, badObject("request is not signed by a key and an algorithm that the client has registered", err)
	}
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	if !slices.Contains([]string{"", typJWT, typRequestObject}, typ) {
		return params, badObject("request is a token of another kind, by its typ", nil)
	}
	var members map[string]stdjson.RawMessage
	if err := json.Unmarshal(payload, &members); err != nil || members == nil {
		return params, badObject("request must hold one JSON object, no member twice", err)
	}
	if e := p.checkRequestObject(client, members, typ); e != nil {
		return params, e
	}
	inside, e := paramsOfObject(members)
	if e != nil {
		return params, e
	}
	if e := agree(params, inside); e != nil {
		return params, e
	}
	if typ == typRequestObject {
		return inside, nil
	}
	merged := maps.Clone(params)
	merged.Del("request")
	maps.Copy(merged, inside)
	return merged, nil
}

// unsigned tells a JWT whose header says alg none.
func unsigned(object string) bool {
	_, err := jose.ParseSignedCompact(object, []jose.SignatureAlgorithm{"none"})
	return err == nil
}

// checkRequestObject checks what a request object says of itself (RFC 9101 4,
// 6.2).
func (p *Provider) checkRequestObject(client *storage.Client, members map[string]stdjson.RawMessage, typ string) *Error {
	var own struct {
		objectNames

		Audience stdjson.RawMessage
		Expires  *float64
		NotYet   *float64
	}
	var err error
	for name, member := range map[string]any{
		"iss": &own.Issuer, "sub": &own.Subject, "client_id": &own.ClientID, "aud": &own.Audience, "exp": &own.Expires, "nbf": &own.NotYet,
	} {
		if raw, has := members[name]; has {
			err = errors.Join(err, json.Unmarshal(raw, member))
			if string(raw) == "null" {
				err = errors.Join(err, errors.New(name+" is null"))
			}
		}
	}
	now := float64(p.opts.Now().UnixMilli()) / 1000
	switch {
	case err != nil:
		return badObject("iss, sub, client_id, aud, exp and nbf in request must be of the types that RFC 7519 gives them", err)
	case own.Audience != nil && !hasAudience(own.Audience, p.opts.Issuer):
		return badObject("aud in request must contain the issuer", nil)
	case own.Expires != nil && *own.Expires <= now:
		return badObject("request has expired", nil)
	case own.NotYet != nil && *own.NotYet > now+requestObjectSkew.Seconds():
		return badObject("request is not valid yet", nil)
	}
	return own.check(client, typ)
}

// objectNames are what a request object says of whose it is.
type objectNames struct{ Issuer, Subject, ClientID *string }

// check wants the client, and by one name at least: clients may have the same key. It
// must not be a client assertion, which names its client as sub.
func (n objectNames) check(client *storage.Client, typ string) *Error {
	switch {
	case n.Issuer != nil && *n.Issuer != client.ClientID:
		return badObject("iss in request must be the client_id", nil)
	case n.Subject != nil && *n.Subject == client.ClientID:
		return badObject("sub in request must not be the client_id: that is a client assertion", nil)
	case n.Issuer == nil && n.ClientID == nil:
		return badObject("iss or client_id is missing in request", nil)
	case n.ClientID == nil && typ == typRequestObject:
		return badObject("client_id is missing in request", nil)
	case n.ClientID != nil && *n.ClientID != client.ClientID:
		return badObject("client_id in request must be that beside it", nil)
	}
	return nil
}

// hasAudience tells whether aud, a text or a list of texts, has a value.
func hasAudience(aud stdjson.RawMessage, value string) bool {
	var one string
	var several []string
	if json.Unmarshal(aud, &one) == nil {
		return one == value
	}
	return json.Unmarshal(aud, &several) == nil && slices.Contains(several, value)
}

// paramsOfObject gives the members that are parameters here, written as a query
// has them.
func paramsOfObject(members map[string]stdjson.RawMessage) (url.Values, *Error) {
	params := url.Values{}
	for name, raw := range members {
		_, known := ticketParams[name]
		switch {
		case name == "request" || name == "request_uri":
			return nil, badObject("request must not hold request or request_uri", nil)
		case name == "registration":
			params.Set(name, "{}") // to be refused by its own name
			continue
		case !known:
			continue
		}
		var text string
		switch {
		case raw[0] == '"' && json.Unmarshal(raw, &text) == nil:
			params.Set(name, text)
		case name == "max_age" && raw[0] != '"' && raw[0] != '[' && raw[0] != '{', name == "claims" && raw[0] == '{':
			params.Set(name, string(raw))
		default:
			return nil, badObject(name+" in request is of the wrong type", nil)
		}
	}
	return params, nil
}

// agree checks what must be the same in the object as beside it.
func agree(outside, inside url.Values) *Error {
	if outside.Get("response_type") != "" && inside.Has("response_type") &&
		responseTypeOf(outside.Get("response_type")) != responseTypeOf(inside.Get("response_type")) {
		return badObject("response_type in request must be that beside it", nil)
	}
	return nil
}
