package op

import (
	"context"
	"fmt"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

// LeakedKey is a signing key that somebody else may have by now.
type LeakedKey struct {
	// Kid is that of the key, or its beginning if no other key has it.
	Kid string
	// Make makes the key that takes its place, as NewKey's does.
	Make  func(alg string) (*storage.SigningKey, error)
	Audit storage.AuditEvent
	// Claim is the request's idempotency key, nil for none. Status is given what is told of
	// the revocation before its answer is made, unless it is nil.
	Claim  *storage.Claim
	Status *RevokedStatus
}

// Revoked is what the revocation of a leaked key has come to.
type Revoked struct {
	Key *storage.SigningKey
	// Next signs in its place, nil if it did not sign.
	Next *storage.SigningKey
	// Affected are the clients that it has signed for.
	Affected []keys.Affected
}

// RevokedStatus is a revocation for reading.
type RevokedStatus struct {
	Kid string `json:"kid"`
	// ReplacedBy is the kid of the key that signs now, "" if the leaked one did not.
	ReplacedBy string          `json:"replaced_by,omitempty"`
	Affected   []keys.Affected `json:"affected"`
}

// Status tells of a revocation.
func (r *Revoked) Status() RevokedStatus {
	status := RevokedStatus{Kid: r.Key.Kid, Affected: r.Affected}
	if r.Next != nil {
		status.ReplacedBy = r.Next.Kid
	}
	return status
}

// RevokeKey ends a leaked key in one transaction: it leaves the key sets, nothing that it
// has signed is accepted here any more, its private half is destroyed, and if it was
// active a new key signs in its place, as soon as every instance publishes that.
//
// Sessions, refresh tokens and opaque access tokens stay: they are random values, and
// no key forges them. A JWT access token was accepted here by the leaked key and its
// row together; its client gets a new one by its refresh token.
func RevokeKey(ctx context.Context, store *storage.Store, settings keys.Settings, leaked LeakedKey) (*Revoked, error) {
	key, next, err := prepareRevocation(ctx, store, settings, leaked)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	var revoked *Revoked
	err = store.AdministerOnce(ctx, leaked.Claim, func(tx *storage.Tx) error {
		snapshot, err := tx.Snapshot(ctx)
		if err != nil {
			return err
		}
		now, err := keys.Find(snapshot.Keys, key.Kid)
		if err != nil {
			return err
		}
		life := LifeOf(snapshot, settings)
		if err := life.Decide(keys.Revoke, now).Err(true); err != nil {
			return err
		}
		if (now.State == keys.Active) != (next != nil) {
			return fmt.Errorf("%w: the key was activated or retired meanwhile; run it again", storage.ErrConflict)
		}
		revoked = &Revoked{Key: now, Next: next}
		if revoked.Affected, err = life.Affected(now, next); err != nil {
			return err
		}
		if leaked.Status != nil {
			*leaked.Status = revoked.Status()
		}
		return revoke(ctx, tx, life, revoked, leaked.Audit)
	})
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	return revoked, nil
}

// RevokeKey is the function RevokeKey by this provider's settings. The private half is
// destroyed in its token, too.
func (p *Provider) RevokeKey(ctx context.Context, leaked LeakedKey) error {
	revoked, err := RevokeKey(ctx, p.opts.Store, p.opts.Keys, leaked)
	if err != nil {
		return err
	}
	p.destroyDeleted(ctx, revoked.Key)
	return nil
}

// prepareRevocation finds the key, and makes the one for its place, which takes long.
func prepareRevocation(ctx context.Context, store *storage.Store, settings keys.Settings, leaked LeakedKey) (key, next *storage.SigningKey, err error) {
	snapshot, err := store.ReadSnapshot(ctx)
	if err != nil {
		return nil, nil, err
	}
	if key, err = keys.Find(snapshot.Keys, leaked.Kid); err != nil {
		return nil, nil, err
	}
	if err := LifeOf(snapshot, settings).Decide(keys.Revoke, key).Err(true); err != nil {
		return nil, nil, err
	}
	if key.State != keys.Active {
		return key, nil, nil
	}
	if next, err = leaked.Make(key.Alg); err != nil {
		return nil, nil, err
	}
	next.ClientID, next.State = key.ClientID, keys.Active
	return key, next, nil
}

func revoke(ctx context.Context, tx *storage.Tx, life *keys.Life, r *Revoked, audit storage.AuditEvent) error {
	if err := tx.RevokeSigningKey(ctx, r.Key.ID); err != nil {
		return err
	}
	after := keyState{State: keys.Deleted, Compromised: true}
	for _, affected := range r.Affected {
		after.Breaks = append(after.Breaks, affected.ClientID)
	}
	if r.Next == nil {
		return tellKey(ctx, tx, audit, keys.Revoke, r.Key, after)
	}
	after.ReplacedBy = r.Next.Kid
	if err := tellKey(ctx, tx, audit, keys.Revoke, r.Key, after); err != nil {
		return err
	}
	if err := tx.InsertSigningKey(ctx, r.Next); err != nil {
		return err
	}
	made := keyState{State: keys.Active, Alg: r.Next.Alg}
	for _, client := range life.Clients {
		if client.ID == r.Next.ClientID {
			made.ClientID = client.ClientID
		}
	}
	return tellKey(ctx, tx, audit, keys.Create, r.Next, made)
}
