package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// maxSecret bounds a secret that is read, in bytes.
const maxSecret = 4 << 10

// secretPrompt reads secrets one after the other: each from a file, at a terminal
// without showing it, or else from the next line of standard input.
type secretPrompt struct {
	stdin  io.Reader
	prompt io.Writer
	lines  *bufio.Reader // over stdin, for what is no terminal
}

// secret reads one: the first line of the file that the flag names, if any.
func (p *secretPrompt) secret(ctx context.Context, what, flag, file string) (string, error) {
	line, err := p.line(ctx, what, flag, file)
	if err != nil {
		return "", err
	}

	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	if line == "" {
		return "", fmt.Errorf("the %s is missing: type it, give it in a line of standard input, or in a file by %s", what, flag)
	}

	return line, nil
}

func (p *secretPrompt) line(ctx context.Context, what, flag, file string) (string, error) {
	if file != "" {
		data, err := readAtMost(file, maxSecret)
		if err != nil {
			return "", fmt.Errorf("%s: %w", flag, err)
		}

		line, _, _ := strings.Cut(string(data), "\n")

		return line, nil
	}

	terminal, ok := p.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(terminal.Fd())) {
		line, err := p.lines.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read standard input: %w", err)
		}

		return line, nil
	}

	fmt.Fprintf(p.prompt, "%s: ", what)

	line, err := readHidden(ctx, int(terminal.Fd()))

	fmt.Fprintln(p.prompt)

	if err != nil {
		return "", fmt.Errorf("read the %s: %w", what, err)
	}

	return line, nil
}
