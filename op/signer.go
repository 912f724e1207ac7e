package op

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/oidc"

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

// awaitsKey is an error if what a client gets for a grant cannot be signed yet: it is
// told so before its code or refresh token is used. That it cannot be signed at all is
// one where there is such a thing to lose; what else a client asks for may need no
// signature.
func (v *view) awaitsKey(client *storage.Client, grant string) error {
	_, err := v.signersFor(client)
	if grant == string(oidc.GrantTypeCode) || grant == storage.GrantRefreshToken || errors.Is(err, keys.ErrNotAgreed) {
		return err
	}
	return nil
}

// tellFaults logs what is wrong with single keys, once.
func (p *Provider) tellFaults(ctx context.Context, v *view, old *stamped) {
	told := map[string]bool{}
	if old != nil {
		for _, fault := range old.keys.Faults() {
			told[fault.Error()] = true
		}
	}
	for _, fault := range v.keys.Faults() {
		if !told[fault.Error()] {
			p.opts.Log.ErrorContext(ctx, "a signing key is damaged: if it is the active one, nothing is signed for its owner; the others go on",
				"key", fault.Key.Kid, "state", fault.Key.State, "owner", v.ownerName(fault.Key.ClientID), "error", fault)
		}
	}
}

// ownerName names the owner of keys for people.
func (v *view) ownerName(owner int64) string {
	return cmp.Or(v.clientID(owner), "the provider")
}

// signingOwner is whose key signs a client's ID tokens: a Conversational Cloud
// client's own, the provider's (0) for all others.
func signingOwner(client *storage.Client) int64 {
	if client.ConversationalCloud != nil {
		return client.ID
	}
	return 0
}
