package standin_test

const cloudsOwn = "Nothing for a provider to do: it is a service of the cloud's."

// pageRows are sections 3 to 6: the page, applications, the connector, and the
// cloud's own services.
var pageRows = []section{
	{"3.1 The JS method", []row{
		{"3.1-default", "It is named `lpGetAuthenticationToken` unless the connector names another.", ""},
		{"3.1-named", "Another name, dotted or not, in another context, is reached from the global scope.", ""},
		{"3.1-callback", "It is called with a callback and calls it once, later: it may take its time.", ""},
		{"3.1-string", "Implicit flow: the callback gets the ID token as a text.", ""},
		{"3.1-object", "Code flow: the callback gets `{ssoKey, redirect_uri}`.", ""},
		{"3.1-challenge", "A second argument is the PKCE challenge.", ""},
		{"3.1-error", "On failure the callback gets `\"\"` and a reason, never null or undefined.", ""},
		{"3.1-error-object", "On failure `{}` and a reason, the other documented form.", "Nothing more for a provider to do: the reason is what counts, and one of the two forms is enough."},
		{"3.1-again", "It may be called again at any time.", ""},
	}},
	{"3.2 The identity function", []row{
		{"3.2-keys", "It says `iss`, `acr` and `sub`, all three, `acr` being `loa1`.", ""},
		{"3.2-same", "`iss` and `sub` are those of the token.", ""},
		{"3.2-null", "Of nobody it says null.", ""},
		{"3.2-code", "It knows them in the code flow and with encryption too, where the page cannot read the token.", ""},
		{"3.2-pushed", "It is pushed to `lpTag.identities`, whether the brand's tag came first or not.", ""},
	}},
	{"3.3 acr", []row{
		{"3.3-loa1", "`loa1` is an authenticated consumer.", ""},
		{"3.3-zero", "`0` is somebody unknown.", "Nothing for a provider to do: the brand's tag says it by itself, and a token of ours means a person who proved who they are."},
	}},
	{"3.4 The older chat SDK", []row{
		{"3.4-sso-key", "It takes `ssoKey` and `redirectUri`.", "Nothing more for a provider to do: they are the values of 3.1-object."},
	}},
	{"3.5 customerId", []row{
		{"3.5-token", "In the token's Customer Info `customerId` is normal.", ""},
		{"3.5-page", "On the page it would make a visitor authenticated: the script sends no engagement attributes.", ""},
	}},
	{"4 Applications", []row{
		{"4-code", "The application asks for the code, the cloud redeems it, with the secret and the application's address.", ""},
		{"4-scheme", "Its address is a custom scheme; for a client without a secret somebody is asked whether to go on.", ""},
		{"4-label", "Its address is `https://liveperson.net`, as in LivePerson's samples.", ""},
		{"4-jwt", "It brings an ID token itself, where the connector is of the implicit flow.", ""},
		{"4-display-name", "The issuer's display name chooses among connectors.", ""},
		{"4-expired", "When told of an expired token it asks for another.", ""},
		{"4-verifier", "A missing verifier is refused, by the cloud as 1057 and here.", ""},
		{"4-sdk", "Names of the SDKs' methods, pinning of certificates, push.", "Nothing for a provider to do: they are between the application and the cloud."},
	}},
	{"5.1 Where a connector is configured", []row{
		{"5.1-https", "Every address is https on port 443: an issuer without is refused or warned of.", ""},
		{"5.1-features", "Features of the account, and menus.", cloudsOwn},
	}},
	{"5.2 The form", []row{
		{"5.2-fields", "`idp connector settings` has each field of the form in its order, with the value to paste.", ""},
		{"5.2-empty", "Fields of the other flow are left empty, and say so.", ""},
		{"5.2-secret", "The client's secret is shown once and not repeated.", ""},
		{"5.2-copy", "A page copies each value.", ""},
		{"5.2-encryption", "Encryption has no field: a note says what to tell LivePerson.", ""},
		{"5.2-register", "What the form needs is registered here: client, secret, window address, LivePerson's key.", ""},
		{"5.2-cannot-work", "A connector that cannot work is refused, by field and rule.", ""},
	}},
	{"5.3 The connector document", []row{
		{"5.3-rfc", "`rfcCompliance` is no field of the form: a note says which variant to have set.", ""},
		{"5.3-public", "All of it but the secret is public: no secret is printed with it.", ""},
		{"5.3-type", "`type`, `acrValues` and the other members are the cloud's, and in the stand-in's document.", ""},
	}},
	{"5.4 Its interface", []row{
		{"5.4-public", "The document of all connectors can be read by anyone.", ""},
		{"5.4-api", "Reading and making connectors.", "Nothing for a provider to do: that interface is not documented by LivePerson, and a person fills in the form."},
	}},
	{"5.5 Several connectors", []row{
		{"5.5-several", "Any number of connectors: each has keys, codes and settings of its own.", ""},
	}},
	{"6.1 Anonymous consumers", []row{
		{"6.1-anonymous", "The cloud makes them and their tokens, by itself: none of a brand's is one of theirs, and the reverse. So does the stand-in.", ""},
		{"6.1-age", "Their tokens are good for ten minutes, and renewed for 730 hours. So are the stand-in's.", ""},
		{"6.1-sign-up", "The older sign-up of demonstrations.", cloudsOwn},
	}},
	{"6.2 The exchange", []row{
		{"6.2-implicit", "The brand's ID token is taken for a consumer token: ours, by the stand-in, in a browser.", ""},
		{"6.2-code", "The brand's code, with its address, is taken for a consumer token: ours, by the stand-in, in a browser.", ""},
		{"6.2-versions", "Three versions of the interface, each served by the stand-in.", ""},
	}},
	{"6.3 The consumer token", []row{
		{"6.3-copied", "It copies `exp` and `iat` of the brand's token, as the stand-in's does.", ""},
		{"6.3-sdes", "It holds the brand's `sub`, `iss` and lp_sdes, these unreadable, as the stand-in's does: 1.5-consumer-token is about their size.", ""},
	}},
	{"6.4 Connector API", []row{
		{"6.4-channels", "Identities of other channels.", cloudsOwn},
	}},
	{"6.5 Step-up", []row{
		{"6.5-step-up", "An anonymous consumer signs in in mid-conversation, which goes on: for the provider a sign-in as any other.", ""},
		{"6.5-signed-out", "After signing out nobody gets a token of the one who was signed in.", ""},
	}},
	{"6.6 Both kinds on one site", []row{
		{"6.6-enabled", "Authenticated and other conversations side by side.", cloudsOwn},
	}},
}
