package op

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

// An assertion about a consumer is a JWT by which an issuer of the brand's own says
// who is signed in there (RFC 7523 3). A client that has registered the issuer
// brings it, once, within five minutes, to exchange it for tokens.

// typGrant is a typ of such assertions, which may also have none or the general one.
const typGrant = "authorization-grant+jwt"

// subjectIssuer is one that a client has registered.
type subjectIssuer struct {
	verifier *keys.Verifier
	subject  string // as of storage.AssertionIssuer
}

// newSubjectIssuers prepares the issuers of each client, by the client's ID and iss.
func newSubjectIssuers(clients []*storage.Client) (map[int64]map[string]subjectIssuer, error) {
	all := map[int64]map[string]subjectIssuer{}
	for _, client := range clients {
		for _, issuer := range client.AssertionIssuers {
			verifier, err := keys.NewVerifier(issuer.JWKS, "")
			if err != nil {
				return nil, fmt.Errorf("assertion issuers of client %s: %w", client.ClientID, err)
			}
			if all[client.ID] == nil {
				all[client.ID] = map[string]subjectIssuer{}
			}
			all[client.ID][issuer.Issuer] = subjectIssuer{verifier, issuer.Subject}
		}
	}
	return all, nil
}

// subjectClaims are the claims of an assertion about a consumer.
type subjectClaims struct {
	assertionClaims

	AuthTime *float64        `json:"auth_time"`
	AMR      []string        `json:"amr"`
	Events   json.RawMessage `json:"events"` // of logout tokens and others that tell of something
}

// badSubject is what is wrong with an assertion about a consumer.
func badSubject(description string, cause error) *Error {
	e := fault("invalid_grant", description)
	e.Cause = cause
	return e
}

// useSubjectAssertion gives the consumer whom an assertion is about, as vouched for by
// its issuer, and takes the assertion for good.
func (p *Provider) useSubjectAssertion(ctx context.Context, v *view, client *storage.Client, assertion string) (*storage.SignedIn, error) {
	issuer, claims, err := v.readSubjectAssertion(client, assertion)
	if err != nil {
		return nil, err
	}
	if err := p.checkSubjectClaims(claims); err != nil {
		return nil, err
	}
	vouched := Vouched{AMR: claims.AMR}
	if claims.AuthTime != nil {
		vouched.AuthTime = new(time.UnixMilli(int64(*claims.AuthTime * 1000)))
	}
	if _, err := p.vouchedSession(vouched); err != nil { // before the assertion is spent
		return nil, badSubject("the assertion: "+err.Error(), nil)
	}
	err = p.opts.Store.UseSubjectAssertion(ctx, hashOf(claims.Issuer+" "+claims.ID), time.UnixMilli(int64(*claims.Expires*1000)))
	if errors.Is(err, storage.ErrAssertionRefused) {
		return nil, badSubject("the assertion was used before, or has expired", err)
	}
	if err != nil {
		return nil, err
	}
	key := storage.ConsumerKey{Sub: claims.Subject}
	if issuer.subject == storage.SubjectExternalID {
		key = storage.ConsumerKey{ExternalID: claims.Subject}
	}
	in, err := p.vouchedFor(ctx, key, vouched)
	if errors.Is(err, ErrNoConsumer) || errors.Is(err, ErrConsumerDisabled) {
		return nil, badSubject("sub of the assertion names no consumer who may sign in", err)
	}
	return in, err
}

// readSubjectAssertion finds the issuer of an assertion among the client's, and
// verifies the signature.
func (v *view) readSubjectAssertion(client *storage.Client, assertion string) (subjectIssuer, *subjectClaims, error) {
	if len(assertion) > maxAssertion {
		return subjectIssuer{}, nil, badSubject("the assertion is longer than 8 KB", nil)
	}
	issuer, known := v.subjectIssuers[client.ID][claimed(assertion).Issuer]
	if !known {
		return subjectIssuer{}, nil, badSubject("the assertion is no signed JWT of an issuer that the client has registered", nil)
	}
	typ, payload, err := issuer.verifier.Verify(assertion)
	if err != nil {
		return subjectIssuer{}, nil, badSubject("the assertion is not signed by a key of its issuer", err)
	}
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	if !slices.Contains([]string{"", typJWT, typGrant}, typ) {
		return subjectIssuer{}, nil, badSubject("the assertion is a token of another kind, by its typ", nil)
	}
	var claims subjectClaims
	if err := json.Unmarshal(payload, &claims); err != nil {
		return subjectIssuer{}, nil, badSubject("the assertion must hold one JSON object, no member twice: iss, sub, aud and jti one text each, exp, nbf, iat and auth_time numbers, amr a list of texts", err)
	}
	return issuer, &claims, nil
}

// checkSubjectClaims holds an assertion to us and to the clock.
func (p *Provider) checkSubjectClaims(claims *subjectClaims) error {
	switch {
	case claims.Subject == "":
		return badSubject("sub is missing in the assertion", nil)
	case claims.Events != nil:
		return badSubject("the assertion is a token of another kind, by its events", nil)
	case claims.AuthTime != nil && !(math.Abs(*claims.AuthTime) < math.MaxInt32*1000):
		return badSubject("auth_time of the assertion must be in seconds since 1970", nil)
	case !slices.Contains([]string{p.opts.Issuer, p.opts.Issuer + endpointToken}, claims.Audience):
		return badSubject("aud of the assertion must be one text, the issuer or its token endpoint", nil)
	}
	if rule := p.assertionTimes(&claims.assertionClaims); rule != "" {
		return badSubject("the assertion: "+rule, nil)
	}
	return nil
}

// claimed are the claims of a JWS that is yet to be verified; without any if it cannot
// be read.
func claimed(compact string) (claims struct {
	Issuer  string `json:"iss"`
	Subject string `json:"sub"`
},
) {
	algs := make([]jose.SignatureAlgorithm, len(keys.Algs))
	for i, alg := range keys.Algs {
		algs[i] = jose.SignatureAlgorithm(alg)
	}
	jws, err := jose.ParseSignedCompact(compact, algs)
	if err == nil {
		err = json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &claims)
	}
	if err != nil {
		claims.Issuer, claims.Subject = "", ""
	}
	return claims
}
