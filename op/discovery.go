package op

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

// discovery is the provider's metadata (OpenID Connect Discovery 3, RFC 8414):
// only what is served.
type discovery struct {
	Issuer                                string   `json:"issuer"`
	AuthorizationEndpoint                 string   `json:"authorization_endpoint"`
	TokenEndpoint                         string   `json:"token_endpoint"`
	UserinfoEndpoint                      string   `json:"userinfo_endpoint"`
	IntrospectionEndpoint                 string   `json:"introspection_endpoint"`
	RevocationEndpoint                    string   `json:"revocation_endpoint"`
	JWKSURI                               string   `json:"jwks_uri"`
	EndSessionEndpoint                    string   `json:"end_session_endpoint"`
	BackchannelLogoutSupported            bool     `json:"backchannel_logout_supported"`
	BackchannelLogoutSessionSupported     bool     `json:"backchannel_logout_session_supported"`
	ScopesSupported                       []string `json:"scopes_supported"`
	ResponseTypesSupported                []string `json:"response_types_supported"`
	ResponseModesSupported                []string `json:"response_modes_supported"`
	GrantTypesSupported                   []string `json:"grant_types_supported"`
	ACRValuesSupported                    []string `json:"acr_values_supported"`
	SubjectTypesSupported                 []string `json:"subject_types_supported"`
	IDTokenSigningAlgValuesSupported      []string `json:"id_token_signing_alg_values_supported"`
	IDTokenEncryptionAlgValuesSupported   []string `json:"id_token_encryption_alg_values_supported"`
	IDTokenEncryptionEncValuesSupported   []string `json:"id_token_encryption_enc_values_supported"`
	UserinfoSigningAlgValuesSupported     []string `json:"userinfo_signing_alg_values_supported,omitempty"`
	TokenEndpointAuthMethodsSupported     []string `json:"token_endpoint_auth_methods_supported"`
	TokenEndpointAuthSigningAlgs          []string `json:"token_endpoint_auth_signing_alg_values_supported,omitempty"`
	IntrospectionAuthMethods              []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAuthSigningAlgs          []string `json:"introspection_endpoint_auth_signing_alg_values_supported,omitempty"`
	RevocationAuthMethods                 []string `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAuthSigningAlgs             []string `json:"revocation_endpoint_auth_signing_alg_values_supported,omitempty"`
	DisplayValuesSupported                []string `json:"display_values_supported"`
	ClaimTypesSupported                   []string `json:"claim_types_supported"`
	ClaimsSupported                       []string `json:"claims_supported"`
	UILocalesSupported                    []string `json:"ui_locales_supported"`
	CodeChallengeMethodsSupported         []string `json:"code_challenge_methods_supported"`
	PromptValuesSupported                 []string `json:"prompt_values_supported"`
	RequestObjectSigningAlgValues         []string `json:"request_object_signing_alg_values_supported"`
	ClaimsParameterSupported              bool     `json:"claims_parameter_supported"`
	RequestParameterSupported             bool     `json:"request_parameter_supported"`
	RequestURIParameterSupported          bool     `json:"request_uri_parameter_supported"`
	AuthorizationResponseIssParameterSupp bool     `json:"authorization_response_iss_parameter_supported"`
}

// discoveryDocument is the metadata of a provider with these clients.
func (p *Provider) discoveryDocument(clients []*storage.Client) ([]byte, error) {
	modes := []string{modeQuery, modeFragment, modeFormPost}
	if slices.ContainsFunc(clients, func(c *storage.Client) bool { return len(WebMessageAddresses(c)) > 0 }) {
		modes = append(modes, modeWebMessage)
	}
	scopes, grants := []string{"openid", "profile", "email", "address", "phone"}, []string{"authorization_code", "implicit"}
	if slices.ContainsFunc(clients, func(c *storage.Client) bool { return slices.Contains(c.GrantTypes, storage.GrantRefreshToken) }) {
		scopes, grants = append(scopes, "offline_access"), append(grants, storage.GrantRefreshToken)
	}
	for _, grant := range []string{storage.GrantClientCredentials, storage.GrantTokenExchange, storage.GrantJWTBearer} {
		if slices.ContainsFunc(clients, func(c *storage.Client) bool { return slices.Contains(c.GrantTypes, grant) }) {
			grants = append(grants, grant)
		}
	}
	var userinfoAlgs, assertionAlgs []string
	if slices.ContainsFunc(clients, func(c *storage.Client) bool { return c.UserinfoSignedResponseAlg != "" }) {
		userinfoAlgs = []string{keys.RS256}
	}
	confidential := []string{"client_secret_basic", "client_secret_post"}
	if slices.ContainsFunc(clients, func(c *storage.Client) bool { return c.TokenEndpointAuthMethod == storage.AuthPrivateKeyJWT }) {
		confidential, assertionAlgs = append(confidential, storage.AuthPrivateKeyJWT), keys.Algs
	}
	authMethods := append(slices.Clone(confidential), "none")
	issuer := p.opts.Issuer
	document, err := json.Marshal(discovery{
		Issuer:                              issuer,
		AuthorizationEndpoint:               issuer + "/authorize",
		TokenEndpoint:                       issuer + endpointToken,
		UserinfoEndpoint:                    issuer + "/userinfo",
		IntrospectionEndpoint:               issuer + endpointIntrospect,
		RevocationEndpoint:                  issuer + endpointRevoke,
		JWKSURI:                             issuer + "/jwks.json",
		EndSessionEndpoint:                  issuer + "/end_session",
		BackchannelLogoutSupported:          true,
		BackchannelLogoutSessionSupported:   true,
		ScopesSupported:                     scopes,
		ResponseTypesSupported:              responseTypes,
		ResponseModesSupported:              modes,
		GrantTypesSupported:                 grants,
		ACRValuesSupported:                  []string{acrPassword},
		SubjectTypesSupported:               []string{"public"},
		IDTokenSigningAlgValuesSupported:    keys.Algs,
		IDTokenEncryptionAlgValuesSupported: []string{liveperson.KeyEncryption},
		IDTokenEncryptionEncValuesSupported: liveperson.ContentEncryptions,
		UserinfoSigningAlgValuesSupported:   userinfoAlgs,
		TokenEndpointAuthMethodsSupported:   authMethods,
		TokenEndpointAuthSigningAlgs:        assertionAlgs,
		IntrospectionAuthMethods:            confidential,
		IntrospectionAuthSigningAlgs:        assertionAlgs,
		RevocationAuthMethods:               authMethods,
		RevocationAuthSigningAlgs:           assertionAlgs,
		DisplayValuesSupported:              []string{"page", "popup", "touch"},
		ClaimTypesSupported:                 []string{"normal"},
		ClaimsSupported: []string{
			"iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash", "c_hash",
			"name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website",
			"gender", "birthdate", "zoneinfo", "locale", "updated_at", "email", "email_verified", "phone_number",
			"phone_number_verified", "address", "lp_sdes",
		},
		UILocalesSupported:                    []string{"en", "de", "es", "fr", "he"},
		CodeChallengeMethodsSupported:         []string{"S256"},
		PromptValuesSupported:                 []string{promptNone, promptLogin, promptConsent, promptSelectAccount},
		RequestObjectSigningAlgValues:         keys.Algs,
		ClaimsParameterSupported:              true,
		RequestParameterSupported:             true,
		AuthorizationResponseIssParameterSupp: true,
	})
	if err != nil {
		return nil, fmt.Errorf("discovery document: %w", err)
	}
	return document, nil
}

// Discovery answers with the provider's metadata, from prepared bytes.
func (p *Provider) Discovery(w http.ResponseWriter, _ *http.Request) {
	if v := p.published(w); v != nil {
		writePublic(w, v.discovery, time.Hour)
	}
}

// JWKS answers with every published key, from prepared bytes.
func (p *Provider) JWKS(w http.ResponseWriter, _ *http.Request) {
	if v := p.publishedKeys(w); v != nil {
		writePublic(w, v.keys.JWKS(), p.opts.Keys.JWKSMaxAge)
	}
}

// ClientJWKS answers with the keys that sign one client's ID tokens, so that a
// connector accepts nothing else. The path's value is {client_id}.json.
func (p *Provider) ClientJWKS(w http.ResponseWriter, r *http.Request) {
	v := p.publishedKeys(w)
	if v == nil {
		return
	}
	name := r.PathValue("file")
	const suffix = ".json"
	if len(name) <= len(suffix) || name[len(name)-len(suffix):] != suffix {
		http.NotFound(w, r)
		return
	}
	client := v.clients[name[:len(name)-len(suffix)]]
	if client == nil {
		http.NotFound(w, r)
		return
	}
	writePublic(w, v.keys.OwnJWKS(signingOwner(client)), p.opts.Keys.JWKSMaxAge)
}

// publishedKeys gives the view for a key document. An old one may lack a key that
// others sign with by now, so that none is better; nil means that it was answered.
func (p *Provider) publishedKeys(w http.ResponseWriter) *view {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	v, err := p.current()
	if err != nil {
		setRetryAfter(w, 0)
		http.Error(w, "the keys are not known at the moment", http.StatusServiceUnavailable)
		return nil
	}
	return v
}

// published gives the view for a public document. It is served from memory even
// while the database is away, since it says nothing that could have been undone;
// nil means that there was never a view, and has been answered.
func (p *Provider) published(w http.ResponseWriter) *view {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	stamped := p.view.Load()
	if stamped == nil {
		setRetryAfter(w, 0)
		http.Error(w, "not ready yet", http.StatusServiceUnavailable)
		return nil
	}
	return stamped.view
}

func writePublic(w http.ResponseWriter, body []byte, maxAge time.Duration) {
	w.Header().Set("Cache-Control", "public, max-age="+strconv.Itoa(int(maxAge.Seconds())))
	writeJSON(w, http.StatusOK, body)
}
