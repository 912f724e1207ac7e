package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/cmd/idp/config"
	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

func newKeyScheduleCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "schedule",
		Short: "Have signing keys replaced by themselves",
		Long: "Have signing keys replaced by themselves: of the provider, or of a connector that reads its key\n" +
			"set. No key is replaced without a schedule, or a command. A running idp serve makes the steps.",
		Example: "  idp key schedule set --every 90d\n  idp key schedule list",
	})
	cmd.AddCommand(newKeyScheduleSetCommand(a), newKeyScheduleListCommand(a),
		newKeyScheduleChangeCommand(a, "pause", "Have a schedule do nothing until it is resumed", "is paused",
			func(ctx context.Context, s *session, of op.ScheduledKeys) error {
				return op.PauseKeySchedule(ctx, s.store, of, true)
			}),
		newKeyScheduleChangeCommand(a, "resume", "Have a paused schedule go on", "goes on",
			func(ctx context.Context, s *session, of op.ScheduledKeys) error {
				return op.PauseKeySchedule(ctx, s.store, of, false)
			}),
		newKeyScheduleChangeCommand(a, "remove", "Remove a schedule; the keys stay as they are", "is removed",
			func(ctx context.Context, s *session, of op.ScheduledKeys) error {
				return op.RemoveKeySchedule(ctx, s.store, of)
			}))

	return cmd
}

// addScheduleFlags gives a command the flags that name a schedule.
func addScheduleFlags(cmd *cobra.Command, of *op.ScheduledKeys) {
	addKeyOwnerFlag(cmd, &of.ClientID, "the schedule of this connector's keys, not of the provider's")
	cmd.Flags().StringVar(&of.Alg, "alg", "", strings.Join(keys.Algs, ", ")+" (default that of the connector, or "+keys.RS256+")")
	completeWith(cmd, "alg", cobra.FixedCompletions(keys.Algs, cobra.ShellCompDirectiveNoFileComp))
}

func newKeyScheduleSetCommand(a *app) *cobra.Command {
	var (
		of                op.ScheduledKeys
		every, wait, keep string
	)

	cmd := &cobra.Command{
		Use:   "set",
		Short: "Have keys replaced by a schedule, or change it",
		Long: "Have keys replaced by a schedule, or change it. A new key is made and published, waits, then signs;\n" +
			"the one before is kept, then deleted. What would break a relying party is refused, as it is by hand:\n" +
			"a shorter wait than relying parties may go without reading the key set, less time to keep a key than\n" +
			"its tokens live, and any schedule for a connector that may hold a pasted key.",
		Example: "  idp key schedule set --every 90d\n  idp key schedule set --client messaging --every 30d --wait 24h --keep 48h",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := knownAlg(of.Alg); err != nil {
				return err
			}

			var times [3]time.Duration

			for i, flag := range []struct{ name, value string }{{"every", every}, {"wait", wait}, {"keep", keep}} {
				d, err := config.ParseDuration(flag.value)
				_, noUnit := strconv.Atoi(flag.value) // which would be seconds

				if err != nil || d <= 0 || noUnit == nil {
					return fmt.Errorf("--%s: must be a duration with its unit, such as 90d or 24h", flag.name)
				}

				times[i] = d
			}

			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				if _, _, err := s.keyOwner(ctx, of.ClientID); err != nil {
					return err
				}

				of.Audit = s.event("key_schedule", "")
				if err := op.SetKeySchedule(ctx, s.store, keySettings(s.cfg), of, times[0], times[1], times[2]); err != nil {
					return err
				}

				return s.printSchedules(ctx, cmd.OutOrStdout(), false)
			})
		},
	}
	addScheduleFlags(cmd, &of)
	cmd.Flags().StringVar(&every, "every", "", "from the activation of one key to that of the next, such as 90d (needed)")
	cmd.Flags().StringVar(&wait, "wait", "24h", "from the publication of a key to its activation")
	cmd.Flags().StringVar(&keep, "keep", "48h", "how long a key stays published that was replaced")

	return cmd
}

func newKeyScheduleChangeCommand(a *app, name, short, done string, change func(context.Context, *session, op.ScheduledKeys) error) *cobra.Command {
	var of op.ScheduledKeys

	cmd := &cobra.Command{
		Use:     name,
		Short:   short,
		Example: "  idp key schedule " + name + "\n  idp key schedule " + name + " --client messaging",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := knownAlg(of.Alg); err != nil {
				return err
			}

			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				if _, _, err := s.keyOwner(ctx, of.ClientID); err != nil {
					return err
				}

				of.Audit = s.event("key_schedule", "")

				err := change(ctx, s, of)
				if errors.Is(err, storage.ErrNotFound) {
					return fmt.Errorf("%w; idp key schedule list shows all", err)
				}

				if err != nil {
					return err
				}

				fmt.Fprintln(cmd.OutOrStdout(), "The schedule "+done+".")

				return nil
			})
		},
	}
	addScheduleFlags(cmd, &of)

	return cmd
}

func newKeyScheduleListCommand(a *app) *cobra.Command {
	var asJSON bool

	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List schedules, with what each does next and when",
		Example: "  idp key schedule list\n  idp key schedule list --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				return s.printSchedules(ctx, cmd.OutOrStdout(), asJSON)
			})
		},
	}
	addJSONFlag(cmd, &asJSON)

	return cmd
}

func (s *session) printSchedules(ctx context.Context, w io.Writer, asJSON bool) error {
	snapshot, err := s.store.ReadSnapshot(ctx)
	if err != nil {
		return err
	}

	life := op.LifeOf(snapshot, keySettings(s.cfg))
	views := []keys.ScheduleStatus{} // [] for none

	for _, schedule := range snapshot.Schedules {
		views = append(views, life.ScheduleStatus(schedule))
	}

	if asJSON {
		return printJSON(w, views)
	}

	rows := [][]string{{"KEYS OF", "ALGORITHM", "EVERY", "WAIT", "KEEP", "NEXT"}}

	for _, view := range views {
		owner, next := view.ClientID, string(view.Next)
		if owner == "" {
			owner = "all others"
		}

		if view.Kid != "" {
			next += " " + view.Kid
		}

		switch {
		case !view.PausedAt.IsZero():
			next = "paused since " + whenText(view.PausedAt)
		case view.Awaits != "":
			next += ": " + view.Awaits
		default:
			next += " at " + whenText(view.At)
		}

		rows = append(rows, []string{owner, view.Alg, secondsText(view.Every), secondsText(view.Wait), secondsText(view.Keep), next})
	}

	return printTable(w, rows)
}

// secondsText writes whole days as days.
func secondsText(seconds int64) string {
	const day = 24 * time.Hour

	d := time.Duration(seconds) * time.Second
	if d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}

	return d.String()
}
