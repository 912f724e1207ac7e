package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/cmd/idp/config"
	"github.com/brandidp/idp/storage"
)

// session is what a command that works on the store has at hand.
type session struct {
	cfg   *config.Config
	log   *slog.Logger
	store *storage.Store
	// command is the one that runs, as audit events name it.
	command string
}

// withStore reads the configuration and lends the store to f. A database with
// another schema than this program's, or with none, is left to idp migrate up,
// or to idp serve, since the operator decides when that happens.
func (a *app) withStore(cmd *cobra.Command, f func(ctx context.Context, s *session) error) error {
	return a.lendStore(cmd, false, f)
}

// withMadeStore is withStore, but an empty database gets its schema.
func (a *app) withMadeStore(cmd *cobra.Command, f func(ctx context.Context, s *session) error) error {
	return a.lendStore(cmd, true, f)
}

func (a *app) lendStore(cmd *cobra.Command, makeSchema bool, f func(ctx context.Context, s *session) error) error {
	ctx := cmd.Context()

	cfg, log, err := a.load(cmd)
	if err != nil {
		return err
	}

	db, err := openDatabase(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer db.Close(ctx)

	status, err := storage.ReadMigrationStatus(ctx, db.DirectURL)
	if err != nil {
		return fmt.Errorf("read the state of the schema: %w", err)
	}

	switch {
	case status.Current == 0 && makeSchema:
		if err := storage.Migrate(ctx, db.DirectURL); err != nil {
			return fmt.Errorf("bring up the schema: %w", err)
		}
	case status.Current < status.Latest:
		return fmt.Errorf("the schema is version %d of %d: run idp migrate up, or start idp serve", status.Current, status.Latest)
	}

	store, err := storage.Open(ctx, storage.Options{URL: db.URL, DirectURL: db.DirectURL, MaxConnections: 2})
	if err != nil {
		return err
	}
	defer store.Close()

	return f(ctx, &session{cfg: cfg, log: log, store: store, command: commandName(cmd)})
}
