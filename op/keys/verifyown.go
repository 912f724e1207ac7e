package keys

import (
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// VerifyOwn checks the signature of a compact JWS that SignAs made with a key of
// the provider's own, and gives the payload. A token of another typ, or of a key
// that is a client's, is refused.
func (s *Set) VerifyOwn(typ, compact string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	header := jws.Signatures[0].Protected
	if header.ExtraHeaders[jose.HeaderType] != typ {
		return nil, errors.New("verify: a token of another kind")
	}
	jwk, ok := s.own[header.KeyID]
	if !ok {
		return nil, errors.New("verify: the key is not the provider's")
	}
	payload, err := jws.Verify(jwk)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	return payload, nil
}
