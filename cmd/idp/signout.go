package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/storage"
)

func newSignOutCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "sign-out SUB|USERNAME|EMAIL|PHONE",
		Short: "Sign a consumer out everywhere",
		Long: "End every session of a consumer, in whatever browser, with its codes and tokens. Clients with a\n" +
			"backchannel_logout_uri are told by a running idp serve. What was granted by offline_access stays;\n" +
			"idp consumer set-password ends that as well.",
		Example: "  idp consumer sign-out amelia\n  idp consumer sign-out amelia@brand.example",
		Args:    oneArgument("a sub, or what the consumer signs in with"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withConsumer(cmd, args[0], func(ctx context.Context, s *session, consumer *storage.Consumer) error {
				sessions, err := s.store.SignOutEverywhere(ctx, consumer.ID, s.event("consumer", consumer.Sub))
				if err != nil {
					return err
				}

				fmt.Fprintf(cmd.OutOrStdout(), "Sessions that have ended: %d\n", sessions)

				return nil
			})
		},
	}
}
