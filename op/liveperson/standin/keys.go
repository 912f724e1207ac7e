package standin

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/go-jose/go-jose/v4"
)

// minBits is the least size of an RSA key that is believed in.
const minBits = 2048

// fetchKeys reads the keys that a connector's JWKS endpoint publishes.
func (c *Cloud) fetchKeys(ctx context.Context, address string) (*jose.JSONWebKeySet, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("the JWKS endpoint is no address: %w", err)
	}
	response, err := c.opts.Client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("the JWKS endpoint does not answer: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the JWKS endpoint answers with status %d", response.StatusCode)
	}
	var keys jose.JSONWebKeySet
	if err := json.NewDecoder(io.LimitReader(response.Body, maxBody)).Decode(&keys); err != nil {
		return nil, errors.New("the JWKS endpoint does not answer with a key set")
	}
	return &keys, nil
}

// keyOf finds the one key with the id.
func keyOf(keys *jose.JSONWebKeySet, kid string) (*rsa.PublicKey, error) {
	if kid == "" {
		return nil, errors.New("the header names no key (kid)")
	}
	found := keys.Key(kid)
	if len(found) != 1 {
		return nil, fmt.Errorf("of the %d keys of the connector's JWKS, %d have the kid of the header", len(keys.Keys), len(found))
	}
	if found[0].Use != "" && found[0].Use != "sig" {
		return nil, errors.New("the key is not for signatures")
	}
	return rsaKey(found[0].Key)
}

// pastedKey reads a public key as it is pasted into the connector's form: base64
// of the X.509 SubjectPublicKeyInfo in one line.
func pastedKey(line string) (*rsa.PublicKey, error) {
	der, err := base64.StdEncoding.Strict().DecodeString(line)
	if err != nil || base64.StdEncoding.EncodeToString(der) != line { // it would skip line breaks
		return nil, errors.New("the pasted key is not base64 in one line")
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, errors.New("the pasted key is not an X.509 public key")
	}
	return rsaKey(key)
}

func rsaKey(key any) (*rsa.PublicKey, error) {
	public, ok := key.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("the key is not a public RSA key")
	}
	if public.N.BitLen() < minBits {
		return nil, fmt.Errorf("the key has %d bits, and %d is the least", public.N.BitLen(), minBits)
	}
	return public, nil
}

// verify checks the signature of a token, RS256 alone.
func verify(compact string, key *rsa.PublicKey) error {
	signed, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.RS256})
	if err == nil {
		_, err = signed.Verify(key)
	}
	if err != nil {
		return errors.New("the signature does not verify")
	}
	return nil
}
