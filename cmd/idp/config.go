package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/cmd/idp/config"
)

func newConfigCommand(a *app) *cobra.Command {
	var asJSON bool

	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the options in force and where each value comes from",
		Long: "Print the options in force and where each value comes from: a file and its line, a\n" +
			"variable, a flag, or the default. Secrets are masked.",
		Example: "  idp config\n" +
			"  idp config --json\n" +
			"  idp config --config /etc/idp/idp.yaml --listen :8080",
		Args: commandsAlone,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := a.load(cmd)
			if err != nil {
				return err
			}

			if asJSON {
				return printJSON(cmd.OutOrStdout(), cfg.Settings())
			}

			return printTable(cmd.OutOrStdout(), settingRows(cfg.Settings()))
		},
	}
	addJSONFlag(cmd, &asJSON)
	cmd.AddCommand(newConfigReferenceCommand())

	return cmd
}

func settingRows(settings []config.Setting) [][]string {
	rows := [][]string{{"OPTION", "VALUE", "SOURCE"}}

	for _, s := range settings {
		value := s.Value
		if value == "" {
			value = "(" + s.Note + ")"
		} else if strconv.Quote(value) != `"`+value+`"` {
			value = strconv.Quote(value)
		}

		rows = append(rows, []string{s.Key, value, s.Source})
	}

	return rows
}

func newConfigReferenceCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "reference",
		Short:   "Print the reference of all options in Markdown",
		Example: "  idp config reference > configuration.md",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := config.WriteReference(cmd.OutOrStdout()); err != nil {
				return fmt.Errorf("print the reference: %w", err)
			}

			return nil
		},
	}
}
