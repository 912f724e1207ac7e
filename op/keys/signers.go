package keys

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"

	"github.com/brandidp/idp/op/keys/pkcs11"
	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

// Who signs. A key that was made in a token signs there, whatever is chosen.
const (
	SignerAuto    = "auto"    // OpenSSL where it works, else Go
	SignerGo      = "go"      // Go's own code
	SignerOpenSSL = "openssl" // the system's OpenSSL 3 for RSA keys; the others are Go's anyway
	SignerPKCS11  = "pkcs11"  // a PKCS #11 token, in which all new keys are made; older ones sign as by auto
)

// SignerNames are all of them.
var SignerNames = []string{SignerAuto, SignerGo, SignerOpenSSL, SignerPKCS11}

// Signers decide who computes signatures. What a key is to them all is a
// crypto.Signer. nil stands for Go's own.
type Signers struct {
	openSSL string // what OpenSSL calls itself, "" if Go signs
	why     string
	must    bool          // a key that OpenSSL does not take is a fault
	token   *pkcs11.Token // nil for none
	// makesInToken is set if new keys are made in the token.
	makesInToken bool
}

// SignerOptions say who is to sign.
type SignerOptions struct {
	// Name is one of SignerNames.
	Name string
	// PKCS11 is the token; there is none without a module.
	PKCS11 pkcs11.Options
}

// NewSigners prepares them. That OpenSSL is not there is an error if it was asked for
// by name, and so is a token that does not answer.
func NewSigners(opts SignerOptions) (*Signers, error) {
	s, err := newRSASigners(opts.Name)
	if err != nil {
		return nil, fmt.Errorf("signer: %w", err)
	}
	s.makesInToken = opts.Name == SignerPKCS11
	if opts.PKCS11.Module == "" {
		if s.makesInToken {
			return nil, fmt.Errorf("signer: %s needs pkcs11.module", SignerPKCS11)
		}
		return s, nil
	}
	if s.token, err = pkcs11.Open(opts.PKCS11); err != nil {
		return nil, fmt.Errorf("PKCS #11 token %q: %w", opts.PKCS11.Token, err)
	}
	return s, nil
}

func newRSASigners(name string) (*Signers, error) {
	switch name {
	case SignerGo:
		return &Signers{why: "signer is " + SignerGo}, nil
	case SignerAuto, SignerOpenSSL, SignerPKCS11:
	default:
		return nil, fmt.Errorf("there is none called %q", name)
	}
	version, err := loadOpenSSL()
	switch {
	case err == nil && name == SignerOpenSSL:
		return &Signers{openSSL: version, must: true, why: "signer is " + SignerOpenSSL}, nil
	case err == nil:
		return &Signers{openSSL: version, why: "it is on this machine, and three times as quick as Go"}, nil
	case name == SignerOpenSSL:
		return nil, err
	default:
		return &Signers{why: err.Error()}, nil
	}
}

// RSA is who signs with RSA keys, and why.
func (s *Signers) RSA() (by, why string) {
	switch {
	case s == nil:
		return byGo, "nothing else was asked for"
	case s.openSSL == "":
		return byGo, s.why
	default:
		return s.openSSL, s.why
	}
}

const byGo = "Go"

// open gives what signs by the key of a row, and who that is.
func (s *Signers) open(row *storage.SigningKey, public crypto.PublicKey, keyring *seal.Keyring) (signer crypto.Signer, by string, err error) {
	if row.PrivateURI != "" {
		return s.inToken(row, public)
	}
	private, err := open(keyring, row)
	if err != nil {
		return nil, "", err
	}
	return s.take(private)
}

// take gives what signs with a key from now on, and who that is.
func (s *Signers) take(key crypto.Signer) (signer crypto.Signer, by string, err error) {
	private, isRSA := key.(*rsa.PrivateKey)
	if s == nil || s.openSSL == "" || !isRSA {
		return key, byGo, nil
	}
	handed, err := handToOpenSSL(private)
	if err == nil {
		err = try(handed)
	}
	switch {
	case err == nil:
		return handed, s.openSSL, nil
	case s.must:
		return nil, "", fmt.Errorf("hand the key to OpenSSL: %w", err)
	default:
		return key, byGo, nil
	}
}

// try signs once and verifies it with Go's code, so that a key that was handed over
// wrongly does not show first at a relying party.
func try(key crypto.Signer) error {
	digest := sha256.Sum256([]byte("idp"))
	signature, err := key.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		return err //nolint:wrapcheck // the callers wrap it
	}
	return verify(key.Public(), digest[:], signature, crypto.SHA256)
}
