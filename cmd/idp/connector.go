package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op/liveperson"
)

func newConnectorCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:     "connector",
		Short:   "Connect Conversational Cloud",
		Long:    "Connect Conversational Cloud: what its connector has to be configured by, and whether it works.",
		Example: "  idp connector settings messaging\n  idp connector test messaging --consumer amelia\n  idp connector rotate messaging",
	})
	cmd.AddCommand(newConnectorSettingsCommand(a), newConnectorTestCommand(a), newConnectorRotateCommand(a))

	return cmd
}

func newConnectorSettingsCommand(a *app) *cobra.Command {
	var (
		asJSON bool
		page   string
	)

	cmd := &cobra.Command{
		Use:   "settings CLIENT_ID",
		Short: "Print every field of a connector's form, ready to paste",
		Long: "Print every field of the form in Conversational Cloud (Consumer Identity Provider) in its\n" +
			"order: the value to paste or to choose, and what to leave empty; then the tag for the brand's\n" +
			"pages. The client's secret is not among them: it was shown once, when it was made.",
		Example: "  idp connector settings messaging\n" +
			"  idp connector settings messaging --html messaging.html     a page with a button to copy each value\n" +
			"  idp connector settings messaging --json",
		Args: oneArgument("the client_id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				settings, err := s.connectorSettings(ctx, args[0])
				if err != nil {
					return err
				}

				switch {
				case asJSON:
					return printJSON(cmd.OutOrStdout(), settings)
				case page != "":
					return settings.writePage(page, cmd.OutOrStdout())
				default:
					return settings.print(cmd.OutOrStdout())
				}
			})
		},
	}
	addJSONFlag(cmd, &asJSON)
	cmd.Flags().StringVar(&page, "html", "", "write a page with buttons to copy the values to this `file`; - is standard output")
	cmd.MarkFlagsMutuallyExclusive("json", "html")

	if err := cmd.MarkFlagFilename("html", "html", "htm"); err != nil {
		panic(err) // the flag is defined above
	}

	return cmd
}

// connectorSettings is how the connector of a client is configured, to be printed.
type connectorSettings struct{ liveperson.ConnectorSettings }

func (s *session) connectorSettings(ctx context.Context, clientID string) (*connectorSettings, error) {
	registration, err := s.connectorOf(ctx, clientID)
	if err != nil {
		return nil, err
	}

	return &connectorSettings{*registration.ConnectorSettings()}, nil
}

func (c *connectorSettings) print(w io.Writer) error {
	fmt.Fprint(w, "Conversational Cloud, Management Console, Consumer Identity Provider:\n\n")

	var rows [][]string

	for _, field := range c.Fields {
		value, note := field.Value, field.Note
		if note != "" {
			note = "(" + note + ")"
		}

		if value == "" {
			value, note = note, ""
		}

		rows = append(rows, []string{"  " + field.Name, value})
		if note != "" {
			rows = append(rows, []string{"", note})
		}
	}

	if err := printTable(w, rows); err != nil {
		return err
	}

	fmt.Fprintf(w, "\nInto every page of the brand on which somebody may be signed in:\n\n  %s\n", c.PageTag)

	if c.DelegationLink != "" {
		fmt.Fprintf(w, "\nFor the bot of an unauthenticated conversation to post (consumer delegation):\n\n  %s\n", c.DelegationLink)
	}

	for _, note := range c.Notes {
		fmt.Fprintln(w, "\nNote:", note)
	}

	printWarnings(w, c.Warnings)

	return nil
}

// writePage writes the page with the values to a file, or to standard output.
func (c *connectorSettings) writePage(file string, stdout io.Writer) error {
	page, err := c.page()
	if err != nil {
		return err
	}

	if file == "-" {
		_, err = stdout.Write(page)
	} else {
		err = os.WriteFile(file, page, 0o644) //nolint:gosec // a connector's settings are public
	}

	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}

	return nil
}
