package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os/user"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/storage"
)

func newAPIKeyCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "api-key",
		Short: "Make, list and revoke keys of the management API",
		Long: "Make, list and revoke the keys by which the brand's own systems call the management API.\n" +
			"A key is shown once, when it is made; kept is its hash alone.",
		Example: "  idp api-key create crm --scope idp:consumers:read --scope idp:consumers:write\n  idp api-key list\n  idp api-key revoke crm",
	})
	cmd.AddCommand(newAPIKeyCreateCommand(a), newAPIKeyListCommand(a), newAPIKeyRevokeCommand(a))

	return cmd
}

// newKey is what the flags say of a key.
type newKey struct {
	scopes, networks []string
	client, expires  string
}

func newAPIKeyCreateCommand(a *app) *cobra.Command {
	var (
		flags  newKey
		asJSON bool
	)

	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a key and show it, once",
		Long: "Make a key of the management API and show it, once. It may do nothing but what its scopes say:\n  " +
			strings.Join(op.APIScopes(), "\n  ") + "\nA running idp serve knows it within a second.",
		Example: "  idp api-key create crm --scope idp:consumers:read --scope idp:consumers:write\n" +
			"  idp api-key create page --scope idp:engagements:write --client messaging --network 10.0.0.0/8 --expires 90d",
		Args: oneArgument("a name, by which it is listed and revoked"),
		RunE: func(cmd *cobra.Command, args []string) error {
			row, err := flags.read(args[0], time.Now())
			if err != nil {
				return err
			}

			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				key, err := s.createAPIKey(ctx, row, flags.client)
				if err != nil {
					return err
				}

				if asJSON {
					return printJSON(cmd.OutOrStdout(), struct {
						apiKeyView

						Key string `json:"key"`
					}{viewAPIKey(row, flags.client), key})
				}

				fmt.Fprintln(cmd.ErrOrStderr(), "This is the key. It is shown this once:")
				fmt.Fprintln(cmd.OutOrStdout(), key)

				return nil
			})
		},
	}
	cmd.Flags().StringArrayVar(&flags.scopes, "scope", nil, "what the key may do; given once for each scope")
	cmd.Flags().StringVar(&flags.client, "client", "", "client_id of the one client that the key is for")
	cmd.Flags().StringArrayVar(&flags.networks, "network", nil, "network from which the key may be used, such as 10.0.0.0/8; given once for each")
	cmd.Flags().StringVar(&flags.expires, "expires", "", "when the key ends, from now, such as 90d or 12h; never if it is left out")
	addJSONFlag(cmd, &asJSON)

	return cmd
}

var (
	apiKeyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	inDays     = regexp.MustCompile(`^([0-9]{1,5})d$`)
)

// read checks the flags and makes a row of them, without its client.
func (k *newKey) read(name string, now time.Time) (*storage.APIKey, error) {
	row := &storage.APIKey{Name: name, Scopes: k.scopes}
	if !apiKeyName.MatchString(name) {
		return nil, errors.New("the name must be 1 to 64 letters, digits, dots, hyphens and underscores, beginning with a letter or digit")
	}

	if len(k.scopes) == 0 {
		return nil, errors.New("--scope: is needed; there are " + strings.Join(op.APIScopes(), ", "))
	}

	for _, scope := range k.scopes {
		if !slices.Contains(op.APIScopes(), scope) {
			return nil, fmt.Errorf("--scope: there is no %q; there are %s", scope, strings.Join(op.APIScopes(), ", "))
		}
	}

	for _, text := range k.networks {
		network, err := netip.ParsePrefix(text)
		if address, single := netip.ParseAddr(text); single == nil {
			network, err = netip.PrefixFrom(address, address.BitLen()), nil
		}

		if err != nil || network != network.Masked() {
			return nil, errors.New("--network: must be an address, or a network such as 10.0.0.0/8 with zeros behind its length")
		}

		row.Networks = append(row.Networks, network)
	}

	if k.expires == "" {
		return row, nil
	}

	lifetime, err := time.ParseDuration(k.expires)
	if days := inDays.FindStringSubmatch(k.expires); days != nil {
		var n int

		n, err = strconv.Atoi(days[1])
		lifetime = time.Duration(n) * 24 * time.Hour
	}

	if err != nil || lifetime <= 0 {
		return nil, errors.New("--expires: must be a time from now, such as 90d or 12h")
	}

	row.ExpiresAt = now.Add(lifetime)

	return row, nil
}

// createAPIKey stores a key, narrowed to a client if one is named.
func (s *session) createAPIKey(ctx context.Context, row *storage.APIKey, clientID string) (string, error) {
	if clientID != "" {
		clients, err := s.store.Clients(ctx)
		if err != nil {
			return "", err
		}

		i := slices.IndexFunc(clients, func(c *storage.Client) bool { return c.ClientID == clientID })
		if i < 0 {
			return "", errors.New("--client: there is no client with this client_id; idp client list shows all")
		}

		row.ClientID = clients[i].ID
	}

	key, sha256, err := op.NewAPIKey(rand.Reader)
	if err != nil {
		return "", err
	}

	row.SHA256 = sha256

	err = s.store.InsertAPIKey(ctx, row, commandEvent("api-key create"))
	if errors.Is(err, storage.ErrConflict) {
		return "", errors.New("there is a key of this name; idp api-key revoke ends it")
	}

	return key, err
}

// commandEvent is the audit event of a command, which is done to an API key if nothing
// else is said.
func commandEvent(command string) storage.AuditEvent {
	event := storage.AuditEvent{ActorKind: "command", Action: command, TargetKind: "api_key"}
	if who, err := user.Current(); err == nil {
		event.Actor = who.Username
	}

	return event
}

// apiKeyView is a key for reading.
type apiKeyView struct {
	Name       string     `json:"name"`
	Scopes     []string   `json:"scopes"`
	Client     string     `json:"client_id,omitempty"`
	Networks   []string   `json:"networks,omitempty"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
	RevokedAt  *time.Time `json:"revoked_at,omitempty"`
}

func viewAPIKey(key *storage.APIKey, clientID string) apiKeyView {
	view := apiKeyView{Name: key.Name, Scopes: key.Scopes, Client: clientID, CreatedAt: key.CreatedAt.UTC()}
	for _, network := range key.Networks {
		view.Networks = append(view.Networks, network.String())
	}

	for at, value := range map[**time.Time]time.Time{&view.ExpiresAt: key.ExpiresAt, &view.LastUsedAt: key.LastUsedAt, &view.RevokedAt: key.RevokedAt} {
		if utc := value.UTC(); !value.IsZero() {
			*at = &utc
		}
	}

	return view
}

func newAPIKeyListCommand(a *app) *cobra.Command {
	var asJSON bool

	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List keys with their scopes, and when they were last used",
		Example: "  idp api-key list\n  idp api-key list --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				views, err := s.listAPIKeys(ctx)
				if err != nil {
					return err
				}

				if asJSON {
					return printJSON(cmd.OutOrStdout(), views)
				}

				return printAPIKeys(cmd.OutOrStdout(), views, time.Now())
			})
		},
	}
	addJSONFlag(cmd, &asJSON)

	return cmd
}

func (s *session) listAPIKeys(ctx context.Context) ([]apiKeyView, error) {
	keys, err := s.store.APIKeys(ctx)
	if err != nil {
		return nil, err
	}

	clients, err := s.store.Clients(ctx)
	if err != nil {
		return nil, err
	}

	views := []apiKeyView{}

	for _, key := range keys {
		clientID := ""

		for _, client := range clients {
			if client.ID == key.ClientID {
				clientID = client.ClientID
			}
		}

		views = append(views, viewAPIKey(key, clientID))
	}

	return views, nil
}

func printAPIKeys(w io.Writer, keys []apiKeyView, now time.Time) error {
	told := func(at *time.Time) string {
		if at == nil {
			return "never"
		}

		return at.Format(time.RFC3339)
	}
	rows := [][]string{{"NAME", "STATE", "EXPIRES", "LAST USED", "CLIENT", "NETWORKS", "SCOPES"}}

	for _, key := range keys {
		state := "live"

		switch {
		case key.RevokedAt != nil:
			state = "revoked " + told(key.RevokedAt)
		case key.ExpiresAt != nil && key.ExpiresAt.Before(now):
			state = "expired"
		}

		rows = append(rows, []string{
			key.Name, state, told(key.ExpiresAt), told(key.LastUsedAt), orAny(key.Client), orAny(strings.Join(key.Networks, " ")), strings.Join(key.Scopes, " "),
		})
	}

	return printTable(w, rows)
}

func orAny(text string) string {
	if text == "" {
		return "any"
	}

	return text
}

func newAPIKeyRevokeCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "revoke NAME",
		Short:   "End a key; a running idp serve refuses it within a second",
		Example: "  idp api-key revoke crm",
		Args:    oneArgument("the name of a key"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				err := s.store.RevokeAPIKey(ctx, args[0], commandEvent("api-key revoke"))
				if errors.Is(err, storage.ErrNotFound) {
					return errors.New("there is no live key of this name; idp api-key list shows all")
				}

				if err != nil {
					return err
				}

				fmt.Fprintln(cmd.OutOrStdout(), "The key is revoked.")

				return nil
			})
		},
	}
}
