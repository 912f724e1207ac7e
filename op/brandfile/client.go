package brandfile

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

// clientEntry is one of clients in the file, by the names of RFC 7591.
type clientEntry struct {
	ClientID                         string                          `json:"client_id"`
	ClientName                       string                          `json:"client_name"`
	ClientSecret                     string                          `json:"client_secret"`
	ClientSecretFile                 string                          `json:"client_secret_file"`
	ApplicationType                  string                          `json:"application_type"`
	RedirectURIs                     []string                        `json:"redirect_uris"`
	ResponseTypes                    []string                        `json:"response_types"`
	GrantTypes                       []string                        `json:"grant_types"`
	TokenEndpointAuthMethod          string                          `json:"token_endpoint_auth_method"`
	WebOrigins                       []string                        `json:"web_origins"`
	Scope                            string                          `json:"scope"`
	IDTokenSignedResponseAlg         string                          `json:"id_token_signed_response_alg"`
	IDTokenEncryptedResponseAlg      string                          `json:"id_token_encrypted_response_alg"`
	IDTokenEncryptedResponseEnc      string                          `json:"id_token_encrypted_response_enc"`
	IDTokenLifetime                  storage.Seconds                 `json:"id_token_lifetime"`
	AccessTokenLifetime              storage.Seconds                 `json:"access_token_lifetime"`
	RefreshTokenLifetime             storage.Seconds                 `json:"refresh_token_lifetime"`
	ClaimsPolicy                     string                          `json:"claims_policy"`
	CustomClaims                     map[string]string               `json:"custom_claims"`
	RequirePKCE                      bool                            `json:"require_pkce"`
	WebMessage                       bool                            `json:"web_message"`
	JWKS                             *storage.JWKS                   `json:"jwks"`
	RequestObjectSigningAlg          string                          `json:"request_object_signing_alg"`
	TokenEndpointAuthSigningAlg      string                          `json:"token_endpoint_auth_signing_alg"`
	TokenEndpointAuthAudience        string                          `json:"token_endpoint_auth_audience"`
	AssertionIssuers                 []storage.AssertionIssuer       `json:"assertion_issuers"`
	TokenExchangeAudiences           []string                        `json:"token_exchange_audiences"`
	UserinfoSignedResponseAlg        string                          `json:"userinfo_signed_response_alg"`
	AccessTokenFormat                string                          `json:"access_token_format"`
	AccessTokenAudience              string                          `json:"access_token_audience"`
	Introspection                    bool                            `json:"introspection"`
	Consent                          string                          `json:"consent"`
	ClientURI                        string                          `json:"client_uri"`
	PostLogoutRedirectURIs           []string                        `json:"post_logout_redirect_uris"`
	BackchannelLogoutURI             string                          `json:"backchannel_logout_uri"`
	BackchannelLogoutSessionRequired bool                            `json:"backchannel_logout_session_required"`
	LoginURL                         string                          `json:"login_url"`
	LogoutURL                        string                          `json:"logout_url"`
	JWKSRefresh                      storage.Seconds                 `json:"jwks_refresh"`
	ConversationalCloud              *liveperson.ConversationalCloud `json:"conversational_cloud"`
}

// RefusedField names what is known but not there yet.
func (*clientEntry) RefusedField(name string) string {
	if name == "jwks_uri" {
		return "is not supported by this release: give a client's keys as jwks; the key that a connector's ID tokens are encrypted for belongs into conversational_cloud.encryption_key"
	}
	return ""
}

// client is a checked client. SecretSHA256 is not set: Secret is what the file
// says, "" for nothing.
type client struct {
	storage.Client
	secret string
	path   string
	line   int
}

// The defaults of a client.
const (
	defaultScope           = "openid profile email address phone"
	defaultAlg             = keys.RS256
	defaultLifetime        = storage.Seconds(3600)
	defaultRefreshLifetime = storage.Seconds(30 * 24 * 3600) // as long as a session
)

const (
	grantCode     = "authorization_code"
	grantImplicit = "implicit"
	authNone      = "none"
	typeNative    = "native"
)

var clientIDPattern = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,255}$`)

// client checks one client and fills in its defaults.
func (d *decoder) client(entry clientEntry, path string, opts Options) *client {
	c := &client{path: path, line: d.line(path), Client: storage.Client{
		ClientID:                    entry.ClientID,
		ClientName:                  entry.ClientName,
		ApplicationType:             orDefault(entry.ApplicationType, "web"),
		RedirectURIs:                entry.RedirectURIs,
		ResponseTypes:               entry.ResponseTypes,
		GrantTypes:                  entry.GrantTypes,
		TokenEndpointAuthMethod:     orDefault(entry.TokenEndpointAuthMethod, "client_secret_basic"),
		WebOrigins:                  entry.WebOrigins,
		Scope:                       entry.Scope,
		IDTokenSignedResponseAlg:    orDefault(entry.IDTokenSignedResponseAlg, defaultAlg),
		IDTokenEncryptedResponseAlg: entry.IDTokenEncryptedResponseAlg,
		IDTokenEncryptedResponseEnc: entry.IDTokenEncryptedResponseEnc,
		IDTokenLifetime:             orDefault(entry.IDTokenLifetime, defaultLifetime),
		AccessTokenLifetime:         orDefault(entry.AccessTokenLifetime, defaultLifetime),
		RefreshTokenLifetime:        entry.RefreshTokenLifetime,
		ClaimsPolicy:                entry.ClaimsPolicy,
		CustomClaims:                entry.CustomClaims,
		RequirePKCE:                 entry.RequirePKCE,
		WebMessage:                  entry.WebMessage,
		JWKS:                        entry.JWKS,
		RequestObjectSigningAlg:     entry.RequestObjectSigningAlg,
		TokenEndpointAuthSigningAlg: entry.TokenEndpointAuthSigningAlg,
		TokenEndpointAuthAudience:   entry.TokenEndpointAuthAudience,
		AssertionIssuers:            entry.AssertionIssuers,
		TokenExchangeAudiences:      entry.TokenExchangeAudiences,
		UserinfoSignedResponseAlg:   entry.UserinfoSignedResponseAlg,
		AccessTokenFormat:           entry.AccessTokenFormat,
		AccessTokenAudience:         entry.AccessTokenAudience,
		Introspection:               entry.Introspection,
		Consent:                     entry.Consent,
		JWKSRefresh:                 entry.JWKSRefresh,
		ConversationalCloud:         entry.ConversationalCloud,
	}}
	switch {
	case c.ClientID == "":
		d.at(path+".client_id", "is required")
	case !clientIDPattern.MatchString(c.ClientID) || strings.Trim(c.ClientID, ".") == "":
		d.at(path+".client_id", "must be 1 to 255 letters, digits, -, ., _ and ~")
	}
	if strings.ContainsFunc(c.ClientName, unicode.IsControl) {
		d.at(path+".client_name", "must be text on one line")
	}
	d.oneOf(path+".application_type", c.ApplicationType, "web", typeNative)
	algs := keys.Algs
	if c.ConversationalCloud != nil { // it documents no other
		algs = []string{defaultAlg}
	}
	d.oneOf(path+".id_token_signed_response_alg", c.IDTokenSignedResponseAlg, algs...)
	if c.Consent != "" {
		d.oneOf(path+".consent", c.Consent, "required")
	}
	d.flow(c)
	d.refresh(c)
	d.secret(c, entry, opts)
	d.clientAuth(c)
	d.redirectURIs(c, opts)
	d.webOrigins(c, opts)
	d.webMessage(c)
	d.logout(c, entry, opts)
	d.scope(c)
	d.accessToken(c)
	d.claimsPolicy(c)
	d.customClaims(c)
	d.connector(c, opts)
	d.encryption(c)
	d.jwks(c)
	d.assertionIssuers(c, opts)
	return c
}

// grantsOf are the grant types that a response type needs (OpenID Connect Dynamic
// Client Registration 2). token is a legacy connector's name for id_token.
var grantsOf = map[string][]string{
	"code": {grantCode}, "id_token": {grantImplicit}, "id_token token": {grantImplicit}, "token": {grantImplicit},
	"code id_token": {grantCode, grantImplicit}, "code token": {grantCode, grantImplicit}, "code id_token token": {grantCode, grantImplicit},
}

const knownResponseTypes = "code, id_token, id_token token, code id_token, code token, code id_token token"

// flow checks response types against grant types, which follow from them when
// they are left out.
func (d *decoder) flow(c *client) {
	onItsOwn := len(c.GrantTypes) > 0 && !slices.ContainsFunc(c.GrantTypes, needsSignIn) || c.Introspection && c.GrantTypes != nil && len(c.GrantTypes) == 0
	if c.ResponseTypes == nil && !onItsOwn {
		c.ResponseTypes = []string{"code"}
	}
	if len(c.ResponseTypes) == 0 {
		d.withoutSignIn(c)
	}
	c.ResponseTypes = append([]string{}, c.ResponseTypes...)
	var needed []string
	for i, responseType := range c.ResponseTypes {
		field := index(c.path+".response_types", i)
		// The order of the words means nothing; they are kept in alphabetical order.
		list := strings.Split(responseType, " ")
		slices.Sort(list)
		responseType = strings.Join(list, " ")
		c.ResponseTypes[i] = responseType
		grants, known := grantsOf[responseType]
		if !known {
			d.at(field, "must be one of "+knownResponseTypes)
			continue
		}
		if responseType == "token" && !c.ConversationalCloud.Legacy() {
			d.at(field, "must not be token alone: it says nothing of who signed in; use id_token or id_token token")
		}
		if slices.Contains(c.ResponseTypes[:i], responseType) {
			d.at(field, "must not be given twice")
		}
		for _, grant := range grants {
			if !slices.Contains(needed, grant) {
				needed = append(needed, grant)
			}
		}
	}
	if c.GrantTypes == nil {
		c.GrantTypes = needed
	}
	d.grants(c, needed)
}

var knownGrants = []string{
	grantCode, grantImplicit, storage.GrantRefreshToken, storage.GrantClientCredentials, storage.GrantTokenExchange, storage.GrantJWTBearer,
}

// backendGrants are for clients that nobody signs in to, too.
var backendGrants = []string{storage.GrantClientCredentials, storage.GrantTokenExchange, storage.GrantJWTBearer}

func needsSignIn(grant string) bool { return !slices.Contains(backendGrants, grant) }

// grants checks grant types against those that the response types need.
func (d *decoder) grants(c *client, needed []string) {
	for i, grant := range c.GrantTypes {
		field := index(c.path+".grant_types", i)
		switch {
		case !slices.Contains(knownGrants, grant):
			d.at(field, "must be one of "+strings.Join(knownGrants, ", "))
		case slices.Contains(c.GrantTypes[:i], grant):
			d.at(field, "must not be given twice")
		case grant == grantCode && !slices.Contains(needed, grant):
			d.at(field, "authorization_code needs a response type with code")
		case grant == storage.GrantRefreshToken && !slices.Contains(needed, grantCode):
			d.at(field, "refresh_token needs a response type with code: refresh tokens come of codes")
		case grant == grantImplicit && !slices.Contains(needed, grant):
			d.at(field, "implicit needs a response type with id_token or token")
		case slices.Contains(backendGrants, grant) && c.Public():
			d.at(field, grant+" needs a client with credentials, not token_endpoint_auth_method none")
		case grant == storage.GrantClientCredentials && c.ConversationalCloud != nil:
			d.at(field, "client_credentials is not for Conversational Cloud, which speaks for consumers")
		}
	}
	for _, grant := range needed {
		if !slices.Contains(c.GrantTypes, grant) {
			d.at(c.path+".grant_types", "must have "+grant+" for the response types of this client")
		}
	}
}

// Bounds of a secret, in characters.
const (
	minSecret = 32
	maxSecret = 512
)

// needsSecret tells whether the client has to have one: whoever authenticates, and
// by nothing else.
func (c *client) needsSecret() bool {
	return !c.Public() && c.TokenEndpointAuthMethod != storage.AuthPrivateKeyJWT &&
		(c.Introspection || slices.Contains(c.GrantTypes, grantCode) || slices.ContainsFunc(c.GrantTypes, func(grant string) bool { return !needsSignIn(grant) }))
}

// secret reads and checks the secret and the method it is used with.
func (d *decoder) secret(c *client, entry clientEntry, opts Options) {
	d.oneOf(c.path+".token_endpoint_auth_method", c.TokenEndpointAuthMethod,
		"client_secret_basic", "client_secret_post", storage.AuthPrivateKeyJWT, authNone)
	if c.Public() && c.ConversationalCloud != nil && slices.Contains(c.GrantTypes, grantCode) {
		d.at(c.path+".token_endpoint_auth_method",
			"must not be none with the code flow for Conversational Cloud, which sends a secret; use client_secret_basic")
	}
	field := c.path + ".client_secret"
	switch {
	case entry.ClientSecret != "" && entry.ClientSecretFile != "":
		d.at(field, "must not be given together with client_secret_file")
		return
	case entry.ClientSecretFile != "":
		field = c.path + ".client_secret_file"
		c.secret = d.secretFile(field, entry.ClientSecretFile, opts)
	default:
		c.secret = entry.ClientSecret
	}
	if c.secret == "" {
		return
	}
	if c.Public() || c.TokenEndpointAuthMethod == storage.AuthPrivateKeyJWT {
		d.at(field, "must not be given with token_endpoint_auth_method "+c.TokenEndpointAuthMethod)
	}
	// The characters of RFC 6749, appendix A.2.
	if strings.ContainsFunc(c.secret, func(r rune) bool { return r < ' ' || r > '~' }) {
		d.at(field, "must be of printable ASCII characters")
	}
	if len(c.secret) < minSecret || len(c.secret) > maxSecret {
		d.at(field, "must have 32 to 512 characters; leave it out to have one made")
	}
}

// secretFile reads a secret. Its last line break is not part of it.
func (d *decoder) secretFile(field, name string, opts Options) string {
	if opts.ReadFile == nil {
		d.at(field, "is not supported here; use client_secret")
		return ""
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(d.file), name)
	}
	data, err := opts.ReadFile(name)
	if err != nil {
		d.at(field, "must name a file that can be read, from the folder of this file")
		return ""
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if secret == "" {
		d.at(field, "must name a file that is not empty")
	}
	return secret
}

// claimsPolicy fills in where claims go by default.
func (d *decoder) claimsPolicy(c *client) {
	fallback := "strict"
	if c.ConversationalCloud != nil {
		fallback = "everything"
	}
	c.ClaimsPolicy = orDefault(c.ClaimsPolicy, fallback)
	d.oneOf(c.path+".claims_policy", c.ClaimsPolicy, "strict", "everything")
}

func (d *decoder) oneOf(field, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		if len(allowed) == 1 {
			d.at(field, "must be "+allowed[0])
			return
		}
		d.at(field, "must be one of "+strings.Join(allowed, ", "))
	}
}

func orDefault[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}
