package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op/identifier"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

func newConsumerCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:     "consumer",
		Short:   "Import and export consumers, show them and their consents, set passwords, sign out and delete",
		Long:    "Import and export consumers, show them and what they have allowed, set their passwords, sign them out and remove them.",
		Example: "  idp consumer import consumers.jsonl.gz\n  idp consumer list\n  idp consumer show amelia\n  idp consumer set-password amelia\n  idp consumer sign-out amelia\n  idp consumer consents amelia",
	})
	cmd.AddCommand(newConsumerListCommand(a), newConsumerShowCommand(a), newSetPasswordCommand(a), newSignOutCommand(a), newConsentsCommand(a),
		newConsumerImportCommand(a), newConsumerExportCommand(a), newConsumerDeleteCommand(a))

	return cmd
}

// consumerView is a consumer for reading: everything but the password.
type consumerView struct {
	Sub               string                   `json:"sub"`
	ExternalID        string                   `json:"external_id,omitempty"`
	Username          string                   `json:"username,omitempty"`
	Disabled          bool                     `json:"disabled"`
	HasPassword       bool                     `json:"has_password"`
	PasswordChangedAt time.Time                `json:"password_changed_at"`
	Claims            storage.Claims           `json:"claims"`
	PersonalInfo      *liveperson.PersonalInfo `json:"personal_info,omitempty"`
	CustomerInfo      *liveperson.CustomerInfo `json:"customer_info,omitempty"`
	Attributes        storage.Attributes       `json:"attributes,omitempty"`
	ManagedBy         string                   `json:"managed_by"`
	CreatedAt         time.Time                `json:"created_at"`
	UpdatedAt         time.Time                `json:"updated_at"`
}

func viewConsumer(c *storage.Consumer) consumerView {
	return consumerView{
		Sub: c.Sub, ExternalID: c.ExternalID, Username: c.Username, Disabled: c.Disabled,
		HasPassword: c.PasswordHash != "", PasswordChangedAt: c.PasswordChangedAt.UTC(),
		Claims: c.Claims, PersonalInfo: c.PersonalInfo, CustomerInfo: c.CustomerInfo, Attributes: c.Attributes,
		ManagedBy: c.ManagedBy, CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(),
	}
}

// maxPage is the longest page of consumers.
const maxPage = 1000

func newConsumerListCommand(a *app) *cobra.Command {
	var (
		limit  int
		after  string
		asJSON bool
	)

	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List consumers in the order of their making, a page at a time",
		Example: "  idp consumer list\n  idp consumer list --limit 100 --after 250\n  idp consumer list --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > maxPage {
				return fmt.Errorf("--limit: must be from 1 to %d", maxPage)
			}

			cursor, err := strconv.ParseInt(after, 10, 64)
			if err != nil || cursor < 0 {
				return errors.New("--after: must be the cursor that a page before has ended with")
			}

			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				page, err := s.listConsumers(ctx, cursor, limit)
				if err != nil {
					return err
				}

				if asJSON {
					return printJSON(cmd.OutOrStdout(), page)
				}

				return page.print(cmd.OutOrStdout())
			})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 50, "consumers on a page, at most "+strconv.Itoa(maxPage))
	cmd.Flags().StringVar(&after, "after", "0", "cursor of the page before")
	addJSONFlag(cmd, &asJSON)

	return cmd
}

// consumerPage is a part of all consumers.
type consumerPage struct {
	Consumers []consumerView `json:"consumers"`
	// Next is the cursor of the next page, "" at the end.
	Next string `json:"next,omitempty"`
}

func (s *session) listConsumers(ctx context.Context, after int64, limit int) (*consumerPage, error) {
	consumers, err := s.store.Consumers(ctx, after, limit+1) // one more tells whether there is a next page
	if err != nil {
		return nil, err
	}

	page := &consumerPage{Consumers: []consumerView{}}

	if len(consumers) > limit {
		consumers = consumers[:limit]
		page.Next = strconv.FormatInt(consumers[limit-1].ID, 10)
	}

	for _, c := range consumers {
		page.Consumers = append(page.Consumers, viewConsumer(c))
	}

	return page, nil
}

func (p *consumerPage) print(w io.Writer) error {
	rows := [][]string{{"SUB", "USERNAME", "EMAIL", "STATE"}}

	for _, c := range p.Consumers {
		state := "enabled"
		if c.Disabled {
			state = "disabled"
		}

		rows = append(rows, []string{c.Sub, c.Username, c.Claims.Email, state})
	}

	if err := printTable(w, rows); err != nil {
		return err
	}

	if p.Next != "" {
		fmt.Fprintln(w, "More: --after", p.Next)
	}

	return nil
}

func newConsumerShowCommand(a *app) *cobra.Command {
	var asJSON bool

	cmd := &cobra.Command{
		Use:     "show SUB|USERNAME|EMAIL|PHONE",
		Short:   "Show a consumer",
		Example: "  idp consumer show amelia\n  idp consumer show amelia@brand.example --json",
		Args:    oneArgument("a sub, or what the consumer signs in with"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withConsumer(cmd, args[0], func(_ context.Context, _ *session, consumer *storage.Consumer) error {
				if asJSON {
					return printJSON(cmd.OutOrStdout(), viewConsumer(consumer))
				}

				return printConsumer(cmd.OutOrStdout(), viewConsumer(consumer))
			})
		},
	}
	addJSONFlag(cmd, &asJSON)

	return cmd
}

// withConsumer is withStore for what is done with one consumer, found by name as
// findConsumer does.
func (a *app) withConsumer(cmd *cobra.Command, name string, f func(ctx context.Context, s *session, consumer *storage.Consumer) error) error {
	return a.withStore(cmd, func(ctx context.Context, s *session) error {
		consumer, err := s.findConsumer(ctx, name)
		if err != nil {
			return err
		}

		return f(ctx, s, consumer)
	})
}

// findConsumer finds one by sub, or by what the consumer would type to sign in.
func (s *session) findConsumer(ctx context.Context, name string) (*storage.Consumer, error) {
	consumer, err := s.store.FindConsumer(ctx, name)
	if typed := identifier.Typed(name); errors.Is(err, storage.ErrNotFound) && typed != "" && typed != name {
		consumer, err = s.store.FindConsumer(ctx, typed)
	}

	if errors.Is(err, storage.ErrNotFound) {
		return nil, errors.New("there is no consumer with this sub or identifier; idp consumer list shows all")
	}

	return consumer, err
}

func printConsumer(w io.Writer, c consumerView) error {
	password := "none"
	if c.HasPassword {
		password = "set " + c.PasswordChangedAt.Format(time.RFC3339)
	}

	rows := [][]string{
		{"sub", c.Sub},
		{"external id", c.ExternalID},
		{"username", c.Username},
		{"disabled", strconv.FormatBool(c.Disabled)},
		{"password", password},
		{"managed by", c.ManagedBy},
		{"created", c.CreatedAt.Format(time.RFC3339)},
		{"updated", c.UpdatedAt.Format(time.RFC3339)},
	}

	for _, part := range []struct {
		name  string
		value any
	}{{"claims", c.Claims}, {"personal_info", c.PersonalInfo}, {"customer_info", c.CustomerInfo}, {"attributes", c.Attributes}} {
		var text strings.Builder
		if err := printJSON(&text, part.value); err != nil {
			return err
		}

		lines := strings.Split(strings.TrimSpace(text.String()), "\n")
		if lines[0] == "null" || lines[0] == "{}" {
			continue
		}

		rows = append(rows, []string{part.name, lines[0]})
		for _, line := range lines[1:] {
			rows = append(rows, []string{"", line})
		}
	}

	return printTable(w, slices.DeleteFunc(rows, func(row []string) bool { return row[1] == "" }))
}
