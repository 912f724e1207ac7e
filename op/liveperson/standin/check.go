package standin

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/op/liveperson"
)

// Outcome is what a check came to.
type Outcome string

// The outcomes. A check is left out when there is nothing to hold it against, or
// when one before it failed.
const (
	Passed  Outcome = "passed"
	Failed  Outcome = "failed"
	LeftOut Outcome = "left-out"
)

// Check is one thing that the relying party makes sure of.
type Check struct {
	Name    string // such as "iss", for programs
	Title   string // for people
	Outcome Outcome
	Reason  string // what was found
}

// findings collects checks.
type findings struct{ checks []Check }

func (f *findings) add(name, title string, outcome Outcome, reason string) {
	f.checks = append(f.checks, Check{Name: name, Title: title, Outcome: outcome, Reason: reason})
}

// note adds a check that passes unless err says why not.
func (f *findings) note(name, title, found string, err error) {
	if err != nil {
		f.add(name, title, Failed, err.Error())
		return
	}
	f.add(name, title, Passed, found)
}

// examination is the whole of what a token is held against.
type examination struct {
	findings

	connector Connector
	token     *Token
	visit     *visit
	nonce     string // that the window sent, "" if it sent none
	now       time.Time
}

// examine makes every check of an ID token.
func (c *Cloud) examine(ctx context.Context, connector Connector, compact string, v *visit, nonce string) *examination {
	x := &examination{connector: connector, visit: v, nonce: nonce, now: c.opts.Now()}
	var envelope json.RawMessage
	if isEncrypted(compact) {
		inner, header, err := c.decrypt(compact, connector)
		x.on("encryption", "a signed token, encrypted for the key that was given", err)
		if err != nil {
			x.token = &Token{Compact: compact, Envelope: header}
			x.leaveOut("segments", "the token cannot be decrypted")
			x.unreadable("the token cannot be decrypted")
			return x
		}
		compact, envelope = inner, header
	}
	token, err := takeApart(compact)
	token.Envelope = envelope
	x.token = token
	x.on("segments", "header, payload and signature, each base64url", err)
	if err != nil {
		x.unreadable("the token cannot be read")
		return x
	}
	x.algorithm()
	if connector.Keys == KeysPasted {
		x.leaveOut("kid", "the connector has a pasted key, and no JWKS")
		x.leaveOut("signature", "the connector has a pasted key, and no JWKS")
	} else {
		x.published(c.fetchKeys(ctx, connector.JWKSEndpoint))
	}
	x.pasted()
	x.claims()
	return x
}

// unreadable leaves out what comes after a token that cannot be read.
func (x *examination) unreadable(why string) {
	for _, name := range []string{"alg", "kid", "signature", "pasted", "iss", "sub", "identity", "aud", "iat", "exp", "lp_sdes"} {
		x.leaveOut(name, why)
	}
}

var titles = map[string]string{
	"encryption": "Encryption", "segments": "Three segments",
	"alg": "Algorithm", "kid": "Key", "signature": "Signature", "pasted": "Signature, pasted key", "iss": "Issuer", "sub": "Subject",
	"identity": "Identity function", "aud": "Audience", "nonce": "Nonce", "iat": "Issued", "exp": "Expires", "lp_sdes": "Personal and Customer Info",
}

// on adds the check with the name.
func (x *examination) on(name, found string, err error) { x.note(name, titles[name], found, err) }

func (x *examination) leaveOut(name, why string) { x.add(name, titles[name], LeftOut, why) }

func (x *examination) algorithm() {
	var err error
	if x.token.header.Alg != string(jose.RS256) {
		err = errors.New("alg of the header is not RS256")
	}
	x.on("alg", "RS256, as the connector demands", err)
}

// published verifies with the key of the connector's JWKS that the header names.
func (x *examination) published(keys *jose.JSONWebKeySet, err error) {
	var key *rsa.PublicKey
	if err == nil {
		key, err = keyOf(keys, x.token.header.Kid)
	}
	x.on("kid", "kid is in the connector's own JWKS", err)
	if err != nil {
		x.leaveOut("signature", "there is no key to verify it with")
		return
	}
	x.on("signature", "verifies with that key", verify(x.token.Compact, key))
}

// pasted verifies with the pasted key.
func (x *examination) pasted() {
	if x.connector.PublicKey == "" && x.connector.Keys != KeysPasted {
		x.leaveOut("pasted", "no key was pasted into the connector")
		return
	}
	key, err := pastedKey(x.connector.PublicKey)
	if err == nil {
		err = verify(x.token.Compact, key)
	}
	x.on("pasted", "verifies with the one-line key", err)
}

func (x *examination) claims() {
	x.issuer()
	x.subject()
	x.identity()
	x.audience()
	x.echo()
	x.times()
	x.sdes()
}

func (x *examination) issuer() {
	var err error
	if x.token.text("iss") != x.connector.Issuer {
		err = errors.New("iss is not the connector's issuer, letter for letter")
	}
	x.on("iss", "iss is exactly the connector's: "+x.connector.Issuer, err)
}

// maxSubject is the length of the longest sub (OpenID Connect Core 2).
const maxSubject = 255

func (x *examination) subject() {
	var err error
	sub := x.token.text("sub")
	found := "sub is there"
	if strings.ContainsRune(sub, '@') || strings.Trim(sub, "+0123456789 -") == "" {
		// It is advised against, and nothing says that it is refused.
		found += ", but looks like an e-mail address, a telephone number or a serial number, which can be guessed"
	}
	notASCII := func(r rune) bool { return r < ' ' || r > '~' }
	if sub == "" || len(sub) > maxSubject || strings.ContainsFunc(sub, notASCII) {
		err = errors.New("sub is not text of 1 to 255 ASCII characters")
	}
	x.on("sub", found, err)
}

// identity holds the token against what the page said.
func (x *examination) identity() {
	if x.visit == nil || x.visit.identity == nil {
		x.leaveOut("identity", "the page named nobody when it was loaded")
		return
	}
	var err error
	named := x.visit.identity
	switch {
	case named.Issuer != x.token.text("iss"):
		err = errors.New("iss is not the one that the page's identity function named")
	case named.Subject != x.token.text("sub"):
		err = errors.New("sub is not the one that the page's identity function named")
	case named.ACR != liveperson.ACRAuthenticated:
		err = errors.New("acr of the page's identity function is not loa1")
	}
	x.on("identity", "iss and sub are those that the page's identity function named", err)
}

// audience: that the real service checks aud is not documented; a strict relying
// party does (OpenID Connect Core 3.1.3.7).
func (x *examination) audience() {
	wanted, called := x.connector.ClientID, "the connector's client id"
	if x.connector.Audience != "" {
		wanted, called = x.connector.Audience, "the connector's audience"
	}
	var err error
	switch aud := x.token.claims["aud"].(type) {
	case string:
		if aud != wanted {
			err = errors.New("aud is not " + called)
		}
	case []any:
		if !slices.Contains(aud, any(wanted)) {
			err = errors.New("aud does not name " + called)
		}
	default:
		err = errors.New("aud is missing")
	}
	if party := x.token.text("azp"); err == nil && party != "" && party != x.connector.ClientID {
		err = errors.New("azp is not the connector's client id")
	}
	x.on("aud", "aud is "+called+": "+wanted, err)
}

// echo holds the nonce against what the window sent, if it did (OpenID Connect
// Core 3.1.3.7).
func (x *examination) echo() {
	if x.nonce == "" {
		return
	}
	var err error
	if x.token.text("nonce") != x.nonce {
		err = errors.New("nonce is not the one that the window sent")
	}
	x.on("nonce", "nonce is the one that the window sent", err)
}

func (x *examination) times() {
	now := x.now.Unix()
	issued, err := seconds(x.token.claims["iat"])
	if err == nil && issued > now {
		err = fmt.Errorf("iat is %d seconds in the future", issued-now)
	}
	x.on("iat", fmt.Sprintf("iat is whole seconds, %d ago", now-issued), err)
	expires, err := seconds(x.token.claims["exp"])
	switch {
	case err != nil:
	case expires <= now:
		err = fmt.Errorf("exp was %d seconds ago", now-expires)
	case expires <= issued:
		err = errors.New("exp is not after iat")
	}
	x.on("exp", fmt.Sprintf("exp is whole seconds, %d from now", expires-now), err)
}

// tooLarge is more seconds since 1970 than a date of our times has, and fewer
// milliseconds.
const tooLarge = 100_000_000_000

// seconds reads a time as the contract's tables have it: a whole number of
// seconds since 1970.
func seconds(value any) (int64, error) {
	n, isNumber := value.(json.Number)
	if !isNumber {
		return 0, errors.New("it is missing, or not a number")
	}
	at, err := n.Int64()
	switch {
	case err != nil:
		return 0, errors.New("it is not a whole number")
	case at >= tooLarge:
		return 0, errors.New("it is in milliseconds, and must be in seconds")
	case at <= 0:
		return 0, errors.New("it is not after 1970")
	}
	return at, nil
}

func (x *examination) sdes() {
	value, there := x.token.claims["lp_sdes"]
	if !there {
		x.add("lp_sdes", titles["lp_sdes"], Passed, "lp_sdes is absent: there is nothing to say")
		return
	}
	var err error
	if found := liveperson.CheckClaim(value); found != nil { // what is not documented as well
		err = found[0]
	}
	x.on("lp_sdes", "lp_sdes is an array of ctmrinfo and personal, every field of its type", err)
}
