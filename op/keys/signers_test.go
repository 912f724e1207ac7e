package keys_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"sync"
	"testing"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

// signers gives those of the tests: Go, and OpenSSL where the program has cgo.
func signers(tb testing.TB) map[string]*keys.Signers {
	tb.Helper()
	all := map[string]*keys.Signers{keys.SignerGo: nil}
	openSSL, err := keys.NewSigners(keys.SignerOpenSSL)
	if err != nil {
		tb.Logf("left out: %v", err)
	} else {
		all[keys.SignerOpenSSL] = openSSL
	}
	return all
}

// rowsOf is a key for each algorithm.
func rowsOf(tb testing.TB) (all *keys.Set, newSet func(*keys.Signers) *keys.Set) {
	tb.Helper()
	_, keyring, _ := set(tb)
	var rows []*storage.SigningKey
	for _, alg := range keys.Algs {
		row, err := keys.Generate(keyring, rand.Reader, alg)
		if err != nil {
			tb.Fatal(err)
		}
		rows = append(rows, row)
	}
	newSet = func(signers *keys.Signers) *keys.Set {
		made, err := keys.NewSet(rows, keyring, nil, signers)
		if err != nil {
			tb.Fatal(err)
		}
		return made
	}
	return newSet(nil), newSet
}

// A token tells nothing of who computed its signature.
func TestSignersAreInterchangeable(t *testing.T) {
	t.Parallel()
	_, newSet := rowsOf(t)
	sets := map[string]*keys.Set{}
	for name, signers := range signers(t) {
		sets[name] = newSet(signers)
	}
	payload := strings.Repeat("x", 700)
	tokens := map[string]string{} // of RS256, which always gives the same
	for name, signing := range sets {
		for _, alg := range keys.Algs {
			signer, err := signing.Signer(0, alg, 0)
			if err != nil {
				t.Fatal(err)
			}
			isRSA := alg == keys.RS256 || alg == keys.PS256
			if openSSL := strings.HasPrefix(signer.By(), "OpenSSL 3."); openSSL != (isRSA && name == keys.SignerOpenSSL) {
				t.Errorf("%s: %s is signed by %s", name, alg, signer.By())
			}
			var group sync.WaitGroup
			for range 8 { // at once
				group.Go(func() {
					token, err := signer.Sign([]byte(payload))
					if err != nil {
						t.Errorf("%s: %s: %v", name, alg, err)
						return
					}
					for other, verifying := range sets {
						if got, err := verifying.Verify(token); err != nil || string(got) != payload {
							t.Errorf("%s by %s is not taken by %s: %v", alg, name, other, err)
						}
					}
				})
			}
			group.Wait()
			if alg == keys.RS256 {
				if tokens[name], err = signer.Sign([]byte(payload)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for name, token := range tokens {
		if token != tokens[keys.SignerGo] {
			t.Errorf("%s signs otherwise than Go", name)
		}
	}
}

func TestSignersByName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{keys.SignerAuto, keys.SignerGo} {
		signers, err := keys.NewSigners(name)
		if err != nil {
			t.Fatal(err)
		}
		by, why := signers.RSA()
		if by == "" || why == "" || name == keys.SignerGo && by != "Go" {
			t.Errorf("%s: by %q, since %q", name, by, why)
		}
	}
	if _, err := keys.NewSigners("boringssl"); err == nil || !strings.Contains(err.Error(), "boringssl") {
		t.Errorf("an unknown one: %v", err)
	}
}

// PSS takes a salt as long as the digest (RFC 7518 3.5), whoever computes it.
func TestPS256HasASaltOfItsDigestsLength(t *testing.T) {
	t.Parallel()
	all, newSet := rowsOf(t)
	for name, signers := range signers(t) {
		signer, err := newSet(signers).Signer(0, keys.PS256, 0)
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

// BenchmarkSigners shows side by side what a token's signature costs by each.
func BenchmarkSigners(b *testing.B) {
	_, newSet := rowsOf(b)
	payload := []byte(strings.Repeat("x", 700)) // as long as an ID token with Personal and Customer Info
	for name, signers := range signers(b) {
		made := newSet(signers)
		for _, alg := range []string{keys.RS256, keys.PS256, keys.ES256} {
			signer, err := made.Signer(0, alg, 0)
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
