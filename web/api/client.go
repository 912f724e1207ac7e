package api

import (
	"net/http"
	"time"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

// client is a client as the API tells of it.
type client struct {
	storage.Client

	HasSecret    bool      `json:"has_secret"`
	ClientSecret string    `doc:"one that was made because the client needs one and had none; shown this once" json:"client_secret,omitempty"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`
}

// clientToWrite is a client as it is sent. brandfile checks it; this is for the document
// alone.
type clientToWrite struct {
	ClientID                         string                    `doc:"that of the address, if it is given"                                      json:"client_id,omitempty"                                                                                                                                      maxLength:"255"`
	ClientName                       string                    `doc:"name for people"                                                          json:"client_name,omitempty"`
	ApplicationType                  string                    `default:"web"                                                                  enum:"web,native"                                                                                                                                               json:"application_type,omitempty"`
	RedirectURIs                     []string                  `json:"redirect_uris,omitempty"`
	ResponseTypes                    []string                  `doc:"code, id_token, id_token token, or a hybrid type"                         json:"response_types,omitempty"`
	GrantTypes                       []string                  `doc:"those of the response types, if they are left out"                        enum:"authorization_code,implicit,refresh_token,client_credentials,urn:ietf:params:oauth:grant-type:token-exchange,urn:ietf:params:oauth:grant-type:jwt-bearer" json:"grant_types,omitempty"`
	TokenEndpointAuthMethod          string                    `default:"client_secret_basic"                                                  enum:"client_secret_basic,client_secret_post,private_key_jwt,none"                                                                                              json:"token_endpoint_auth_method,omitempty"`
	WebOrigins                       []string                  `doc:"exact origins of pages that ask for tokens"                               json:"web_origins,omitempty"`
	Scope                            string                    `doc:"what the client may ask for, with spaces between"                         json:"scope,omitempty"`
	IDTokenSignedResponseAlg         string                    `default:"RS256"                                                                enum:"RS256,PS256,ES256,EdDSA"                                                                                                                                  json:"id_token_signed_response_alg,omitempty"`
	IDTokenEncryptedResponseAlg      string                    `enum:"RSA-OAEP-256"                                                            json:"id_token_encrypted_response_alg,omitempty"`
	IDTokenEncryptedResponseEnc      string                    `enum:"A128CBC-HS256,A256GCM"                                                   json:"id_token_encrypted_response_enc,omitempty"`
	IDTokenLifetime                  any                       `doc:"seconds, or a text such as 10m, 1h or 30d"                                json:"id_token_lifetime,omitempty"`
	AccessTokenLifetime              any                       `doc:"as id_token_lifetime"                                                     json:"access_token_lifetime,omitempty"`
	RefreshTokenLifetime             any                       `doc:"as id_token_lifetime"                                                     json:"refresh_token_lifetime,omitempty"`
	ClaimsPolicy                     string                    `doc:"where claims go: as OpenID Connect places them, or all into the ID token" enum:"strict,everything"                                                                                                                                        json:"claims_policy,omitempty"`
	CustomClaims                     map[string]string         `doc:"claims of the client's own, from name to source"                          json:"custom_claims,omitempty"`
	RequirePKCE                      bool                      `json:"require_pkce,omitempty"`
	WebMessage                       bool                      `json:"web_message,omitempty"`
	JWKS                             *storage.JWKS             `doc:"public keys of what the client signs"                                     json:"jwks,omitempty"`
	RequestObjectSigningAlg          string                    `enum:"RS256,PS256,ES256,EdDSA"                                                 json:"request_object_signing_alg,omitempty"`
	TokenEndpointAuthSigningAlg      string                    `enum:"RS256,PS256,ES256,EdDSA"                                                 json:"token_endpoint_auth_signing_alg,omitempty"`
	TokenEndpointAuthAudience        string                    `enum:"issuer"                                                                  json:"token_endpoint_auth_audience,omitempty"`
	AssertionIssuers                 []storage.AssertionIssuer `doc:"whose word the client may bring for who a consumer is"                    json:"assertion_issuers,omitempty"`
	TokenExchangeAudiences           []string                  `doc:"connectors whose ID tokens the client may have by token exchange"         json:"token_exchange_audiences,omitempty"`
	UserinfoSignedResponseAlg        string                    `enum:"RS256"                                                                   json:"userinfo_signed_response_alg,omitempty"`
	AccessTokenFormat                string                    `enum:"opaque,jwt"                                                              json:"access_token_format,omitempty"`
	AccessTokenAudience              string                    `json:"access_token_audience,omitempty"                                         maxLength:"255"`
	Introspection                    bool                      `doc:"the client may introspect every client's access tokens"                   json:"introspection,omitempty"`
	Consent                          string                    `enum:"required"                                                                json:"consent,omitempty"`
	ClientURI                        string                    `doc:"the client's home page"                                                   json:"client_uri,omitempty"`
	PostLogoutRedirectURIs           []string                  `json:"post_logout_redirect_uris,omitempty"`
	BackchannelLogoutURI             string                    `json:"backchannel_logout_uri,omitempty"`
	BackchannelLogoutSessionRequired bool                      `json:"backchannel_logout_session_required,omitempty"`
	LoginURL                         string                    `doc:"the brand's own login, for this client"                                   json:"login_url,omitempty"`
	LogoutURL                        string                    `doc:"where browsers go after a sign-out"                                       json:"logout_url,omitempty"`
	JWKSRefresh                      any                       `doc:"how often the client reads the key set anew; as id_token_lifetime"        json:"jwks_refresh,omitempty"`
	ConversationalCloud              *cloudToWrite             `doc:"makes it a connector of Conversational Cloud"                             json:"conversational_cloud,omitempty"`
}

// cloudToWrite is the part of a client that makes it a connector, as it is sent.
type cloudToWrite struct {
	Variant            string                    `enum:"rfc,legacy"                                 json:"variant"`
	JSMethod           string                    `default:"lpGetAuthenticationToken"                json:"js_method,omitempty"`
	JSContext          string                    `default:"window"                                  json:"js_context,omitempty"`
	AccountID          string                    `doc:"the one account whose windows may ask"       json:"account_id,omitempty"`
	ResponsePlacement  string                    `default:"fragment"                                enum:"fragment,form_post,query"     json:"response_placement,omitempty"`
	TokenParameter     string                    `enum:"id_token,token,code"                        json:"token_parameter,omitempty"`
	CodeRetry          bool                      `json:"code_retry,omitempty"`
	IDPDomains         []string                  `json:"idp_domains,omitempty"`
	EncryptionKey      *liveperson.EncryptionKey `doc:"key that ID tokens are encrypted for"        json:"encryption_key,omitempty"`
	Audience           []string                  `json:"audience,omitempty"`
	ACR                string                    `json:"acr,omitempty"`
	IATBackdating      any                       `doc:"seconds, or a text such as 5s"               json:"iat_backdating,omitempty"`
	PhoneNumber        string                    `enum:"phone,imei"                                 json:"phone_number,omitempty"`
	IDPCertificateType string                    `doc:"as the form says; jwt_public_key by default" enum:"jwt_public_key,jwks_endpoint" json:"idp_certificate_type,omitempty"`
}

func viewClient(c *storage.Client) client {
	told := client{Client: *c, HasSecret: c.SecretSHA256 != nil, CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC()}
	for _, list := range []*[]string{&told.RedirectURIs, &told.ResponseTypes, &told.GrantTypes} {
		if *list == nil {
			*list = []string{}
		}
	}
	return told
}

// clientTag is the entity tag of a client: it is another after each change.
func clientTag(c *storage.Client) string { return tagOf(c.UpdatedAt) }

// clientAnswer is a response with a client.
type clientAnswer struct {
	Status   int
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     client
}

func answerClient(c *storage.Client) *clientAnswer {
	return &clientAnswer{Status: http.StatusOK, ETag: clientTag(c), Body: viewClient(c)}
}
