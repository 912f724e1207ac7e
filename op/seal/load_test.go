package seal_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

// slowSource changes the database while it gives its key, which nobody can who is kept
// waiting for it.
type slowSource struct {
	seal.MasterKeyValue

	t     *testing.T
	store *storage.Store
}

func (s slowSource) Load() (seal.MasterKey, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Second)
	defer cancel()
	if err := s.store.Administer(ctx, func(*storage.Tx) error { return nil }); err != nil {
		s.t.Errorf("a change waits for the master key: %v", err)
	}
	return s.MasterKeyValue.Load()
}

// TestNobodyWaitsForTheMasterKey: a program may take half a minute to give it.
func TestNobodyWaitsForTheMasterKey(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	slow := func() slowSource { return slowSource{newMaster(), t, store} }
	first, next, last := slow(), slow(), slow()
	nothing := storage.AuditEvent{}
	rewrap := func() error {
		_, err := seal.Rewrap(t.Context(), store, first, next, nothing, rand.Reader)
		return err
	}
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"open", func() error { _, err := seal.Open(t.Context(), store, first, rand.Reader); return err }},
		{"inspect", func() error { _, err := seal.Inspect(t.Context(), store, first, rand.Reader); return err }},
		{"rewrap", rewrap},
		{"cancel", func() error { return seal.CancelRewrap(t.Context(), store, first, nothing) }},
		{"rewrap again", rewrap},
		{"finish", func() error { return seal.FinishRewrap(t.Context(), store, next, nothing) }},
		{"reset", func() error {
			return seal.Reset(t.Context(), store, last, rand.Reader, func(*storage.Tx, *seal.Keyring) error { return nil })
		}},
	} {
		if err := step.do(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", step.name, err)
		}
	}
}
