package op

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"time"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

// Audit events are sealed after they were committed, in batches, by whichever instance
// comes first: whoever writes one waits for nobody. A seal is an HMAC over a batch and
// the seal before it. Its key is made for it and sealed by the data key of seal.Audit, so
// that nobody makes a seal who has the database alone.
const (
	auditInterval = time.Second
	// auditBatch is how many events a seal covers at most.
	auditBatch = 500
	// auditPatience is how many turns an older transaction is waited for. Then the wait
	// begins anew: the number that it was for may be of a server that is gone.
	auditPatience = 60
	// auditKeyBytes is the length of a seal's key.
	auditKeyBytes = 32
	auditTable    = "audit_seals"
)

// auditSealer seals what is not sealed yet.
type auditSealer struct {
	store   *storage.Store
	keyring *seal.Keyring
	rand    io.Reader
	horizon storage.AuditHorizon
	waited  int
	// last is the last seal that was seen.
	last storage.AuditSeal
	// cut tells that a seal which was seen is not there any more.
	cut bool
}

// turn seals what can be sealed, and tells whether that is all.
func (s *auditSealer) turn(ctx context.Context) (all bool, err error) {
	for {
		tail, err := s.store.AuditTail(ctx)
		if err != nil {
			return false, err
		}
		s.see(tail.Last)
		if tail.NewestEventID <= tail.Last.LastEventID {
			return true, nil
		}
		if s.horizon.EventID <= tail.Last.LastEventID || s.waited > auditPatience {
			if s.horizon, err = s.store.AuditHorizon(ctx); err != nil {
				return false, err
			}
			s.waited = 0
		}
		events, err := s.store.AuditEventsTo(ctx, tail.Last.LastEventID, s.horizon, auditBatch)
		if err != nil {
			return false, err
		}
		if len(events) == 0 {
			s.waited++
			return false, nil
		}
		next, err := s.seal(tail, events)
		if err != nil {
			return false, err
		}
		if err := s.store.InsertAuditSeal(ctx, next); err != nil {
			if errors.Is(err, storage.ErrConflict) { // another instance was faster
				continue
			}
			return false, err
		}
		s.last = *next
	}
}

// see compares the last seal with that of before.
func (s *auditSealer) see(last storage.AuditSeal) {
	if last.ID < s.last.ID || last.ID == s.last.ID && !hmac.Equal(last.HMAC, s.last.HMAC) {
		s.cut = true
	}
	s.last = last
}

// seal makes the seal of the next events.
func (s *auditSealer) seal(tail *storage.AuditTail, events []storage.AuditEvent) (*storage.AuditSeal, error) {
	next := &storage.AuditSeal{
		ID: tail.Last.ID + 1, AfterEventID: tail.Last.LastEventID, LastEventID: tail.Last.LastEventID,
		Events: len(events), EventsSHA256: digestAudit(events),
		PreviousHMAC: append([]byte{}, tail.Last.HMAC...), PreviousExpiresAt: tail.Last.ExpiresAt,
		SealedAt: tail.Now, ExpiresAt: tail.Last.ExpiresAt,
	}
	for _, e := range events {
		next.LastEventID = e.ID
		if e.ExpiresAt.After(next.ExpiresAt) {
			next.ExpiresAt = e.ExpiresAt
		}
	}
	key := make([]byte, auditKeyBytes)
	if _, err := io.ReadFull(s.rand, key); err != nil {
		return nil, fmt.Errorf("make the key of an audit seal: %w", err)
	}
	var err error
	if next.KeySealed, err = s.keyring.Seal(seal.Audit, key, auditTable, strconv.FormatInt(next.ID, 10)); err != nil {
		return nil, fmt.Errorf("seal audit events: %w", err)
	}
	next.HMAC = auditHMAC(key, next)
	return next, nil
}

// sealAuditReset has the audit trail tell that its keys are reset: the seals until now
// can be opened no more. It does so by a seal of no events, which nothing else makes,
// under the new keys, so that nobody makes one who has the database alone.
func sealAuditReset(ctx context.Context, tx *storage.Tx, keyring *seal.Keyring, rand io.Reader) error {
	tail, err := tx.AuditTail(ctx)
	if err != nil || tail.Last.ID == 0 {
		return err
	}
	s := &auditSealer{keyring: keyring, rand: rand}
	reset, err := s.seal(tail, nil)
	if err != nil {
		return err
	}
	return tx.InsertAuditSeal(ctx, reset)
}

// auditHMAC is that of a seal, over all its other fields.
func auditHMAC(key []byte, s *storage.AuditSeal) []byte {
	h := auditHash{hmac.New(sha256.New, key)}
	h.text("idp audit seal 1")
	h.number(s.ID, s.AfterEventID, s.LastEventID, int64(s.Events))
	h.bytes(s.EventsSHA256)
	h.bytes(s.PreviousHMAC)
	h.instant(s.PreviousExpiresAt, s.SealedAt, s.ExpiresAt)
	return h.Sum(nil)
}

// digestAudit is a hash over everything in events.
func digestAudit(events []storage.AuditEvent) []byte {
	h := auditHash{sha256.New()}
	for i := range events {
		e := &events[i]
		h.number(e.ID)
		h.instant(e.At, e.ExpiresAt)
		h.text(e.Actor, e.ActorKind, e.Action, e.Target, e.TargetKind, e.Address.String(), e.RequestID)
		h.bytes(e.Before)
		h.bytes(e.After)
	}
	return h.Sum(nil)
}

// auditHash takes values so that no two lists of them are the same bytes.
type auditHash struct{ hash.Hash }

func (h auditHash) bytes(value []byte) {
	h.number(int64(len(value)))
	_, _ = h.Write(value) // never fails
}

func (h auditHash) text(values ...string) {
	for _, value := range values {
		h.bytes([]byte(value))
	}
}

func (h auditHash) number(values ...int64) {
	for _, value := range values {
		_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(value))) //nolint:gosec // any bits will do
	}
}

func (h auditHash) instant(values ...time.Time) {
	for _, value := range values {
		h.number(value.UnixMicro()) // as exact as PostgreSQL is
	}
}

// SealAuditEvents seals what was told until now, for a command: a running provider does
// it by itself. It tells whether that was all: a transaction that is older may not have
// ended within a few seconds.
func SealAuditEvents(ctx context.Context, store *storage.Store, keyring *seal.Keyring, rand io.Reader) (bool, error) {
	const tries, between = 40, 50 * time.Millisecond
	s := &auditSealer{store: store, keyring: keyring, rand: rand}
	for range tries {
		if all, err := s.turn(ctx); all || err != nil {
			return all, err
		}
		pause(ctx, between)
	}
	return false, ctx.Err()
}

// runAuditSeals seals audit events each second until ctx ends.
func (p *Provider) runAuditSeals(ctx context.Context) {
	s := &auditSealer{store: p.opts.Store, keyring: p.opts.Keyring, rand: p.opts.Rand}
	failing := false
	for {
		pause(ctx, auditInterval)
		if ctx.Err() != nil {
			return
		}
		_, err := s.turn(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			p.opts.Log.WarnContext(ctx, "audit events wait to be sealed", "error", err)
		}
		failing = err != nil
		if s.cut {
			s.cut = false
			p.opts.Log.ErrorContext(ctx, "seals of audit events that were here are gone or others: an older state of the database is back, or somebody has changed it; idp audit verify tells more")
		}
	}
}
