package op_test

import "github.com/brandidp/idp/op/internal/ledger"

// defectRows are what the library got wrong, where this provider could as well.
var defectRows = []ledger.Section{
	{"1 Codes and PKCE", []ledger.Row{
		{"1-without-verifier", "A confidential client that sent a challenge redeems its code without the verifier.", ""},
		{"1-public-without-challenge", "A public client that sent no challenge gets tokens.", ""},
		{"1-race", "Some of many redemptions of one code at once succeed.", ""},
		{"1-second-code", "The return from the sign-in is sent again, by anybody, and gives another code.", ""},
		{"1-reuse", "The use of a code for a second time leaves alive what came of it.", ""},
	}},
	{"2 Authorization responses", []ledger.Row{
		{"2-binding", "Who knows a request that somebody else completes gets that person's code.", ""},
		{"2-query", "An ID token and an access token stand in the query with `response_mode=query`.", ""},
		{"2-unknown-type", "They do so with a response type that is none.", ""},
		{"2-nonce", "An ID token is given by the authorization endpoint to who sent no nonce.", ""},
		{"2-form-post", "Errors are sent in the query although form_post was asked for.", ""},
	}},
	{"3 Headers and statuses", []ledger.Row{
		{"3-no-store", "Token responses, and their errors, may be cached.", ""},
		{"3-www-authenticate", "A 401 says nothing of how to authenticate.", ""},
		{"3-invalid-client", "`invalid_client` is 400.", ""},
		{"3-unknown-client", "An unknown client is 500: at the authorization endpoint, and for a refresh.", ""},
		{"3-userinfo", "UserInfo answers a token that has expired or was revoked by 403, or `server_error`.", ""},
		{"3-introspection", "Introspection says in plain text what is wrong.", ""},
		{"3-internal", "The text of an internal error reaches browsers and clients.", ""},
		{"3-cors", "Pages of every origin may read every answer, with credentials.", ""},
	}},
	{"4 Tokens", []ledger.Row{
		{"4-confusion", "UserInfo and introspection take any JWT that the provider signed for an access token.", ""},
		{"4-unauthenticated", "Random text decrypts to something that is looked up as a token.", ""},
		{"4-algorithms", "What was signed by EdDSA verifies nowhere: hints, UserInfo, sign-out, request objects, client assertions.", ""},
	}},
	{"5 HTTP", []ledger.Row{
		{"5-methods", "Every path answers every method.", ""},
		{"5-routes", "A router that is given routes panics.", "its router is given none: each of its handlers is mounted by path and POST alone."},
		{"5-body", "Forms of 10 MB are read.", ""},
		{"5-log", "The log is the process's global one, and holds addresses with state.", ""},
	}},
	{"6 What has moved between its releases", []ledger.Row{
		{"6-verifier", "Whether a verifier for a code without a challenge is refused.", ""},
		{"6-challenge-method", "Whether a method of challenge that is not supported is refused at the authorization endpoint.", ""},
		{"6-two-methods", "Whether two ways of authenticating a client at once are refused.", ""},
		{"6-unescaped", "Whether a redirect address is unescaped before it is compared.", ""},
		{"6-errors", "Whether faults are redirected once the address is known to be good.", ""},
	}},
}
