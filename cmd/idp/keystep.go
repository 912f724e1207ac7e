package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

func newKeyCreateCommand(a *app) *cobra.Command {
	var clientID, alg, signer string

	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make a signing key that nobody knows of yet",
		Long: "Make a signing key: of a connector with --client, else of the provider, whose keys sign for all\n" +
			"other clients. It does nothing before it is published and then activated.",
		Example: "  idp key create\n  idp key create --client messaging\n  idp key create --alg ES256\n  idp key create --signer pkcs11",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := knownAlg(alg); err != nil {
				return err
			}

			if signer != "" {
				if err := oneOf("--signer", signer, []string{keys.SignerPKCS11}); err != nil {
					return err
				}
			}

			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				if _, _, err := s.keyOwner(ctx, clientID); err != nil {
					return err
				}

				key, err := op.CreateKey(ctx, s.store, op.NewKey{
					ClientID: clientID, Alg: alg, Audit: s.event("key", ""),
					Make: func(alg string) (*storage.SigningKey, error) {
						return s.makeSigningKey(ctx, alg, signer == keys.SignerPKCS11)
					},
				})
				if err != nil {
					return err
				}

				fmt.Fprintf(cmd.OutOrStdout(), "Made the %s key %s, %s. Next: %s\n", key.Alg, key.Kid, placeOfKey(key), stepCommand(keys.Publish, key.Kid, ""))

				return nil
			})
		},
	}
	addKeyOwnerFlag(cmd, &clientID, "make a key of this connector")
	cmd.Flags().StringVar(&alg, "alg", "", strings.Join(keys.Algs, ", ")+" (default that of the connector, or "+keys.RS256+")")
	cmd.Flags().StringVar(&signer, "signer", "", keys.SignerPKCS11+": make it in the token of pkcs11.module, wherever other keys are made")
	completeWith(cmd, "signer", cobra.FixedCompletions([]string{keys.SignerPKCS11}, cobra.ShellCompDirectiveNoFileComp))
	completeWith(cmd, "alg", cobra.FixedCompletions(keys.Algs, cobra.ShellCompDirectiveNoFileComp))

	return cmd
}

// placeOfKey says where the private half of a key lies.
func placeOfKey(key *storage.SigningKey) string {
	if key.PrivateURI != "" {
		return "in a PKCS #11 token"
	}

	return "sealed in the database"
}

// stepHelp is what the commands of steps say of themselves.
var stepHelp = map[keys.Step]struct{ short, long, done string }{
	keys.Publish: {
		"Publish a key, which signs nothing yet",
		"Put a key into the key sets. Relying parties that read them come to know it before it signs.",
		"is published",
	},
	keys.Activate: {
		"Have a key sign from now on",
		"Have a published key sign from now on. The one that signed before is retired in the same moment, and\n" +
			"stays published; activating that one again is the way back. Refused while a relying party may not\n" +
			"know the key: it was published for less than keys.jwks_max_age or the client's jwks_refresh and a\n" +
			"minute, or the connector holds a pasted key, which has to be replaced there first.",
		"signs from now on",
	},
	keys.Retire: {
		"Have a key sign no more, with none in its place",
		"Have a key sign no more. Nobody gets a token by its algorithm then, so it is refused while it signs for\n" +
			"somebody: activating another key retires the one before.",
		"is retired, and stays published",
	},
	keys.Delete: {
		"Withdraw a key, and destroy its private half",
		"Take a key out of the key sets, and destroy its private half. Refused while a token that it has signed\n" +
			"may be alive, and for keys.retain after that.",
		"is deleted",
	},
}

func newKeyStepCommand(a *app, step keys.Step) *cobra.Command {
	var force bool

	help := stepHelp[step]
	cmd := &cobra.Command{
		Use:   string(step) + " KID",
		Short: help.short,
		Long:  help.long + "\n\nThe beginning of the kid is enough. One that begins with - is given behind --.",
		Example: "  idp key " + string(step) + " 8hTk0pXc\n  idp key " + string(step) + " 8hTk0pXc --force     " +
			"even if it breaks somebody",
		Args: oneArgument("the kid of a key; idp key list shows all"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				verdict, err := op.StepKey(ctx, s.store, keySettings(s.cfg), op.KeyStep{
					Step: step, Kid: args[0], Force: force, Audit: s.event("key", ""),
				})
				if err != nil {
					return explainStep(err)
				}

				if err := s.printMadeStep(ctx, cmd.OutOrStdout(), verdict); err != nil || step != keys.Delete {
					return err
				}

				if left := s.destroyDeleted(verdict.Key); left != "" {
					fmt.Fprintf(cmd.OutOrStdout(), "\nWarning: %s\n", left)
				}

				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "make the step even if it breaks somebody")

	return cmd
}

// knownAlg refuses a --alg that no key is for. "" leaves it to whose key it is.
func knownAlg(alg string) error {
	if alg == "" {
		return nil
	}

	return oneOf("--alg", alg, keys.Algs)
}

// explainKid says where the keys are to be found.
func explainKid(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("%w; idp key list shows all", err)
	}

	return err
}

// explainStep says by which command a step is made all the same.
func explainStep(err error) error {
	refused, ok := errors.AsType[*keys.RefusedError](err)
	if !ok || !refused.Forcible() {
		return explainKid(err)
	}

	return fmt.Errorf("%w; %s does it all the same", err, stepCommand(refused.Verdict.Step, refused.Verdict.Key.Kid, " --force"))
}

// stepCommand is the command of a step. flags come before a kid that would be taken
// for one.
func stepCommand(step keys.Step, kid, flags string) string {
	if strings.HasPrefix(kid, "-") {
		return "idp key " + string(step) + flags + " -- " + kid
	}

	return "idp key " + string(step) + " " + kid + flags
}

func (s *session) printMadeStep(ctx context.Context, w io.Writer, v *keys.Verdict) error {
	fmt.Fprintf(w, "Key %s %s.\n", v.Key.Kid, stepHelp[v.Step].done)

	if v.Retires != nil {
		back, err := s.wayBack(ctx, v.Retires.Kid)
		if err != nil {
			return err
		}

		fmt.Fprintf(w, "Key %s is retired, and stays published. The way back: %s\n", v.Retires.Kid, back)
	}

	for _, broken := range v.Breaks {
		fmt.Fprintf(w, "\nWarning: this breaks %s: %s\n", broken.ClientID, broken.Why)
	}

	return nil
}

// destroyDeleted destroys in its token the private half of a key that was deleted. It
// gives what is left to do if that does not succeed, and "" otherwise.
func (s *session) destroyDeleted(key *storage.SigningKey) (left string) {
	if key.PrivateURI == "" {
		return ""
	}

	signers, err := newSigners(s.cfg)
	if err == nil {
		err = signers.Destroy(key)
	}

	if err != nil {
		return fmt.Sprintf("its private half is still in the token, as %s; destroy it there by the token's own tool: %v", key.PrivateURI, err)
	}

	return ""
}

// wayBack is the command that has a key sign again whose place another took: that which
// leads back where the key has to be pasted again.
func (s *session) wayBack(ctx context.Context, kid string) (string, error) {
	snapshot, err := s.store.ReadSnapshot(ctx)
	if err != nil {
		return "", err
	}

	key, err := keys.Find(snapshot.Keys, kid)
	if err != nil {
		return "", err
	}

	life := op.LifeOf(snapshot, keySettings(s.cfg))
	if life.Decide(keys.Activate, key).Err(false) == nil {
		return stepCommand(keys.Activate, kid, ""), nil
	}

	clientID := life.Status(key).ClientID

	standing, err := life.Rotation(clientID)
	if err == nil && standing.Before == key {
		return "idp connector rotate " + clientID + " --back", nil
	}

	return stepCommand(keys.Activate, kid, " --force"), nil // of the provider, or of a key before that
}
