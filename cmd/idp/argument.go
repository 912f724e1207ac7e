package main

import (
	"fmt"
	"slices"
	"strings"

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

// optionalArgument takes one argument or none, and says what it is.
func optionalArgument(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return fmt.Errorf("%s: takes one argument, %s", cmd.CommandPath(), what)
		}

		return nil
	}
}

// oneOf refuses a value of a flag that is none of those allowed.
func oneOf(flag, value string, allowed []string) error {
	if !slices.Contains(allowed, value) {
		return fmt.Errorf("%s: must be one of %s", flag, strings.Join(allowed, ", "))
	}

	return nil
}
