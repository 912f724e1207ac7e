package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/nearest"
	"github.com/brandidp/idp/storage"
)

func newClientCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:     "client",
		Short:   "Show the relying parties",
		Long:    "Show the relying parties. They are made and changed with idp apply, or by the management API.",
		Example: "  idp client list\n  idp client show messaging-code",
	})
	cmd.AddCommand(newClientListCommand(a), newClientShowCommand(a))

	return cmd
}

func newClientListCommand(a *app) *cobra.Command {
	var asJSON bool

	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the relying parties",
		Example: "  idp client list\n  idp client list --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				clients, err := s.store.Clients(ctx)
				if err != nil {
					return err
				}

				if asJSON {
					return printJSON(cmd.OutOrStdout(), append([]*storage.Client{}, clients...)) // [] for none
				}

				rows := [][]string{{"CLIENT_ID", "NAME", "RESPONSE TYPES", "AUTHENTICATION", "CONVERSATIONAL CLOUD"}}

				for _, c := range clients {
					rows = append(rows, []string{
						c.ClientID, c.ClientName, responseTypesOf(c), c.TokenEndpointAuthMethod, accountOf(c),
					})
				}

				return printTable(cmd.OutOrStdout(), rows)
			})
		},
	}
	addJSONFlag(cmd, &asJSON)

	return cmd
}

// responseTypesOf is "none" for a client that signs nobody in.
func responseTypesOf(c *storage.Client) string {
	if len(c.ResponseTypes) == 0 {
		return "none"
	}

	return strings.Join(c.ResponseTypes, ", ")
}

// accountOf tells in a word whose connector a client is.
func accountOf(c *storage.Client) string {
	switch {
	case c.ConversationalCloud == nil:
		return "no"
	case c.ConversationalCloud.AccountID == "":
		return "any account"
	default:
		return "account " + c.ConversationalCloud.AccountID
	}
}

func newClientShowCommand(a *app) *cobra.Command {
	var asJSON bool

	cmd := &cobra.Command{
		Use:   "show CLIENT_ID",
		Short: "Show a relying party, and warnings about it",
		Long: "Show a relying party, and for one of Conversational Cloud what works less well, or less\n" +
			"safely, than it could. idp connector settings prints the form of its connector.",
		Example: "  idp client show messaging-code\n  idp client show messaging-code --json",
		Args:    oneArgument("the client_id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				view, err := s.viewClient(ctx, args[0])
				if err != nil {
					return err
				}

				if asJSON {
					return printJSON(cmd.OutOrStdout(), view)
				}

				return view.print(cmd.OutOrStdout())
			})
		},
	}
	addJSONFlag(cmd, &asJSON)

	return cmd
}

// clientView is a client for reading. Its secret is not known to anybody here.
type clientView struct {
	Client    *storage.Client `json:"client"`
	HasSecret bool            `json:"has_secret"`
	JWKS      string          `json:"jwks_uri"`
	// DelegationCallbacks are redirect addresses besides those of the client.
	DelegationCallbacks []string `json:"delegation_callbacks,omitempty"`
	// EncryptionKey is set for a client whose ID tokens are encrypted.
	EncryptionKey *encryptionKeyView `json:"encryption_key,omitempty"`
	// Warnings are for clients of Conversational Cloud.
	Warnings []string `json:"warnings,omitempty"`
}

func (s *session) viewClient(ctx context.Context, clientID string) (*clientView, error) {
	client, rows, err := s.readClient(ctx, clientID)
	if err != nil {
		return nil, err
	}

	view := &clientView{Client: client, HasSecret: client.SecretSHA256 != nil, JWKS: s.cfg.Issuer + "/jwks.json", DelegationCallbacks: client.Callbacks()}

	if client.ConversationalCloud == nil {
		return view, nil
	}

	registration, err := op.Registration(s.cfg.Issuer, client, rows)
	if err != nil {
		return nil, err
	}

	encryptionKey, warnings, err := viewEncryptionKey(client)
	if err != nil {
		return nil, err
	}

	view.JWKS, view.EncryptionKey = registration.JWKSEndpoint, encryptionKey
	view.Warnings = append(registration.Warnings(), warnings...)

	return view, nil
}

// readClient finds a client, and gives all signing keys with it.
func (s *session) readClient(ctx context.Context, clientID string) (*storage.Client, []*storage.SigningKey, error) {
	snapshot, err := s.store.ReadSnapshot(ctx)
	if err != nil {
		return nil, nil, err
	}

	i := slices.IndexFunc(snapshot.Clients, func(c *storage.Client) bool { return c.ClientID == clientID })
	if i < 0 {
		return nil, nil, unknownClient(clientID, snapshot.Clients)
	}

	return snapshot.Clients[i], snapshot.Keys, nil
}

// unknownClient names the client that may have been meant.
func unknownClient(clientID string, clients []*storage.Client) error {
	if len(clients) == 0 {
		return fmt.Errorf("client %q: not found, nor any other: idp apply makes clients", clientID)
	}

	ids := make([]string, len(clients))
	for i, client := range clients {
		ids[i] = client.ClientID
	}

	meant := nearest.Of(clientID, ids)
	if meant == "" {
		return fmt.Errorf("client %q: not found; idp client list shows all", clientID)
	}

	return fmt.Errorf("client %q: not found; the nearest is %q, and idp client list shows all", clientID, meant)
}

// refreshTokenLifetime is "" for a client without refresh tokens.
func refreshTokenLifetime(c *storage.Client) string {
	if c.RefreshTokenLifetime == 0 {
		return ""
	}

	return c.RefreshTokenLifetime.Duration().String()
}

// jwksRefresh is "" for a client that has not said how often it reads the key set.
func jwksRefresh(c *storage.Client) string {
	if c.JWKSRefresh == 0 {
		return ""
	}

	return c.JWKSRefresh.Duration().String()
}

// keysOf tells of each key of a client its kind and kid.
func keysOf(c *storage.Client) string {
	if c.JWKS == nil {
		return ""
	}

	var keys []string

	for _, key := range c.JWKS.Keys {
		keys = append(keys, strings.TrimSpace(key.Kty+" "+key.Kid))
	}

	return strings.Join(keys, ", ")
}

func (v *clientView) print(w io.Writer) error {
	c := v.Client

	rows := [][]string{
		{"client_id", c.ClientID},
		{"client_name", c.ClientName},
		{"application_type", c.ApplicationType},
		{"response_types", responseTypesOf(c)},
		{"grant_types", strings.Join(c.GrantTypes, ", ")},
		{"token_endpoint_auth_method", c.TokenEndpointAuthMethod},
		{"client_secret", map[bool]string{true: "set, and known to nobody here", false: "none"}[v.HasSecret]},
		{"redirect_uris", strings.Join(c.RedirectURIs, " ")},
		{"delegation callbacks", strings.Join(v.DelegationCallbacks, " ")},
		{"post_logout_redirect_uris", strings.Join(c.PostLogoutRedirectURIs, " ")},
		{"backchannel_logout_uri", c.BackchannelLogoutURI},
		{"client_uri", c.ClientURI},
		{"login_url", c.LoginURL},
		{"logout_url", c.LogoutURL},
		{"web_origins", strings.Join(c.WebOrigins, " ")},
		{"scope", c.Scope},
		{"id_token_signed_response_alg", c.IDTokenSignedResponseAlg},
		{"id_token_encrypted_response_alg", c.IDTokenEncryptedResponseAlg},
		{"id_token_encrypted_response_enc", c.IDTokenEncryptedResponseEnc},
		{"encryption_key", v.EncryptionKey.String()},
		{"id_token_lifetime", c.IDTokenLifetime.Duration().String()},
		{"access_token_lifetime", c.AccessTokenLifetime.Duration().String()},
		{"refresh_token_lifetime", refreshTokenLifetime(c)},
		{"claims_policy", c.ClaimsPolicy},
		{"custom_claims", customClaimsOf(c)},
		{"require_pkce", strconv.FormatBool(c.RequirePKCE)},
		{"web_message", strconv.FormatBool(c.WebMessage)},
		{"jwks", keysOf(c)},
		{"request_object_signing_alg", c.RequestObjectSigningAlg},
		{"token_endpoint_auth_signing_alg", c.TokenEndpointAuthSigningAlg},
		{"token_endpoint_auth_audience", c.TokenEndpointAuthAudience},
		{"userinfo_signed_response_alg", c.UserinfoSignedResponseAlg},
		{"access_token_format", c.AccessTokenFormat},
		{"access_token_audience", c.AccessTokenAudience},
		{"introspection", map[bool]string{true: "of every client's access tokens"}[c.Introspection]},
		{"consent", c.Consent},
		{"jwks_refresh", jwksRefresh(c)},
		{"conversational_cloud", accountOf(c)},
	}
	rows = append(append(rows, cloudSettings(c)...), []string{"jwks_uri", v.JWKS})
	rows = slices.DeleteFunc(rows, func(row []string) bool { return row[1] == "" })

	if err := printTable(w, rows); err != nil {
		return err
	}

	if c.ConversationalCloud != nil {
		fmt.Fprintln(w, "\nThe form of its connector: idp connector settings", c.ClientID)
	}

	printWarnings(w, v.Warnings)

	return nil
}

// customClaimsOf lists each claim of a client's own with its source.
func customClaimsOf(c *storage.Client) string {
	var claims []string
	for _, name := range slices.Sorted(maps.Keys(c.CustomClaims)) {
		claims = append(claims, name+": "+c.CustomClaims[name])
	}

	return strings.Join(claims, ", ")
}

// cloudSettings are those of a connector, but for its account.
func cloudSettings(c *storage.Client) [][]string {
	cloud := c.ConversationalCloud
	if cloud == nil {
		return nil
	}

	acr := cloud.ACR
	if acr == "" {
		acr = "that of the session, " + liveperson.ACRAuthenticated + " for a password"
	}

	phone := cloud.PhoneNumber
	if phone == "" {
		phone = liveperson.PhoneNumberPhone
	}

	certificate := cloud.IDPCertificateType
	if certificate == "" {
		certificate = "not said: " + liveperson.CertificatePublicKey + ", to be careful"
	}

	return [][]string{
		{"variant", cloud.Variant},
		{"js_method", cloud.JSMethod},
		{"js_context", cloud.JSContext},
		{"response_placement", cloud.ResponsePlacement},
		{"token_parameter", cloud.TokenParameter},
		{"code_retry", strconv.FormatBool(cloud.CodeRetry)},
		{"idp_domains", strings.Join(cloud.IDPDomains, " ")},
		{"audience", strings.Join(cloud.AudienceOf(c.ClientID), ", ")},
		{"acr", acr},
		{"iat_backdating", cloud.Backdating().String()},
		{"phone_number", phone},
		{"idp_certificate_type", certificate},
	}
}
