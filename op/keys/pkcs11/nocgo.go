//go:build !cgo

package pkcs11

import (
	"crypto"
	"io"
)

// Token is a token.
type Token struct{}

// Open always gives ErrNoCgo.
func Open(Options) (*Token, error) { return nil, ErrNoCgo }

// Generate always gives ErrNoCgo.
func (*Token) Generate(io.Reader, Kind) (URI, crypto.PublicKey, error) { return URI{}, nil, ErrNoCgo }

// Destroy always gives ErrNoCgo.
func (*Token) Destroy(URI) error { return ErrNoCgo }

// Key gives one that does not sign.
func (*Token) Key(URI, crypto.PublicKey) crypto.Signer { return nil }

// Check always gives ErrNoCgo.
func (*Token) Check() error { return ErrNoCgo }

// String names it.
func (*Token) String() string { return "PKCS #11" }
