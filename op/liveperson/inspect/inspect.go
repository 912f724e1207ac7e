// Package inspect reads an ID token, whoever made it, and judges check by check
// whether Conversational Cloud would take it, and why not.
//
// It owns the judgement and fetches the keys of a running provider for it. It
// believes nothing that it reads, keeps no claim of a person in what it finds,
// and must never know about storage or how tokens are made here.
//
// Each check names the section of the contract that it comes from:
//
//	1.1  format and signature: a compact JWS, RS256, RSA of 2048 bits
//	1.2  mandatory claims: iss, iat, exp, in seconds
//	1.3  standard claims and what agents see of them; aud, acr, nbf
//	1.4  lp_sdes: Customer Info and Personal Info, field by field
//	1.5  limits
//	1.6  the key that verifies: a pasted public key, or a JWKS endpoint and kid
//	1.7  encryption: the signed token inside a JWE
//	1.8  lifetime and clocks
//	1.9  sub: unguessable, and never somebody else's
//
// They follow LivePerson's "Consumer Authentication": Configuration (1.6, 1.7),
// Detailed API and Implementation Guide (all others), and its published schemas
// of Personal and Customer Info (1.4). What LivePerson does not document is
// never a reason to refuse a token: it is a warning.
package inspect

import (
	"crypto/rsa"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Outcome is what a check came to.
type Outcome string

// The outcomes.
const (
	Passed Outcome = "passed"
	// Warned: it is discouraged, or nobody has documented that it works.
	Warned Outcome = "warned"
	// Failed: Conversational Cloud is documented to want it otherwise.
	Failed Outcome = "failed"
	// LeftOut: there was nothing to hold it against.
	LeftOut Outcome = "left-out"
)

// Check is one thing that was looked at.
type Check struct {
	// Name is for programs, such as "iss". lp_sdes and the standard claims have
	// one check for each fault.
	Name    string  `json:"name"`
	Title   string  `json:"title"`
	Section string  `json:"section"` // of the contract; see the package comment
	Outcome Outcome `json:"outcome"`
	// Found says what was found, or what is wrong. It repeats iss, aud and names
	// of fields, and no other claim.
	Found string `json:"found"`
}

// Verdict is what the checks come to together.
type Verdict string

// The verdicts.
const (
	Accepted Verdict = "accepted"
	Refused  Verdict = "refused"
	// Undecided: nothing is wrong, but the signature, or all that is encrypted,
	// was not looked at.
	Undecided Verdict = "undecided"
)

// Report is the judgement on a token.
type Report struct {
	Verdict   Verdict `json:"verdict"`
	Encrypted bool    `json:"encrypted"`
	Size      int     `json:"size"` // of the compact form as it came, in bytes
	Checks    []Check `json:"checks"`
	// Header and Payload are those of the signed token, nil if it could not be
	// read. They hold personal data.
	Header  json.RawMessage `json:"-"`
	Payload json.RawMessage `json:"-"`
}

// Options are what a token is held against. What is absent is not compared.
type Options struct {
	Now time.Time
	// Keys are what the connector verifies with.
	Keys *Keys
	// Issuer is the connector's "JWT issuer (iss)".
	Issuer string
	// ClientID is the connector's "Client ID".
	ClientID string
	// AccountID is the account at Conversational Cloud.
	AccountID string
	// NotInAddress: the token travels in the body of a response or a form.
	NotInAddress bool
	// DecryptionKey opens a JWE.
	DecryptionKey *rsa.PrivateKey
}

// MaxSize is the size of the largest token that is read, in bytes.
const MaxSize = 64 << 10

// Token judges a compact JWS or JWE.
func Token(compact string, opts Options) *Report {
	x := &examination{opts: opts, report: &Report{Size: len(compact)}}
	switch {
	case len(compact) > MaxSize:
		x.fail("form", "it is longer than 64 KB")
	case strings.Count(compact, ".") == 4:
		x.report.Encrypted = true
		if nested, ok := x.open(compact); ok {
			x.signed(nested)
		}
		x.sizes(len(compact))
	default:
		x.signed(compact)
		x.sizes(len(compact))
	}
	return x.close()
}

// Payload judges the claims of a token that is yet to be signed: size is how many
// bytes the compact form will have.
func Payload(payload []byte, size int, opts Options) *Report {
	x := &examination{opts: opts, report: &Report{Size: size}}
	claims, err := readObject(payload)
	if err != nil {
		x.fail("form", "the payload "+err.Error())
		return x.close()
	}
	x.report.Payload, x.claims = payload, claims
	x.judgeClaims()
	x.sizes(size)
	return x.close()
}

// examination is a judgement under way.
type examination struct {
	opts   Options
	report *Report
	claims map[string]any // numbers are json.Number
}

// titles are the checks in the words of people, with their section.
var titles = map[string]struct{ title, section string }{
	"encryption": {"Encryption", "1.7"},
	"recipient":  {"Encryption key", "1.7"},
	"nested":     {"Encrypted content", "1.7"},
	"form":       {"Form", "1.1"},
	"alg":        {"Algorithm", "1.1"},
	"typ":        {"Type", "1.1"},
	"kid":        {"Key id", "1.6"},
	"key":        {"Key", "1.6"},
	"signature":  {"Signature", "1.1"},
	"iss":        {"Issuer", "1.2"},
	"iat":        {"Issued", "1.2"},
	"exp":        {"Expires", "1.2"},
	"lifetime":   {"Lifetime", "1.8"},
	"nbf":        {"Not before", "1.3"},
	"sub":        {"Subject", "1.9"},
	"aud":        {"Audience", "1.3"},
	"acr":        {"Authentication class", "1.3"},
	"claims":     {"Standard claims", "1.3"},
	"lp_sdes":    {"Personal and Customer Info", "1.4"},
	"size":       {"Size", "1.5"},
	"consumer":   {"Size of the consumer's token", "1.5"},
}

func (x *examination) add(name string, outcome Outcome, found string) {
	of := titles[name]
	x.report.Checks = append(x.report.Checks, Check{
		Name: name, Title: of.title, Section: of.section, Outcome: outcome, Found: found,
	})
}

func (x *examination) pass(name, found string)  { x.add(name, Passed, found) }
func (x *examination) warn(name, found string)  { x.add(name, Warned, found) }
func (x *examination) fail(name, found string)  { x.add(name, Failed, found) }
func (x *examination) leave(name, found string) { x.add(name, LeftOut, found) }

// has tells whether a check of the name came to the outcome.
func (x *examination) has(outcome Outcome, names ...string) bool {
	return slices.ContainsFunc(x.report.Checks, func(c Check) bool {
		return c.Outcome == outcome && (len(names) == 0 || slices.Contains(names, c.Name))
	})
}

// close draws the verdict.
func (x *examination) close() *Report {
	switch {
	case x.has(Failed):
		x.report.Verdict = Refused
	case x.has(LeftOut, "signature", "nested"):
		x.report.Verdict = Undecided
	default:
		x.report.Verdict = Accepted
	}
	return x.report
}

// signed judges a compact JWS.
func (x *examination) signed(compact string) {
	token, err := takeApart(compact)
	if err != nil {
		x.fail("form", err.Error())
		return
	}
	x.report.Header, x.report.Payload, x.claims = token.rawHeader, token.rawPayload, token.claims
	x.pass("form", "a signed token of three segments")
	x.judgeHeader(token)
	x.judgeSignature(token)
	x.judgeClaims()
}

func (x *examination) judgeClaims() {
	x.issuer()
	x.times()
	x.subject()
	x.audience()
	x.class()
	x.standardClaims()
	x.sdes()
}
