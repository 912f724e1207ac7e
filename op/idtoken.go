package op

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/brandidp/idp/op/customclaims"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

// claimsEverything puts every claim into the ID token; the other policy,
// strict, places them as OpenID Connect Core 5.4 does.
const claimsEverything = "everything"

// idTokenClaims are the claims of an ID token (OpenID Connect Core 2).
type idTokenClaims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	Party    string   `json:"azp,omitempty"`
	Expires  int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
	AuthTime int64    `json:"auth_time"`
	Nonce    string   `json:"nonce,omitempty"`
	ACR      string   `json:"acr,omitempty"`
	AMR      []string `json:"amr,omitempty"`
	Sid      string   `json:"sid,omitempty"`
	AtHash   string   `json:"at_hash,omitempty"`
	CHash    string   `json:"c_hash,omitempty"`
	profileClaims
	SDEs []liveperson.SDE `json:"lp_sdes,omitempty"`

	consumer *storage.Consumer
	// custom are the claims of the client's own that the token has.
	custom customclaims.Set
}

// payload is the JSON that is signed.
func (c *idTokenClaims) payload() ([]byte, error) {
	payload, err := json.Marshal(c)
	if err == nil {
		payload, err = c.custom.AppendTo(payload, c.consumer)
	}
	if err != nil {
		return nil, fmt.Errorf("write ID token: %w", err)
	}
	return payload, nil
}

// idTokenRequest is what an ID token says besides who it is about.
type idTokenRequest struct {
	scopes      []string
	nonce       string
	accessToken string // for at_hash; "" if none goes with it
	code        string // for c_hash; "" if none goes with it
	claims      claimSet
	session     *storage.Session
	// userinfoFollows: an access token is issued too, so a strict client reads
	// the claims of its scopes from UserInfo (OpenID Connect Core 5.4).
	userinfoFollows bool
}

// idToken signs the ID token of a consumer for a client.
func (p *Provider) idToken(v *view, client *storage.Client, consumer *storage.Consumer, request idTokenRequest) (string, error) {
	claims, err := p.idTokenClaims(v, client, consumer, request)
	if err != nil {
		return "", err
	}
	return p.sign(v, client, claims)
}

// sign signs claims with the key that the client's relying party trusts, and
// encrypts the token if the client registered a key for that.
func (p *Provider) sign(v *view, client *storage.Client, claims *idTokenClaims) (string, error) {
	signer, err := v.signer(client)
	if err != nil {
		return "", err
	}
	payload, err := claims.payload()
	if err != nil {
		return "", err
	}
	token, err := signer.Sign(payload)
	if encrypter := v.encrypters[client.ID]; err == nil && encrypter != nil {
		return encrypter.Encrypt(token)
	}
	return token, err
}

func (p *Provider) idTokenClaims(v *view, client *storage.Client, consumer *storage.Consumer, request idTokenRequest) (*idTokenClaims, error) {
	return newIDTokenClaims(p.opts.Issuer, p.opts.Now(), client, v.custom[client.ID], consumer, request)
}

// errSessionEnded means that the session, or the family of refresh tokens in its
// place, has ended by the clock of this instance, which is ahead of the database's.
var errSessionEnded = errors.New("id token: the session has ended")

func newIDTokenClaims(
	issuer string, now time.Time, client *storage.Client, custom customclaims.Set, consumer *storage.Consumer, request idTokenRequest,
) (*idTokenClaims, error) {
	cloud := client.ConversationalCloud
	session := request.session
	issuedAt := now.Add(-cloud.Backdating())
	if issuedAt.Before(session.AuthTime) {
		issuedAt = session.AuthTime
	}
	if issuedAt.After(now) {
		issuedAt = now // the database's clock is ahead of ours
	}
	expires := now.Add(client.IDTokenLifetime.Duration())
	if expires.After(session.EndsAt) {
		expires = session.EndsAt
	}
	if !expires.After(now) {
		return nil, errSessionEnded
	}
	aud := audience(cloud.AudienceOf(client.ClientID))
	claims := &idTokenClaims{
		Issuer: issuer, Subject: consumer.Sub, Audience: aud, Party: aud.authorizedParty(client.ClientID),
		Expires: expires.Unix(), IssuedAt: issuedAt.Unix(), AuthTime: session.AuthTime.Unix(),
		Nonce: request.nonce, ACR: cloud.ACROf(session.ACR), AMR: session.AMR, Sid: session.Sid,
		consumer: consumer,
	}
	claims.AtHash, claims.CHash = halfHash(client, request.accessToken), halfHash(client, request.code)
	scopes := request.scopes
	switch {
	case client.ClaimsPolicy == claimsEverything:
		scopes, claims.custom = allScopes, custom
	case request.userinfoFollows:
		scopes = nil
	default:
		claims.custom = custom
	}
	claims.profileClaims = claimsOf(consumer, scopes)
	claims.add(consumer, request.claims)
	if cloud != nil {
		claims.forCloud(cloud, slices.Contains(scopes, "phone") || claims.PhoneNumber != "")
	}
	return claims, nil
}

// forCloud adds what Conversational Cloud reads. phone tells whether the token may
// say the consumer's number.
func (c *idTokenClaims) forCloud(cloud *liveperson.ConversationalCloud, phone bool) {
	customer, personal := c.consumer.CustomerInfo, c.consumer.PersonalInfo
	if cloud.ReadsIMEI() && phone {
		// The cloud would show agents the number as an IMEI.
		personal = personal.WithPhone(c.PhoneNumber)
		c.PhoneNumber, c.PhoneNumberVerified = "", nil
		if customer != nil {
			c.PhoneNumber = customer.IMEI
		}
	}
	c.SDEs = liveperson.SDEs(customer, personal)
}

// halfHash is the value of at_hash and c_hash, "" for none.
func halfHash(client *storage.Client, value string) string {
	if value == "" {
		return ""
	}
	return keys.HalfHash(client.IDTokenSignedResponseAlg, value)
}

// allScopes are the scopes that stand for claims (OpenID Connect Core 5.4).
var allScopes = []string{"profile", "email", "address", "phone"}

// profileClaims are the standard claims with updated_at.
type profileClaims struct {
	storage.Claims
	UpdatedAt int64 `json:"updated_at,omitempty"`
}

// claimsOf gives the claims that the scopes stand for.
func claimsOf(consumer *storage.Consumer, scopes []string) profileClaims {
	all := consumer.Claims
	var out profileClaims
	if slices.Contains(scopes, "profile") {
		out.Claims = all
		out.Email, out.EmailVerified, out.PhoneNumber, out.PhoneNumberVerified, out.Address = "", nil, "", nil, nil
		out.UpdatedAt = consumer.UpdatedAt.Unix()
	}
	if slices.Contains(scopes, "email") {
		out.Email, out.EmailVerified = all.Email, all.EmailVerified
	}
	if slices.Contains(scopes, "phone") {
		out.PhoneNumber, out.PhoneNumberVerified = all.PhoneNumber, all.PhoneNumberVerified
	}
	if slices.Contains(scopes, "address") {
		out.Address = all.Address
	}
	return out
}
