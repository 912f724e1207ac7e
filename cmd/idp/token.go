package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/keys"
)

func newTokenCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "token",
		Short: "Preview and inspect ID tokens",
		Long:  "Preview the ID token that a client would get, and find out why one is refused.",
		Example: "  idp token preview --client messaging --consumer amelia\n" +
			"  pbpaste | idp token inspect --issuer https://id.brand.example --client messaging",
	})
	cmd.AddCommand(newTokenPreviewCommand(a), newTokenInspectCommand())

	return cmd
}

func newTokenPreviewCommand(a *app) *cobra.Command {
	var (
		clientID, consumer, responseType string
		asJSON                           bool
	)

	cmd := &cobra.Command{
		Use:   "preview --client CLIENT_ID --consumer SUB|USERNAME|EMAIL|PHONE",
		Short: "Show the ID token that a client would get about a consumer now",
		Long: "Show the payload of the ID token that a client would get now about a consumer who has just\n" +
			"signed in, made as the endpoints make it, and the size of the whole token. Nothing is signed.\n" +
			"sid, at_hash and c_hash are random in a real token and zeros here. A token that is long for an\n" +
			"address is warned of, and for a connector all that would be refused, or comes near a limit.",
		Example: "  idp token preview --client messaging --consumer amelia\n" +
			"  idp token preview --client site --consumer amelia --response-type \"id_token token\" --json",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				preview, err := s.previewToken(ctx, clientID, consumer, responseType)
				if err != nil {
					return err
				}

				if asJSON {
					return printJSON(cmd.OutOrStdout(), preview)
				}

				return printPreview(cmd.OutOrStdout(), preview)
			})
		},
	}
	cmd.Flags().StringVar(&clientID, "client", "", "whom the token is for")
	cmd.Flags().StringVar(&consumer, "consumer", "", "whom it is about: a sub, or what the consumer signs in with")
	cmd.Flags().StringVar(&responseType, "response-type", "", "what the client asks for (default the first that it registered)")
	addJSONFlag(cmd, &asJSON)

	responseTypes := []string{"code", "id_token", "id_token token"}
	completeWith(cmd, "response-type", cobra.FixedCompletions(responseTypes, cobra.ShellCompDirectiveNoFileComp))

	for _, flag := range []string{"client", "consumer"} {
		completeWith(cmd, flag, cobra.NoFileCompletions)

		if err := cmd.MarkFlagRequired(flag); err != nil {
			panic(err) // the flag is defined above
		}
	}

	return cmd
}

func (s *session) previewToken(ctx context.Context, clientID, name, responseType string) (*op.Preview, error) {
	client, rows, err := s.readClient(ctx, clientID)
	if err != nil {
		return nil, err
	}

	consumer, err := s.findConsumer(ctx, name)
	if err != nil {
		return nil, err
	}

	preview, err := op.PreviewIDToken(op.PreviewRequest{
		Issuer: s.cfg.Issuer, Client: client, Consumer: consumer, ResponseType: responseType, Keys: rows,
		SessionLifetime: s.cfg.Session.Lifetime, Now: time.Now(),
	})
	if errors.Is(err, keys.ErrNoKey) && client.ConversationalCloud == nil {
		return nil, fmt.Errorf("%w: idp serve makes the provider's at its first start", err)
	}

	return preview, err
}

func printPreview(w io.Writer, p *op.Preview) error {
	if err := printJSON(w, p.Payload); err != nil {
		return err
	}

	form := "signed"
	if p.Encrypted {
		form = "signed and encrypted"
	}

	fmt.Fprintf(w, "\n%d bytes, %s.\n", p.Size, form)

	if p.Note != "" {
		fmt.Fprintln(w, p.Note)
	}

	for _, check := range p.Checks {
		fmt.Fprintf(w, "\nWarning: %s (%s)\n", check.Found, check.Section)
	}

	return nil
}
