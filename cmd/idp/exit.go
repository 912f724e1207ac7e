package main

import (
	"context"
	"errors"

	"github.com/brandidp/idp/op/liveperson/inspect"
	"github.com/brandidp/idp/op/liveperson/standin/trial"
	"github.com/brandidp/idp/storage"
)

// The exit codes of every command.
const (
	exitDone        = 0
	exitRefused     = 1 // wrong usage, configuration or input; nothing was changed
	exitUnavailable = 2 // the store, or the provider to be tried, cannot be reached; trying again may help
)

// exitCode is the one place where errors become exit codes.
func exitCode(err error) int {
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, storage.ErrUnavailable), errors.Is(err, trial.ErrUnreachable), errors.Is(err, inspect.ErrUnreachable):
		return exitUnavailable
	default:
		return exitRefused
	}
}

// errInterrupted means that a signal ended a command before it was done.
var errInterrupted = errors.New("interrupted")

// explainInterrupt says that a command was interrupted instead of what broke on
// its account: what a signal ends says all kinds of things about the database.
func explainInterrupt(ctx context.Context, err error) error {
	broke := errors.Is(err, context.Canceled) || errors.Is(err, storage.ErrUnavailable)
	if ctx.Err() != nil && broke && !errors.Is(err, errLeftBehind) {
		return errInterrupted
	}

	return err
}
