package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/brandidp/idp/op/password"
	"github.com/brandidp/idp/storage"
)

func newSetPasswordCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "set-password SUB|USERNAME|EMAIL|PHONE",
		Short: "Set a consumer's password, which ends their sessions and tokens",
		Long: "Set a consumer's password. It is asked for twice without showing it, or read from the first\n" +
			"line of standard input. Every session, code and token of the consumer ends.",
		Example: "  idp consumer set-password amelia\n  idp consumer set-password amelia < new-password.txt",
		Args:    oneArgument("a sub, or what the consumer signs in with"),
		RunE: func(cmd *cobra.Command, args []string) error {
			// Found before the password is asked for: a wrong name costs no typing.
			return a.withConsumer(cmd, args[0], func(ctx context.Context, s *session, consumer *storage.Consumer) error {
				typed, err := askPassword(ctx, cmd.InOrStdin(), cmd.ErrOrStderr())
				if err != nil {
					return err
				}

				if err := s.setPassword(ctx, consumer, typed); err != nil {
					return err
				}

				fmt.Fprintln(cmd.OutOrStdout(), "The password is set; sessions, codes and tokens of this consumer have ended.")

				return nil
			})
		},
	}
}

func (s *session) setPassword(ctx context.Context, consumer *storage.Consumer, typed string) error {
	hasher, err := s.batchHasher()
	if err != nil {
		return err
	}

	hash, err := hasher.Hash(ctx, typed)
	if err != nil {
		return err
	}

	return s.store.ChangePassword(ctx, consumer.ID, hash, s.event("consumer", consumer.Sub))
}

// askPassword asks for a new password twice at a terminal, or reads the first
// line of what is no terminal.
func askPassword(ctx context.Context, stdin io.Reader, prompt io.Writer) (string, error) {
	terminal, ok := stdin.(*os.File)
	if !ok || !term.IsTerminal(int(terminal.Fd())) {
		return readPassword(stdin)
	}

	var typed [2]string

	for i, question := range []string{"New password: ", "Once more: "} {
		fmt.Fprint(prompt, question)

		answer, err := readHidden(ctx, int(terminal.Fd()))
		fmt.Fprintln(prompt)

		if err != nil {
			return "", fmt.Errorf("read the password: %w", err)
		}

		typed[i] = answer
	}

	if typed[0] != typed[1] {
		return "", errors.New("the two passwords differ; nothing was changed")
	}

	return typed[0], password.CheckNew(typed[0])
}

// readHidden reads one line from a terminal that does not show it. Ctrl-C ends
// it and leaves the terminal as it was.
func readHidden(ctx context.Context, terminal int) (string, error) {
	before, err := term.GetState(terminal)
	if err != nil {
		return "", err //nolint:wrapcheck // the caller says what was being done
	}

	type answer struct {
		line []byte
		err  error
	}

	answers := make(chan answer, 1)

	go func() {
		line, err := term.ReadPassword(terminal)
		answers <- answer{line, err}
	}()

	select {
	case a := <-answers:
		return string(a.line), a.err
	case <-ctx.Done():
		_ = term.Restore(terminal, before)

		return "", ctx.Err()
	}
}

// readPassword reads one line.
func readPassword(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, 2*password.MaxBytes)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}

	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")

	if line == "" {
		return "", errors.New("standard input held no password")
	}

	return line, password.CheckNew(line)
}
