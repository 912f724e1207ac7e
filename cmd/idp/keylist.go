package main

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/cmd/idp/config"
	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/keys"
)

// keySettings are the times of signing keys.
func keySettings(cfg *config.Config) keys.Settings {
	settings := keys.DefaultSettings()
	settings.JWKSMaxAge, settings.Retain = cfg.Keys.JWKSMaxAge, cfg.Keys.Retain

	return settings
}

func newKeyListCommand(a *app) *cobra.Command {
	var (
		clientID    string
		all, asJSON bool
	)

	cmd := &cobra.Command{
		Use:   "list",
		Short: "List signing keys, and what may be done with each",
		Long: "List signing keys, the oldest first: whose tokens each signs, its state and since when, which\n" +
			"clients may hold it pasted, when the last token ends that it has signed, and what may be done\n" +
			"next and from when on.",
		Example: "  idp key list\n  idp key list --client messaging --json\n  idp key list --all     deleted ones, too",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				views, err := s.listKeys(ctx, clientID, all)
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
	cmd.Flags().BoolVar(&all, "all", false, "list deleted keys, too")
	addJSONFlag(cmd, &asJSON)

	return cmd
}

func (s *session) listKeys(ctx context.Context, clientID string, all bool) ([]keys.Status, error) {
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

	life := op.LifeOf(snapshot, keySettings(s.cfg))
	views := []keys.Status{} // [] for none

	for _, key := range snapshot.Keys {
		if wanted(key.ClientID) && (all || key.State != keys.Deleted) {
			views = append(views, life.Status(key))
		}
	}

	return views, nil
}

func printKeys(w io.Writer, views []keys.Status) error {
	rows := [][]string{{"KID", "ALGORITHM", "STATE", "SINCE", "SIGNS FOR", "PASTED AT", "TOKENS UNTIL", "NEXT"}}

	for _, view := range views {
		owner := view.ClientID
		if owner == "" {
			owner = "all others"
		}

		var next []string
		for _, step := range view.Next {
			next = append(next, stepText(step))
		}

		state := view.State
		if !view.RevokedAt.IsZero() {
			state = "revoked"
		}

		rows = append(rows, []string{
			view.Kid, view.Alg, state, view.Since.Format(time.RFC3339), owner,
			orNone(strings.Join(view.MayBePasted, ", ")), whenText(view.TokensUntil), orNone(strings.Join(next, "; ")),
		})
	}

	return printTable(w, rows)
}

// stepText tells of a step, and what is in its way.
func stepText(next keys.Next) string {
	text := string(next.Step)
	if !next.From.IsZero() {
		text += " from " + whenText(next.From)
	}

	if len(next.Breaks) > 0 {
		text += " (breaks " + strings.Join(next.Breaks, ", ") + ")"
	}

	if next.Awaits != "" {
		text += " (not now: " + next.Awaits + ")"
	}

	return text
}

func whenText(at time.Time) string {
	if at.IsZero() {
		return "none"
	}

	return at.Format(time.RFC3339)
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}

	return text
}
