package seal_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

func dataKeys(t *testing.T, store *storage.Store) []storage.DataKey {
	t.Helper()
	snapshot, err := store.ReadSnapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return snapshot.DataKeys
}

// TestTheMasterKeyIsChanged: instances start with either key meanwhile, those that run
// go on with what they have, and afterwards the next key alone opens the database.
func TestTheMasterKeyIsChanged(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	first, next, third := newMaster(), newMaster(), newMaster()
	running := open(t, store, first)
	sealed, err := running.Seal(seal.Webhooks, []byte("secret"), "row")
	if err != nil {
		t.Fatal(err)
	}
	opens := func(name string, keyring *seal.Keyring) {
		t.Helper()
		if text, err := keyring.Open(seal.Webhooks, sealed, "row"); err != nil || string(text) != "secret" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	rewrap := func(to seal.MasterKeyValue) error {
		_, err := seal.Rewrap(t.Context(), store, first, to, storage.AuditEvent{}, rand.Reader)
		return err
	}
	if err := seal.FinishRewrap(t.Context(), store, next, storage.AuditEvent{}); err == nil {
		t.Error("what was not begun was finished")
	}
	if err := rewrap(first); err == nil {
		t.Error("changed to itself")
	}
	for range 2 {
		if err := rewrap(next); err != nil {
			t.Fatal(err)
		}
	}
	if err := rewrap(third); !errors.Is(err, seal.ErrRewrapping) {
		t.Errorf("to a third key meanwhile: %v", err)
	}
	if _, err := running.Renew(t.Context(), store, seal.Webhooks, storage.AuditEvent{}); !errors.Is(err, seal.ErrRewrapping) {
		t.Errorf("a data key that half of the instances could not open: %v", err)
	}
	opens("started with the first", open(t, store, first).Keyring)
	restarted := open(t, store, next)
	opens("started with the next", restarted.Keyring)
	if err := running.Update(dataKeys(t, store), time.Time{}); err != nil {
		t.Errorf("running, meanwhile: %v", err)
	}
	if err := seal.FinishRewrap(t.Context(), store, first, storage.AuditEvent{}); err == nil || !strings.Contains(err.Error(), fingerprint(t, next)) {
		t.Errorf("finished by whoever does not have the next: %v", err)
	}
	refusesToFinish(t, store, first, next)
	if err := seal.FinishRewrap(t.Context(), store, next, storage.AuditEvent{}); err != nil {
		t.Fatal(err)
	}
	for name, keyring := range map[string]*seal.Keyring{"running with the first": running.Keyring, "restarted": restarted.Keyring} {
		if err := keyring.Update(dataKeys(t, store), time.Time{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		opens(name, keyring)
	}
	opens("started with the next, afterwards", open(t, store, next).Keyring)
	if _, err := seal.Open(t.Context(), store, first, rand.Reader); err == nil || !strings.Contains(err.Error(), fingerprint(t, next)) {
		t.Errorf("the first still opens: %v", err)
	}

	if _, err := running.Renew(t.Context(), store, seal.Webhooks, storage.AuditEvent{}); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("a data key by the master key before: %v", err)
	}

	// A data key that is made now is not for an instance that was not started anew.
	if _, err := restarted.Renew(t.Context(), store, seal.Webhooks, storage.AuditEvent{}); err != nil {
		t.Fatal(err)
	}
	if err := running.Update(dataKeys(t, store), time.Time{}); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("it opens with the first: %v", err)
	}
	opens("it keeps what it has", running.Keyring)
}

// refusesToFinish has an instance with another master key alive, and one that does not
// tell which it has, while the change is to be ended.
func refusesToFinish(t *testing.T, store *storage.Store, first, next seal.MasterKeySource) {
	t.Helper()
	before, err := first.Load()
	if err != nil {
		t.Fatal(err)
	}
	key, err := next.Load()
	if err != nil {
		t.Fatal(err)
	}
	behind := [][16]byte{{1}, {2}}
	for id, fingerprint := range map[[16]byte][]byte{behind[0]: before.Fingerprint(), behind[1]: nil, {3}: key.Fingerprint()} {
		if err := store.JoinInstance(t.Context(), storage.Instance{ID: id, MasterKeyFingerprint: fingerprint}, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	for n, id := range behind {
		err := seal.FinishRewrap(t.Context(), store, next, storage.AuditEvent{})
		if want := fmt.Sprintf("%d of %d instances", 2-n, 3-n); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), fmt.Sprintf("%x-0000-0000-0000-000000000000, started at 20", id[:4])) {
			t.Errorf("%v, want %s", err, want)
		}
		if err := store.LeaveInstance(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheChangeOfTheMasterKeyIsCancelled(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	first, next := newMaster(), newMaster()
	open(t, store, first)
	if _, err := seal.Rewrap(t.Context(), store, first, next, storage.AuditEvent{}, rand.Reader); err != nil {
		t.Fatal(err)
	}
	if err := seal.CancelRewrap(t.Context(), store, next, storage.AuditEvent{}); err == nil {
		t.Error("cancelled by whoever does not have the one in force")
	}
	if err := seal.CancelRewrap(t.Context(), store, first, storage.AuditEvent{}); err != nil {
		t.Fatal(err)
	}
	open(t, store, first)
	if _, err := seal.Open(t.Context(), store, next, rand.Reader); err == nil {
		t.Error("the next still opens")
	}
}

func TestMasterKeyCommand(t *testing.T) {
	t.Parallel()
	value := newMaster()
	for name, test := range map[string]struct {
		command seal.MasterKeyCommand
		fault   string
	}{
		"prints it":        {seal.MasterKeyCommand{"echo", string(value)}, ""},
		"through a shell":  {seal.MasterKeyCommand{"sh", "-c", "echo note >&2; printf %s " + string(value)}, ""},
		"fails":            {seal.MasterKeyCommand{"sh", "-c", "echo " + string(value) + "; echo vault is sealed: " + string(value) + " >&2; exit 3"}, "exit status 3: vault is sealed: ********"},
		"prints too much":  {seal.MasterKeyCommand{"echo", string(value), string(value)}, "must be 32 bytes"},
		"is no program":    {seal.MasterKeyCommand{"/nowhere"}, "no such file"},
		"is not a pipe":    {seal.MasterKeyCommand{"echo x | base64"}, "not found"},
		"leaves a process": {seal.MasterKeyCommand{"sh", "-c", "sleep 3 & echo " + string(value)}, "WaitDelay"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, err := test.command.Load()
			if test.fault == "" {
				if err != nil {
					t.Fatal(err)
				}
				if want, err := value.Load(); err != nil || string(key.Fingerprint()) != string(want.Fingerprint()) {
					t.Errorf("another key, %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.fault) || strings.Contains(err.Error(), string(value)) {
				t.Errorf("%v; want %q and not the key", err, test.fault)
			}
		})
	}
}
