package webtest

import (
	"crypto/rand"
	"encoding/base64"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/storagetest"
	"github.com/brandidp/idp/web"
)

// seed is a master key with the data keys and signing keys under it. Making keys
// is most of what a start costs, so the tests of a process share them, each in a
// database of its own.
type seed struct {
	master  seal.MasterKeySource
	keyring *seal.Keyring
	signers *keys.Signers

	fingerprint []byte
	dataKeys    []storage.DataKey

	mu      sync.RWMutex
	signing []*storage.SigningKey
	private *PrivateKey // their private halves
}

var (
	seedOnce   sync.Once //nolint:gochecknoglobals // one seed per process is the purpose
	sharedSeed *seed     //nolint:gochecknoglobals // see above
)

func seedOf(tb testing.TB) *seed {
	tb.Helper()
	seedOnce.Do(func() {
		random := make([]byte, seal.MasterKeySize)
		_, _ = rand.Read(random) // never fails
		s := &seed{master: masterKeyOf(base64.StdEncoding.EncodeToString(random)), private: &PrivateKey{forms: map[uint16][][]byte{}}}
		store, err := storage.Open(tb.Context(), storage.Options{URL: storagetest.New(tb), MaxConnections: 1})
		if err != nil {
			tb.Fatal(err)
		}
		defer store.Close()
		opened, err := seal.Open(tb.Context(), store, s.master, rand.Reader)
		if err != nil {
			tb.Fatal(err)
		}
		s.keyring = opened.Keyring
		if s.signers, err = keys.NewSigners(keys.SignerOptions{Name: keys.SignerAuto}); err != nil {
			tb.Fatal(err)
		}
		err = store.Administer(tb.Context(), func(tx *storage.Tx) (err error) {
			if s.dataKeys, err = tx.DataKeys(tb.Context()); err == nil {
				var state storage.MasterKeyState
				state, err = tx.MasterKeyState(tb.Context())
				s.fingerprint = state.Fingerprint
			}
			return err
		})
		if err != nil {
			tb.Fatal(err)
		}
		sharedSeed = s
	})
	if sharedSeed == nil {
		tb.Fatal("the keys of the tests could not be made")
	}
	return sharedSeed
}

// plant copies master key fingerprint and data keys into a fresh database.
func (s *seed) plant(p *Provider) {
	p.tb.Helper()
	batch := &pgx.Batch{}
	batch.Queue("insert into master_keys (fingerprint) values ($1)", s.fingerprint)
	for _, key := range s.dataKeys {
		batch.Queue("insert into data_keys (id, purpose, wrapped) overriding system value values ($1, $2, $3)", key.ID, key.Purpose, key.Wrapped)
	}
	batch.Queue("select setval(pg_get_serial_sequence('data_keys', 'id'), 1000)")
	p.withConn(func(conn *pgx.Conn) error { return conn.SendBatch(p.tb.Context(), batch).Close() })
}

// signingKey gives the nth key of the process, made when it is first asked for.
func (s *seed) signingKey(n int) (*storage.SigningKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.signing) <= n {
		key, err := keys.Generate(s.keyring, rand.Reader, keys.RS256)
		if err != nil {
			return nil, err
		}
		der, err := s.keyring.Open(seal.SigningKeys, key.PrivateSealed, "signing_keys", key.Kid)
		if err != nil {
			return nil, err
		}
		if err := s.private.add(der); err != nil {
			return nil, err
		}
		s.signing = append(s.signing, key)
	}
	copied := *s.signing[n]
	return &copied, nil
}

// NewSigningKey gives a key that this provider's database has not got yet. Those for
// RS256 are shared by the tests of a process, since they take long to make, but for a
// test that has signers of its own.
func (p *Provider) NewSigningKey(alg string) (*storage.SigningKey, error) {
	if p.options.Signers != p.seeded.signers || alg != keys.RS256 {
		return p.options.Signers.Generate(p.seeded.keyring, rand.Reader, alg)
	}
	return p.seeded.signingKey(int(p.keys.Add(1)) - 1)
}

// plantKey stores the provider's own key, which a test with signers of its own makes
// by them.
func (p *Provider) plantKey(opts *web.Options) {
	p.tb.Helper()
	if opts.Signers != p.seeded.signers {
		return
	}
	key, err := p.NewSigningKey(keys.RS256)
	if err == nil {
		err = p.Store.Administer(p.tb.Context(), func(tx *storage.Tx) error {
			return tx.InsertSigningKey(p.tb.Context(), key)
		})
	}
	if err != nil {
		p.tb.Fatal(err)
	}
}

// Keyring opens what is sealed in the provider's database.
func (p *Provider) Keyring() *seal.Keyring { return p.seeded.keyring }
