package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web/api/client"
)

// auditFlags say which events are wanted.
type auditFlags struct {
	storage.AuditFilter

	since, until string
}

func newAuditListCommand(a *app) *cobra.Command {
	var (
		flags  auditFlags
		asJSON bool
	)

	cmd := &cobra.Command{
		Use:   "list",
		Short: "List audit events, the newest first",
		Long: "List audit events, the newest first: whose action it was (an API key, a client, or for a command the user of\n" +
			"the operating system), what it was done to, and which fields have changed. With --json the fields come with\n" +
			"their values; what is secret or personal is masked.",
		Example: "  idp audit list\n  idp audit list --since 7d --actor crm --json\n  idp audit list --action 'consumer set-password'\n" +
			"  idp audit list --target messaging --before 4711",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := flags.read(time.Now())
			if err != nil {
				return err
			}

			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				events, err := s.store.FindAuditEvents(ctx, filter)
				if err != nil {
					return err
				}

				if asJSON {
					return printJSON(cmd.OutOrStdout(), viewAuditEvents(events))
				}

				return printAuditEvents(cmd.OutOrStdout(), events)
			})
		},
	}
	cmd.Flags().StringVar(&flags.Actor, "actor", "", "name of the API key, client_id, or user of the operating system")
	cmd.Flags().StringVar(&flags.Action, "action", "", "id of the operation of the API, or the command, such as 'consumer sign-out'")
	cmd.Flags().StringVar(&flags.Target, "target", "", "sub, client_id or name")
	cmd.Flags().StringVar(&flags.since, "since", "", "begin so long ago (12h, 90d), or at a day or time")
	cmd.Flags().StringVar(&flags.until, "until", "", "end so long ago, or before a day or time")
	cmd.Flags().Int64Var(&flags.Before, "before", 0, "id of the event to go on before")
	cmd.Flags().IntVar(&flags.Limit, "limit", 50, "events at most, up to "+strconv.Itoa(maxPage))
	addJSONFlag(cmd, &asJSON)

	return cmd
}

// read checks the flags.
func (f *auditFlags) read(now time.Time) (filter storage.AuditFilter, err error) {
	filter = f.AuditFilter

	if f.Limit < 1 || f.Limit > maxPage {
		return filter, fmt.Errorf("--limit: must be from 1 to %d", maxPage)
	}

	if f.since != "" {
		if filter.Since, err = parseMoment(f.since, now); err != nil {
			return filter, fmt.Errorf("--since: %w", err)
		}
	}

	if f.until != "" {
		if filter.Until, err = parseMoment(f.until, now); err != nil {
			return filter, fmt.Errorf("--until: %w", err)
		}
	}

	return filter, nil
}

// viewAuditEvents gives events as the management API does.
func viewAuditEvents(events []storage.AuditEvent) []client.AuditEvent {
	views := []client.AuditEvent{} // [] for none

	for _, e := range events {
		view := client.AuditEvent{
			ID: e.ID, At: e.At.UTC(), Actor: e.Actor, ActorKind: e.ActorKind, Action: e.Action, TargetKind: e.TargetKind, Target: e.Target,
			RequestID: e.RequestID, Before: e.Before, After: e.After,
		}
		if e.Address.IsValid() {
			view.Address = e.Address.String()
		}

		views = append(views, view)
	}

	return views
}

func printAuditEvents(w io.Writer, events []storage.AuditEvent) error {
	rows := [][]string{{"ID", "AT", "ACTOR", "ACTION", "TARGET", "CHANGED"}}

	for _, e := range events {
		rows = append(rows, []string{
			strconv.FormatInt(e.ID, 10), e.At.UTC().Format(time.RFC3339), e.ActorKind + " " + e.Actor, e.Action,
			strings.TrimSpace(e.TargetKind + " " + e.Target), strings.Join(changedFields(&e), " "),
		})
	}

	return printTable(w, rows)
}

// changedFields are the names of what has changed.
func changedFields(e *storage.AuditEvent) []string {
	fields := map[string]json.RawMessage{}

	for _, side := range []json.RawMessage{e.Before, e.After} {
		if side != nil {
			_ = json.Unmarshal(side, &fields) // what is no object has no fields
		}
	}

	return slices.Sorted(maps.Keys(fields))
}
