package keys_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/keys/pkcs11/softhsm"
	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/storagetest"
)

func TestMain(m *testing.M) { os.Exit(softhsm.Run(tests{m})) }

// tests are those of the package, run with a database server.
type tests struct{ *testing.M }

func (t tests) Run() int { return storagetest.Run(t.M) }

// signers gives all there are: those but Go's need cgo.
func signers(tb testing.TB) map[string]*keys.Signers {
	tb.Helper()
	all := map[string]*keys.Signers{keys.SignerGo: nil}
	openSSL, err := keys.NewSigners(keys.SignerOptions{Name: keys.SignerOpenSSL})
	if err != nil {
		tb.Logf("Go signs alone: %v", err)
		return all
	}
	options, _ := softhsm.Shared(tb)
	token, err := keys.NewSigners(keys.SignerOptions{Name: keys.SignerPKCS11, PKCS11: options})
	if err != nil {
		tb.Fatal(err)
	}
	all[keys.SignerOpenSSL], all[keys.SignerPKCS11] = openSSL, token
	return all
}

// made is a set with a key for each algorithm, made and used by some signers.
func made(tb testing.TB, signers *keys.Signers) (*keys.Set, *seal.Keyring, []*storage.SigningKey) {
	tb.Helper()
	_, keyring, _ := set(tb)
	var rows []*storage.SigningKey
	for _, alg := range keys.Algs {
		row, err := signers.Generate(keyring, rand.Reader, alg)
		if err != nil {
			tb.Fatal(err)
		}
		rows = append(rows, row)
	}
	all := keys.NewSet(rows, keyring, nil, signers)
	wantNoFaults(tb, all)
	return all, keyring, rows
}

// A token tells nothing of who computed its signature: whoever has the public key
// verifies it, by Go's code and by OpenSSL's.
func TestSignersAreInterchangeable(t *testing.T) {
	t.Parallel()
	payload := strings.Repeat("x", 700)
	for name, signers := range signers(t) {
		all, _, _ := made(t, signers)
		for _, alg := range keys.Algs {
			signer, err := all.Signer(0, alg, 0)
			if err != nil {
				t.Fatal(err)
			}
			isRSA := alg == keys.RS256 || alg == keys.PS256
			by := map[string]bool{
				"Go": name == keys.SignerGo || name == keys.SignerOpenSSL && !isRSA, "OpenSSL 3.": name == keys.SignerOpenSSL && isRSA,
				"PKCS #11 token idp test": name == keys.SignerPKCS11,
			}
			for who, signs := range by {
				if strings.HasPrefix(signer.By(), who) != signs {
					t.Errorf("%s: %s is signed by %s", name, alg, signer.By())
				}
			}
			var group sync.WaitGroup
			for range 8 { // at once
				group.Go(func() {
					token, err := signer.Sign([]byte(payload))
					if err != nil {
						t.Errorf("%s: %s: %v", name, alg, err)
						return
					}
					if got, err := all.Verify(token); err != nil || string(got) != payload {
						t.Errorf("%s by %s: %v", alg, name, err)
					}
				})
			}
			group.Wait()
		}
	}
}

// One key of the database is used by whoever signs: RS256 always gives the same.
func TestOneKeyByTwoSigners(t *testing.T) {
	t.Parallel()
	_, keyring, rows := made(t, nil)
	tokens := map[string]bool{}
	for name, signers := range signers(t) {
		all := keys.NewSet(rows, keyring, nil, signers)
		wantNoFaults(t, all)
		signer, err := all.Signer(0, keys.RS256, 0)
		if err != nil {
			t.Fatal(err)
		}
		token, err := signer.Sign([]byte("{}"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		tokens[token] = true
	}
	if len(tokens) != 1 {
		t.Errorf("%d different tokens: %v", len(tokens), tokens)
	}
}

func TestSignersByName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{keys.SignerAuto, keys.SignerGo} {
		signers, err := keys.NewSigners(keys.SignerOptions{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		by, why := signers.RSA()
		if by == "" || why == "" || name == keys.SignerGo && by != "Go" {
			t.Errorf("%s: by %q, since %q", name, by, why)
		}
	}
	if _, err := keys.NewSigners(keys.SignerOptions{Name: "boringssl"}); err == nil || !strings.Contains(err.Error(), "boringssl") {
		t.Errorf("an unknown one: %v", err)
	}
}

// PSS takes a salt as long as the digest (RFC 7518 3.5), whoever computes it.
func TestPS256HasASaltOfItsDigestsLength(t *testing.T) {
	t.Parallel()
	for name, signers := range signers(t) {
		all, _, _ := made(t, signers)
		signer, err := all.Signer(0, keys.PS256, 0)
		if err != nil {
			t.Fatal(err)
		}
		token, err := signer.Sign([]byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		public, ok := keySet(t, all.OwnJWKS(0)).Key(signer.Kid())[0].Key.(*rsa.PublicKey)
		if !ok {
			t.Fatal("not an RSA key")
		}
		signed, encoded := token[:strings.LastIndexByte(token, '.')], token[strings.LastIndexByte(token, '.')+1:]
		signature, err := base64.RawURLEncoding.DecodeString(encoded)
		if err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256([]byte(signed))
		if err := rsa.VerifyPSS(public, crypto.SHA256, digest[:], signature, &rsa.PSSOptions{SaltLength: sha256.Size}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A row that leads to the key of another owner, or to a token that is not here, signs
// nothing, and says why.
func TestATokenKeyThatWasMovedDoesNotSign(t *testing.T) {
	t.Parallel()
	all := signers(t)
	token := all[keys.SignerPKCS11]
	if token == nil {
		t.Skip("this program was built without cgo")
	}
	_, keyring, rows := made(t, token)
	other, err := token.GenerateInToken(rand.Reader, keys.RS256)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		uri     string
		signers *keys.Signers
	}{
		"another's key":     {other.PrivateURI, token},
		"another token":     {"pkcs11:token=elsewhere;id=%01;type=private", token},
		"no token is here":  {rows[0].PrivateURI, nil},
		"a key that is not": {"pkcs11:token=idp%20test;id=%01;type=private", token},
	} {
		moved := *rows[0]
		moved.PrivateURI = test.uri
		set := keys.NewSet([]*storage.SigningKey{&moved}, keyring, nil, test.signers)
		wantNoFaults(t, set)
		signer, err := set.Signer(0, keys.RS256, 0)
		if err != nil {
			t.Fatal(err)
		}
		if token, err := signer.Sign([]byte("{}")); !errors.Is(err, keys.ErrUnavailable) {
			t.Errorf("%s: %q, %v", name, token, err)
		}
	}
}

// BenchmarkSigners shows side by side what a token's signature costs by each.
func BenchmarkSigners(b *testing.B) {
	payload := []byte(strings.Repeat("x", 700)) // as long as an ID token with Personal and Customer Info
	for name, signers := range signers(b) {
		all, _, _ := made(b, signers)
		for _, alg := range []string{keys.RS256, keys.PS256, keys.ES256} {
			signer, err := all.Signer(0, alg, 0)
			if err != nil {
				b.Fatal(err)
			}
			b.Run(alg+"/"+name, func(b *testing.B) {
				for b.Loop() {
					if _, err := signer.Sign(payload); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
