package op

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

// KeyStep is a step of a key's life that somebody asks for.
type KeyStep struct {
	Step keys.Step
	// Kid is that of the key, or its beginning if no other key has it.
	Kid string
	// Force makes the step although it breaks somebody.
	Force bool
	// Audit tells who asks. What is done to what is filled in here.
	Audit storage.AuditEvent
}

// LifeOf is what steps are decided by, as of a snapshot.
func LifeOf(snapshot *storage.Snapshot, settings keys.Settings) *keys.Life {
	return &keys.Life{Keys: snapshot.Keys, Clients: snapshot.Clients, Instances: snapshot.Instances, Settings: settings, Now: snapshot.Now}
}

// StepKey makes a step of a key's life, and tells of it, in one transaction. A step
// that is not possible, or would break somebody, is a *keys.RefusedError.
func StepKey(ctx context.Context, store *storage.Store, settings keys.Settings, step KeyStep) (*keys.Verdict, error) {
	var verdict *keys.Verdict
	err := store.Administer(ctx, func(tx *storage.Tx) error {
		snapshot, err := tx.Snapshot(ctx)
		if err != nil {
			return err
		}
		key, err := keys.Find(snapshot.Keys, step.Kid)
		if err != nil {
			return err
		}
		verdict = LifeOf(snapshot, settings).Decide(step.Step, key)
		if err := verdict.Err(step.Force); err != nil {
			return err
		}
		return makeStep(ctx, tx, verdict, step.Audit)
	})
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	return verdict, nil
}

// makeStep makes a step that was decided about in the same transaction.
func makeStep(ctx context.Context, tx *storage.Tx, v *keys.Verdict, audit storage.AuditEvent) error {
	if old := v.Retires; old != nil {
		if err := tx.MoveSigningKey(ctx, old.ID, keys.Retired, v.TokensUntil); err != nil {
			return err
		}
		if err := tellKey(ctx, tx, audit, keys.Retire, old, keyState{State: keys.Retired, ReplacedBy: v.Key.Kid}); err != nil {
			return err
		}
	}
	if err := tx.MoveSigningKey(ctx, v.Key.ID, v.To, v.TokensUntil); err != nil {
		return err
	}
	after := keyState{State: v.To}
	for _, broken := range v.Breaks {
		after.Breaks = append(after.Breaks, broken.ClientID)
	}
	return tellKey(ctx, tx, audit, v.Step, v.Key, after)
}

// keyState is what an audit event says of a key.
type keyState struct {
	State string `json:"state"`
	// Alg and ClientID are those of a new key.
	Alg      string `json:"alg,omitempty"`
	ClientID string `json:"client_id,omitempty"`
	// ReplacedBy is the kid of the key that signs in its place.
	ReplacedBy string `json:"replaced_by,omitempty"`
	// Breaks are the clients that the step was known to break.
	Breaks []string `json:"breaks,omitempty"`
}

// tellKey writes the audit event of a step.
func tellKey(ctx context.Context, tx *storage.Tx, event storage.AuditEvent, step keys.Step, key *storage.SigningKey, after keyState) error {
	event.Action, event.TargetKind, event.Target = "keys."+string(step), "key", key.Kid
	var err error
	if step != keys.Create {
		event.Before, err = json.Marshal(keyState{State: key.State})
	}
	if err == nil {
		event.After, err = json.Marshal(after)
	}
	if err != nil {
		return fmt.Errorf("tell of a key: %w", err)
	}
	return tx.Audit(ctx, event)
}

// NewKey is a key that somebody asks for.
type NewKey struct {
	// ClientID is the connector whose tokens it is to sign, "" for the provider.
	ClientID string
	// Alg is one of keys.Algs, "" for what the client has, or RS256.
	Alg string
	// Make makes an active key, sealed and of no owner, as brandfile.Makers does.
	Make  func(alg string) (*storage.SigningKey, error)
	Audit storage.AuditEvent
}

// CreateKey makes a key in the state created, which nobody outside knows of.
func CreateKey(ctx context.Context, store *storage.Store, wanted NewKey) (*storage.SigningKey, error) {
	snapshot, err := store.ReadSnapshot(ctx)
	if err != nil {
		return nil, err
	}
	_, alg, err := LifeOf(snapshot, keys.Settings{}).Owner(wanted.ClientID, wanted.Alg)
	if err != nil {
		return nil, fmt.Errorf("create key: %w", err)
	}
	key, err := wanted.Make(alg) // which takes long
	if err != nil {
		return nil, fmt.Errorf("create key: %w", err)
	}
	err = store.Administer(ctx, func(tx *storage.Tx) error {
		snapshot, err := tx.Snapshot(ctx)
		if err != nil {
			return err
		}
		owner, _, err := LifeOf(snapshot, keys.Settings{}).Owner(wanted.ClientID, alg)
		if err != nil {
			return err
		}
		key.ClientID = owner
		return insertKey(ctx, tx, key, wanted.ClientID, wanted.Audit)
	})
	if err != nil {
		return nil, fmt.Errorf("create key: %w", err)
	}
	return key, nil
}

// insertKey adds a key in the state created, and tells of it.
func insertKey(ctx context.Context, tx *storage.Tx, key *storage.SigningKey, clientID string, audit storage.AuditEvent) error {
	key.State = keys.Created
	if err := tx.InsertSigningKey(ctx, key); err != nil {
		return err
	}
	return tellKey(ctx, tx, audit, keys.Create, key, keyState{State: keys.Created, Alg: key.Alg, ClientID: clientID})
}
