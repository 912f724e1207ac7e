package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/storage"
)

func newConsentsCommand(a *app) *cobra.Command {
	var (
		withdraw string
		asJSON   bool
	)

	cmd := &cobra.Command{
		Use:   "consents SUB|USERNAME|EMAIL|PHONE",
		Short: "Show or withdraw what a consumer has allowed clients",
		Long: "Show which scopes a consumer has allowed to which clients. With --withdraw, forget what was allowed\n" +
			"to one of them, and end its codes, refresh tokens and access tokens of this consumer.",
		Example: "  idp consumer consents amelia\n  idp consumer consents amelia --json\n  idp consumer consents amelia --withdraw shop",
		Args:    oneArgument("a sub, or what the consumer signs in with"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withConsumer(cmd, args[0], func(ctx context.Context, s *session, consumer *storage.Consumer) error {
				consents, err := s.store.ConsentsOf(ctx, consumer.ID)
				if err != nil {
					return err
				}

				switch {
				case cmd.Flags().Changed("withdraw"):
					return s.withdraw(ctx, cmd.OutOrStdout(), consumer, consents, withdraw)
				case asJSON:
					return printJSON(cmd.OutOrStdout(), viewConsents(consents))
				default:
					return printConsents(cmd.OutOrStdout(), viewConsents(consents))
				}
			})
		},
	}
	cmd.Flags().StringVar(&withdraw, "withdraw", "", "client_id of the client that may have nothing any more")
	addJSONFlag(cmd, &asJSON)
	cmd.MarkFlagsMutuallyExclusive("withdraw", "json")

	return cmd
}

func (s *session) withdraw(ctx context.Context, w io.Writer, consumer *storage.Consumer, consents []storage.Consent, clientID string) error {
	err := storage.ErrNotFound

	i := slices.IndexFunc(consents, func(c storage.Consent) bool { return c.ClientID == clientID })
	if i >= 0 {
		err = s.store.WithdrawConsent(ctx, consumer.ID, consents[i].ClientRow, s.event("consumer", consumer.Sub))
	}

	if errors.Is(err, storage.ErrNotFound) {
		return errors.New("--withdraw: the consumer has allowed nothing to a client with this client_id; without the flag, the command shows what was allowed")
	}

	if err != nil {
		return err
	}

	fmt.Fprintln(w, "The consent is withdrawn; codes and tokens of this client for this consumer have ended.")

	return nil
}

// consentView is what one client was allowed, for reading.
type consentView struct {
	ClientID   string    `json:"client_id"`
	ClientName string    `json:"client_name,omitempty"`
	Scope      string    `json:"scope"`
	GivenAt    time.Time `json:"given_at"`
	ChangedAt  time.Time `json:"changed_at"`
}

func viewConsents(consents []storage.Consent) []consentView {
	views := []consentView{}
	for _, c := range consents {
		views = append(views, consentView{
			ClientID: c.ClientID, ClientName: c.ClientName, Scope: strings.Join(c.Scopes, " "), GivenAt: c.GivenAt.UTC(), ChangedAt: c.ChangedAt.UTC(),
		})
	}

	return views
}

func printConsents(w io.Writer, consents []consentView) error {
	rows := [][]string{{"CLIENT", "SCOPE", "LAST GIVEN"}}
	for _, c := range consents {
		rows = append(rows, []string{c.ClientID, c.Scope, c.ChangedAt.Format(time.RFC3339)})
	}

	return printTable(w, rows)
}
