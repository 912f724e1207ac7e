package brandfile

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/brandidp/idp/storage"
)

// Makers make what a file leaves to be made.
type Makers struct {
	// HashPassword hashes a new password.
	HashPassword func(ctx context.Context, password string) (string, error)
	// SigningKey makes an active, sealed key for an algorithm, of no owner yet. Each
	// client of Conversational Cloud gets one of its own in the transaction that makes
	// the client, so that no token of anybody else's verifies with it. The provider
	// gets one with the first client of an algorithm that it has no key for; that for
	// RS256 it makes itself. It is called only if there is such a client, and outside
	// any transaction.
	SigningKey func(alg string) (*storage.SigningKey, error)
	// Rand is where secrets come from.
	Rand io.Reader
}

// Result is what Apply has done.
type Result struct {
	Diff *Diff `json:"diff"`
	// Secrets are those that were made. They are kept nowhere else.
	Secrets []Secret `json:"secrets,omitempty"`
}

// Secret is the secret that was made for a client.
type Secret struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

// Apply makes the store match the file in one transaction: everything happens,
// or nothing. A second time it changes nothing.
//
// An error of type Faults says why the file is refused; storage.ErrUnavailable
// is in the chain of others if the store cannot be reached, and
// storage.ErrConflict if somebody else changed it meanwhile.
func Apply(ctx context.Context, store *storage.Store, file *File, changes Changes, makers Makers) (*Result, error) {
	// Hashes and keys take time, so they are made before the transaction, for
	// those that a first look finds in need of them.
	first, err := makePlan(ctx, store, file, changes)
	if err != nil {
		return nil, err
	}
	made, err := prepare(ctx, first, makers)
	if err != nil {
		return nil, err
	}
	var result *Result
	err = store.Administer(ctx, func(tx *storage.Tx) error {
		p, err := planIn(ctx, tx, file, changes)
		if err != nil {
			return err
		}
		a := applier{tx: tx, audit: changes.Audit, rand: makers.Rand, made: made, result: &Result{Diff: &p.diff}}
		if err := a.apply(ctx, p); err != nil {
			return err
		}
		result = a.result
		if changes.done != nil {
			changes.done(p)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("apply: %w", err)
	}
	return result, nil
}

// material is what was made before the transaction.
type material struct {
	hashes map[string]string              // by the consumer's path in the file
	keys   map[string]*storage.SigningKey // by client_id
	shared map[string]*storage.SigningKey // the provider's, by algorithm
}

// errMeanwhile: what was made before the transaction does not suit any more.
var errMeanwhile = fmt.Errorf("%w: the store was changed meanwhile; run it again", storage.ErrConflict)

// prepare hashes every password and makes every key that a plan needs.
func prepare(ctx context.Context, p *plan, makers Makers) (material, error) {
	made := material{hashes: map[string]string{}, keys: map[string]*storage.SigningKey{}, shared: map[string]*storage.SigningKey{}}
	for _, step := range p.clients {
		if !step.needsKey {
			continue
		}
		key, err := makers.SigningKey(step.row.IDTokenSignedResponseAlg)
		if err != nil {
			return made, fmt.Errorf("make the signing key of a client: %w", err)
		}
		made.keys[step.row.ClientID] = key
	}
	for _, alg := range p.sharedKeys {
		key, err := makers.SigningKey(alg)
		if err != nil {
			return made, fmt.Errorf("make a signing key for %s: %w", alg, err)
		}
		made.shared[alg] = key
	}
	var lock sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, step := range p.consumers {
		if step.password == "" {
			continue
		}
		group.Go(func() error {
			hash, err := makers.HashPassword(ctx, step.password)
			if err != nil {
				return fmt.Errorf("hash a password: %w", err)
			}
			lock.Lock()
			defer lock.Unlock()
			made.hashes[step.path] = hash
			return nil
		})
	}
	return made, group.Wait() //nolint:wrapcheck // our own errors
}

// applier writes one plan.
type applier struct {
	tx     *storage.Tx
	audit  storage.AuditEvent
	rand   io.Reader
	made   material
	result *Result
}

func (a *applier) apply(ctx context.Context, p *plan) error {
	for _, row := range p.pruned {
		if err := a.prune(ctx, row); err != nil {
			return err
		}
	}
	for _, alg := range p.sharedKeys {
		key := a.made.shared[alg]
		if key == nil {
			return errMeanwhile
		}
		if err := a.tx.InsertSigningKey(ctx, key); err != nil {
			return err
		}
	}
	for i := range p.clients {
		if err := a.client(ctx, &p.clients[i]); err != nil {
			return err
		}
	}
	for i := range p.consumers {
		if err := a.consumer(ctx, &p.consumers[i]); err != nil {
			return err
		}
	}
	return nil
}

func (a *applier) prune(ctx context.Context, row *storage.Client) error {
	fields, err := clientFields(row)
	if err != nil {
		return err
	}
	if err := a.tx.DeleteClient(ctx, row.ID); err != nil {
		return err
	}
	return a.tell(ctx, "client", row.ClientID, Change{Action: Delete, Fields: compare(fields, nil)})
}

// tell writes the event of one change.
func (a *applier) tell(ctx context.Context, kind, target string, change Change) error {
	if a.audit.Action == "" {
		return nil
	}
	event := a.audit
	event.TargetKind, event.Target = kind, target
	return change.tell(ctx, a.tx, event)
}

func (a *applier) client(ctx context.Context, step *clientStep) error {
	if step.makeSecret {
		secret, err := NewSecret(a.rand)
		if err != nil {
			return err
		}
		sum := sha256.Sum256([]byte(secret))
		step.row.SecretSHA256 = sum[:]
		a.result.Secrets = append(a.result.Secrets, Secret{ClientID: step.row.ClientID, ClientSecret: secret})
	}
	var err error
	switch {
	case step.row.ID == 0:
		err = a.tx.InsertClient(ctx, step.row)
	case step.changed:
		err = a.tx.UpdateClient(ctx, step.row)
	}
	if err == nil {
		err = a.tell(ctx, "client", step.row.ClientID, step.change)
	}
	if err != nil || !step.needsKey {
		return err
	}
	key := a.made.keys[step.row.ClientID]
	if key == nil {
		return errMeanwhile
	}
	key.ClientID = step.row.ID
	return a.tx.InsertSigningKey(ctx, key)
}

func (a *applier) consumer(ctx context.Context, step *consumerStep) error {
	hash := step.passwordHash
	if step.password != "" {
		if hash = a.made.hashes[step.path]; hash == "" {
			return errMeanwhile
		}
	}
	if err := a.writeConsumer(ctx, step, hash); err != nil {
		return err
	}
	told := step.change
	told.Fields = impersonal(told.Fields)
	return a.tell(ctx, "consumer", step.row.Sub, told)
}

func (a *applier) writeConsumer(ctx context.Context, step *consumerStep, hash string) error {
	if step.row.ID == 0 {
		step.row.PasswordHash = hash
		return a.tx.InsertConsumer(ctx, step.row, step.identifiers)
	}
	if step.changed {
		if err := a.tx.UpdateConsumer(ctx, step.row, step.identifiers); err != nil {
			return err
		}
	}
	if hash == "" {
		return nil
	}
	return a.tx.SetPassword(ctx, step.row.ID, hash)
}
