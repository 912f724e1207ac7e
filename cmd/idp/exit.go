package main

import (
	"errors"

	"github.com/brandidp/idp/storage"
)

// The exit codes of every command.
const (
	exitDone        = 0
	exitRefused     = 1 // wrong usage, configuration or input; nothing was changed
	exitUnavailable = 2 // the store cannot be reached; trying again may help
)

// exitCode is the one place where errors become exit codes.
func exitCode(err error) int {
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, storage.ErrUnavailable):
		return exitUnavailable
	default:
		return exitRefused
	}
}
