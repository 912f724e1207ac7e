package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

func newKeyResetCommand(a *app) *cobra.Command {
	var without, yes bool

	cmd := &cobra.Command{
		Use:   "reset",
		Short: "Start with new keys when the master key is lost",
		Long: "Give a database that was restored without its master key a new one, with new data keys and signing\n" +
			"keys. Consumers, their passwords and sessions, clients, their secrets and API keys stay. Lost are private\n" +
			"keys, the webhook's secret, refresh tokens, sign-ins that are under way, and the proof of the audit trail:\n" +
			"its events stay, but what was sealed before cannot be checked any more, except by what idp audit export has\n" +
			"written while the master key was there. The old public keys stay published for the tokens that they have\n" +
			"signed. Stop all instances first. Without --yes it asks for the issuer to be typed.",
		Example: "  idp key reset --without-master-key\n  idp key reset --without-master-key --yes",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !without {
				return errors.New("--without-master-key has to be given: it says that the master key is lost for good")
			}

			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				if !yes {
					if err := typed(cmd.InOrStdin(), cmd.ErrOrStderr(), s.cfg.Issuer); err != nil {
						return err
					}
				}

				return s.resetKeys(ctx, cmd.OutOrStdout())
			})
		},
	}
	cmd.Flags().BoolVar(&without, "without-master-key", false, "the master key is lost for good")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")

	return cmd
}

// typed asks for a text to be typed that says what is meant.
func typed(stdin io.Reader, prompt io.Writer, text string) error {
	fmt.Fprintf(prompt, "All private keys of this database are given up for lost. To go on, type its issuer, %s: ", text)

	line, err := bufio.NewReader(stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the issuer: %w", err)
	}

	if strings.TrimSpace(line) != text {
		return errors.New("that is not the issuer: nothing was changed")
	}

	return nil
}

func (s *session) resetKeys(ctx context.Context, stdout io.Writer) error {
	signers, err := newSigners(s.cfg)
	if err != nil {
		return err
	}

	source, event := masterKeySource(s.cfg), s.event("database", "")

	made, pasted, err := op.ResetKeys(ctx, s.store, op.KeyReset{
		MasterKey: source, Settings: keySettings(s.cfg), Audit: event, Rand: rand.Reader,
		Make: func(keyring *seal.Keyring, alg string) (*storage.SigningKey, error) {
			return signers.Generate(keyring, rand.Reader, alg)
		},
	})
	if err != nil {
		return err
	}

	fmt.Fprintf(stdout, "Made %d signing keys, under the master key of %s: back it up apart from the database.\n", len(made), source)

	for _, client := range pasted {
		fmt.Fprintf(stdout, "%s: where its public key is pasted in Conversational Cloud, paste the new one: idp key export --client %s --format one-line\n", client, client)
	}

	fmt.Fprintln(stdout, "Whoever reads key sets by their address takes the new keys up from there. Sessions, passwords, client secrets and API keys are as before.\n"+
		"Refresh tokens are refused: their owners sign in again. The webhook's secret is a new one, for its receiver: idp webhook secret\n"+
		"What the audit trail had sealed cannot be checked any more, and idp audit verify says so; keep what idp audit export has written before.")

	return nil
}
