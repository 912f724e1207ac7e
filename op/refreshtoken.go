package op

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/brandidp/idp/op/seal"
)

// A refresh token is, in base64url, its family's handle, its generation (4 bytes,
// big endian), a random value of its own and a MAC over these. By the MAC a token
// of an earlier generation is known to have been issued here, although nothing of
// it is stored any more; who only knows a handle has nothing.
const (
	refreshHandleSize = 16
	refreshRandomSize = 32
	refreshHeadSize   = refreshHandleSize + 4
	refreshBodySize   = refreshHeadSize + refreshRandomSize
	refreshSize       = refreshBodySize + sha256.Size
)

// refreshToken is one that was issued here, at whatever time.
type refreshToken struct {
	value      string
	handle     []byte
	generation int32
}

// refreshTokens makes and reads refresh tokens.
type refreshTokens struct {
	key  []byte
	rand io.Reader
}

func newRefreshTokens(keyring *seal.Keyring, rand io.Reader) (refreshTokens, error) {
	key, err := keyring.Derive(seal.RefreshTokens, "families")
	if err != nil {
		return refreshTokens{}, fmt.Errorf("refresh tokens: %w", err)
	}
	return refreshTokens{key: key, rand: rand}, nil
}

// first makes the first token of a new family.
func (t refreshTokens) first() (*refreshToken, error) {
	handle := make([]byte, refreshHandleSize)
	if _, err := io.ReadFull(t.rand, handle); err != nil {
		return nil, fmt.Errorf("make refresh token: %w", err)
	}
	return t.make(handle, 0)
}

// after makes the token that takes another's place.
func (t refreshTokens) after(token *refreshToken) (*refreshToken, error) {
	return t.make(token.handle, token.generation+1)
}

func (t refreshTokens) make(handle []byte, generation int32) (*refreshToken, error) {
	raw := make([]byte, refreshBodySize, refreshSize)
	copy(raw, handle)
	binary.BigEndian.PutUint32(raw[refreshHandleSize:], uint32(generation)) //nolint:gosec // never negative
	if _, err := io.ReadFull(t.rand, raw[refreshHeadSize:]); err != nil {
		return nil, fmt.Errorf("make refresh token: %w", err)
	}
	raw = append(raw, t.mac(raw)...)
	return &refreshToken{value: base64.RawURLEncoding.EncodeToString(raw), handle: handle, generation: generation}, nil
}

// read gives a token that was issued here, nil for anything else.
func (t refreshTokens) read(value string) *refreshToken {
	if len(value) != base64.RawURLEncoding.EncodedLen(refreshSize) {
		return nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil || len(raw) != refreshSize || !hmac.Equal(raw[refreshBodySize:], t.mac(raw[:refreshBodySize])) {
		return nil
	}
	generation := binary.BigEndian.Uint32(raw[refreshHandleSize:])
	if generation >= math.MaxInt32 {
		return nil
	}
	return &refreshToken{value: value, handle: raw[:refreshHandleSize], generation: int32(generation)}
}

func (t refreshTokens) mac(body []byte) []byte {
	mac := hmac.New(sha256.New, t.key)
	mac.Write(body)
	return mac.Sum(nil)
}
