//go:build cgo

package softhsm

import (
	"errors"
	"fmt"
	"os"
	"testing"

	ck "github.com/miekg/pkcs11"
)

// Away takes the token of this process away from whoever uses it, until back is
// called.
func Away(tb testing.TB) (back func()) {
	tb.Helper()
	options, folder := Shared(tb)
	here, there := Tokens(folder), Tokens(folder)+".away"
	if err := errors.Join(os.Rename(here, there), os.Mkdir(here, 0o700), End(options.Module)); err != nil {
		tb.Fatal(err)
	}
	return func() {
		tb.Helper()
		if err := errors.Join(os.Remove(here), os.Rename(there, here)); err != nil {
			tb.Fatal(err)
		}
	}
}

// End ends the library, and all sessions with it.
func End(module string) error {
	if err := ck.New(module).Finalize(); err != nil {
		return fmt.Errorf("end the library: %w", err)
	}
	return nil
}
