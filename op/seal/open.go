package seal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/brandidp/idp/storage"
)

// The purposes, each with data keys of its own.
const (
	SigningKeys = "signing_keys" // private halves of signing keys, at rest
	Tickets     = "tickets"      // authorization requests on their way through the browser
	Proofs      = "proofs"       // MACs over what a person was asked
	Devices     = "devices"      // cookies of known devices
	Throttle    = "throttle"     // MACs of sign-in identifiers and network addresses

	RefreshTokens = "refresh_tokens" // MACs in refresh tokens
	Webhooks      = "webhooks"       // secrets that webhooks are signed with, at rest
	Audit         = "audit"          // keys that seals of audit events are made with, at rest
	Idempotency   = "idempotency"    // answers kept for repeated requests, and MACs of the requests
)

var purposes = [...]string{SigningKeys, Tickets, Proofs, Devices, Throttle, RefreshTokens, Webhooks, Idempotency, Audit}

// Opened is a database whose data keys are at hand.
type Opened struct {
	*Keyring
	// Created is set when this call sealed the database for the first time
	// with a key that it made itself.
	Created bool
}

// Open loads the data keys of the database and makes those that are missing. The
// master key is made only when the database has never been sealed; otherwise a
// start without it is refused, because new keys would not open what is there.
func Open(ctx context.Context, store *storage.Store, source MasterKeySource, rand io.Reader) (*Opened, error) {
	var opened *Opened
	source = loadFirst(source)
	err := store.Administer(ctx, func(tx *storage.Tx) error {
		master, created, err := masterKey(ctx, tx, source, rand)
		if err != nil {
			return err
		}
		keyring, err := loadDataKeys(ctx, tx, master, rand)
		opened = &Opened{Keyring: keyring, Created: created}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open the database's keys: %w", err)
	}
	return opened, nil
}

func masterKey(ctx context.Context, tx *storage.Tx, source MasterKeySource, rand io.Reader) (MasterKey, bool, error) {
	state, err := tx.MasterKeyState(ctx)
	sealed := err == nil
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return MasterKey{}, false, err
	}
	created := false
	master, err := source.Load()
	if errors.Is(err, ErrNoMasterKey) {
		if sealed {
			return MasterKey{}, false, fmt.Errorf("the database was sealed with the master key of fingerprint %s, and there is none at %s: "+
				"bring that key back from its backup, or if it is lost for good, start with new keys by idp key reset --without-master-key", fingerprintText(state.Fingerprint), source)
		}
		created = true
		if master, err = newMasterKey(rand); err == nil {
			err = source.Create(master)
		}
	}
	if err != nil {
		return MasterKey{}, false, err
	}
	if !sealed {
		return master, created, tx.InsertMasterKeyFingerprint(ctx, master.Fingerprint())
	}
	return master, false, fits(master, state, source)
}

// fits tells whether a master key opens the database.
func fits(master MasterKey, state storage.MasterKeyState, source MasterKeySource) error {
	fingerprint := master.Fingerprint()
	if bytes.Equal(fingerprint, state.Fingerprint) || bytes.Equal(fingerprint, state.Next) {
		return nil
	}
	return fmt.Errorf("the database was sealed with the master key of fingerprint %s, and the one at %s has %s: "+
		"bring the right key, or name the right database", fingerprintText(state.Fingerprint), source, fingerprintText(fingerprint))
}

func loadDataKeys(ctx context.Context, tx *storage.Tx, master MasterKey, rand io.Reader) (*Keyring, error) {
	rows, err := tx.DataKeys(ctx)
	if err != nil {
		return nil, err
	}
	keyring, err := openAll(master, rows, rand)
	if err != nil {
		return nil, err
	}
	missing := false
	for _, purpose := range purposes {
		if slices.ContainsFunc(rows, func(row storage.DataKey) bool { return row.Purpose == purpose }) {
			continue
		}
		row, err := keyring.insertDataKey(ctx, tx, purpose, 0)
		if err != nil {
			return nil, err
		}
		rows, missing = append(rows, row), true
	}
	if !missing {
		return keyring, nil
	}
	return keyring, keyring.Update(rows, time.Time{})
}

// openAll unwraps rows by a master key.
func openAll(master MasterKey, rows []storage.DataKey, rand io.Reader) (*Keyring, error) {
	wrapper, err := newDataKey(masterID, master.key)
	if err != nil {
		return nil, err
	}
	keyring := &Keyring{rand: rand, wrapper: wrapper}
	keyring.keys.Store(&keySet{})
	return keyring, keyring.Update(rows, time.Time{})
}

// insertDataKey makes a data key that seals after a wait.
func (k *Keyring) insertDataKey(ctx context.Context, tx *storage.Tx, purpose string, wait time.Duration) (storage.DataKey, error) {
	state, err := tx.MasterKeyState(ctx)
	switch {
	case err != nil:
		return storage.DataKey{}, err
	case state.Next != nil:
		return storage.DataKey{}, ErrRewrapping
	case !bytes.Equal(state.Fingerprint, k.MasterKeyFingerprint()): // nobody could open what is made here
		return storage.DataKey{}, fmt.Errorf("the master key was changed meanwhile: %w", ErrSealed)
	}
	key := make([]byte, chacha20poly1305.KeySize)
	if _, err := io.ReadFull(k.rand, key); err != nil {
		return storage.DataKey{}, fmt.Errorf("make data key: %w", err)
	}
	return tx.InsertDataKey(ctx, purpose, wait, func(id int64) ([]byte, error) {
		return k.wrapper.seal(k.rand, key, wrapData(id, purpose))
	})
}

// open unwraps rows, of which the first for each purpose seals. What was opened before
// is not opened again: it may be wrapped by another master key by now.
func (k *Keyring) open(rows []storage.DataKey, now time.Time) (*keySet, error) {
	before := k.keys.Load()
	set := &keySet{keys: map[int64]*dataKey{}, purpose: map[int64]string{}, current: map[string]*dataKey{}}
	for _, row := range rows {
		opened := before.keys[row.ID]
		if opened == nil || before.purpose[row.ID] != row.Purpose {
			var err error
			if opened, err = k.unwrap(row); err != nil {
				return nil, fmt.Errorf("unwrap data key %d: %w", row.ID, err)
			}
		}
		set.keys[row.ID], set.purpose[row.ID] = opened, row.Purpose
		if row.UsableIn > 0 && set.current[row.Purpose] != nil {
			set.waiting = append(set.waiting, waitingKey{opened, now.Add(row.UsableIn)})
			continue
		}
		set.current[row.Purpose] = opened
	}
	return set, nil
}

// unwrap opens a row, which is wrapped by two master keys while one takes the other's
// place.
func (k *Keyring) unwrap(row storage.DataKey) (*dataKey, error) {
	for _, wrapped := range [][]byte{row.Wrapped, row.WrappedNext} {
		if len(wrapped) < minSealed {
			continue
		}
		if key, err := k.wrapper.open(wrapped, wrapData(row.ID, row.Purpose)); err == nil {
			return newDataKey(row.ID, key)
		}
	}
	return nil, fmt.Errorf("%w: was the master key changed? this one is %s", ErrSealed, fingerprintText(k.MasterKeyFingerprint()))
}

// wrapData binds a wrapped data key to its table, row and purpose.
func wrapData(id int64, purpose string) []byte {
	return associatedData("data_keys", []string{strconv.FormatInt(id, 10), purpose})
}
