package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"slices"
)

// Who computes the signatures of keys that are sealed in the database.
const (
	SignerAuto    = "auto"    // OpenSSL where it works, else Go
	SignerGo      = "go"      // Go's own code
	SignerOpenSSL = "openssl" // the system's OpenSSL 3 for RSA keys; the others are Go's anyway
)

// SignerNames are all of them.
var SignerNames = []string{SignerAuto, SignerGo, SignerOpenSSL}

// Signers decide who computes signatures. What a key is to them all is a
// crypto.Signer. nil stands for Go's own.
type Signers struct {
	openSSL string // what OpenSSL calls itself, "" if Go signs
	why     string
	must    bool // a key that OpenSSL does not take is a fault
}

// NewSigners prepares one of SignerNames. That OpenSSL is not there is an error if it
// was asked for by name.
func NewSigners(name string) (*Signers, error) {
	switch name {
	case SignerGo:
		return &Signers{why: "signer is " + SignerGo}, nil
	case SignerAuto, SignerOpenSSL:
	default:
		return nil, fmt.Errorf("signer: there is none called %q", name)
	}
	version, err := loadOpenSSL()
	switch {
	case err == nil && name == SignerOpenSSL:
		return &Signers{openSSL: version, must: true, why: "signer is " + SignerOpenSSL}, nil
	case err == nil:
		return &Signers{openSSL: version, why: "it is on this machine, and three times as quick as Go"}, nil
	case name == SignerOpenSSL:
		return nil, fmt.Errorf("signer: %w", err)
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
	valid := false
	switch public := key.Public().(type) {
	case *rsa.PublicKey:
		valid = rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) == nil
	case *ecdsa.PublicKey:
		valid = ecdsa.VerifyASN1(public, digest[:], signature)
	}
	if !valid {
		return fmt.Errorf("what it signs as %T does not verify", key)
	}
	return nil
}

// Signed tells who has a part in signing with the keys of a set, sorted.
func (s *Set) Signed() []string {
	var by []string
	for _, lazy := range s.signers {
		if lazy.row.State != Active {
			continue
		}
		if signer, err := lazy.open(); err == nil {
			by = append(by, signer.by)
		}
	}
	slices.Sort(by)
	return slices.Compact(by)
}
