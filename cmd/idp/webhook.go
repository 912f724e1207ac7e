package main

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/seal"
)

func newWebhookCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:     "webhook",
		Short:   "Show and replace the secret of the webhook",
		Long:    "Show and replace the secret by which the brand's backend knows that a webhook is ours (handover.webhook_url).",
		Example: "  idp webhook secret\n  idp webhook secret --rotate",
	})
	cmd.AddCommand(newWebhookSecretCommand(a))

	return cmd
}

func newWebhookSecretCommand(a *app) *cobra.Command {
	var rotate bool

	cmd := &cobra.Command{
		Use:   "secret",
		Short: "Print the secret that webhooks are signed with",
		Long: "Print the secret that webhooks are signed with, as Standard Webhooks writes it: whsec_ and base64. It is\n" +
			"made when it is first asked for. With --rotate another takes its place; for a day webhooks are signed with\n" +
			"both, so that the receiver can be changed meanwhile.",
		Example: "  idp webhook secret\n  idp webhook secret --rotate",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				opened, err := seal.Open(ctx, s.store, masterKeySource(s.cfg), rand.Reader)
				if err != nil {
					return err
				}

				secret, err := op.WebhookSecret(ctx, s.store, opened.Keyring, rand.Reader, rotate, s.event("webhook_secret", ""))
				if err != nil {
					return err
				}

				fmt.Fprintln(cmd.OutOrStdout(), secret)

				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&rotate, "rotate", false, "make another secret")

	return cmd
}
