package op

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

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
	// Pasted says that the connector which owns the key holds it by now, pasted.
	Pasted bool
	// Audit tells who asks. What is done to what is filled in here.
	Audit storage.AuditEvent
	Once  Once
}

// Once is a change of a key by a request that may have an idempotency key.
type Once struct {
	Claim *storage.Claim // nil for none
	// Status is given what is told of the key afterwards, unless it is nil.
	Status *keys.Status
}

// tell reads in the transaction of a change what is told of the key after it.
func (o Once) tell(ctx context.Context, tx *storage.Tx, settings keys.Settings, kid string) error {
	if o.Status == nil {
		return nil
	}
	snapshot, err := tx.Snapshot(ctx)
	if err != nil {
		return err
	}
	key, err := keys.Find(snapshot.Keys, kid)
	if err != nil {
		return err
	}
	*o.Status = LifeOf(snapshot, settings).Status(key)
	return nil
}

// LifeOf is what steps are decided by, as of a snapshot.
func LifeOf(snapshot *storage.Snapshot, settings keys.Settings) *keys.Life {
	return &keys.Life{Keys: snapshot.Keys, Clients: snapshot.Clients, Instances: snapshot.Instances, Settings: settings, Now: snapshot.Now}
}

// KeySettings are the times that steps are decided by.
func (p *Provider) KeySettings() keys.Settings { return p.opts.Keys }

// StepKey makes a step of a key's life, and tells of it, in one transaction. A step
// that is not possible, or would break somebody, is a *keys.RefusedError.
func StepKey(ctx context.Context, store *storage.Store, settings keys.Settings, step KeyStep) (*keys.Verdict, error) {
	var verdict *keys.Verdict
	err := store.AdministerOnce(ctx, step.Once.Claim, func(tx *storage.Tx) error {
		snapshot, err := tx.Snapshot(ctx)
		if err != nil {
			return err
		}
		key, err := keys.Find(snapshot.Keys, step.Kid)
		if err != nil {
			return err
		}
		life := LifeOf(snapshot, settings)
		if step.Pasted {
			life.Pasted = key.Kid
		}
		verdict = life.Decide(step.Step, key)
		if err := verdict.Err(step.Force); err != nil {
			return err
		}
		if err := makeStep(ctx, tx, verdict, step.Audit); err != nil {
			return err
		}
		return step.Once.tell(ctx, tx, settings, key.Kid)
	})
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	return verdict, nil
}

// StepKey is the function StepKey by this provider's settings. The private half of a key
// that is deleted is destroyed in its token, too.
func (p *Provider) StepKey(ctx context.Context, step KeyStep) error {
	verdict, err := StepKey(ctx, p.opts.Store, p.opts.Keys, step)
	if err != nil {
		return err
	}
	if verdict.To == keys.Deleted {
		p.destroyDeleted(ctx, verdict.Key)
	}
	return nil
}

// destroyDeleted destroys in its token the private half of a key that was deleted. That
// it stays there undoes nothing.
func (p *Provider) destroyDeleted(ctx context.Context, key *storage.SigningKey) {
	if err := p.opts.Signers.Destroy(key); err != nil {
		p.opts.Log.WarnContext(ctx, "the private half of a deleted signing key is still in its token: destroy it there by the token's own tool",
			"key", key.Kid, "address", key.PrivateURI, "error", err)
	}
}

// agreedPoll is how often it is asked whether every instance publishes a key.
const agreedPoll = 100 * time.Millisecond

// StepKeyAgreed is StepKey that waits for the instances which do not publish the key
// yet, until ctx ends.
func StepKeyAgreed(ctx context.Context, store *storage.Store, settings keys.Settings, step KeyStep) (*keys.Verdict, error) {
	for {
		verdict, err := StepKey(ctx, store, settings, step)
		refused, is := errors.AsType[*keys.RefusedError](err)
		if !is || refused.Verdict.Behind == 0 {
			return verdict, err
		}
		if pause(ctx, agreedPoll); ctx.Err() != nil {
			return nil, err
		}
	}
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
	// Compromised: somebody else may have the key.
	Compromised bool `json:"compromised,omitempty"`
	// Breaks are the clients that the step was known to break.
	Breaks []string `json:"breaks,omitempty"`
}

// tellKey writes the audit event of a step.
func tellKey(ctx context.Context, tx *storage.Tx, event storage.AuditEvent, step keys.Step, key *storage.SigningKey, after keyState) error {
	event.Action, event.TargetKind, event.Target = "keys."+string(step), "key", key.Kid
	var err error
	if step != keys.Create && step != keys.Import {
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
	// Alg is one of keys.Algs, "" for that of an imported key, or else what the client has,
	// or RS256.
	Alg string
	// Make makes an active key, sealed and of no owner, as brandfile.Makers does.
	Make func(alg string) (*storage.SigningKey, error)
	// Imported is the key that Make seals, if it was made elsewhere.
	Imported *keys.PrivateKey
	Audit    storage.AuditEvent
	// Settings are those that Once tells of the key by.
	Settings keys.Settings
	Once     Once
}

// CreateKey makes a key in the state created, which nobody outside knows of.
func CreateKey(ctx context.Context, store *storage.Store, wanted NewKey) (*storage.SigningKey, error) {
	snapshot, err := store.ReadSnapshot(ctx)
	if err != nil {
		return nil, err
	}
	if wanted.Alg == "" && wanted.Imported != nil {
		wanted.Alg = wanted.Imported.Alg
		if wanted.ClientID == "" {
			wanted.Alg = wanted.Imported.FirstAlg()
		}
	}
	_, alg, err := LifeOf(snapshot, keys.Settings{}).Owner(wanted.ClientID, wanted.Alg)
	if err != nil {
		return nil, fmt.Errorf("create key: %w", err)
	}
	key, err := wanted.Make(alg) // which takes long
	if err != nil {
		return nil, fmt.Errorf("create key: %w", err)
	}
	err = store.AdministerOnce(ctx, wanted.Once.Claim, func(tx *storage.Tx) error {
		snapshot, err := tx.Snapshot(ctx)
		if err != nil {
			return err
		}
		owner, _, err := LifeOf(snapshot, keys.Settings{}).Owner(wanted.ClientID, alg)
		if err != nil {
			return err
		}
		if same, err := keys.SameKey(snapshot.Keys, key); err != nil {
			return err
		} else if same != nil && !same.RevokedAt.IsZero() {
			return fmt.Errorf("%w: it was here, as %s, was revoked, and never comes back", storage.ErrConflict, same.Kid)
		} else if same != nil {
			return fmt.Errorf("%w: it is here already, as %s, which is %s", storage.ErrConflict, same.Kid, same.State)
		}
		if slices.ContainsFunc(snapshot.Keys, func(other *storage.SigningKey) bool { return other.Kid == key.Kid }) {
			return fmt.Errorf("%w: another key has the kid %s", storage.ErrConflict, key.Kid)
		}
		step := keys.Create
		if wanted.Imported != nil {
			step = keys.Import
		}
		key.ClientID = owner
		if err := insertKey(ctx, tx, key, step, wanted.ClientID, wanted.Audit); err != nil {
			return err
		}
		return wanted.Once.tell(ctx, tx, wanted.Settings, key.Kid)
	})
	if err != nil {
		return nil, fmt.Errorf("create key: %w", err)
	}
	return key, nil
}

// insertKey adds a key in the state created, and tells of it as of a step.
func insertKey(ctx context.Context, tx *storage.Tx, key *storage.SigningKey, step keys.Step, clientID string, audit storage.AuditEvent) error {
	key.State = keys.Created
	if err := tx.InsertSigningKey(ctx, key); err != nil {
		return err
	}
	return tellKey(ctx, tx, audit, step, key, keyState{State: keys.Created, Alg: key.Alg, ClientID: clientID})
}
