package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/liveperson/standin"
	"github.com/brandidp/idp/op/liveperson/standin/trial"
	"github.com/brandidp/idp/storage"
)

// trialFlags are the flags of idp connector test.
type trialFlags struct {
	consumer, passwordFile, secretFile, address string
	timeout                                     time.Duration
	showClaims, asJSON                          bool
}

// trialLimit is how long a trial may take unless somebody says otherwise.
const trialLimit = time.Minute

// errTrialFailed ends the command with exit code 1.
var errTrialFailed = errors.New("the connector does not work yet: a step has failed")

func newConnectorTestCommand(a *app) *cobra.Command {
	var flags trialFlags

	cmd := &cobra.Command{
		Use:   "test CLIENT_ID --consumer SUB|USERNAME|EMAIL|PHONE",
		Short: "Try a connector against the provider that is up, as Conversational Cloud would",
		Long: "Try a connector against the provider that is up at the issuer. A stand-in for Conversational Cloud\n" +
			"opens its windows as the client's settings allow: the external window, the window on the brand's page,\n" +
			"with tokens and with codes, with PKCE, and with consumer delegation the renewal of the access token. A\n" +
			"browser of this command's own signs the consumer in, and out again at the end: none has to be installed,\n" +
			"and no JavaScript is run. Nothing is sent to anybody but the provider: LivePerson's addresses are read\n" +
			"and never asked for.\n\n" +
			"Each step is printed with its requests and answers, and the first that fails with what to do about it.\n" +
			"Secrets, tokens and what is personal are told by kind and length alone. Numbers in parentheses are the\n" +
			"sections of the contract: op/liveperson/standin/README.md has them.\n\n" +
			"The consumer's password, and for the code flow the client's secret, are asked for without showing them.\n" +
			"Without a terminal they are read from standard input, the password in the first line and the secret in\n" +
			"the second; or either from a file.\n\n" +
			"Exit code 0: all steps passed. 1: one failed. 2: the database or the provider cannot be reached.",
		Example: "  idp connector test messaging --consumer amelia\n" +
			"  idp connector test messaging --consumer amelia --password-file pw.txt --client-secret-file secret.txt --json\n" +
			"  idp connector test messaging --consumer amelia --address http://127.0.0.1:8080     before the DNS leads there",
		Args:              oneArgument("the client_id"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				return s.tryConnector(ctx, cmd, args[0], flags)
			})
		},
	}
	cmd.Flags().StringVar(&flags.consumer, "consumer", "", "who signs in: a sub, or what the consumer signs in with")
	cmd.Flags().StringVar(&flags.passwordFile, "password-file", "", "read the consumer's password from the first line of this `file`")
	cmd.Flags().StringVar(&flags.secretFile, "client-secret-file", "", "read the client's secret from the first line of this `file`")
	cmd.Flags().StringVar(&flags.address, "address", "",
		"reach the provider at this `URL`, such as http://127.0.0.1:8080, instead of at the issuer's host")
	cmd.Flags().DurationVar(&flags.timeout, "timeout", trialLimit, "how long all of it may take")
	cmd.Flags().BoolVar(&flags.showClaims, "claims", false, "print the claims of ID tokens, too, which are personal data")
	addJSONFlag(cmd, &flags.asJSON)

	for _, flag := range []string{"consumer", "address", "timeout"} {
		completeWith(cmd, flag, cobra.NoFileCompletions)
	}

	if err := cmd.MarkFlagRequired("consumer"); err != nil {
		panic(err) // the flag is defined above
	}

	return cmd
}

func (s *session) tryConnector(ctx context.Context, cmd *cobra.Command, clientID string, flags trialFlags) error {
	// All that can be known before is said before anything is typed.
	if flags.address != "" {
		if err := trial.CheckAddress(flags.address); err != nil {
			return fmt.Errorf("--address: %w", err)
		}
	}

	if flags.timeout <= 0 {
		return errors.New("--timeout: must be more than nothing, such as 30s")
	}

	registration, err := s.connectorOf(ctx, clientID)
	if err != nil {
		return err
	}

	consumer, err := s.whoCanSignIn(ctx, flags.consumer)
	if err != nil {
		return err
	}

	username := typedBy(consumer, flags.consumer)
	if username == "" {
		return errors.New("the consumer has neither a user name nor a verified address or number, and cannot sign in")
	}

	opts := trial.Options{
		Registration: registration, Subject: consumer.Sub, Username: username,
		Address: flags.address, ShowClaims: flags.showClaims, Now: time.Now, Rand: rand.Reader,
	}

	ask := secretPrompt{stdin: cmd.InOrStdin(), prompt: cmd.ErrOrStderr(), lines: bufio.NewReader(cmd.InOrStdin())}

	if opts.Password, err = ask.secret(ctx, "password of "+opts.Username, "--password-file", flags.passwordFile); err != nil {
		return err
	}

	if registration.CodeFlow {
		if opts.ClientSecret, err = ask.secret(ctx, "client_secret of "+clientID, "--client-secret-file", flags.secretFile); err != nil {
			return err
		}
	}

	ctx, cancel := context.WithTimeout(ctx, flags.timeout)
	defer cancel()

	return runTrial(ctx, cmd.OutOrStdout(), opts, flags.asJSON)
}

// connectorOf is a client as Conversational Cloud has to know it.
func (s *session) connectorOf(ctx context.Context, clientID string) (*liveperson.Registration, error) {
	client, rows, err := s.readClient(ctx, clientID)
	if err != nil {
		return nil, err
	}

	return op.Registration(s.cfg.Issuer, client, rows)
}

// whoCanSignIn finds a consumer, and refuses one whom no password signs in: the
// provider itself tells nobody of these reasons.
func (s *session) whoCanSignIn(ctx context.Context, name string) (*storage.Consumer, error) {
	consumer, err := s.findConsumer(ctx, name)

	switch {
	case err != nil:
		return nil, err
	case consumer.Disabled:
		return nil, errors.New("the consumer is disabled, and cannot sign in: take disabled from the brand file and run idp apply")
	case consumer.PasswordHash == "":
		return nil, errors.New("the consumer has no password, and cannot sign in: idp consumer set-password sets one")
	default:
		return consumer, nil
	}
}

// typedBy is what a consumer types to sign in: the name as it was given, unless
// that was the sub.
func typedBy(c *storage.Consumer, given string) string {
	if given != c.Sub {
		return given
	}

	verified := func(yes *bool) bool { return yes != nil && *yes }

	switch {
	case c.Username != "":
		return c.Username
	case verified(c.Claims.EmailVerified):
		return c.Claims.Email
	case verified(c.Claims.PhoneNumberVerified):
		return c.Claims.PhoneNumber
	default:
		return ""
	}
}

// runTrial tries, and prints each step when it is done, or the whole as JSON.
func runTrial(ctx context.Context, w io.Writer, opts trial.Options, asJSON bool) error {
	if !asJSON {
		opts.Done = func(step trial.Step) { printStep(w, step) }
	}

	report, err := trial.Run(ctx, opts)
	if report != nil && asJSON {
		for i, step := range report.Steps {
			report.Steps[i].Claims = visible(step.Claims)
		}

		if err := printJSON(w, report); err != nil {
			return err
		}
	}

	if report != nil && !asJSON {
		printVerdict(w, report) // a warning may be why a step failed
	}

	switch {
	case err != nil:
		return err
	case !report.Passed:
		return errTrialFailed
	}

	return nil
}

func printVerdict(w io.Writer, report *trial.Report) {
	if report.Passed {
		printCount(w, report)
	}

	printWarnings(w, report.Warnings)
}

func printCount(w io.Writer, report *trial.Report) {
	leftOut := 0

	for _, step := range report.Steps {
		if step.Outcome == standin.LeftOut {
			leftOut++
		}
	}

	fmt.Fprintf(w, "\nNone of %d steps failed", len(report.Steps))

	if leftOut > 0 {
		fmt.Fprintf(w, "; left out: %d", leftOut)
	}

	fmt.Fprintln(w, ".")
}

// trialMarks go beside the words.
var trialMarks = map[standin.Outcome]string{standin.Passed: "✓", standin.Failed: "✗", standin.LeftOut: "–"}

func printStep(w io.Writer, step trial.Step) {
	fmt.Fprintf(w, "%2d %s %s%s\n", step.Number, trialMarks[step.Outcome], step.Title, inParentheses(step.Section))

	outcome := map[standin.Outcome]string{standin.Passed: "", standin.Failed: "failed: ", standin.LeftOut: "left out: "}[step.Outcome]
	fmt.Fprintf(w, "     %s%s\n", outcome, step.Found)

	if step.Advice != "" {
		fmt.Fprintf(w, "     what to do: %s\n", step.Advice)
	}

	for _, request := range step.Requests {
		fmt.Fprintf(w, "     %s %s\n", request.Method, request.Address)
		printDetails(w, request.Request)

		if request.Status == 0 {
			fmt.Fprintln(w, "     → no answer")

			continue
		}

		fmt.Fprintf(w, "     → %d\n", request.Status)
		printDetails(w, request.Response)
	}

	for _, check := range step.Checks {
		fmt.Fprintf(w, "     %s %s: %s%s\n", trialMarks[check.Outcome], check.Title, check.Found, inParentheses(check.Section))
	}

	if claims := visible(step.Claims); claims != nil {
		_ = printJSON(w, claims) // they were JSON; a writer that fails is seen at the next line
	}
}

func printDetails(w io.Writer, details []trial.Detail) {
	for _, d := range details {
		fmt.Fprintf(w, "         %s: %s\n", d.Name, d.Value)
	}
}

func inParentheses(section string) string {
	if section == "" {
		return ""
	}

	return " (" + section + ")"
}
