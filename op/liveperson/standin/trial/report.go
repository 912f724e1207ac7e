package trial

import (
	"encoding/json"

	"github.com/brandidp/idp/op/liveperson/standin"
)

// Report is what a trial came to. Its JSON names stay.
type Report struct {
	Issuer   string `json:"issuer"`
	ClientID string `json:"client_id"`
	// AccountID is the account that the stand-in is: the client's, or one that was
	// made up for a client that takes any.
	AccountID string `json:"account_id"`
	// Passed: no step failed. Steps that were left out do not count.
	Passed bool   `json:"passed"`
	Steps  []Step `json:"steps"`
	// Warnings are sentences about what works here, and less well, less safely or
	// not at all for Conversational Cloud.
	Warnings []string `json:"warnings,omitempty"`
}

// Step is one thing that was tried.
type Step struct {
	Number int `json:"number"` // from 1
	// Name is for programs: discovery, window, authorize, continue, sign-in, consent,
	// answer, code, token, script, token-source, stranger, refresh, callback or sign-out.
	Name  string `json:"name"`
	Title string `json:"title"`
	// Section is that of the contract, as the README of package standin numbers
	// them; "" for what is not in it.
	Section string          `json:"section,omitempty"`
	Outcome standin.Outcome `json:"outcome"`
	// Found says what was found, or why it failed or was left out.
	Found string `json:"found"`
	// Advice says what to do about it, "" if there is nothing to do.
	Advice   string     `json:"advice,omitempty"`
	Requests []Exchange `json:"requests,omitempty"`
	Checks   []Check    `json:"checks,omitempty"`
	// Claims are those of the ID token, nil unless they were asked for.
	Claims json.RawMessage `json:"claims,omitempty"`
}

// Check is one thing that Conversational Cloud makes sure of.
type Check struct {
	Name    string          `json:"name"`
	Title   string          `json:"title"`
	Section string          `json:"section,omitempty"`
	Outcome standin.Outcome `json:"outcome"`
	Found   string          `json:"found"`
}

// Exchange is one request to the provider and its answer. What is secret or
// personal is not in it: its kind and length are.
type Exchange struct {
	Method   string   `json:"method"`
	Address  string   `json:"address"` // without the query
	Request  []Detail `json:"request,omitempty"`
	Status   int      `json:"status"` // 0 if there was no answer
	Response []Detail `json:"response,omitempty"`
}

// Detail is one parameter, header or member.
type Detail struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// sections are those of the stand-in's checks.
var sections = map[string]string{
	"account": "2.2", "state": "2.3", "code": "2.5", "token-response": "2.5", "conversation": "6.2",
	"encryption": "1.7", "recipient": "1.7", "nested": "1.7", "segments": "1.1", "alg": "1.1", "kid": "1.6", "signature": "1.1", "pasted": "1.6",
	"iss": "1.2", "sub": "1.9", "identity": "3.2", "aud": "1.3", "nonce": "1.3", "iat": "1.2", "exp": "1.2", "lp_sdes": "1.4",
}

func checkOf(check standin.Check) Check {
	return Check{Name: check.Name, Title: check.Title, Section: sections[check.Name], Outcome: check.Outcome, Found: check.Reason}
}
