package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

// lead leads somebody through all steps.
func (r *rotation) lead(ctx context.Context, back bool) error {
	standing, life, err := r.standing(ctx)
	if err != nil {
		return err
	}

	if err := r.answerable(standing); err != nil {
		return err
	}

	var key *storage.SigningKey

	if back {
		key, err = r.wayBack(standing)
	} else {
		if err := r.askForAnother(ctx, standing, life); err != nil {
			return err
		}

		key, err = r.publish(ctx, standing)
	}

	if err != nil {
		return err
	}

	if !standing.Client.ConversationalCloud.HoldsPastedKey() {
		return r.readers(ctx, key)
	}

	pasted, err := r.waitUntilPasted(ctx, standing, key)
	if err != nil {
		return r.left(standing, back, err)
	}

	if err := r.activate(ctx, key); err != nil {
		return r.left(standing, back, err)
	}

	return r.check(ctx, key, pasted)
}

// answerable refuses to begin what nobody can answer: standard input has ended already.
// A pipe may still be written to when the line to paste has been read.
func (r *rotation) answerable(standing *keys.Rotation) error {
	file, isFile := r.in.(*os.File)
	if !isFile || !standing.Client.ConversationalCloud.HoldsPastedKey() || r.cfg.ConversationalCloud.ConnectorDocumentURL != "" {
		return nil
	}

	ready, err := unix.Poll([]unix.PollFd{{Fd: int32(file.Fd()), Events: unix.POLLIN}}, 0) //nolint:gosec // a descriptor is small
	if err != nil || ready == 0 {
		return nil //nolint:nilerr // reading tells what is wrong with it
	}

	if _, err := r.lines.Peek(1); errors.Is(err, io.EOF) {
		return fmt.Errorf("standard input has ended: nobody can be led; %s --step %s makes one step", r.command(), rotatePublish)
	}

	return nil
}

// askForAnother asks whether to begin anew shortly after a key took another's place:
// the command may have been run again to see how far it came.
func (r *rotation) askForAnother(ctx context.Context, standing *keys.Rotation, life *keys.Life) error {
	if standing.Before == nil || standing.Next != nil || life.Now.Sub(standing.Signs.ActivatedAt) > life.Settings.Retain {
		return nil
	}

	fmt.Fprintf(r.out, "Key %s signs since %s, in the place of %s. The way back: %s --back\nType yes for another new key: ",
		standing.Signs.Kid, standing.Signs.ActivatedAt.UTC().Format(time.RFC3339), standing.Before.Kid, r.command())

	answer, err := r.line(ctx)
	if err == nil && answer != "yes" {
		err = errors.New("nothing was changed")
	}

	return err
}

// printLine tells what has to be pasted where.
func (r *rotation) printLine(standing *keys.Rotation, key *storage.SigningKey, line string) {
	signs := "no key signs"
	if standing.Signs != nil {
		signs = "key " + standing.Signs.Kid + " signs"
	}

	fmt.Fprintf(r.out, "Key %s is published; %s for now.\n\nIn Conversational Cloud, Management Console, Consumer Identity Provider, open the connector of %s,\n"+
		"replace the value of %q by this one line, and save:\n\n%s\n\n", key.Kid, signs, standing.Client.ClientID, liveperson.FieldPublicKey, line)
}

// checkPasted signs a token by a key, and verifies it by what was pasted.
func (r *rotation) checkPasted(ctx context.Context, key *storage.SigningKey, pasted string) error {
	keyring, err := r.openKeyring(ctx)
	if err != nil {
		return err
	}

	signers, err := newSigners(r.cfg)
	if err != nil {
		return err
	}

	return keys.CheckPasted(signers, keyring, key, pasted)
}

// waitUntilPasted waits until somebody pastes here what the form holds, and gives it.
func (r *rotation) waitUntilPasted(ctx context.Context, standing *keys.Rotation, key *storage.SigningKey) (string, error) {
	line, err := keys.OneLine(key.PublicJWK)
	if err != nil {
		return "", err
	}

	r.printLine(standing, key, line)

	if r.cfg.ConversationalCloud.ConnectorDocumentURL != "" {
		return line, r.waitForDocument(ctx, standing.Client, line)
	}

	for {
		fmt.Fprint(r.out, "Once it is saved, copy the value from the form and paste it here (Ctrl-C leaves everything as it is):\n")

		pasted, err := r.line(ctx)
		if err != nil {
			return "", err
		}

		err = r.checkPasted(ctx, key, pasted)
		if !errors.Is(err, keys.ErrNotOneLine) && !errors.Is(err, keys.ErrOtherPasted) {
			return pasted, err
		}

		fmt.Fprintf(r.out, "Not yet: %v.\n", err)
	}
}

// readers has a key sign that is read from the key set, or says when it can.
func (r *rotation) readers(ctx context.Context, key *storage.SigningKey) error {
	err := r.activate(ctx, key)

	refused, is := errors.AsType[*keys.RefusedError](err)
	if !is || len(refused.Verdict.Breaks) == 0 {
		if err == nil {
			fmt.Fprintf(r.out, "Key %s signs from now on. The way back: %s --back\n", key.Kid, r.command())
		}

		return err
	}

	r.printReaders(key, refused.Verdict.Breaks[0].Until, r.command())

	return nil
}

// printReaders tells when a key may sign that is read from the key set, and by which
// command.
func (r *rotation) printReaders(key *storage.SigningKey, from time.Time, command string) {
	fmt.Fprintf(r.out, "Key %s is published. Nothing has to be pasted: Conversational Cloud reads the key set.\nIt may sign from %s on: %s\n",
		key.Kid, from.UTC().Format(time.RFC3339), command)
}

// check verifies a token of the key that signs now by what was pasted.
func (r *rotation) check(ctx context.Context, key *storage.SigningKey, pasted string) error {
	snapshot, err := r.store.ReadSnapshot(ctx)
	if err != nil {
		return err
	}

	signs, err := keys.ActiveOf(snapshot.Keys, key.ClientID, key.Alg)
	if err != nil {
		return err
	}

	if err := r.checkPasted(ctx, signs, pasted); err != nil {
		return fmt.Errorf("key %s signs, but not what was pasted verifies it: %w", signs.Kid, err)
	}

	fmt.Fprintf(r.out, "Key %s signs from now on, and a token of it verifies by what was pasted.\n"+
		"Try it: idp connector test %s --consumer …\nThe way back: %s --back\n", signs.Kid, r.clientID, r.command())

	return nil
}

// left says what holds if somebody leaves before the end.
func (r *rotation) left(standing *keys.Rotation, back bool, err error) error {
	goOn := r.command()
	if back {
		goOn += " --back"
	}

	if standing.Signs != nil {
		fmt.Fprintf(r.out, "\nKey %s signs as before. If the line above was pasted, put back the one that was there, or go on: %s\n", standing.Signs.Kid, goOn)
	}

	return err
}

// line reads one line, or ends with ctx.
func (r *rotation) line(ctx context.Context) (string, error) {
	type answer struct {
		text string
		err  error
	}

	answers := make(chan answer, 1)

	go func() {
		text, err := r.lines.ReadString('\n')
		answers <- answer{text, err}
	}()

	select {
	case a := <-answers:
		if text := strings.TrimSpace(a.text); text != "" || a.err == nil {
			return text, nil
		}

		return "", errors.New("standard input has ended")
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
