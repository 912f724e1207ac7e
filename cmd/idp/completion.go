package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/cmd/idp/config"
)

// completeWith teaches the shell the values of a command's flag.
func completeWith(cmd *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err) // the flag is not defined
	}
}

// completeOptions teaches the shell the values of the configuration's flags.
// Without a rule of its own a flag completes names of files, which is right
// for what is the path of a file.
func completeOptions(root *cobra.Command) {
	complete := func(flag string, f cobra.CompletionFunc) { completeWith(root, flag, f) }

	complete("config", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return []cobra.Completion{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
	})

	for _, option := range config.Options {
		switch {
		case len(option.Values) > 0:
			complete(option.Flag(), cobra.FixedCompletions(option.Values, cobra.ShellCompDirectiveNoFileComp))
		case option.Key == "data_dir":
			complete(option.Flag(), cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs))
		case option.Key != "brand.logo" && !strings.HasSuffix(option.Key, "_file"):
			complete(option.Flag(), cobra.NoFileCompletions)
		}
	}
}
