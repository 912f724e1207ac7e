package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op/keys"
)

func newKeyCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "key",
		Short: "Show and export public keys",
		Long: "Show and export the public keys that tokens are verified with. A private key never leaves\n" +
			"the database but sealed.",
		Example: "  idp key list\n  idp key export --client messaging",
	})
	cmd.AddCommand(newKeyListCommand(a), newKeyExportCommand(a))

	return cmd
}

// keyView is a signing key for reading.
type keyView struct {
	Kid   string `json:"kid"`
	Alg   string `json:"alg"`
	State string `json:"state"`
	// ClientID is whose tokens it signs, "" for all clients without keys of their
	// own.
	ClientID  string    `json:"client_id"`
	CreatedAt time.Time `json:"created_at"`
}

func newKeyListCommand(a *app) *cobra.Command {
	var (
		clientID string
		asJSON   bool
	)

	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List signing keys, the oldest first",
		Example: "  idp key list\n  idp key list --client messaging --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				views, err := s.listKeys(ctx, clientID)
				if err != nil {
					return err
				}

				if asJSON {
					return printJSON(cmd.OutOrStdout(), views)
				}

				return printKeys(cmd.OutOrStdout(), views)
			})
		},
	}
	addKeyOwnerFlag(cmd, &clientID, "list the keys that sign for this client alone")
	addJSONFlag(cmd, &asJSON)

	return cmd
}

// addKeyOwnerFlag gives a command the flag --client.
func addKeyOwnerFlag(cmd *cobra.Command, clientID *string, help string) {
	cmd.Flags().StringVar(clientID, "client", "", help)
	completeWith(cmd, "client", cobra.NoFileCompletions)
}

func (s *session) listKeys(ctx context.Context, clientID string) ([]keyView, error) {
	snapshot, err := s.store.ReadSnapshot(ctx)
	if err != nil {
		return nil, err
	}

	wanted := func(int64) bool { return true }

	if clientID != "" {
		owner, _, err := s.keyOwner(ctx, clientID)
		if err != nil {
			return nil, err
		}

		wanted = func(id int64) bool { return id == owner }
	}

	names := map[int64]string{}
	for _, client := range snapshot.Clients {
		names[client.ID] = client.ClientID
	}

	views := []keyView{} // [] for none

	for _, key := range snapshot.Keys {
		if wanted(key.ClientID) {
			views = append(views, keyView{
				Kid: key.Kid, Alg: key.Alg, State: key.State, ClientID: names[key.ClientID], CreatedAt: key.CreatedAt.UTC(),
			})
		}
	}

	return views, nil
}

func printKeys(w io.Writer, views []keyView) error {
	rows := [][]string{{"KID", "ALGORITHM", "STATE", "SIGNS FOR", "MADE"}}

	for _, view := range views {
		owner := view.ClientID
		if owner == "" {
			owner = "all others"
		}

		rows = append(rows, []string{view.Kid, view.Alg, view.State, owner, view.CreatedAt.Format(time.RFC3339)})
	}

	return printTable(w, rows)
}

// keyOwner is whose keys sign a client's ID tokens, the client itself or 0 for
// the provider, and by which algorithm. "" stands for the provider.
func (s *session) keyOwner(ctx context.Context, clientID string) (owner int64, alg string, err error) {
	if clientID == "" {
		return 0, keys.RS256, nil
	}

	client, _, err := s.readClient(ctx, clientID)
	if err != nil {
		return 0, "", err
	}

	if client.ConversationalCloud != nil {
		owner = client.ID
	}

	return owner, client.IDTokenSignedResponseAlg, nil
}

// The forms of keyFormats.
const (
	formatPEM     = "pem"
	formatOneLine = "one-line"
	formatJWKS    = "jwks"
)

var keyFormats = []string{formatPEM, formatOneLine, formatJWKS}

func newKeyExportCommand(a *app) *cobra.Command {
	var clientID, format string

	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print a public key as a relying party wants it",
		Long: "Print a public key as a relying party wants it: that of a connector with --client, else that\n" +
			"of the provider, which signs for all clients without a key of their own.\n\n" +
			"  pem       the key that signs now, BEGIN PUBLIC KEY\n" +
			"  one-line  the same without BEGIN and END in one line: the JWT Public Key of the connector's form\n" +
			"  jwks      every published key, as /jwks/{client_id}.json serves them",
		Example: "  idp key export --client messaging --format one-line\n  idp key export --client messaging > messaging.pem\n  idp key export --format jwks",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneOf("--format", format, keyFormats); err != nil {
				return err
			}

			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				return s.exportKey(ctx, clientID, format, cmd.OutOrStdout())
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", formatPEM, strings.Join(keyFormats, ", "))
	completeWith(cmd, "format", cobra.FixedCompletions(keyFormats, cobra.ShellCompDirectiveNoFileComp))
	addKeyOwnerFlag(cmd, &clientID, "export the key that signs for this client")

	return cmd
}

func (s *session) exportKey(ctx context.Context, clientID, format string, stdout io.Writer) error {
	owner, alg, err := s.keyOwner(ctx, clientID)
	if err != nil {
		return err
	}

	rows, err := s.store.SigningKeys(ctx)
	if err != nil {
		return err
	}

	key, err := keys.ActiveOf(rows, owner, alg)
	if err != nil {
		return fmt.Errorf("%w; idp serve makes the provider's at its first start, idp apply a connector's", err)
	}

	var text string

	switch format {
	case formatPEM:
		text, err = keys.PEM(key.PublicJWK)
	case formatOneLine:
		text, err = keys.OneLine(key.PublicJWK)
	default:
		text = string(keys.PublishedJWKS(rows, owner))
	}

	if err != nil {
		return err
	}

	fmt.Fprintln(stdout, strings.TrimSuffix(text, "\n"))

	return nil
}
