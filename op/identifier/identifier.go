// Package identifier normalises what people sign in with: user names, e-mail
// addresses and telephone numbers, which share one namespace. The same rules
// hold for what is stored and for what is typed into the sign-in form.
//
// It owns the normal forms. It knows neither consumers nor storage, and imports
// nothing of ours.
package identifier

import (
	"errors"
	"net/mail"
	"regexp"
	"strings"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
)

// The rules that are broken. They never repeat the value.
var (
	// ErrUsername: not a user name.
	ErrUsername = errors.New("must be a user name of letters, digits and punctuation without spaces, 255 bytes at most (RFC 8265, UsernameCaseMapped)")
	// ErrEmail: not an e-mail address.
	ErrEmail = errors.New("must be an e-mail address such as name@host.example, without a display name, 255 bytes at most")
	// ErrPhone: not a telephone number.
	ErrPhone = errors.New("must be a telephone number in E.164 form: + and 2 to 15 digits; spaces, hyphens, dots and parentheses between them are ignored")
)

const maxBytes = 255

// Username normalises a user name: the UsernameCaseMapped profile of PRECIS (RFC
// 8265, section 3.3), which folds case. It does not forbid "@" and "+".
func Username(username string) (string, error) {
	if len(username) > maxBytes {
		return "", ErrUsername
	}
	normal, err := precis.UsernameCaseMapped.String(username)
	if err != nil || normal == "" || len(normal) > maxBytes {
		return "", ErrUsername
	}
	return normal, nil
}

// Email normalises an e-mail address (RFC 5322, addr-spec): all of it in lower
// case, in NFC.
func Email(email string) (string, error) {
	if len(email) > maxBytes {
		return "", ErrEmail
	}
	address, err := mail.ParseAddress(email)
	// What the parser understands in other ways (a display name, comments, angle
	// brackets) is not an address alone.
	if err != nil || address.Name != "" || address.Address != email || strings.ContainsAny(email, "\"\t\r\n ") {
		return "", ErrEmail
	}
	return norm.NFC.String(strings.ToLower(email)), nil
}

var (
	phonePattern    = regexp.MustCompile(`^\+[1-9][0-9]{1,14}$`)
	phoneSeparators = strings.NewReplacer(" ", "", "\u00a0", "", "-", "", ".", "", "(", "", ")", "")
)

// Phone normalises a telephone number to E.164.
func Phone(number string) (string, error) {
	normal := phoneSeparators.Replace(number)
	if !phonePattern.MatchString(normal) {
		return "", ErrPhone
	}
	return normal, nil
}

// Typed normalises what somebody typed to sign in: an e-mail address if it has
// an "@", a telephone number if it begins with "+", else a user name. Spaces
// around it, which keyboards of phones add, are dropped. An error means that
// nobody can have it.
func Typed(text string) (string, error) {
	text = strings.TrimSpace(text)
	switch {
	case strings.Contains(text, "@"):
		return Email(text)
	case strings.HasPrefix(text, "+"):
		return Phone(text)
	default:
		return Username(text)
	}
}
