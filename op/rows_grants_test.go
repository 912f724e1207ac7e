package op_test

import "github.com/brandidp/idp/op/internal/ledger"

// grantAttackRows are the attacks on passwords, sessions and grants.
var grantAttackRows = []ledger.Section{
	{"19 Passwords", []ledger.Row{
		{"19-guessing", "One account's password is guessed.", ""},
		{"19-at-once", "All guesses are made at once, at several instances.", ""},
		{"19-one-address", "One address tries one password at many accounts.", ""},
		{"19-ipv6", "It does so from each address of its network.", ""},
		{"19-own-password", "In between it signs in to its own account, so that its failures are forgotten.", ""},
		{"19-names", "Pages, headers, times or waits tell which names exist.", ""},
		{"19-rows", "Names without end fill the database, or meet in a bucket of the attacker's choice.", ""},
		{"19-lock-out", "A stranger's guesses lock the owner out.", ""},
		{"19-device", "The cookie of a known device is used for another account, without end, or after a new password.", ""},
		{"19-flood", "Sign-ins at once take all there is of CPU and memory.", ""},
	}},
	{"20 What ends", []ledger.Row{
		{"20-kept", "A session, a code, a token or a refresh token is used after a new password, or after its owner was disabled.", ""},
		{"20-marked", "The same where somebody is only marked as disabled: it is asked at every use.", ""},
		{"20-moment", "A code or a token is made in the moment of it.", ""},
		{"20-signed-out", "What a session gave is used after the sign-out: handles, codes, access tokens, and refresh tokens without offline_access.", ""},
	}},
	{"21 How long a session lasts", []ledger.Row{
		{"21-open-page", "A page that is left open keeps its owner signed in.", ""},
		{"21-in-use", "A session in use, or an ID token of it, goes on after its absolute end.", ""},
		{"21-flood", "Requests without end make writes without end.", ""},
		{"21-backdated", "`iat` is set back before the sign-in.", ""},
	}},
	{"22 Refresh tokens", []ledger.Row{
		{"22-replay", "A token that was used is used again: at once, after twenty others, or while another is made.", ""},
		{"22-predecessor", "A token is used again whose successor was used.", ""},
		{"22-grace", "The grace is made longer by using it.", ""},
		{"22-grace-of-another", "Somebody else asks for the lost response.", ""},
		{"22-handle", "Who knows a family's handle, or changes a token, ends the family.", ""},
		{"22-branches", "Requests at once get several successors.", ""},
		{"22-stolen-database", "Who reads the database has the tokens, or the successor that it keeps.", ""},
		{"22-scope", "A refresh asks for more than was granted, or than the client may have now.", ""},
	}},
	{"23 Clocks", []ledger.Row{
		{"23-code", "Something that has expired is brought to an instance whose clock is behind.", ""},
		{"23-grace", "A retry within the grace comes to an instance whose clock is ahead.", ""},
	}},
	{"24 Strangers", []ledger.Row{
		{"24-code", "A stranger who has a code burns it, or ends what came of it.", ""},
		{"24-family", "A stranger who has a refresh token ends its family.", ""},
		{"24-revoke", "Another client, or nobody, presents a token to be revoked.", ""},
		{"24-introspect", "Another client asks whose a token is, or whether it is alive.", ""},
		{"24-reuse", "A code is used twice: at once, later, in the moment of a refresh.", ""},
		{"24-retry", "Another client, or one without the verifier, asks for the answer to a code again.", ""},
		{"24-retry-late", "It is asked for after its time, or of somebody who is gone.", ""},
	}},
	{"25 Signed by clients", []ledger.Row{
		{"25-audience", "An assertion that was made for another server, for both, or for another endpoint is brought here.", ""},
		{"25-replay", "An assertion is used twice: at once, at another endpoint, instance or time, or signed afresh.", ""},
		{"25-other-kind", "A request object is brought as an assertion, an assertion as a request object, or another token as either.", ""},
		{"25-forged", "Its algorithm is none or another than the client's, its key a stranger's, its client another.", ""},
		{"25-for-ever", "It is good for ever, or has no `exp` or `jti`.", ""},
		{"25-flood", "Who cannot sign fills the database.", ""},
		{"25-beside", "Parameters beside a request object change what was signed.", ""},
	}},
	{"26 Signing out", []ledger.Row{
		{"26-silent", "Somebody is signed out without a question, by a hint of another session, another person, or none.", ""},
		{"26-forged", "The hint is changed, unsigned, another's, or no ID token.", ""},
		{"26-address", "The way back after a sign-out is not registered, or another client's.", ""},
		{"26-everywhere", "Somebody is signed out everywhere without a proof.", ""},
		{"26-logout-token", "A logout token that was seen is sent again: each has a `jti` of its own and two minutes.", ""},
		{"26-missed", "A client begins to use the session in the moment of the sign-out, and is not told.", ""},
		{"26-slow", "A client that does not answer makes browsers, or other clients, wait.", ""},
		{"26-inside", "A client's address leads to what only the provider can reach.", ""},
	}},
	{"32 The brand's word", []ledger.Row{
		{"32-protocol", "What is sent along says `iss`, `sub`, `aud`, `acr` or `auth_time`, by each member that there is.", ""},
		{"32-unchecked", "A token is had for a consumer who is disabled, has not consented, or has signed out everywhere since.", ""},
		{"32-auth-time", "A sign-in of tomorrow, or of long ago, is told of.", ""},
		{"32-stolen-database", "Who reads the database has what was sent along with a code.", ""},
	}},
}
