package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"

	"github.com/brandidp/idp/op/keys/pkcs11"
	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

// ErrUnavailable means that a key cannot sign at the moment, since the token that it
// lies in does not answer, or since it is damaged.
var ErrUnavailable = errors.New("the key is not at hand")

// Token is the PKCS #11 token that keys may lie in, "" for none. The error says why it
// does not answer.
func (s *Signers) Token() (name string, err error) {
	if s == nil || s.token == nil {
		return "", nil
	}
	return s.token.String(), s.token.Check()
}

// Generate makes a key as the function Generate does, in the token if all new keys are
// made there.
func (s *Signers) Generate(keyring *seal.Keyring, rand io.Reader, alg string) (*storage.SigningKey, error) {
	if s != nil && s.makesInToken {
		return s.GenerateInToken(rand, alg)
	}
	return Generate(keyring, rand, alg)
}

// GenerateInToken makes a key for one of Algs, in state active, whose private half
// never leaves the token. The caller sets ClientID and stores it; a key that is not
// stored stays behind in the token.
func (s *Signers) GenerateInToken(rand io.Reader, alg string) (*storage.SigningKey, error) {
	if s == nil || s.token == nil {
		return nil, errors.New("generate signing key: no PKCS #11 token is configured: pkcs11.module")
	}
	kind, known := map[string]pkcs11.Kind{RS256: pkcs11.RSA2048, PS256: pkcs11.RSA2048, ES256: pkcs11.P256, EdDSA: pkcs11.Ed25519}[alg]
	if !known {
		return nil, fmt.Errorf("generate signing key: %q is not signed here", alg)
	}
	address, public, err := s.token.Generate(rand, kind)
	if err != nil {
		return nil, fmt.Errorf("generate signing key: %w: %w", ErrUnavailable, err)
	}
	row, err := newRow(public, alg, "")
	if err != nil {
		return nil, fmt.Errorf("generate signing key: %w", err)
	}
	row.PrivateURI = address.String()
	return row, nil
}

// inToken gives what signs by a key whose row has an address. The token is not asked
// before it signs, so that one which is away stops nothing else.
func (s *Signers) inToken(row *storage.SigningKey, public crypto.PublicKey) (signer crypto.Signer, by string, err error) {
	address, err := pkcs11.ParseURI(row.PrivateURI)
	if err != nil {
		return nil, "", fmt.Errorf("its address: %w", err)
	}
	by = tokenName(address)
	if err := s.reaches(address); err != nil {
		return absentKey{public, err}, by, nil //nolint:nilerr // told once it is to sign
	}
	return tokenKey{s.token.Key(address, public)}, by, nil
}

func tokenName(address pkcs11.URI) string { return "PKCS #11 token " + address.Token }

// reaches tells why there is no way to the keys of a token, nil if there is one.
func (s *Signers) reaches(address pkcs11.URI) error {
	by := tokenName(address)
	switch {
	case s == nil || s.token == nil:
		return errors.New("it is in the " + by + ", and pkcs11.module is not set")
	case s.token.String() != by:
		return errors.New("it is in the " + by + ", and pkcs11.token names the " + s.token.String())
	default:
		return nil
	}
}

// OutOfReach names the keys that sign, or may come to, and lie in a token that is not
// configured, each with the reason why it cannot sign here.
func (s *Signers) OutOfReach(rows []*storage.SigningKey) []string {
	var found []string
	for _, row := range rows {
		if row.PrivateURI == "" || row.State == Retired || row.State == Deleted {
			continue
		}
		address, err := pkcs11.ParseURI(row.PrivateURI)
		if err == nil {
			err = s.reaches(address)
		}
		if err != nil {
			found = append(found, fmt.Sprintf("signing key %s: %v", row.Kid, err))
		}
	}
	return found
}

// Destroy destroys the private half of a key that was deleted, if it lies in a token, and
// only after it has signed for the row's public half: an address is only an id, which
// another application's key may bear. A database that is restored from before cannot
// sign by it then.
func (s *Signers) Destroy(row *storage.SigningKey) error {
	if row.PrivateURI == "" {
		return nil
	}
	address, err := pkcs11.ParseURI(row.PrivateURI)
	if err == nil {
		err = s.reaches(address)
	}
	if err != nil {
		return err
	}
	jwk, err := publicOf(row)
	if err != nil {
		return err
	}
	signer, err := newSigner(row.Kid, row.Alg, tokenKey{s.token.Key(address, jwk.Key)}, tokenName(address))
	if err != nil {
		return err
	}
	switch _, err := signer.Sign([]byte("{}")); {
	case errors.Is(err, pkcs11.ErrNoKey):
		return nil
	case err != nil:
		return fmt.Errorf("it is left, since it does not prove to be the key: %w", err)
	}
	return s.token.Destroy(address)
}

// absentKey is a key that this instance has no way to.
type absentKey struct {
	public crypto.PublicKey
	why    error
}

func (k absentKey) Public() crypto.PublicKey { return k.public }

func (k absentKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, fmt.Errorf("%w: %w", ErrUnavailable, k.why)
}

// tokenKey is a key in a token. What it signs is verified, so that a row which leads to
// another's key signs nothing.
type tokenKey struct{ crypto.Signer }

func (k tokenKey) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	signature, err := k.Signer.Sign(rand, digest, opts)
	if err == nil {
		err = verify(k.Public(), digest, signature, opts)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return signature, nil
}

// verify verifies what a crypto.Signer has signed.
func verify(public crypto.PublicKey, digest, signature []byte, opts crypto.SignerOpts) error {
	valid := false
	switch public := public.(type) {
	case *rsa.PublicKey:
		if pss, ok := opts.(*rsa.PSSOptions); ok {
			return rsa.VerifyPSS(public, opts.HashFunc(), digest, signature, pss) //nolint:wrapcheck // the callers wrap it
		}
		return rsa.VerifyPKCS1v15(public, opts.HashFunc(), digest, signature) //nolint:wrapcheck // as above
	case *ecdsa.PublicKey:
		valid = ecdsa.VerifyASN1(public, digest, signature)
	case ed25519.PublicKey:
		valid = ed25519.Verify(public, digest, signature)
	}
	if !valid {
		return errors.New("what it signs is not of its public key")
	}
	return nil
}
