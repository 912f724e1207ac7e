package op_test

import "github.com/brandidp/idp/op/internal/ledger"

// attackRows are the attacks on who gets a token.
var attackRows = []ledger.Section{
	{"1 The shared window", []ledger.Row{
		{"1-foreign-account", "A link with another account in `state` asks a signed-in browser for a token.", ""},
		{"1-foreign-account-address", "The same by the query of a legacy window's address.", ""},
		{"1-foreign-account-message", "The same by a pop-up that answers by message.", ""},
		{"1-foreign-account-post", "The same by a form that another site posts.", ""},
		{"1-foreign-account-object", "The same by a request object: a connector takes none.", ""},
		{"1-foreign-account-callback", "The same by a bot's link: at the callback of another account, or with a window's configuration as `state`.", ""},
		{"1-delegated-unasked", "A stranger has somebody who is signed in open the bot's link of the stranger's own conversation.", ""},
		{"1-twice", "A configuration has a key, or stands, twice: readers differ in which counts.", ""},
		{"1-unreadable", "A configuration is encoded, nested or cut so that the check reads nothing and a page does.", ""},
		{"1-later", "The account is set while the sign-in page is open.", ""},
		{"1-unset", "No account is set: the operator is warned.", ""},
	}},
	{"2 One token for another", []ledger.Row{
		{"2-other-connector", "An ID token of one connector, or of the site, is brought to another connector.", ""},
		{"2-access-token", "An access token is brought as an ID token.", ""},
		{"2-audience", "A connector's tokens are given the name of another client as their audience.", ""},
		{"2-logout-token", "A logout token is brought as an ID token.", ""},
		{"2-userinfo", "A signed UserInfo response is brought as an ID token.", ""},
		{"2-moved-key", "Somebody who can write to the database gives a connector another's key.", ""},
		{"2-own-keys", "A connector is pointed at the keys of all clients: its settings name those of its own.", ""},
		{"2-mapped-claim", "A mapping has a consumer's attribute say `sub`, `aud` or another claim of the protocol, in whatever case.", ""},
	}},
	{"3 The label", []ledger.Row{
		{"3-token", "A token is asked for at `https://liveperson.net`, by each response type and mode, in each spelling.", ""},
		{"3-callback", "A token is asked for at a callback of delegation, which is for codes as well.", ""},
		{"3-query", "A query is added to the label, or to another registered address that is no legacy window.", ""},
	}},
	{"4 Messages", []ledger.Row{
		{"4-target", "The answer is wanted for another origin, by `redirect_uri`, Referer, `Origin`, `parentWindowOrigin` or other words.", ""},
		{"4-wildcard", "The target is `*`, null, or a list.", ""},
		{"4-not-switched-on", "A client that has not switched the mode on is asked for it.", ""},
		{"4-framed", "The page is framed by another origin, or framed while it asks somebody something.", ""},
		{"4-opener", "A stranger opens the pop-up, and waits for its message.", ""},
		{"4-forged-origin", "The pop-up goes to another origin, which sends an answer with the right state.", ""},
		{"4-forged-source", "Another window of the provider's origin sends an answer with the right state.", ""},
		{"4-forged-state", "The pop-up itself sends an answer with another state.", ""},
		{"4-forged-issuer", "The pop-up itself sends an answer of another issuer.", ""},
		{"4-changed", "The mode is switched off while the sign-in page is open.", ""},
	}},
	{"5 The token source", []ledger.Row{
		{"5-origin", "A page of another origin asks: null, none, a wildcard, a neighbour, a spelling of the right one, two at once.", ""},
		{"5-content-type", "A form asks, without a preflight.", ""},
		{"5-client", "A page asks for a client that does not list it, or that is no connector.", ""},
		{"5-probe", "A stranger finds out who is signed in, or whether a client exists.", ""},
		{"5-preflight", "A preflight is had where none is to be granted.", ""},
		{"5-consent", "A token is had of somebody who has not consented.", ""},
		{"5-origins", "An origin with a path, a wildcard or a custom scheme is registered.", ""},
		{"5-flood", "One session asks without end.", ""},
		{"5-script", "A stranger's page reads the script for data of who is signed in.", ""},
		{"5-kept", "Something that reads the browser's storage, or another tab, finds a token.", ""},
		{"5-shared-code", "Two callers of one page get one code.", ""},
		{"5-method-name", "The name of the JS method, or its context, is a program.", ""},
		{"5-stranger-page", "A page of an origin that no client lists tries fetch, forms, frames and pop-ups in a real browser.", ""},
	}},
	{"6 Applications", []ledger.Row{
		{"6-silent", "Another application that has taken the scheme, or a port, asks with the browser's session: by prompt=none, and without.", ""},
		{"6-proof", "It answers the page that asks whether to go on, with a proof of another page or none.", ""},
		{"6-loopback", "It asks for another path, host or name of loopback than is registered.", ""},
	}},
	{"7 Redirect addresses", []ledger.Row{
		{"7-registered-query", "An address whose query forges a part of the answer, or has a name twice, is registered.", ""},
		{"7-window-query", "The same in the query that a legacy window may choose.", ""},
		{"7-other-address", "A code is redeemed with another address than it was issued for.", ""},
	}},
	{"8 PKCE", []ledger.Row{
		{"8-added-verifier", "A stolen code without a challenge is redeemed with a verifier.", ""},
		{"8-stolen-code", "A stolen code with a challenge is redeemed with none, the challenge, or another verifier.", ""},
		{"8-plain", "A challenge without a method, or plain, is sent.", ""},
		{"8-left-out", "The challenge is left out where a client requires it, at each door.", ""},
	}},
}
