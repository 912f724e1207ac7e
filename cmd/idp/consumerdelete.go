package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/storage"
)

func newConsumerDeleteCommand(a *app) *cobra.Command {
	var externalID string

	cmd := &cobra.Command{
		Use:   "delete SUB|USERNAME|EMAIL|PHONE | --external-id ID",
		Short: "Remove a consumer with everything that is known of them",
		Long: "Remove a consumer with everything that is known of them, their sessions, codes and tokens. A running\n" +
			"idp serve tells clients with a backchannel_logout_uri, and the webhook. The sub alone is kept: it is\n" +
			"never given to another. What the consumer signed in with, and the external id, are free.",
		Example: "  idp consumer delete amelia\n  idp consumer delete 9f0c1c1e-3a1e-4b8e-9a2b-8d1f2c3b4a5d\n  idp consumer delete --external-id crm-17",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 || (len(args) == 1) == cmd.Flags().Changed("external-id") {
				return errors.New("idp consumer delete: takes a sub or what the consumer signs in with, or else --external-id")
			}

			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				find, name := s.findExternalID, externalID
				if len(args) == 1 {
					find, name = s.findConsumer, args[0]
				}

				consumer, err := find(ctx, name)
				if err != nil {
					return err
				}

				if err := s.deleteConsumer(ctx, consumer); err != nil {
					return err
				}

				fmt.Fprintf(cmd.OutOrStdout(), "The consumer %s is removed.\n", consumer.Sub)

				return nil
			})
		},
	}
	cmd.Flags().StringVar(&externalID, "external-id", "", "identifier of the consumer in your own system")

	return cmd
}

// findExternalID finds one by the identifier in the brand's own system.
func (s *session) findExternalID(ctx context.Context, id string) (*storage.Consumer, error) {
	consumer, err := s.store.ConsumerByExternalID(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, errors.New("there is no consumer with this external id; idp consumer list shows all")
	}

	return consumer, err
}

func (s *session) deleteConsumer(ctx context.Context, consumer *storage.Consumer) (err error) {
	event := s.event("consumer", consumer.Sub)
	if event.Before, event.After, err = brandfile.ConsumerChange(consumer, nil); err != nil {
		return err
	}

	err = s.store.DeleteConsumer(ctx, consumer.ID, consumer.UpdatedAt, event)
	if errors.Is(err, storage.ErrChanged) {
		return errors.New("the consumer is being changed at the same time; try again")
	}

	return err
}
