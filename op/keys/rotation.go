package keys

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

// Rotation is where the replacing of a connector's key stands. It is told by the keys
// alone, so that it can be left at any time and gone on with.
type Rotation struct {
	Client *storage.Client
	Alg    string
	// Signs is the active key, nil for none.
	Signs *storage.SigningKey
	// Next is the key that is to take its place: the newest that was made after it, nil for
	// none.
	Next *storage.SigningKey
	// Before is the key whose place it took, as long as nothing is to take its own: the way
	// back; nil for none.
	Before *storage.SigningKey
}

// Rotation tells how far the replacing of a connector's key is.
func (l *Life) Rotation(clientID string) (*Rotation, error) {
	owner, alg, err := l.Owner(clientID, "")
	if err != nil {
		return nil, err
	}
	r := &Rotation{Alg: alg}
	for _, client := range l.Clients {
		if client.ID == owner {
			r.Client = client
		}
	}
	if r.Client == nil {
		return nil, fmt.Errorf("%w: a connector has to be named", ErrShared)
	}
	r.Signs, _ = ActiveOf(l.Keys, owner, alg) // nil for none
	for _, key := range l.Keys {              // the oldest first
		if key.ClientID != owner || key.Alg != alg || key == r.Signs || key.State == Deleted || key.Lost() {
			continue
		}
		if r.Signs == nil || key.ID > r.Signs.ID {
			r.Next = key
		} else if key.State == Retired && (r.Before == nil || key.RetiredAt.After(r.Before.RetiredAt)) {
			r.Before = key
		}
	}
	if r.Next != nil {
		r.Before = nil
	}
	return r, nil
}

// Errors of CheckPasted. Neither repeats what was pasted: it may be anything.
var (
	ErrNotOneLine    = errors.New("that is not one line of base64 with a public key in it")
	ErrOtherPasted   = errors.New("that is the public key of another key")
	errNotVerifiable = errors.New("a token that the key has signed does not verify by the pasted key")
)

// CheckPasted signs a token by a key, and verifies it by what somebody has pasted
// elsewhere: the one line of OneLine.
func CheckPasted(signers *Signers, keyring *seal.Keyring, row *storage.SigningKey, pasted string) error {
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(pasted), ""))
	if err != nil {
		return ErrNotOneLine
	}
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return ErrNotOneLine
	}
	if line, err := OneLine(row.PublicJWK); err != nil {
		return err
	} else if line != base64.StdEncoding.EncodeToString(der) {
		return ErrOtherPasted
	}
	signer, err := signerFor(row, public, keyring, signers)
	if err != nil {
		return err
	}
	token, err := signer.Sign([]byte(`{}`)) // which nobody can use
	if err != nil {
		return err
	}
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(row.Alg)})
	if err != nil {
		return errNotVerifiable
	}
	if _, err := jws.Verify(public); err != nil {
		return errNotVerifiable
	}
	return nil
}
