package seal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/brandidp/idp/storage"
)

// Inspected is what the master key comes to.
type Inspected struct {
	// Keyring has every data key, opened; nil if the database was never sealed.
	*Keyring
	// Fingerprint is that of the master key in force.
	Fingerprint string
	// Rewrapping is set while another takes its place.
	Rewrapping bool

	state storage.MasterKeyState
}

// OpenedBy tells whether the master key of a fingerprint opens the database.
func (i *Inspected) OpenedBy(fingerprint []byte) bool {
	return bytes.Equal(fingerprint, i.state.Fingerprint) || bytes.Equal(fingerprint, i.state.Next)
}

// Inspect opens every data key and makes nothing, neither keys nor changes.
func Inspect(ctx context.Context, store *storage.Store, source MasterKeySource, rand io.Reader) (*Inspected, error) {
	inspected := &Inspected{}
	source = loadFirst(source)
	err := store.Administer(ctx, func(tx *storage.Tx) error {
		state, err := tx.MasterKeyState(ctx)
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		inspected.state = state
		inspected.Fingerprint, inspected.Rewrapping = fingerprintText(state.Fingerprint), state.Next != nil
		master, _, err := masterKey(ctx, tx, source, rand)
		if err != nil {
			return err
		}
		rows, err := tx.DataKeys(ctx)
		if err != nil {
			return err
		}
		inspected.Keyring, err = openAll(master, rows, rand)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open the database's keys: %w", err)
	}
	return inspected, nil
}
