// Package password hashes and verifies passwords, keeps that work within
// bounds, and computes the buckets by which failed sign-ins are counted.
//
// It owns the accepted forms of stored hashes with the limits of their cost,
// the rules for passwords themselves, and the queue in front of the hashing. It
// must never touch the database, a request or a page, and never put a password
// or a hash into an error.
//
// The hashing is golang.org/x/crypto and the standard library, with sha-crypt and
// yescrypt from github.com/go-crypt/x. The lines that read the stored forms are our
// own, because the cost parameters they hold are needed for the bounds, for
// NeedsRehash and for making every failure cost the same; the libraries that read
// them (github.com/go-crypt/crypt) keep these to themselves.
package password

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

const (
	// MaxBytes is the length of the longest password, in bytes of UTF-8 as it
	// was typed. A longer one is refused before anything is computed from it.
	MaxBytes = 1024
	// MinLength is the length of the shortest new password, in characters
	// (NIST SP 800-63B). A stored hash may be of a shorter one.
	MinLength = 8
)

// The rules that CheckNew finds broken.
var (
	// ErrTooShort: a new password has fewer than MinLength characters.
	ErrTooShort = fmt.Errorf("password: must have at least %d characters", MinLength)
	// ErrTooLong: the password has more than MaxBytes bytes.
	ErrTooLong = fmt.Errorf("password: must have at most %d bytes", MaxBytes)
	// ErrCharacters: the password has characters that RFC 8265 does not allow,
	// such as control characters, or is not UTF-8.
	ErrCharacters = errors.New("password: must be text without control characters (RFC 8265, OpaqueString)")
)

// CheckNew tells whether a password may be set: ErrTooShort, ErrTooLong or
// ErrCharacters if not.
func CheckNew(password string) error {
	_, err := normalizeNew(password)
	return err
}

func normalizeNew(password string) (string, error) {
	normal, err := normalize(password)
	if err != nil {
		return "", err
	}
	if utf8.RuneCountInString(normal) < MinLength {
		return "", ErrTooShort
	}
	return normal, nil
}

// normalize applies the OpaqueString profile (RFC 8265, section 4.2), so that a
// password is the same on every keyboard: NFC, and any space is U+0020.
func normalize(password string) (string, error) {
	if len(password) > MaxBytes {
		return "", ErrTooLong
	}
	if password == "" {
		return "", ErrTooShort
	}
	if !utf8.ValidString(password) {
		return "", ErrCharacters
	}
	normal, err := precis.OpaqueString.String(password)
	if err != nil {
		return "", ErrCharacters // the library's text may show a character of the password
	}
	return normal, nil
}
