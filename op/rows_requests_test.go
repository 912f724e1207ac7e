package op_test

import "github.com/brandidp/idp/op/internal/ledger"

// requestAttackRows are the attacks on a request on its way.
var requestAttackRows = []ledger.Section{
	{"10 The ticket", []ledger.Row{
		{"10-changed-client", "The client loses the address, the response type, a scope, or itself, or comes to ask for consent or a challenge, while the sign-in page is open.", ""},
		{"10-history", "A form from the browser's history is sent again after a sign-out.", ""},
		{"10-session-gone", "The ticket of a consent page outlives the session that it was shown to.", ""},
		{"10-another-person", "Somebody else has signed in in this browser since the page was shown.", ""},
		{"10-fields", "A form comes with fields twice, of no text, in another type, too large, or beside a query.", ""},
	}},
	{"11 The size and the place of a request", []ledger.Row{
		{"11-size", "A request has more state, parameters, query or body than there is room for.", ""},
		{"11-proxy", "8 KB of state, 12 KB when sealed, are cut by the proxy of the example, or logged there.", ""},
		{"11-address", "The ticket is had from an address, a Referer or a cookie, or is given in one.", ""},
	}},
	{"12 Sealing", []ledger.Row{
		{"12-changed", "A bit of the ticket is turned, or it is cut, longer, or none.", ""},
		{"12-another-browser", "Another browser completes the request: without a binding, and with its own.", ""},
		{"12-another-issuer", "A ticket is brought to another issuer of the same keys, host and cookies.", ""},
		{"12-another-purpose", "What was sealed for another purpose, or by another database, is brought as a ticket, and a ticket as anything else.", ""},
		{"12-late", "A ticket is used after its life.", ""},
		{"12-moved-key", "Somebody who can write to the database gives a data key another purpose or row.", ""},
		{"12-new-key", "A ticket is sealed by a new key that other instances do not know yet, or by an old one that is gone.", ""},
	}},
	{"13 Cookies and other sites", []ledger.Row{
		{"13-cross-site-request", "Another site posts an authorization request, without the cookies that the browser leaves out.", ""},
		{"13-replaced-binding", "Another site's post has the binding replaced, which would kill the forms that are open.", ""},
		{"13-forms", "Another site, or a neighbour of the same site, posts the forms of our pages.", ""},
		{"13-attributes", "An issuer or a setting makes a cookie readable for scripts, sent across sites, or sent in the clear.", ""},
		{"13-planted", "Somebody plants a session's handle in a browser before its owner signs in.", ""},
		{"13-guessed", "Somebody guesses a handle, or has an old one.", ""},
	}},
	{"14 Consent", []ledger.Row{
		{"14-something-else", "The proof of one consent page is brought to another client, other scopes, or another request.", ""},
		{"14-no-proof", "The consent form is sent without a proof, or with the proof of a page that asked something else.", ""},
		{"14-somebody-else", "The form is sent for another person, or another sign-in, in the same browser.", ""},
		{"14-silent", "A client is answered without a page what was never allowed to it, or not that much.", ""},
		{"14-application", "A page that asks whether to go on to an application is answered by a proof of another.", ""},
		{"14-withdrawal", "Somebody else's form withdraws a consent.", ""},
		{"14-withdrawn", "A code or a token is had in the moment of a withdrawal.", ""},
	}},
	{"15 How fresh a sign-in is", []ledger.Row{
		{"15-prompt-login", "A session, or another sign-in of this browser, stands in for the password that `prompt=login` asks for.", ""},
		{"15-max-age", "A sign-in that is too old is taken, without a page, too.", ""},
		{"15-kept-page", "A consent page is kept open until the sign-in before it is old.", ""},
		{"15-clocks", "The clock of an instance is ahead or behind.", ""},
		{"15-new-session", "Another person's sign-in goes on with the session of the one before.", ""},
		{"15-hint", "Somebody other than the hint names is signed in, or signs in; or the hint is forged.", ""},
	}},
	{"16 Pages and the way back", []ledger.Row{
		{"16-framed", "A page of ours is shown in somebody's frame.", ""},
		{"16-form-action", "A form of ours, or of an answer, is made to go elsewhere.", ""},
		{"16-program", "The way back is a program, a file or a page of ours.", ""},
		{"16-markup", "What a stranger sends becomes part of a page.", ""},
		{"16-referrer", "The next site is told the address of our page, or a cache keeps it.", ""},
	}},
	{"17 The hand-over to the brand's own login", []ledger.Row{
		{"17-lured", "A browser goes on as the person whom its owner lured through the brand's login.", ""},
		{"17-guessed", "A verifier or a challenge is guessed, or the one is brought as the other.", ""},
		{"17-twice", "A challenge is decided twice, or a verifier used twice, at the same time, too.", ""},
		{"17-late", "A challenge is decided, or a verifier used, after its time.", ""},
		{"17-somebody-else", "The brand accepts somebody else than the request demands, or who may not sign in any more.", ""},
		{"17-moved", "Somebody who can write to the database moves a stored request to another challenge.", ""},
		{"17-logout", "The verifier of a sign-out is brought in another browser, late, or guessed.", ""},
		{"17-credential", "A credential of the brand's backend decides for a client, or changes a consumer, that it was not granted.", ""},
		{"17-flood", "One network address has requests stored without end.", ""},
	}},
	{"18 What stands in an address", []ledger.Row{
		{"18-query", "A token, or the error in its place, is asked for in a query, by each response type.", ""},
		{"18-legacy", "A token in a query is had of a legacy connector that is not set to it.", ""},
		{"18-unregistered", "An answer is asked for at an address that is like the registered one.", ""},
		{"18-twice", "A parameter that says where the answer goes stands twice, or is at fault: nothing is sent anywhere.", ""},
		{"18-paths", "A path leads to another host.", ""},
	}},
}
