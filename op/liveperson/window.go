package liveperson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// ErrWindow says that the configuration of a conversation window is not one to
// answer: it is of another account, or cannot be read for certain.
var ErrWindow = errors.New("conversation window refused")

// The two names that lead to the account: state is the JSON
// {"lpUnifiedWindowConfig":{"accountId":…,…}}.
const (
	configurationKey = "lpUnifiedWindowConfig"
	accountKey       = "accountId"
)

const (
	// maxDecodings is how many times over state may be percent-encoded. Who reads
	// it decodes once or twice.
	maxDecodings = 8
	// maxDepth bounds objects in objects, and texts in texts.
	maxDepth = 64
	// maxWork bounds the bytes that one check reads, all readings together.
	maxWork = 1 << 20
)

// CheckWindowAccount returns an error that wraps ErrWindow unless every
// conversation window that state can be read to describe belongs to accountID.
// An empty accountID admits everything.
//
// All accounts share one window page at one address, and it takes the account
// from state. A link with a stranger's account in state would have a signed-in
// browser hand its token to that account's window. How the page reads state is
// not documented, so every reading has to lead to accountID:
//
//   - state is read as it is and percent-decoded, again and again until nothing
//     changes; JSON in strings of JSON is read in the same way;
//   - wherever it stands in the JSON, a configuration names the account, and an
//     accountId is the account: the same text, or a number written with the same
//     digits. A key written in other case is refused;
//   - an object with the same key twice is refused, since readers disagree about it;
//   - what begins like JSON, or mentions a configuration, and cannot be read is
//     refused.
//
// Any other state is the relying party's own and carries no configuration.
//
// The error says which rule was broken and nothing of what state holds. state is
// the parameter's value, decoded once as forms are.
func CheckWindowAccount(state, accountID string) error {
	if accountID == "" {
		return nil
	}

	reader := windowReader{account: accountID}

	return reader.text(state, 0, strict)
}

// CheckWindowAddress is [CheckWindowAccount] for a redirect address: a legacy
// connector's window takes its configuration from the query of the address, as
// the parameter lpUnifiedWindowConfig. A name that stands twice, or resembles
// that of a configuration, is refused, and so is a query that cannot be read.
func CheckWindowAddress(address, accountID string) error {
	_, query, found := strings.Cut(address, "?")
	if accountID == "" || !found {
		return nil
	}

	values, err := url.ParseQuery(query)
	if err != nil {
		return refuse("the query cannot be read")
	}

	reader := windowReader{account: accountID}

	for _, name := range slices.Sorted(maps.Keys(values)) {
		if len(values[name]) > 1 {
			return errKeyTwice
		}

		if err := reader.parameter(name, values.Get(name)); err != nil {
			return err
		}
	}

	return nil
}

// strictness says what is expected of a text.
type strictness int

const (
	lenient       strictness = iota // may be anything, as any string in a state
	strict                          // what begins like JSON must be JSON
	configuration                   // must be a configuration
)

type windowReader struct {
	account string
	work    int
}

var (
	errTooDeep    = refuse("it is encoded or nested too many times over")
	errKeyTwice   = refuse("it has a key twice")
	errResembles  = refuse("it has a key that resembles one of a window configuration")
	errAnother    = refuse("the window configuration names another account")
	errUnreadable = refuse("the window configuration cannot be read")
)

func refuse(why string) error { return fmt.Errorf("%w: %s", ErrWindow, why) }

// parameter checks one parameter of a query.
func (w *windowReader) parameter(name, value string) error {
	switch name {
	case configurationKey:
		return w.text(value, 0, configuration)
	case accountKey:
		if value != w.account {
			return errAnother
		}

		return nil
	}

	for range maxDecodings {
		if mentions(name) || strings.EqualFold(name, accountKey) {
			return errResembles
		}

		decoded := percentDecode(name)
		if decoded == name {
			return w.text(value, 0, lenient)
		}

		name = decoded
	}

	return errTooDeep
}

// text checks every reading of text.
func (w *windowReader) text(text string, depth int, expect strictness) error {
	read := false
	needed := expect == configuration

	for range maxDecodings {
		if w.work += len(text); w.work > maxWork || depth > maxDepth {
			return errTooDeep
		}

		if json.Valid([]byte(text)) {
			if err := w.document(text, depth, expect); err != nil {
				return err
			}

			read = true
		}

		needed = needed || mentions(text) || expect == strict && beginsLikeJSON(text)

		decoded := percentDecode(text)
		if decoded == text {
			// A reading that is no JSON does no harm beside one that is: who takes it
			// reads nothing. Without one, what a laxer reader would see is open.
			if needed && !read {
				return errUnreadable
			}

			return nil
		}

		text = decoded
	}

	return errTooDeep
}

// document checks one valid JSON document.
func (w *windowReader) document(text string, depth int, expect strictness) error {
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()

	return w.value(decoder, depth+1, expect == configuration)
}

// value checks the next value of a document; required means that it has to be a
// configuration, or a string with one.
func (w *windowReader) value(decoder *json.Decoder, depth int, required bool) error {
	if depth > maxDepth {
		return errTooDeep
	}

	token, err := decoder.Token()
	if err != nil {
		return errUnreadable
	}

	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return w.object(decoder, depth, required)
		}

		for decoder.More() {
			if err := w.value(decoder, depth+1, false); err != nil {
				return err
			}
		}

		_, _ = decoder.Token() // the closing bracket of valid JSON

	case string:
		expect := lenient
		if required {
			expect = configuration
		}

		return w.text(token, depth+1, expect)
	}

	if required {
		return refuse("the window configuration is not an object")
	}

	return nil
}

// object checks an object whose opening brace has been read.
func (w *windowReader) object(decoder *json.Decoder, depth int, required bool) error {
	seen := map[string]bool{}

	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return errUnreadable
		}

		key, _ := token.(string) // valid JSON has nothing else here
		if seen[key] {
			return errKeyTwice
		}

		seen[key] = true

		if err := w.member(decoder, key, depth); err != nil {
			return err
		}
	}

	_, _ = decoder.Token() // the closing brace of valid JSON

	if required && !seen[accountKey] {
		return refuse("the window configuration names no account")
	}

	return nil
}

// member checks the value that follows a key.
func (w *windowReader) member(decoder *json.Decoder, key string, depth int) error {
	switch {
	case key == accountKey:
		return w.accountID(decoder)
	case key == configurationKey:
		return w.value(decoder, depth+1, true)
	case mentions(key), strings.EqualFold(key, accountKey):
		return errResembles
	default:
		return w.value(decoder, depth+1, false)
	}
}

// accountID checks the value of an accountId.
func (w *windowReader) accountID(decoder *json.Decoder) error {
	token, err := decoder.Token()
	if err != nil {
		return errUnreadable
	}

	// A page's script rounds numbers of more than 15 digits.
	const exactDigits = 15

	switch token := token.(type) {
	case string:
		if token == w.account {
			return nil
		}
	case json.Number:
		if token.String() == w.account && len(w.account) <= exactDigits {
			return nil
		}
	}

	return errAnother
}

// mentions reports whether text holds the name of a configuration in any case.
func mentions(text string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(configurationKey))
}

// beginsLikeJSON reports whether text begins as an object, an array or a string
// does, after anything that a lax reader takes for a space.
func beginsLikeJSON(text string) bool {
	text = strings.TrimLeftFunc(text, func(r rune) bool {
		return r == '+' || r == '\ufeff' || unicode.IsSpace(r) || unicode.IsControl(r)
	})

	return text != "" && strings.ContainsRune(`{["`, rune(text[0]))
}

// percentDecode decodes each %XX once and leaves everything else, malformed
// escapes included, as it is.
func percentDecode(text string) string {
	if !strings.Contains(text, "%") {
		return text
	}

	var decoded strings.Builder

	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			high, low := hexDigit(text[i+1]), hexDigit(text[i+2])
			if high >= 0 && low >= 0 {
				decoded.WriteByte(byte(high<<4 | low)) //nolint:gosec // two hexadecimal digits

				i += 2

				continue
			}
		}

		decoded.WriteByte(text[i])
	}

	return decoded.String()
}

// hexDigit returns the value of a hexadecimal digit, or -1.
func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	default:
		return -1
	}
}
