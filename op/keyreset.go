package op

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

// KeyReset is how a database whose master key is lost gets new keys.
type KeyReset struct {
	// MasterKey has the new master key, or makes it.
	MasterKey seal.MasterKeySource
	// Make makes an active key of no owner.
	Make     func(keyring *seal.Keyring, alg string) (*storage.SigningKey, error)
	Settings keys.Settings
	Audit    storage.AuditEvent
	Rand     io.Reader
}

// ResetKeys makes a new master key, new data keys, and a new signing key in the place
// of each that signed and is lost. Those stay published as long as the tokens that they
// have signed, and a key in a PKCS #11 token signs on. It gives the new keys, and the
// clients that may hold an old one pasted. The audit trail tells of it (sealAuditReset),
// and of each of these keys.
// No instance may run meanwhile.
func ResetKeys(ctx context.Context, store *storage.Store, reset KeyReset) (made []*storage.SigningKey, pasted []string, err error) {
	err = seal.Reset(ctx, store, reset.MasterKey, reset.Rand, func(tx *storage.Tx, keyring *seal.Keyring) error {
		snapshot, err := tx.Snapshot(ctx)
		if err != nil {
			return err
		}
		if running := len(snapshot.Instances); running > 0 {
			return fmt.Errorf("%d instances run: stop them first; one that was killed counts for up to %.0f seconds", running, instanceLifetime(reset.Settings).Seconds())
		}
		life := LifeOf(snapshot, reset.Settings)
		for _, lost := range snapshot.Keys {
			if lost.PrivateURI != "" {
				continue
			}
			key, err := reset.replace(ctx, tx, keyring, life, lost)
			if err != nil {
				return err
			}
			if key != nil {
				made, pasted = append(made, key), append(pasted, life.Status(lost).MayBePasted...)
			}
		}
		if err := sealAuditReset(ctx, tx, keyring, reset.Rand); err != nil {
			return err
		}
		return tx.Audit(ctx, reset.Audit)
	})
	slices.Sort(pasted)
	return made, slices.Compact(pasted), err
}

// replace ends a key that is lost, and makes one in its place if it signed; else it
// gives nil.
func (r KeyReset) replace(ctx context.Context, tx *storage.Tx, keyring *seal.Keyring, life *keys.Life, lost *storage.SigningKey) (*storage.SigningKey, error) {
	switch lost.State {
	case keys.Created, keys.Published:
		if err := tx.MoveSigningKey(ctx, lost.ID, keys.Deleted, lost.TokensUntil); err != nil {
			return nil, err
		}
		return nil, tellKey(ctx, tx, r.Audit, keys.Delete, lost, keyState{State: keys.Deleted})
	case keys.Active:
	default:
		return nil, nil //nolint:nilnil // it does not sign
	}
	key, err := r.Make(keyring, lost.Alg)
	if err != nil {
		return nil, err
	}
	key.ClientID = lost.ClientID
	if err := tx.MoveSigningKey(ctx, lost.ID, keys.Retired, life.TokensUntil(lost)); err != nil {
		return nil, err
	}
	if err := tellKey(ctx, tx, r.Audit, keys.Retire, lost, keyState{State: keys.Retired, ReplacedBy: key.Kid}); err != nil {
		return nil, err
	}
	if err := tx.InsertSigningKey(ctx, key); err != nil {
		return nil, err
	}
	return key, tellKey(ctx, tx, r.Audit, keys.Create, key, keyState{State: keys.Active, Alg: key.Alg, ClientID: life.Status(lost).ClientID})
}
