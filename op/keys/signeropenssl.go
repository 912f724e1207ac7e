//go:build cgo

package keys

import (
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/golang-fips/openssl/v2"
	"github.com/golang-fips/openssl/v2/bbig"
)

// loadOpenSSL finds OpenSSL 3 on this machine, which the program is not linked with.
func loadOpenSSL() (version string, err error) {
	name := "libcrypto.so.3"
	if runtime.GOOS == "darwin" {
		name = "libcrypto.3.dylib"
	}
	if err := openssl.Init(name); err != nil {
		return "", fmt.Errorf("OpenSSL 3 is not there: %w", err)
	}
	return openssl.VersionText(), nil
}

// openSSLKey is an RSA key that lies with OpenSSL. It is freed when nothing refers to
// it any more. Each signature has a context of its own, so none waits for another.
type openSSLKey struct {
	private *openssl.PrivateKeyRSA
	public  *rsa.PublicKey
}

func handToOpenSSL(key *rsa.PrivateKey) (crypto.Signer, error) {
	if len(key.Primes) != 2 {
		return nil, errors.New("an RSA key of more than two primes")
	}
	key.Precompute()
	enc := bbig.Enc
	private, err := openssl.NewPrivateKeyRSA(enc(key.N), openssl.BigInt{uint(key.E)}, enc(key.D),
		enc(key.Primes[0]), enc(key.Primes[1]), enc(key.Precomputed.Dp), enc(key.Precomputed.Dq), enc(key.Precomputed.Qinv))
	if err != nil {
		return nil, err //nolint:wrapcheck // take wraps it
	}
	return &openSSLKey{private: private, public: &key.PublicKey}, nil
}

// Public is the public half.
func (k *openSSLKey) Public() crypto.PublicKey { return k.public }

// Sign signs a digest as crypto/rsa would. The randomness is OpenSSL's own.
func (k *openSSLKey) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if pss, ok := opts.(*rsa.PSSOptions); ok {
		return openssl.SignRSAPSS(k.private, opts.HashFunc(), digest, pss.SaltLength) //nolint:wrapcheck // as crypto/rsa
	}
	return openssl.SignRSAPKCS1v15(k.private, opts.HashFunc(), digest) //nolint:wrapcheck // as crypto/rsa
}
