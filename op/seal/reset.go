package seal

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/brandidp/idp/storage"
)

// Reset gives a database whose master key is lost another one, which source has or
// makes, and new data keys. Whatever was sealed is lost, and what is of no use without
// is deleted. f does the rest in the same transaction. While the right master key is
// there, it is refused.
func Reset(ctx context.Context, store *storage.Store, source MasterKeySource, rand io.Reader, f func(tx *storage.Tx, keyring *Keyring) error) error {
	source = loadFirst(source)
	err := store.Administer(ctx, func(tx *storage.Tx) error {
		state, err := tx.MasterKeyState(ctx)
		if errors.Is(err, storage.ErrNotFound) {
			return errors.New("the database was never sealed: there is nothing to reset")
		}
		if err != nil {
			return err
		}
		master, create, err := loadOrNew(source, rand)
		if err != nil {
			return err
		}
		if fits(master, state, source) == nil {
			return fmt.Errorf("the master key of the database is there: %s", source)
		}
		if err := tx.ForgetSealed(ctx); err != nil {
			return err
		}
		if err := tx.InsertMasterKeyFingerprint(ctx, master.Fingerprint()); err != nil {
			return err
		}
		keyring, err := loadDataKeys(ctx, tx, master, rand)
		if err != nil {
			return err
		}
		if err := f(tx, keyring); err != nil {
			return err
		}
		return create()
	})
	if err != nil {
		return fmt.Errorf("reset the database's keys: %w", err)
	}
	return nil
}
