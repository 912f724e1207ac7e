package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// MasterKeySize is the size of a master key in bytes.
const MasterKeySize = 32

// MasterKey wraps the data keys. It is never in the database.
type MasterKey struct{ key []byte }

// String keeps the key out of logs.
func (MasterKey) String() string { return "master key" }

// GoString keeps the key out of logs.
func (MasterKey) GoString() string { return "seal.MasterKey" }

// Fingerprint names the key without telling it: 16 bytes of an HMAC under it.
func (m MasterKey) Fingerprint() []byte {
	mac := hmac.New(sha256.New, m.key)
	mac.Write([]byte("idp master key fingerprint"))
	return mac.Sum(nil)[:16]
}

// ParseMasterKey reads a key from its text form, 32 bytes in base64.
func ParseMasterKey(text string) (MasterKey, error) {
	text = strings.TrimSpace(text)
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if key, err := encoding.DecodeString(text); err == nil && len(key) == MasterKeySize {
			return MasterKey{key: key}, nil
		}
	}
	return MasterKey{}, errors.New("master key: must be 32 bytes in base64; make one with: openssl rand -base64 32")
}

// loadedKey is a source whose key was loaded before.
type loadedKey struct {
	MasterKeySource

	key MasterKey
	err error
}

func (l loadedKey) Load() (MasterKey, error) { return l.key, l.err }

// loadFirst loads the key of a source: to be done before all changes of the database
// wait, since a program may take half a minute to give it. Where there is none yet, it is
// looked for again, because another instance may make it meanwhile.
func loadFirst(source MasterKeySource) MasterKeySource {
	key, err := source.Load()
	if errors.Is(err, ErrNoMasterKey) {
		return source
	}
	return loadedKey{source, key, err}
}

// loadOrNew gives the key of a source, or where there is none a new one, which is yet
// to be put there by create. That comes last in a transaction, so that what is refused
// leaves no key behind that opens nothing; only a commit that fails then still does.
func loadOrNew(source MasterKeySource, rand io.Reader) (key MasterKey, create func() error, err error) {
	key, err = source.Load()
	if !errors.Is(err, ErrNoMasterKey) {
		return key, func() error { return nil }, err
	}
	key, err = newMasterKey(rand)
	return key, func() error { return source.Create(key) }, err
}

func newMasterKey(rand io.Reader) (MasterKey, error) {
	key := make([]byte, MasterKeySize)
	if _, err := io.ReadFull(rand, key); err != nil {
		return MasterKey{}, fmt.Errorf("make master key: %w", err)
	}
	return MasterKey{key: key}, nil
}

// ErrNoMasterKey means that the source has no key, but could make one.
var ErrNoMasterKey = errors.New("no master key")

// A MasterKeySource knows where the master key is kept.
type MasterKeySource interface {
	// Load reads the key. ErrNoMasterKey means that there is none yet.
	Load() (MasterKey, error)
	// Create puts a new key where there is none.
	Create(key MasterKey) error
	// String says where, for messages.
	String() string
}

// MasterKeyValue is a key that the operator has given as text.
type MasterKeyValue string

// Load parses the text.
func (v MasterKeyValue) Load() (MasterKey, error) { return ParseMasterKey(string(v)) }

// Create refuses: a given key cannot be absent.
func (v MasterKeyValue) Create(MasterKey) error {
	return errors.New("master key: was given as a value")
}

// String says where the key is from.
func (v MasterKeyValue) String() string { return "the option master_key" }

// MasterKeyFile is a key in a file of mode 0600.
type MasterKeyFile string

// Load reads the file.
func (path MasterKeyFile) Load() (MasterKey, error) {
	text, err := os.ReadFile(string(path))
	if errors.Is(err, fs.ErrNotExist) {
		return MasterKey{}, ErrNoMasterKey
	}
	if err != nil {
		return MasterKey{}, fmt.Errorf("read master key: %w", err)
	}
	key, err := ParseMasterKey(string(text))
	if err != nil {
		return MasterKey{}, fmt.Errorf("%s: %w", string(path), err)
	}
	return key, nil
}

// Create makes the file. It never overwrites one, and returns only once the key
// is on the disk, since the database is sealed with it next.
func (path MasterKeyFile) Create(key MasterKey) error {
	if err := os.MkdirAll(filepath.Dir(string(path)), 0o700); err != nil {
		return fmt.Errorf("make master key: %w", err)
	}
	file, err := os.OpenFile(string(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make master key: %w", err)
	}
	_, err = file.WriteString(base64.StdEncoding.EncodeToString(key.key) + "\n")
	err = errors.Join(err, file.Sync(), file.Close(), syncDir(filepath.Dir(string(path))))
	if err != nil {
		return fmt.Errorf("make master key: %w", err)
	}
	return nil
}

// String says where the key is.
func (path MasterKeyFile) String() string { return string(path) }

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open folder: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// fingerprintText is how a fingerprint is shown.
func fingerprintText(fingerprint []byte) string { return hex.EncodeToString(fingerprint) }
