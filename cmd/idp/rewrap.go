package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/kballard/go-shellquote"
	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op/seal"
)

// rewrapFlags say which step of a change of the master key is meant.
type rewrapFlags struct {
	file, command  string // where the next key is
	finish, cancel bool
}

func newKeyRewrapCommand(a *app) *cobra.Command {
	var flags rewrapFlags

	cmd := &cobra.Command{
		Use:   "rewrap",
		Short: "Change the master key while the provider runs",
		Long: "Change the master key, in steps, while the provider runs. First have another one open the database\n" +
			"beside the one in force: that of a file, which is made if there is none, or of a command. Then name it\n" +
			"in the configuration of every instance and start them anew, one by one: a start succeeds with either.\n" +
			"At the end, --finish, which is refused while an instance has the one before: it opens nothing any\n" +
			"more. What was backed up until then still needs it. Until --finish, --cancel leaves everything as it was.\n\n" +
			"If the master key has leaked, so have the data keys in whatever backup goes with it: follow with\n" +
			"idp data-key renew and idp data-key reseal.",
		Example: "  idp key rewrap --to-file /etc/idp/next.key\n" +
			"  idp key rewrap --to-command 'vault kv get -field=key secret/idp'\n" +
			"  idp key rewrap --finish",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flags == (rewrapFlags{}) {
				return errors.New("idp key rewrap: say where the next master key is, by --to-file or --to-command; then --finish or --cancel")
			}

			return a.withStore(cmd, func(ctx context.Context, s *session) error { return s.rewrap(ctx, flags, cmd.OutOrStdout()) })
		},
	}
	cmd.Flags().StringVar(&flags.file, "to-file", "", "file of the next master key")
	cmd.Flags().StringVar(&flags.command, "to-command", "", "command that gives the next master key, as in master_key_command")
	cmd.Flags().BoolVar(&flags.finish, "finish", false, "have the next master key open the database alone")
	cmd.Flags().BoolVar(&flags.cancel, "cancel", false, "have the one in force open the database alone")
	cmd.MarkFlagsMutuallyExclusive("to-file", "to-command", "finish", "cancel")
	completeWith(cmd, "to-command", cobra.NoFileCompletions)

	return cmd
}

func (s *session) rewrap(ctx context.Context, flags rewrapFlags, stdout io.Writer) error {
	switch {
	case flags.finish:
		if err := seal.FinishRewrap(ctx, s.store, masterKeySource(s.cfg), s.event("master_key", "")); err != nil {
			return err
		}

		fmt.Fprintln(stdout, "The master key of the configuration opens the database alone. Keep the one before for as long as a backup needs it.")

		return nil
	case flags.cancel:
		if err := seal.CancelRewrap(ctx, s.store, masterKeySource(s.cfg), s.event("master_key", "")); err != nil {
			return err
		}

		fmt.Fprintln(stdout, "The master key stays as it was.")

		return nil
	}

	next, err := flags.source()
	if err != nil {
		return err
	}

	key, err := seal.Rewrap(ctx, s.store, masterKeySource(s.cfg), next, s.event("master_key", ""), rand.Reader)
	if err != nil {
		return err
	}

	fmt.Fprintf(stdout, "The master key of %s, of fingerprint %x, opens the database, too. Next: back it up apart from the database,\n"+
		"name it in the configuration of every instance, start them anew, and then: idp key rewrap --finish\n", next, key.Fingerprint())

	return nil
}

// source says where the next master key is.
func (f rewrapFlags) source() (seal.MasterKeySource, error) {
	if f.command == "" {
		path, err := filepath.Abs(f.file)

		return seal.MasterKeyFile(path), err
	}

	words, err := shellquote.Split(f.command)
	if err != nil || len(words) == 0 {
		return nil, errors.New("--to-command: must be a program with its arguments, each quote closed")
	}

	return seal.MasterKeyCommand(words), nil
}
