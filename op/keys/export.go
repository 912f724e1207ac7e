package keys

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/storage"
)

// OneLine gives the public key as Conversational Cloud wants it pasted: base64
// of the X.509 SubjectPublicKeyInfo, in one line, without BEGIN and END.
func OneLine(publicJWK json.RawMessage) (string, error) {
	der, err := publicDER(publicJWK)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(der), nil
}

// PEM gives the public key as a PEM block PUBLIC KEY (RFC 7468 13).
func PEM(publicJWK json.RawMessage) (string, error) {
	der, err := publicDER(publicJWK)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}

// publicDER is the X.509 SubjectPublicKeyInfo of a public key.
func publicDER(publicJWK json.RawMessage) ([]byte, error) {
	jwk, err := parsePublic(publicJWK)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(jwk.Key)
	if err != nil {
		return nil, fmt.Errorf("write public key: %w", err)
	}
	return der, nil
}

func parsePublic(publicJWK json.RawMessage) (*jose.JSONWebKey, error) {
	var jwk jose.JSONWebKey
	if err := json.Unmarshal(publicJWK, &jwk); err != nil {
		return nil, fmt.Errorf("read public key: %w", err)
	}
	if !jwk.IsPublic() {
		return nil, errors.New("read public key: it is not a public one")
	}
	return &jwk, nil
}

// ActiveOf gives the key among rows that signs for an owner, a client's row or 0
// for the provider, by an algorithm, or ErrNoKey.
func ActiveOf(rows []*storage.SigningKey, owner int64, alg string) (*storage.SigningKey, error) {
	for _, row := range rows {
		if row.ClientID == owner && row.Alg == alg && row.State == Active {
			return row, nil
		}
	}
	return nil, ErrNoKey
}

// PublishedJWKS is the key set document with the published keys of one owner
// among rows, the same that Set.OwnJWKS gives, without a private key to open.
func PublishedJWKS(rows []*storage.SigningKey, owner int64) []byte {
	var published []json.RawMessage
	for _, row := range rows {
		if row.ClientID == owner && isPublished(row) {
			published = append(published, row.PublicJWK)
		}
	}
	return document(published)
}

// CompactSize is how many bytes the compact JWS of a payload of so many bytes
// has when the key signs it.
func CompactSize(row *storage.SigningKey, payload int) (int, error) {
	jwk, err := parsePublic(row.PublicJWK)
	if err != nil {
		return 0, err
	}
	signature, err := signatureSize(row.Alg, jwk.Key)
	if err != nil {
		return 0, fmt.Errorf("size of a token: %w", err)
	}
	header, err := headerOf(row.Kid, row.Alg, TypeJWT)
	if err != nil {
		return 0, err
	}
	size := base64.RawURLEncoding.EncodedLen
	return len(header) + size(payload) + 1 + size(signature), nil
}
