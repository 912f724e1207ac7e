package main

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/brandidp/idp/cmd/idp/config"
	"github.com/brandidp/idp/op/nearest"
)

// app is what the commands share.
type app struct {
	inputs config.Inputs
}

// newRoot puts the command line together.
func newRoot(in config.Inputs) *cobra.Command {
	root := group(&cobra.Command{
		Use:   "idp",
		Short: "OpenID Connect provider for the consumers of a brand",
		Long: "idp is the OpenID Connect provider that a brand runs so that LivePerson's\n" +
			"Conversational Cloud knows who its consumers are. One binary beside one PostgreSQL.",
		Example: "  idp serve                        run the provider on http://localhost:8080\n" +
			"  idp config                       what is in force, and from where\n" +
			"  idp migrate status               how far the database is",
		SilenceErrors: true,
		SilenceUsage:  true,
	})
	root.Flags().SortFlags = false // the order of the table says more
	config.AddFlags(root.PersistentFlags())
	root.SetFlagErrorFunc(explainFlag)
	root.SetUsageTemplate(usageTemplate)
	completeOptions(root)

	a := &app{inputs: in}
	a.inputs.Flags = root.PersistentFlags()

	root.AddCommand(
		newAPIKeyCommand(a),
		newApplyCommand(a),
		newAuditCommand(a),
		newClientCommand(a),
		newConfigCommand(a),
		newConnectorCommand(a),
		newConsumerCommand(a),
		newDataKeyCommand(a),
		newDemoCommand(a),
		newDoctorCommand(a),
		newKeyCommand(a),
		newMigrateCommand(a),
		newServeCommand(a),
		newTokenCommand(a),
		newVersionCommand(),
		newWebhookCommand(a),
	)

	return root
}

// load reads the configuration and makes the log; its warnings are logged.
func (a *app) load(cmd *cobra.Command) (*config.Config, *slog.Logger, error) {
	cfg, err := config.Load(a.inputs)
	if err != nil {
		return nil, nil, fmt.Errorf("the configuration is refused:\n%w", err)
	}

	log := newLog(cmd.ErrOrStderr(), cfg.Log)
	for _, warning := range cfg.Warnings {
		log.Warn(warning)
	}

	return cfg, log, nil
}

// group makes a command that only holds others: it prints its help, and
// refuses a name that is none of theirs.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.Annotations = map[string]string{groupAnnotation: "true"}
	cmd.Args = commandsAlone
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }

	return cmd
}

// commandsAlone refuses an argument of a command that holds others: it is the
// name of none of them.
func commandsAlone(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}

	var names []string

	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}

	meant := nearest.Of(args[0], names)
	if meant == "" {
		return fmt.Errorf("%s: unknown command %q; %s --help lists all", cmd.CommandPath(), args[0], cmd.CommandPath())
	}

	return fmt.Errorf("%s: unknown command %q; the nearest is %q", cmd.CommandPath(), args[0], meant)
}

// tameDefaultCommands has cobra's own commands refuse what they do not know, as
// ours do: they would print a help and call that done. The output must be set:
// the scripts of idp completion go where it leads by now.
func tameDefaultCommands(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()

	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Args = knownTopic
			cmd.Example = "  idp help apply\n  idp help migrate status"
		case "completion":
			group(cmd).Example = "  idp completion bash > /etc/bash_completion.d/idp"
		}
	}
}

// knownTopic refuses the name of a command that there is not.
func knownTopic(cmd *cobra.Command, args []string) error {
	found, rest, err := cmd.Root().Find(args)
	if err != nil || len(rest) == 0 {
		return err //nolint:wrapcheck // says it all
	}

	if found.HasSubCommands() {
		return commandsAlone(found, rest)
	}

	return fmt.Errorf("%s: holds no commands, and so no %q", found.CommandPath(), rest[0])
}

// noArguments refuses anything but flags.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s: takes flags alone, not %q", cmd.CommandPath(), args[0])
	}

	return nil
}

// explainFlag names the nearest flag beside an unknown one.
func explainFlag(cmd *cobra.Command, err error) error {
	unknown := new(pflag.NotExistError)
	if !errors.As(err, &unknown) {
		return err
	}

	if unknown.GetSpecifiedShortnames() != "" {
		return fmt.Errorf("%w; what begins with - and is no flag is given behind --", err)
	}

	var names []string

	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })

	name := unknown.GetSpecifiedName()

	meant := nearest.Of(name, names)
	if meant == "" {
		return fmt.Errorf("%s: unknown flag --%s; %s --help lists all", cmd.CommandPath(), name, cmd.CommandPath())
	}

	return fmt.Errorf("%s: unknown flag --%s; the nearest is --%s", cmd.CommandPath(), name, meant)
}
