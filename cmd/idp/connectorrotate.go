package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

// The steps of idp connector rotate --step.
const (
	rotatePublish  = "publish"
	rotateActivate = "activate"
	rotateBack     = "back"
)

var rotateSteps = []string{rotatePublish, rotateActivate, rotateBack}

func newConnectorRotateCommand(a *app) *cobra.Command {
	var (
		step         string
		back, asJSON bool
	)

	cmd := &cobra.Command{
		Use:   "rotate CLIENT_ID",
		Short: "Replace the key of a connector, a pasted one, too",
		Long: "Replace the key by which a connector's tokens are signed, and lead through it: a new key is made and\n" +
			"published, its one line printed to be pasted into Conversational Cloud, and when it was, the new key\n" +
			"signs and a token of it is verified by what was pasted. Between the two moments Conversational Cloud\n" +
			"refuses tokens, so be quick there. It can be left at any time, with Ctrl-C, and goes on where it was.\n\n" +
			"A connector that reads the key set (idp_certificate_type: jwks_endpoint) has nothing to paste: its new\n" +
			"key signs when it has been published for long enough.\n\n" +
			"Without somebody to lead, --step makes one step: publish makes and publishes the new key and prints its\n" +
			"line, or from when on it may sign; activate says that the line is pasted now, and has the key sign;\n" +
			"back has the old one sign again, and says that its line is pasted again.",
		Example: "  idp connector rotate messaging\n" +
			"  idp connector rotate messaging --back     the old key again\n" +
			"  idp connector rotate messaging --step publish --json",
		Args:              oneArgument("the client_id"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if step != "" {
				if err := oneOf("--step", step, rotateSteps); err != nil {
					return err
				}
			} else if asJSON {
				return errors.New("--json: for --step alone; without it somebody is led through the steps")
			}

			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				if _, _, err := s.keyOwner(ctx, args[0]); err != nil {
					return err
				}

				r := &rotation{session: s, clientID: args[0], out: cmd.OutOrStdout(), in: cmd.InOrStdin(), lines: bufio.NewReader(cmd.InOrStdin())}
				if step != "" {
					return r.one(ctx, step, asJSON)
				}

				return r.lead(ctx, back)
			})
		},
	}
	cmd.Flags().StringVar(&step, "step", "", "make one step and ask nothing: "+strings.Join(rotateSteps, ", "))
	cmd.Flags().BoolVar(&back, "back", false, "lead back to the key before")
	completeWith(cmd, "step", cobra.FixedCompletions(rotateSteps, cobra.ShellCompDirectiveNoFileComp))
	addJSONFlag(cmd, &asJSON)
	cmd.MarkFlagsMutuallyExclusive("step", "back")

	return cmd
}

// rotation is one run of idp connector rotate.
type rotation struct {
	*session

	clientID string
	out      io.Writer
	in       io.Reader
	lines    *bufio.Reader // over in
}

// standing is how far the connector is.
func (r *rotation) standing(ctx context.Context) (*keys.Rotation, *keys.Life, error) {
	snapshot, err := r.store.ReadSnapshot(ctx)
	if err != nil {
		return nil, nil, err
	}

	life := op.LifeOf(snapshot, keySettings(r.cfg))

	standing, err := life.Rotation(r.clientID)
	if err != nil {
		return nil, nil, err
	}

	return standing, life, nil
}

// rotationView is what --step --json prints.
type rotationView struct {
	ClientID string `json:"client_id"`
	// Signs is the kid of the active key, Next that of the published one that is to take
	// its place, and Before that of the way back.
	Signs  string `json:"signs,omitempty"`
	Next   string `json:"next,omitempty"`
	Before string `json:"before,omitempty"`
	// Paste is the line that Conversational Cloud has to hold for the next step, or does by
	// now; "" for a connector that reads the key set.
	Paste string `json:"paste,omitempty"`
	// MaySignFrom is when Conversational Cloud has read the key set with the key that is to
	// take another's place; the zero value for a connector that may hold a pasted key.
	MaySignFrom time.Time `json:"may_sign_from,omitzero"`
}

// one makes one step, and asks nothing.
func (r *rotation) one(ctx context.Context, step string, asJSON bool) error {
	standing, _, err := r.standing(ctx)
	if err != nil {
		return err
	}

	var shown *storage.SigningKey

	switch step {
	case rotatePublish:
		shown, err = r.publish(ctx, standing)
	case rotateActivate:
		if shown = standing.Next; shown == nil {
			return fmt.Errorf("no key is to take another's place: %s --step publish makes one", r.command())
		}

		err = r.activatePasted(ctx, standing, shown)
	default:
		if shown, err = r.wayBack(standing); err == nil {
			err = r.activatePasted(ctx, standing, shown)
		}
	}

	if err != nil {
		return err
	}

	standing, life, err := r.standing(ctx)
	if err != nil {
		return err
	}

	view := rotationView{ClientID: r.clientID, Signs: kidOf(standing.Signs), Next: kidOf(standing.Next), Before: kidOf(standing.Before)}
	if standing.Client.ConversationalCloud.HoldsPastedKey() {
		if view.Paste, err = keys.OneLine(shown.PublicJWK); err != nil {
			return err
		}
	} else if step == rotatePublish {
		view.MaySignFrom = life.KnownFrom(standing.Next).UTC()
	}

	switch {
	case asJSON:
		return printJSON(r.out, view)
	case step != rotatePublish:
		fmt.Fprintf(r.out, "Key %s signs from now on.\n", shown.Kid)
	case view.Paste == "":
		r.printReaders(shown, view.MaySignFrom, r.command()+" --step activate")
	default:
		r.printLine(standing, shown, view.Paste)
		fmt.Fprintf(r.out, "Once it is saved there: %s --step activate\n", r.command())
	}

	return nil
}

func kidOf(key *storage.SigningKey) string {
	if key == nil {
		return ""
	}

	return key.Kid
}

// command is this command's own line.
func (r *rotation) command() string { return "idp connector rotate " + r.clientID }

// publish makes a key if none waits, and publishes it.
func (r *rotation) publish(ctx context.Context, standing *keys.Rotation) (*storage.SigningKey, error) {
	next := standing.Next
	if next == nil {
		var err error

		next, err = op.CreateKey(ctx, r.store, op.NewKey{
			ClientID: r.clientID, Audit: r.event("key", ""),
			Make: func(alg string) (*storage.SigningKey, error) { return r.makeSigningKey(ctx, alg, false) },
		})
		if err != nil {
			return nil, err
		}
	}

	if next.State != keys.Created {
		return next, nil
	}

	step := op.KeyStep{Step: keys.Publish, Kid: next.Kid, Audit: r.event("key", "")}
	if _, err := op.StepKey(ctx, r.store, keySettings(r.cfg), step); err != nil {
		return nil, err
	}

	return next, nil
}

// activate has a key sign that is pasted by now, or that every reader knows.
func (r *rotation) activate(ctx context.Context, key *storage.SigningKey) error {
	ctx, cancel := context.WithTimeout(ctx, instancesWait)
	defer cancel()

	_, err := op.StepKeyAgreed(ctx, r.store, keySettings(r.cfg), op.KeyStep{
		Step: keys.Activate, Kid: key.Kid, Pasted: true, Audit: r.event("key", ""),
	})

	return err
}

// activatePasted is activate for who says that the key is pasted by now. Where the
// connector document can be asked, that has the last word.
func (r *rotation) activatePasted(ctx context.Context, standing *keys.Rotation, key *storage.SigningKey) error {
	if r.cfg.ConversationalCloud.ConnectorDocumentURL != "" && standing.Client.ConversationalCloud.HoldsPastedKey() {
		line, err := keys.OneLine(key.PublicJWK)
		if err != nil {
			return err
		}

		held, err := r.documentHolds(ctx, standing.Client, line)
		if err != nil {
			return err
		}

		if !held {
			return fmt.Errorf("key %s is not pasted yet, by the connector document of Conversational Cloud", key.Kid)
		}
	}

	return r.activate(ctx, key)
}

// wayBack is the key to go back to.
func (r *rotation) wayBack(standing *keys.Rotation) (*storage.SigningKey, error) {
	switch {
	case standing.Before != nil:
		return standing.Before, nil
	case standing.Next != nil && standing.Signs != nil:
		return nil, fmt.Errorf("key %s signs as before: nothing has to be taken back but what was pasted; its line: idp key export --client %s --format one-line",
			standing.Signs.Kid, r.clientID)
	default:
		return nil, errors.New("there is no key to go back to")
	}
}
