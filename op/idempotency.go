package op

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"strconv"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

// ClaimRequest takes an idempotency key of a caller for a request, or gives what a
// request under it was answered with. storage.ErrInProgress and storage.ErrOtherRequest
// say why there is neither. The request is known again by a MAC: it may have a
// password in it.
func (p *Provider) ClaimRequest(ctx context.Context, caller *Caller, key string, request ...[]byte) (claim *storage.Claim, answer []byte, err error) {
	mac := hmac.New(sha256.New, p.requestKey)
	for _, part := range request {
		_, _ = mac.Write(part)
	}
	claim, id, sealed, err := p.opts.Store.ClaimKey(ctx, storage.IdempotencyKey{
		Caller: caller.ID, KeySHA256: hashOf(key), RequestSHA256: mac.Sum(nil),
	})
	if err != nil || claim != nil {
		return claim, nil, err
	}
	answer, err = p.opts.Keyring.Open(seal.Idempotency, sealed, answerBinding(id)...)
	return nil, answer, err
}

// SealAnswer seals what a request is answered with under its idempotency key.
func (p *Provider) SealAnswer(claim *storage.Claim, answer []byte) ([]byte, error) {
	return p.opts.Keyring.Seal(seal.Idempotency, answer, answerBinding(claim.ID)...)
}

func answerBinding(id int64) []string {
	return []string{"idempotency_keys", strconv.FormatInt(id, 10)}
}
