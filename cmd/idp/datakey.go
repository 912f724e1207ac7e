package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op/seal"
)

func newDataKeyCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "data-key",
		Short: "List and renew the keys of what is sealed",
		Long: "Private keys in the database, and requests and device cookies in browsers, are sealed by data\n" +
			"keys, which are in the database, wrapped by the master key. No relying party knows of them.",
		Example: "  idp data-key list\n  idp data-key renew tickets\n  idp data-key reseal",
	})
	cmd.AddCommand(newDataKeyListCommand(a), newDataKeyRenewCommand(a), newDataKeyResealCommand(a))

	return cmd
}

// dataKeyView is a data key for reading.
type dataKeyView struct {
	ID        int64     `json:"id"`
	Purpose   string    `json:"purpose"`
	CreatedAt time.Time `json:"created_at"`
	// State is opens or seals (and opens); waits opens already, and seals in
	// UsableIn seconds.
	State    string `json:"state"`
	UsableIn int64  `json:"usable_in,omitempty"`
}

func newDataKeyListCommand(a *app) *cobra.Command {
	var asJSON bool

	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List data keys, the oldest first",
		Example: "  idp data-key list\n  idp data-key list --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				views, err := s.listDataKeys(ctx)
				if err != nil {
					return err
				}

				if asJSON {
					return printJSON(cmd.OutOrStdout(), views)
				}

				return printDataKeys(cmd.OutOrStdout(), views)
			})
		},
	}
	addJSONFlag(cmd, &asJSON)

	return cmd
}

func (s *session) listDataKeys(ctx context.Context) ([]dataKeyView, error) {
	snapshot, err := s.store.ReadSnapshot(ctx)
	if err != nil {
		return nil, err
	}

	views := []dataKeyView{} // [] for none
	seals := map[string]int{}

	for i, key := range snapshot.DataKeys {
		view := dataKeyView{ID: key.ID, Purpose: key.Purpose, CreatedAt: key.CreatedAt.UTC(), State: "opens"}
		if before, found := seals[key.Purpose]; found && key.UsableIn > 0 {
			view.State, view.UsableIn = "waits", int64(key.UsableIn.Seconds())
		} else {
			if found {
				views[before].State = "opens"
			}

			view.State, seals[key.Purpose] = "seals", i
		}

		views = append(views, view)
	}

	return views, nil
}

func printDataKeys(w io.Writer, views []dataKeyView) error {
	rows := [][]string{{"ID", "PURPOSE", "STATE", "MADE"}}

	for _, view := range views {
		state := view.State
		if view.UsableIn > 0 {
			state += ", seals in " + (time.Duration(view.UsableIn) * time.Second).String()
		}

		rows = append(rows, []string{strconv.FormatInt(view.ID, 10), view.Purpose, state, view.CreatedAt.Format(time.RFC3339)})
	}

	return printTable(w, rows)
}

func newDataKeyRenewCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "renew [PURPOSE...]",
		Short: "Make new data keys",
		Long: "Make a new data key for each purpose, all of " + strings.Join(seal.Renewable, ", ") + " if none is named.\n" +
			"It seals from " + strconv.Itoa(int(seal.RenewalWait.Minutes())) + " minutes on, when every instance knows it; what was sealed before still opens.\n" +
			"Not while instances of an earlier release run beside: they read data keys at their start alone.",
		Example:   "  idp data-key renew\n  idp data-key renew tickets",
		ValidArgs: seal.Renewable,
		Args: func(_ *cobra.Command, purposes []string) error {
			for _, purpose := range purposes {
				if !slices.Contains(seal.Renewable, purpose) {
					return fmt.Errorf("%q: must be one of %s", purpose, strings.Join(seal.Renewable, ", "))
				}
			}

			return nil
		},
		RunE: func(cmd *cobra.Command, purposes []string) error {
			if len(purposes) == 0 {
				purposes = seal.Renewable
			}

			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				opened, err := seal.Open(ctx, s.store, masterKeySource(s.cfg), rand.Reader)
				if err != nil {
					return err
				}

				for _, purpose := range purposes {
					id, err := opened.Renew(ctx, s.store, purpose, s.event("data_key", purpose))
					if err != nil {
						return err
					}

					fmt.Fprintf(cmd.OutOrStdout(), "%s: made data key %d, which seals in %s\n", purpose, id, seal.RenewalWait)
				}

				return nil
			})
		},
	}
}
