package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// oneArgument wants exactly one argument, and says what it is.
func oneArgument(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%s: takes one argument, %s", cmd.CommandPath(), what)
		}

		return nil
	}
}
