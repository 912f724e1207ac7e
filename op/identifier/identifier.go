// Package identifier owns the normal form of what a consumer signs in with:
// user names, e-mail addresses and phone numbers, which share one namespace. It
// knows no consumer and keeps nothing.
package identifier

import (
	"errors"
	"strings"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
)

// The kinds of identifiers.
const (
	KindUsername    = "username"
	KindEmail       = "email"
	KindPhoneNumber = "phone_number"
)

// MaxBytes is the length of the longest identifier, in bytes.
const MaxBytes = 255

// What is wrong with an identifier. The texts are rules, to be put behind the
// name of the field.
var (
	ErrUsername    = errors.New("must be a user name of letters, digits and signs without spaces (RFC 8265, UsernameCaseMapped), of at most 255 bytes")
	ErrUsernameAt  = errors.New("must not contain @, unless it is the consumer's own e-mail address")
	ErrUsernameNum = errors.New("must not begin with +, unless it is the consumer's own phone number")
	ErrEmail       = errors.New("must be an e-mail address: one @ with something before and after it, no spaces, at most 255 bytes")
	ErrPhoneNumber = errors.New("must be a phone number in E.164 form: + and 2 to 15 digits")
)

// Username gives the normal form of a user name: PRECIS UsernameCaseMapped
// (RFC 8265 3.3), so that case and width do not matter.
func Username(name string) (string, error) {
	normal, err := precis.UsernameCaseMapped.String(name)
	if err != nil || len(normal) > MaxBytes {
		return "", ErrUsername
	}
	return normal, nil
}

// Email gives the normal form of an e-mail address: lower case as a whole.
func Email(address string) (string, error) {
	normal := strings.ToLower(norm.NFC.String(address))
	local, domain, found := strings.Cut(normal, "@")
	if !found || local == "" || domain == "" || strings.Contains(domain, "@") || len(normal) > MaxBytes ||
		strings.ContainsFunc(normal, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return "", ErrEmail
	}
	return normal, nil
}

// PhoneNumber gives the normal form of a phone number: E.164, + and digits.
// Spaces, hyphens, dots and parentheses between digits are left out.
func PhoneNumber(number string) (string, error) {
	digits, found := strings.CutPrefix(number, "+")
	if !found {
		return "", ErrPhoneNumber
	}
	digits = strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -.()", r) {
			return -1
		}
		return r
	}, digits)
	if len(digits) < 2 || len(digits) > 15 || digits[0] == '0' ||
		strings.ContainsFunc(digits, func(r rune) bool { return r < '0' || r > '9' }) {
		return "", ErrPhoneNumber
	}
	return "+" + digits, nil
}

// Typed gives the normal form of what somebody has typed into the sign-in form,
// whatever kind it is. What cannot be anybody's is returned in a form that is
// nobody's, since it is counted and answered as any unknown name.
func Typed(typed string) string {
	typed = strings.TrimSpace(typed)
	var (
		normal string
		err    error
	)
	switch {
	case strings.Contains(typed, "@"):
		normal, err = Email(typed)
	case strings.HasPrefix(typed, "+"):
		normal, err = PhoneNumber(typed)
	default:
		normal, err = Username(typed)
	}
	if err != nil {
		return "" // no identifier is empty
	}
	return normal
}
