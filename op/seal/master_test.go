package seal_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/brandidp/idp/op/seal"
)

func TestStartWithoutTheMasterKeyIsRefused(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	file := seal.MasterKeyFile(filepath.Join(t.TempDir(), "keys", "master"))
	if opened := open(t, store, file); !opened.Created {
		t.Error("the first start does not say that it has made the key")
	}
	if opened := open(t, store, file); opened.Created {
		t.Error("the second start says that it has made the key")
	}
	right := fingerprint(t, file)
	if err := os.Rename(string(file), string(file)+".away"); err != nil {
		t.Fatal(err)
	}
	_, err := seal.Open(t.Context(), store, file, rand.Reader)
	if err == nil || !strings.Contains(err.Error(), right) || !strings.Contains(err.Error(), string(file)) {
		t.Errorf("without the key: %v; want the fingerprint %s and the file", err, right)
	}
	if _, err := os.Stat(string(file)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a refused start has made a key: %v", err)
	}
	wrong := newMaster()
	_, err = seal.Open(t.Context(), store, wrong, rand.Reader)
	if err == nil || !strings.Contains(err.Error(), right) || !strings.Contains(err.Error(), fingerprint(t, wrong)) || strings.Contains(err.Error(), string(wrong)) {
		t.Errorf("with another key: %v; want both fingerprints and not the key", err)
	}
	if err := os.Rename(string(file)+".away", string(file)); err != nil {
		t.Fatal(err)
	}
	open(t, store, file)
}

func TestTwoFirstStartsRace(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	file := seal.MasterKeyFile(filepath.Join(t.TempDir(), "master"))
	var (
		group   sync.WaitGroup
		mu      sync.Mutex
		opened  []*seal.Opened
		created int
	)
	for range 8 {
		group.Go(func() {
			one, err := seal.Open(t.Context(), store, file, rand.Reader)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
				return
			}
			if one.Created {
				created++
			}
			opened = append(opened, one)
		})
	}
	group.Wait()
	if created != 1 || len(opened) != 8 {
		t.Fatalf("%d opened, %d of them made the key", len(opened), created)
	}
	sealed, err := opened[0].Seal(seal.Tickets, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range opened {
		if _, err := one.Open(seal.Tickets, sealed); err != nil {
			t.Error(err)
		}
	}
}

func TestMasterKeyFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := seal.MasterKeyFile(filepath.Join(dir, "data", "master"))
	if _, err := file.Load(); !errors.Is(err, seal.ErrNoMasterKey) {
		t.Errorf("a file that is not there: %v", err)
	}
	made, err := newMaster().Load()
	if err == nil {
		err = file.Create(made)
	}
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{string(file): 0o600, filepath.Dir(string(file)): 0o700 | os.ModeDir} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: mode %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
	if read, err := file.Load(); err != nil || string(read.Fingerprint()) != string(made.Fingerprint()) {
		t.Errorf("read back: %v", err)
	}
	if err := file.Create(made); !errors.Is(err, os.ErrExist) {
		t.Errorf("made over a key that exists: %v", err)
	}
	if read, err := file.Load(); err != nil || string(read.Fingerprint()) != string(made.Fingerprint()) {
		t.Errorf("after a second making: %v", err)
	}
	text, err := os.ReadFile(string(file))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"empty": "", "short": "AAAA", "long": strings.TrimSpace(string(text)) + "AAAA", "not base64": strings.Repeat("!", 44)} {
		if err := os.WriteFile(string(file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := file.Load(); err == nil || errors.Is(err, seal.ErrNoMasterKey) || !strings.Contains(err.Error(), string(file)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMasterKeysAreNeverPrinted(t *testing.T) {
	t.Parallel()
	value := newMaster()
	key, err := value.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if text := fmt.Sprintf(format, key); !strings.Contains(strings.ToLower(text), "master") || len(text) > 20 {
			t.Errorf("%s prints %s", format, text)
		}
	}
	if value.String() == string(value) || strings.Contains(fmt.Sprint(value), string(value)) {
		t.Error("a master key that is given as a value prints itself")
	}
	if err := value.Create(key); err == nil {
		t.Error("a key that was given was made")
	}
	for _, text := range []string{"", "abc", strings.Repeat("A", 42), strings.Repeat("A", 45)} {
		if _, err := seal.ParseMasterKey(text); err == nil || (text != "" && strings.Contains(err.Error(), text)) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
