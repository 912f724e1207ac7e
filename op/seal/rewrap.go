package seal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/brandidp/idp/storage"
)

// The master key is changed in two steps, while instances run. Rewrap wraps every data
// key by the next master key as well: from then on, a start succeeds with either, so
// that instances are started anew with the next one in their turn. FinishRewrap ends
// that, and the one before opens nothing any more.
//
// What a running instance has opened it keeps, so it needs the next key for data keys
// that are made later, and FinishRewrap is refused until each that runs has it. Between the two steps no data key is made, since whoever makes it has
// only one of the master keys and those who have the other could not open it. An instance
// that was away while the change ended is not let in again (storage.JoinInstance) before
// it is started anew with the key in force: it could open no data key that is made later.

// ErrRewrapping means that the master key is being changed.
var ErrRewrapping = errors.New("the master key is being changed: end that first with idp key rewrap --finish, or --cancel")

// Rewrap has another master key open the database, beside the one in force, which
// source gives; the event tells of it. Doing it again with the same key changes nothing.
// It gives the other one, which to has or makes.
func Rewrap(ctx context.Context, store *storage.Store, source, to MasterKeySource, audit storage.AuditEvent, rand io.Reader) (MasterKey, error) {
	next, create, err := loadOrNew(to, rand)
	if err != nil {
		return MasterKey{}, err
	}
	wrapper, err := newDataKey(masterID, next.key)
	if err != nil {
		return MasterKey{}, err
	}
	return next, changeMaster(ctx, store, source, func(tx *storage.Tx, master MasterKey, state storage.MasterKeyState) error {
		switch {
		case bytes.Equal(state.Next, next.Fingerprint()):
			return nil
		case state.Next != nil:
			return fmt.Errorf("%w; the next one has fingerprint %s", ErrRewrapping, fingerprintText(state.Next))
		case bytes.Equal(state.Fingerprint, next.Fingerprint()):
			return errors.New("the next master key is the one in force")
		}
		rows, err := tx.DataKeys(ctx)
		if err != nil {
			return err
		}
		keyring, err := openAll(master, rows, rand)
		if err != nil {
			return err
		}
		for _, row := range rows {
			wrapped, err := wrapper.seal(rand, keyring.keys.Load().keys[row.ID].key, wrapData(row.ID, row.Purpose))
			if err != nil {
				return err
			}
			if err := tx.WrapDataKeyNext(ctx, row.ID, wrapped); err != nil {
				return err
			}
		}
		if err := tx.SetNextMasterKey(ctx, next.Fingerprint()); err != nil {
			return err
		}
		if err := tx.Audit(ctx, audit); err != nil {
			return err
		}
		return create()
	})
}

// FinishRewrap has the next master key, which source has to give, open the database
// alone. It is refused while an instance runs that has another one.
func FinishRewrap(ctx context.Context, store *storage.Store, source MasterKeySource, audit storage.AuditEvent) error {
	return changeMaster(ctx, store, source, func(tx *storage.Tx, master MasterKey, state storage.MasterKeyState) error {
		switch {
		case state.Next == nil:
			return errors.New("the master key is not being changed")
		case !bytes.Equal(state.Next, master.Fingerprint()):
			return fmt.Errorf("%s has the master key in force; name the next one, of fingerprint %s, in the configuration first", source, fingerprintText(state.Next))
		}
		if err := startedWith(ctx, tx, master); err != nil {
			return err
		}
		return errors.Join(tx.PromoteMasterKey(ctx), tx.Audit(ctx, audit))
	})
}

// startedWith tells whether each instance that runs has a master key. One that does not
// say which it has does not count as having it.
func startedWith(ctx context.Context, tx *storage.Tx, master MasterKey) error {
	snapshot, err := tx.Snapshot(ctx)
	if err != nil {
		return err
	}
	var others []string
	for _, instance := range snapshot.Instances {
		if !bytes.Equal(instance.MasterKeyFingerprint, master.Fingerprint()) {
			others = append(others, instance.String())
		}
	}
	if len(others) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d instances that run were not started with the next master key, and could open no data key that is made from now on (%s): "+
		"start each anew with the next one in its configuration; one that was killed counts for 75 seconds", len(others), len(snapshot.Instances), strings.Join(others, "; "))
}

// CancelRewrap leaves the master key in force, which source has to give, as it was
// before Rewrap.
func CancelRewrap(ctx context.Context, store *storage.Store, source MasterKeySource, audit storage.AuditEvent) error {
	return changeMaster(ctx, store, source, func(tx *storage.Tx, master MasterKey, state storage.MasterKeyState) error {
		switch {
		case state.Next == nil:
			return errors.New("the master key is not being changed")
		case !bytes.Equal(state.Fingerprint, master.Fingerprint()):
			return fmt.Errorf("%s has the next master key; name the one in force, of fingerprint %s, in the configuration first", source, fingerprintText(state.Fingerprint))
		}
		return errors.Join(tx.DropNextMasterKey(ctx), tx.Audit(ctx, audit))
	})
}

// changeMaster lends f the master key that source gives, which is one that opens the
// database.
func changeMaster(ctx context.Context, store *storage.Store, source MasterKeySource,
	f func(tx *storage.Tx, master MasterKey, state storage.MasterKeyState) error,
) error {
	source = loadFirst(source)
	err := store.Administer(ctx, func(tx *storage.Tx) error {
		state, err := tx.MasterKeyState(ctx)
		if errors.Is(err, storage.ErrNotFound) {
			return errors.New("the database was never sealed: idp serve does that at its first start")
		}
		if err != nil {
			return err
		}
		master, err := source.Load()
		if err == nil {
			err = fits(master, state, source)
		}
		if err != nil {
			return err
		}
		return f(tx, master, state)
	})
	if err != nil {
		return fmt.Errorf("change the master key: %w", err)
	}
	return nil
}
