package seal_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/storagetest"
)

// newMaster makes a master key that is given as text.
func newMaster() seal.MasterKeyValue {
	key := make([]byte, seal.MasterKeySize)
	_, _ = rand.Read(key) // never fails
	return seal.MasterKeyValue(base64.StdEncoding.EncodeToString(key))
}

func newStore(t *testing.T) (*storage.Store, string) {
	t.Helper()
	url := storagetest.New(t)
	store, err := storage.Open(t.Context(), storage.Options{URL: url, MaxConnections: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store, url
}

func open(t *testing.T, store *storage.Store, master seal.MasterKeySource) *seal.Opened {
	t.Helper()
	opened, err := seal.Open(t.Context(), store, master, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func exec(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // done
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

//security:12-another-purpose
func TestSealedValuesOpenWhereTheyBelongAlone(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	master := newMaster()
	keyring := open(t, store, master)
	sealed, err := keyring.Seal(seal.Tickets, []byte("secret"), "table", "row")
	if err != nil {
		t.Fatal(err)
	}
	again, err := keyring.Seal(seal.Tickets, []byte("secret"), "table", "row")
	if err != nil || bytes.Equal(sealed, again) {
		t.Errorf("sealed twice alike, or %v", err)
	}
	// Another instance opens it by the same master key.
	if got, err := open(t, store, master).Open(seal.Tickets, sealed, "table", "row"); err != nil || string(got) != "secret" {
		t.Errorf("%q, %v", got, err)
	}
	for name, boundTo := range map[string][]string{
		"another row": {"table", "row2"}, "another table": {"tables", "row"}, "nothing": nil, "less": {"table"}, "more": {"table", "row", ""},
		"the other way round": {"row", "table"}, "joined": {"tablerow"}, "cut elsewhere": {"tabler", "ow"},
	} {
		if _, err := keyring.Open(seal.Tickets, sealed, boundTo...); !errors.Is(err, seal.ErrSealed) {
			t.Errorf("bound to %s: %v", name, err)
		}
	}
	for _, purpose := range []string{seal.SigningKeys, seal.Devices, seal.Proofs, seal.Throttle, "", "another"} {
		if _, err := keyring.Open(purpose, sealed, "table", "row"); !errors.Is(err, seal.ErrSealed) {
			t.Errorf("purpose %q: %v", purpose, err)
		}
	}
	for i := range sealed {
		broken := bytes.Clone(sealed)
		broken[i] ^= 0x80
		if _, err := keyring.Open(seal.Tickets, broken, "table", "row"); !errors.Is(err, seal.ErrSealed) {
			t.Errorf("byte %d turned: %v", i, err)
		}
	}
	for n := range sealed {
		if _, err := keyring.Open(seal.Tickets, sealed[:n], "table", "row"); !errors.Is(err, seal.ErrSealed) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := keyring.Seal("another", nil); err == nil {
		t.Error("sealed for a purpose without a key")
	}
	other, _ := newStore(t)
	if _, err := open(t, other, newMaster()).Open(seal.Tickets, sealed, "table", "row"); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("another database: %v", err)
	}
}

func TestDerivedKeysStayTheSameAndApart(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	master := newMaster()
	first, second := open(t, store, master), open(t, store, master)
	seen := map[string]string{}
	for _, purpose := range []string{seal.Proofs, seal.Throttle} {
		for _, label := range []string{"a", "b"} {
			key, err := first.Derive(purpose, label)
			same, again := second.Derive(purpose, label)
			if err != nil || again != nil || !bytes.Equal(key, same) || len(key) != 32 {
				t.Errorf("%s %s: %x, %x, %v, %v", purpose, label, key, same, err, again)
			}
			if other, taken := seen[string(key)]; taken {
				t.Errorf("%s %s has the key of %s", purpose, label, other)
			}
			seen[string(key)] = purpose + " " + label
		}
	}
	if _, err := first.Derive("another", "a"); err == nil {
		t.Error("derived for a purpose without a key")
	}
}

// TestWrappedKeysThatWereMoved: whoever can write to the database cannot give a
// data key another purpose or row.
//
//security:12-moved-key
func TestWrappedKeysThatWereMoved(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"another purpose": "update data_keys set purpose = 'tickets' where purpose = 'devices'",
		"another row":     "update data_keys set wrapped = (select wrapped from data_keys where purpose = 'tickets') where purpose = 'devices'",
		"a bit turned":    "update data_keys set wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1) where purpose = 'devices'",
		"cut":             "update data_keys set wrapped = substring(wrapped from 1 for 30) where purpose = 'devices'",
		"empty":           "update data_keys set wrapped = '' where purpose = 'devices'",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, url := newStore(t)
			master := newMaster()
			open(t, store, master)
			exec(t, url, sql)
			if _, err := seal.Open(t.Context(), store, master, rand.Reader); !errors.Is(err, seal.ErrSealed) {
				t.Errorf("opened: %v", err)
			}
		})
	}
}

func TestKeysOfANewPurposeAreMade(t *testing.T) {
	t.Parallel()
	store, url := newStore(t)
	master := newMaster()
	sealed, err := open(t, store, master).Seal(seal.Tickets, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	exec(t, url, "delete from data_keys where purpose = 'devices'") // a release that did not know it
	opened := open(t, store, master)
	if _, err := opened.Seal(seal.Devices, []byte("x")); err != nil {
		t.Error(err)
	}
	if _, err := opened.Open(seal.Tickets, sealed); err != nil {
		t.Error(err)
	}
}

func fingerprint(t *testing.T, master seal.MasterKeySource) string {
	t.Helper()
	key, err := master.Load()
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(key.Fingerprint())
}
