package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

func newKeyRevokeCommand(a *app) *cobra.Command {
	var compromised, asJSON bool

	cmd := &cobra.Command{
		Use:   "revoke --compromised KID",
		Short: "End a key that has leaked, at once",
		Long: "End a key that somebody else may have, without any wait: it leaves the key sets, nothing that it has\n" +
			"signed is accepted here any more, its private half is destroyed, and it can never be brought back. If it\n" +
			"signed, a new key signs in its place at once. Whoever has to change something is printed, with the line\n" +
			"to paste. What a relying party accepts by a key that it holds pasted cannot be called back from here.\n\n" +
			"To replace a key that has not leaked: idp connector rotate, or idp key create.",
		Example: "  idp key revoke --compromised 8hTk0pXc\n  idp key revoke --compromised 8hTk0pXc --json",
		Args:    oneArgument("the kid of a key; idp key list shows all"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !compromised {
				return errors.New("this breaks whoever holds the key: say --compromised if somebody else may have it; idp connector rotate and idp key create replace one that nobody has")
			}

			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				revoked, err := op.RevokeKey(ctx, s.store, keySettings(s.cfg), op.LeakedKey{
					Kid: args[0], Audit: s.event("key", ""),
					Make: func(alg string) (*storage.SigningKey, error) { return s.makeSigningKey(ctx, alg, false) },
				})
				if err != nil {
					return explainKid(err)
				}

				left := s.destroyDeleted(revoked.Key)
				if asJSON {
					return printJSON(cmd.OutOrStdout(), revokedView{revoked.Status(), left})
				}

				printRevoked(cmd.OutOrStdout(), revoked)

				if left != "" {
					fmt.Fprintf(cmd.OutOrStdout(), "\nWarning: %s\n", left)
				}

				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&compromised, "compromised", false, "somebody else may have the key")
	addJSONFlag(cmd, &asJSON)

	return cmd
}

// revokedView is what --json prints.
type revokedView struct {
	op.RevokedStatus

	// Left is what is to be done about a private half that is still in its token.
	Left string `json:"left,omitempty"`
}

func printRevoked(w io.Writer, r *op.Revoked) {
	fmt.Fprintf(w, "Key %s is revoked: it is in no key set, and nothing that it has signed is accepted here.\n", r.Key.Kid)

	if r.Next != nil {
		fmt.Fprintf(w, "Key %s signs in its place.\n", r.Next.Kid)
	}

	for _, affected := range r.Affected {
		if affected.Paste != "" {
			fmt.Fprintf(w, "\n%s: if the key was pasted into Conversational Cloud, replace the value of %q there NOW by this one line.\n"+
				"Until then its chats are refused, and whoever has the leaked key can chat as anybody:\n\n%s\n",
				affected.ClientID, liveperson.FieldPublicKey, affected.Paste)

			continue
		}

		if affected.Until.IsZero() {
			fmt.Fprintf(w, "\n%s: no key signs for it now; make one: idp key create --client %s\n", affected.ClientID, affected.ClientID)

			continue
		}

		fmt.Fprintf(w, "\n%s: reads the key set, and may accept the leaked key until %s. Nothing has to be changed; restart it to be sooner.\n",
			affected.ClientID, affected.Until.Format(time.RFC3339))

		if affected.AccessTokens {
			fmt.Fprintln(w, "So may whoever verifies its access tokens. It gets new ones by its refresh tokens.")
		}
	}

	if len(r.Affected) > 0 {
		fmt.Fprint(w, "\nWhat was accepted before cannot be called back. Sessions and refresh tokens stay: no key forges them.\n")
	}
}
