package inspect

import (
	"regexp"
	"strings"
)

// maxSubject is the length of the longest sub (OpenID Connect Core 2).
const maxSubject = 255

// enough is the length below which a sub can be tried out.
const enough = 16

var (
	emailPattern  = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)
	phonePattern  = regexp.MustCompile(`^(tel:)?\+?[0-9][0-9 ().-]{5,18}[0-9]$`)
	serialPattern = regexp.MustCompile(`^([A-Za-z]{0,12}[-_.:#]?)?[0-9]{1,20}$`)
	uuidPattern   = regexp.MustCompile(`(?i)^[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

// subject holds sub against the rules for it: who can guess another consumer's
// sub, or is given a number that was somebody else's, comes near to being them.
func (x *examination) subject() {
	sub, isText := x.claims["sub"].(string)
	notASCII := func(r rune) bool { return r < ' ' || r > '~' }
	switch {
	case !isText || sub == "":
		x.fail("sub", "sub is missing, or not text: the consumer's history hangs on it")
	case len(sub) > maxSubject || strings.ContainsFunc(sub, notASCII):
		x.fail("sub", "sub is not of 1 to 255 ASCII characters (OpenID Connect Core 2)")
	default:
		if why := x.guessable(sub); why != "" {
			x.warn("sub", "sub "+why+"; a random UUID for each consumer is best")
			return
		}
		x.pass("sub", "sub is there and does not look guessable; it has to be the one that the page names")
	}
}

// guessable says by what a sub could be guessed, or "".
func (x *examination) guessable(sub string) string {
	same := func(name string) bool { return strings.EqualFold(text(x.claims, name), sub) }
	switch uuid := uuidPattern.FindStringSubmatch(sub); {
	case uuid != nil && strings.ContainsAny(uuid[1], "0126"):
		return "is a UUID made of a clock and a machine's address: its neighbours can be guessed"
	case uuid != nil:
		return ""
	case emailPattern.MatchString(sub) || same("email"):
		return "is an e-mail address: it can be guessed, and belong to somebody else later"
	case same("preferred_username"):
		return "is the user name: it can be guessed"
	case serialPattern.MatchString(sub) && !same("phone_number") && !looksDialled(sub):
		return "is a serial number: its neighbours can be guessed"
	case phonePattern.MatchString(sub) || same("phone_number"):
		return "is a telephone number: it can be guessed, and belong to somebody else later"
	case len(sub) < enough:
		return "is short: it can be guessed"
	default:
		return ""
	}
}

// looksDialled tells digits of the length of a telephone number with its area
// from those of a counter.
func looksDialled(sub string) bool {
	const shortest, longest = 10, 13
	return len(sub) >= shortest && len(sub) <= longest && strings.Trim(sub, "0123456789") == ""
}
