// Package pkcs11 owns the way to a PKCS #11 token, where private keys are made,
// sign, and never leave. It knows nothing of what is signed.
//
// A token that was lost, such as a network HSM that was started anew, is connected to
// again by the next signature. A program that was built without cgo has no tokens.
package pkcs11

import (
	"errors"
	"time"
)

// Options say which token to use.
type Options struct {
	// Module is the path of the vendor's library.
	Module string
	// Token is the label of the token.
	Token string
	// PIN is that of the token's normal user.
	PIN string
	// Limit is how long whoever asks the token for something waits for it; 0 means five
	// seconds. A key may take twelve times as long to make.
	Limit time.Duration
}

// Kind is the kind of a key.
type Kind int

// The kinds of keys.
const (
	RSA2048 Kind = iota
	P256
	Ed25519
)

var (
	// ErrNoCgo means that the program cannot load the vendor's library.
	ErrNoCgo = errors.New("PKCS #11 takes a program that was built with cgo")
	// ErrNoKey means that the token does not have the key.
	ErrNoKey = errors.New("the token does not have the key")
	// ErrNoAnswer means that the token did not answer within the limit. What it was asked
	// for may happen yet.
	ErrNoAnswer = errors.New("the token does not answer")
)
