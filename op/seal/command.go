package seal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

const (
	commandLimit = 30 * time.Second
	// outputLimit bounds what is kept of what a command writes, in bytes.
	outputLimit = 4 << 10
)

// MasterKeyCommand is a key that a program gives on its standard output, such as that
// of a vault: the program and its arguments. There is no shell between.
type MasterKeyCommand []string

// Load runs the program, for half a minute at most. If it fails, the error tells what
// it has written to its standard error, but for the key.
func (c MasterKeyCommand) Load() (MasterKey, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandLimit)
	defer cancel()
	var stdout, stderr limited
	cmd := exec.CommandContext(ctx, c[0], c[1:]...) //nolint:gosec // the operator names it
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &stdout, &stderr, time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("no answer within %v", commandLimit)
	}
	var key MasterKey
	if err == nil {
		key, err = ParseMasterKey(stdout.String())
	}
	if err != nil {
		return MasterKey{}, fmt.Errorf("master key of %s: %w%s; try the master_key_command by hand, as the user of idp: it has to print the key alone",
			c, err, stderr.without(stdout.String()))
	}
	return key, nil
}

// Create refuses: the key is made where the program takes it from.
func (c MasterKeyCommand) Create(MasterKey) error {
	return errors.New("master key: is given by a command")
}

// String names the program. Its arguments may tell more than a log should.
func (c MasterKeyCommand) String() string { return "the command " + c[0] }

// limited keeps the beginning of what is written to it.
type limited struct{ bytes.Buffer }

func (l *limited) Write(text []byte) (int, error) {
	_, _ = l.Buffer.Write(text[:min(len(text), outputLimit-l.Len())]) // never fails
	return len(text), nil
}

// without is what was written, to be put behind an error, with each word of a secret
// masked.
func (l *limited) without(secret string) string {
	text := strings.TrimSpace(l.String())
	for word := range strings.FieldsSeq(secret) {
		text = strings.ReplaceAll(text, word, "********")
	}
	if text == "" {
		return ""
	}
	return ": " + text
}
