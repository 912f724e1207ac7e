package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op/liveperson/inspect"
)

// inspectFlags are the flags of idp token inspect.
type inspectFlags struct {
	keyFile, decryptionKeyFile  string
	issuer, clientID, accountID string
	showClaims, asJSON          bool
}

// errRefused ends the command with exit code 1.
var errRefused = errors.New("Conversational Cloud would refuse this token") //nolint:staticcheck // begins with a name

func newTokenInspectCommand() *cobra.Command {
	var flags inspectFlags

	cmd := &cobra.Command{
		Use:   "inspect [TOKEN|-]",
		Short: "Say check by check whether Conversational Cloud would take a token",
		Long: "Say check by check whether Conversational Cloud would take an ID token, and why not: a JWT or\n" +
			"a JWE, whoever made it, from the argument or from standard input (which, unlike an argument,\n" +
			"other users of the machine do not see). The token is never printed, and its claims only with\n" +
			"--claims.\n\n" +
			"The signature is verified with --key, offline, or with the keys of the running provider that\n" +
			"--issuer names: those of the connector's own JWKS with --client. iss is held against --issuer and\n" +
			"aud against --client.\n\n" +
			"Each check names what it comes from: 1.1 format and signature, 1.2 mandatory claims, 1.3 standard\n" +
			"claims, 1.4 lp_sdes, 1.5 limits, 1.6 the key, 1.7 encryption, 1.8 lifetime, 1.9 sub. What LivePerson\n" +
			"does not document is a warning (!), never a refusal.\n\n" +
			"Exit code 0: it would be taken, as far as it could be checked. 1: it would be refused. 2: the\n" +
			"provider that --issuer names cannot be reached.",
		Example: "  idp token inspect --issuer https://id.brand.example --client messaging < token.txt\n" +
			"  idp token inspect --key messaging.pem --claims < token.txt\n" +
			"  idp token inspect --json eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
		Args: optionalArgument("the token; - is standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			token, err := readToken(args, cmd.InOrStdin())
			if err != nil {
				return err
			}

			report, err := flags.inspect(cmd.Context(), token)
			if err != nil {
				return err
			}

			if err := flags.print(cmd.OutOrStdout(), report); err != nil {
				return err
			}

			if report.Verdict == inspect.Refused {
				return errRefused
			}

			return nil
		},
	}
	// It takes the place of the configuration's flag: nothing of this installation
	// is asked here.
	cmd.Flags().StringVar(&flags.issuer, "issuer", "",
		"the connector's JWT issuer (iss), a `URL`; without --key its provider is asked for its keys")
	cmd.Flags().StringVar(&flags.clientID, "client", "", "the connector's Client ID")
	cmd.Flags().StringVar(&flags.accountID, "account", "", "the `number` of the account at Conversational Cloud")
	cmd.Flags().StringVar(&flags.keyFile, "key", "",
		"verify with the public key in this `file`: PEM, one line, JWK or JWKS")
	cmd.Flags().StringVar(&flags.decryptionKeyFile, "decryption-key", "",
		"open a JWE with the private key in this `file`: PEM or JWK")
	cmd.Flags().BoolVar(&flags.showClaims, "claims", false, "print header and claims, too, which are personal data")
	addJSONFlag(cmd, &flags.asJSON)

	for _, flag := range []string{"issuer", "client", "account"} {
		completeWith(cmd, flag, cobra.NoFileCompletions)
	}

	return cmd
}

// readToken takes the token from the argument or from standard input.
func readToken(args []string, stdin io.Reader) (string, error) {
	text := "-"
	if len(args) > 0 {
		text = args[0]
	}

	if text == "-" {
		data, err := io.ReadAll(io.LimitReader(stdin, 2*inspect.MaxSize))
		if err != nil {
			return "", fmt.Errorf("read standard input: %w", err)
		}

		text = string(data)
	}

	text = strings.TrimSpace(text)
	if text == "" {
		return "", errors.New("there is no token: give it as the argument or on standard input")
	}

	return text, nil
}

func (f *inspectFlags) inspect(ctx context.Context, token string) (*inspect.Report, error) {
	const keyLimit = 64 << 10

	opts := inspect.Options{Now: time.Now(), Issuer: f.issuer, ClientID: f.clientID, AccountID: f.accountID}

	switch {
	case f.keyFile != "":
		data, err := readAtMost(f.keyFile, keyLimit)
		if err == nil {
			opts.Keys, err = inspect.ParseKeys(data)
		}

		if err != nil {
			return nil, fmt.Errorf("--key: %w", err)
		}
	case f.issuer != "":
		var err error
		if opts.Keys, err = inspect.FetchKeys(ctx, f.issuer, f.clientID); err != nil {
			return nil, fmt.Errorf("--issuer: %w", err)
		}
	}

	if f.decryptionKeyFile != "" {
		data, err := readAtMost(f.decryptionKeyFile, keyLimit)
		if err == nil {
			opts.DecryptionKey, err = inspect.ParseDecryptionKey(data)
		}

		if err != nil {
			return nil, fmt.Errorf("--decryption-key: %w", err)
		}
	}

	return inspect.Token(token, opts), nil
}

func (f *inspectFlags) print(w io.Writer, report *inspect.Report) error {
	var header, claims json.RawMessage
	if f.showClaims {
		header, claims = visible(report.Header), visible(report.Payload)
	}

	if f.asJSON {
		return printJSON(w, struct {
			*inspect.Report

			Header json.RawMessage `json:"header,omitempty"`
			Claims json.RawMessage `json:"claims,omitempty"`
		}{report, header, claims})
	}

	for _, part := range []json.RawMessage{header, claims} {
		if part == nil {
			continue
		}

		if err := printJSON(w, part); err != nil {
			return err
		}
	}

	marks := map[inspect.Outcome]string{inspect.Passed: "✓", inspect.Warned: "!", inspect.Failed: "✗", inspect.LeftOut: "–"}

	var rows [][]string
	for _, check := range report.Checks {
		rows = append(rows, []string{marks[check.Outcome] + " " + check.Title, check.Section, check.Found})
	}

	if err := printTable(w, rows); err != nil {
		return err
	}

	switch report.Verdict {
	case inspect.Accepted:
		fmt.Fprintln(w, "\nConversational Cloud would take it.")
	case inspect.Undecided:
		fmt.Fprintln(w, "\nNothing is wrong with what could be checked.")
	case inspect.Refused: // the error says it
	}

	return nil
}

// visible escapes what a terminal would act on, which JSON allows in its texts.
func visible(document json.RawMessage) json.RawMessage {
	var out []byte

	for _, r := range string(document) {
		if r < ' ' || unicode.IsPrint(r) { // below a space there is nothing but the breaks between members
			out = utf8.AppendRune(out, r)

			continue
		}

		for _, unit := range utf16.AppendRune(nil, r) {
			out = fmt.Appendf(out, `\u%04x`, unit)
		}
	}

	return out
}
