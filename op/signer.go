package op

import (
	"errors"
	"slices"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

// signer gives the key that signs a client's ID tokens.
func (v *view) signer(client *storage.Client) (*keys.Signer, error) {
	return v.signerOf(signingOwner(client), client.IDTokenSignedResponseAlg)
}

// signerOf gives the key that signs for an owner, the provider being 0, by an
// algorithm: one that no instance publishes later than this moment.
func (v *view) signerOf(owner int64, alg string) (*keys.Signer, error) {
	return v.keys.Signer(owner, alg, v.agreed)
}

// signersFor gives the keys that sign what a client gets.
func (v *view) signersFor(client *storage.Client) ([]*keys.Signer, error) {
	signer, err := v.signer(client)
	if err != nil || client.AccessTokenFormat != storage.AccessTokenJWT {
		return []*keys.Signer{signer}, err
	}
	other, err := v.signerOf(0, keys.RS256)
	return []*keys.Signer{signer, other}, err
}

// mayFailToSign tells whether what a client gets is signed by a key that may be away.
func (v *view) mayFailToSign(client *storage.Client) bool {
	signers, err := v.signersFor(client)
	return err == nil && slices.ContainsFunc(signers, (*keys.Signer).MayFail)
}

// awaitsKey is an error if what a client gets cannot be signed yet: it is told so before
// its code or refresh token is used.
func (v *view) awaitsKey(client *storage.Client) error {
	if _, err := v.signersFor(client); errors.Is(err, keys.ErrNotAgreed) {
		return err
	}
	return nil
}

// signingOwner is whose key signs a client's ID tokens: a Conversational Cloud
// client's own, the provider's (0) for all others.
func signingOwner(client *storage.Client) int64 {
	if client.ConversationalCloud != nil {
		return client.ID
	}
	return 0
}
