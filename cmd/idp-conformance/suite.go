package main

// suiteConfig is the configuration of the suite, the same for every plan.
type suiteConfig struct {
	Alias            string              `json:"alias"`
	Description      string              `json:"description"`
	Server           suiteServer         `json:"server"`
	Client           suiteClient         `json:"client"`
	Client2          suiteClient         `json:"client2"`
	ClientSecretPost suiteClient         `json:"client_secret_post"`
	Browser          []visit             `json:"browser"`
	Override         map[string]override `json:"override"` // by module
}

type suiteServer struct {
	DiscoveryURL string `json:"discoveryUrl"`
	LoginHint    string `json:"login_hint"`
}

type suiteClient struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

// override replaces what the browser does in one module.
type override struct {
	Browser []visit `json:"browser"`
}

// suiteConfigOf makes the configuration.
func suiteConfigOf(opts options, s secrets) suiteConfig {
	p := pages{opts, s.Password}
	errorPage := func(code string) override { return override{[]visit{p.refuse(code)}} }
	again := override{[]visit{p.authorize([]any{"wait", "id", "sign-in", patience, anything, screenshotIfAsked})}}
	refusedSignOut := override{[]visit{p.authorize(), p.refuseToSignOut()}}
	signedOut := override{[]visit{p.authorize(), p.signOut()}}
	return suiteConfig{
		Alias: opts.alias, Description: "idp",
		Server:           suiteServer{DiscoveryURL: opts.issuer + "/.well-known/openid-configuration", LoginHint: username},
		Client:           suiteClient{clientID, s.Client},
		Client2:          suiteClient{client2ID, s.Client2},
		ClientSecretPost: suiteClient{clientPostID, s.ClientSecretPost},
		Browser:          []visit{p.authorize(), p.signOutAndReturn()},
		Override: map[string]override{
			"oidcc-prompt-login":                            again,
			"oidcc-max-age-1":                               again,
			"oidcc-response-type-missing":                   errorPage("invalid_request"),
			"oidcc-ensure-registered-redirect-uri":          errorPage("invalid_request"),
			"oidcc-ensure-request-object-with-redirect-uri": errorPage("request_not_supported"),

			"oidcc-rp-initiated-logout-bad-post-logout-redirect-uri":            refusedSignOut,
			"oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri": refusedSignOut,
			"oidcc-rp-initiated-logout-modified-id-token-hint":                  refusedSignOut,
			"oidcc-rp-initiated-logout-bad-id-token-hint":                       refusedSignOut,
			"oidcc-rp-initiated-logout-no-id-token-hint":                        refusedSignOut,
			"oidcc-rp-initiated-logout-no-params":                               signedOut,
			"oidcc-rp-initiated-logout-no-post-logout-redirect-uri":             signedOut,
			"oidcc-rp-initiated-logout-only-state":                              signedOut,
		},
	}
}
