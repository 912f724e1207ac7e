package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op/keys"
)

func newKeyCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "key",
		Short: "Show, export and replace the keys that sign tokens",
		Long: "Show, export and replace the keys that sign tokens. A key is created, published, activated,\n" +
			"retired and deleted, each by a command: what would break a relying party is refused, with the\n" +
			"name of whom. A private key never leaves the database but sealed.",
		Example: "  idp key list\n  idp key create --client messaging\n  idp key export --client messaging",
	})
	cmd.AddCommand(newKeyListCommand(a), newKeyCreateCommand(a))
	for _, step := range keys.Steps {
		cmd.AddCommand(newKeyStepCommand(a, step))
	}
	cmd.AddCommand(newKeyScheduleCommand(a), newKeyExportCommand(a), newKeyRewrapCommand(a), newKeyResetCommand(a))

	return cmd
}

// addKeyOwnerFlag gives a command the flag --client.
func addKeyOwnerFlag(cmd *cobra.Command, clientID *string, help string) {
	cmd.Flags().StringVar(clientID, "client", "", help)
	completeWith(cmd, "client", cobra.NoFileCompletions)
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
