package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/storage"
)

func newMigrateCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:     "migrate",
		Short:   "Show or bring up the schema of the database",
		Long:    "Show or bring up the schema of the database. idp serve does it by itself when it starts.",
		Example: "  idp migrate status\n  idp migrate up",
	})
	cmd.AddCommand(newMigrateStatusCommand(a), newMigrateUpCommand(a))

	return cmd
}

func newMigrateStatusCommand(a *app) *cobra.Command {
	var asJSON bool

	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Compare the schema of the database with this program",
		Example: "  idp migrate status\n  idp migrate status --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDatabase(cmd, func(db *database) error {
				status, err := storage.ReadMigrationStatus(cmd.Context(), db.DirectURL)
				if err != nil {
					return fmt.Errorf("read the state of the schema: %w", err)
				}

				if asJSON {
					return printJSON(cmd.OutOrStdout(), status)
				}

				advice := "up to date"
				if status.Current < status.Latest {
					advice = "run idp migrate up"
				}

				fmt.Fprintf(cmd.OutOrStdout(), "schema version %d of %d: %s\n", status.Current, status.Latest, advice)

				return nil
			})
		},
	}
	addJSONFlag(cmd, &asJSON)

	return cmd
}

func newMigrateUpCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "up",
		Short:   "Bring the schema of the database to this program's version",
		Long:    "Bring the schema of the database to this program's version. A database that a newer\nprogram has migrated is refused and left as it is.",
		Example: "  idp migrate up\n  idp migrate up --database-url-file /run/secrets/database-url",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDatabase(cmd, func(db *database) error {
				before, err := storage.ReadMigrationStatus(cmd.Context(), db.DirectURL)
				if err != nil {
					return fmt.Errorf("read the state of the schema: %w", err)
				}

				if err := storage.Migrate(cmd.Context(), db.DirectURL); err != nil {
					return fmt.Errorf("bring up the schema: %w", err)
				}

				if before.Current == before.Latest {
					fmt.Fprintf(cmd.OutOrStdout(), "schema version %d: up to date, nothing to do\n", before.Latest)
				} else {
					fmt.Fprintf(cmd.OutOrStdout(), "schema brought from version %d to %d\n", before.Current, before.Latest)
				}

				return nil
			})
		},
	}
}

// withDatabase reads the configuration and lends the database to f.
func (a *app) withDatabase(cmd *cobra.Command, f func(*database) error) error {
	cfg, log, err := a.load(cmd)
	if err != nil {
		return err
	}

	db, err := openDatabase(cmd.Context(), cfg, log)
	if err != nil {
		return err
	}
	defer db.Close(cmd.Context())

	return f(db)
}
