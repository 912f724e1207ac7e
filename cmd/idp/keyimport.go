package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

// keyImportFlags are the flags of idp key import.
type keyImportFlags struct {
	clientID, kid, alg, passwordFile string
	activate, force, asJSON          bool
}

func newKeyImportCommand(a *app) *cobra.Command {
	var flags keyImportFlags

	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Bring in a private key that was made elsewhere",
		Long: "Bring in a private key that was made elsewhere: for a connector with --client, else for the provider.\n" +
			"Its form is found out: PEM or DER (PKCS #1, PKCS #8, encrypted PKCS #8, SEC 1), PKCS #12, or a JWK; FILE\n" +
			"may be - for standard input. A JWK keeps its kid; other keys have the thumbprint of RFC 7638 unless --kid\n" +
			"says otherwise. RSA keys need 2048 bits. Nothing of the key is printed: remove the file afterwards.\n\n" +
			"The key does nothing before it is published and activated, unless --activate says that it signs from now\n" +
			"on. That is for a brand that moves here: what Conversational Cloud holds pasted stays as it is, and\n" +
			"every relying party of the connector has to hold this key already.\n\n" +
			"The password of an encrypted key is asked for without showing it, or read from a line of standard input.",
		Example: "  idp key import --client messaging messaging.pem --activate     Conversational Cloud holds it already\n" +
			"  idp key import --client messaging messaging.p12 --password-file pw.txt\n" +
			"  idp key import provider.jwk",
		Args: oneArgument("the file of a private key; - is standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := knownAlg(flags.alg); err != nil {
				return err
			}

			return a.withStore(cmd, func(ctx context.Context, s *session) error { return s.importKey(ctx, cmd, args[0], flags) })
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault // files
		},
	}
	addKeyOwnerFlag(cmd, &flags.clientID, "bring in a key of this connector")
	cmd.Flags().StringVar(&flags.kid, "kid", "", "the kid that relying parties know it by (default that of the JWK, or the thumbprint)")
	cmd.Flags().StringVar(&flags.alg, "alg", "", strings.Join(keys.Algs, ", ")+" (default that of the connector, or what suits the key)")
	cmd.Flags().StringVar(&flags.passwordFile, "password-file", "", "read the password from the first line of this `file`")
	cmd.Flags().BoolVar(&flags.activate, "activate", false, "have it sign from now on: relying parties hold it already")
	cmd.Flags().BoolVar(&flags.force, "force", false, "activate it even if that breaks somebody")
	completeWith(cmd, "alg", cobra.FixedCompletions(keys.Algs, cobra.ShellCompDirectiveNoFileComp))
	completeWith(cmd, "kid", cobra.NoFileCompletions)
	addJSONFlag(cmd, &flags.asJSON)

	return cmd
}

func (s *session) importKey(ctx context.Context, cmd *cobra.Command, file string, flags keyImportFlags) error {
	if _, _, err := s.keyOwner(ctx, flags.clientID); err != nil {
		return err
	}

	private, err := readPrivateKey(ctx, cmd, file, flags.passwordFile)
	if err != nil {
		return err
	}

	key, err := op.CreateKey(ctx, s.store, op.NewKey{
		ClientID: flags.clientID, Alg: flags.alg, Imported: private, Audit: s.event("key", ""),
		Make: func(alg string) (*storage.SigningKey, error) {
			keyring, err := s.openKeyring(ctx)
			if err != nil {
				return nil, err
			}

			return private.Seal(keyring, alg, flags.kid)
		},
	})
	if err != nil {
		return fmt.Errorf("import %s: %w", file, err)
	}

	var verdict *keys.Verdict

	if flags.activate {
		if verdict, err = s.activateImported(ctx, key.Kid, flags.force); err != nil {
			return fmt.Errorf("the key was brought in, but does not sign: %w", explainStep(err))
		}
	}

	if flags.asJSON {
		status, err := s.keyStatus(ctx, key.Kid)
		if err != nil {
			return err
		}

		return printJSON(cmd.OutOrStdout(), status)
	}

	fmt.Fprintf(cmd.OutOrStdout(), "Brought in the %s key %s. Nothing of %s is needed any more: remove it.\n", key.Alg, key.Kid, file)

	if verdict == nil {
		fmt.Fprintln(cmd.OutOrStdout(), "Next:", stepCommand(keys.Publish, key.Kid, ""))
	} else {
		return s.printMadeStep(ctx, cmd.OutOrStdout(), verdict)
	}

	return nil
}

// readPrivateKey reads a key from a file, or from standard input for "-".
func readPrivateKey(ctx context.Context, cmd *cobra.Command, file, passwordFile string) (*keys.PrivateKey, error) {
	var (
		data []byte
		err  error
	)

	if file == "-" {
		data, err = io.ReadAll(io.LimitReader(cmd.InOrStdin(), keys.MaxPrivateBytes))
	} else {
		data, err = readAtMost(file, keys.MaxPrivateBytes)
	}

	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}

	ask := secretPrompt{stdin: cmd.InOrStdin(), prompt: cmd.ErrOrStderr(), lines: bufio.NewReader(cmd.InOrStdin())}

	private, err := keys.ReadPrivate(data, func() (string, error) {
		return ask.secret(ctx, "password of the key", "--password-file", passwordFile)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}

	return private, nil
}

// instancesWait is how long a command waits for the instances to publish a key: longer
// than one counts that was cut off.
const instancesWait = 90 * time.Second

// activateImported publishes a key and has it sign. Who asks for this says that the
// relying parties hold it already.
func (s *session) activateImported(ctx context.Context, kid string, force bool) (*keys.Verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, instancesWait)
	defer cancel()

	step := op.KeyStep{Kid: kid, Step: keys.Publish, Audit: s.event("key", "")}
	if _, err := op.StepKey(ctx, s.store, keySettings(s.cfg), step); err != nil {
		return nil, err
	}

	step.Step, step.Pasted, step.Force = keys.Activate, true, force

	return op.StepKeyAgreed(ctx, s.store, keySettings(s.cfg), step)
}

// keyStatus tells of one key.
func (s *session) keyStatus(ctx context.Context, kid string) (keys.Status, error) {
	snapshot, err := s.store.ReadSnapshot(ctx)
	if err != nil {
		return keys.Status{}, err
	}

	key, err := keys.Find(snapshot.Keys, kid)
	if err != nil {
		return keys.Status{}, err
	}

	return op.LifeOf(snapshot, keySettings(s.cfg)).Status(key), nil
}
