package trial

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// shown are the names whose values are neither secret nor personal. Whatever else
// is sent or answered is told by kind and length.
var shown = []string{
	"response_type", "response_mode", "client_id", "scope", "code_challenge_method", "grant_type", "prompt", "parentWindowOrigin",
	"iss", "issuer", "token_type", "expires_in", "error", "error_description", "consent", "authenticated",
	"authorization_endpoint", "token_endpoint", "end_session_endpoint", "jwks_uri",
}

// hidden are the names whose values are not even told by their length.
var hidden = []string{"password", "client_secret"}

// masked is a parameter or member for showing.
func masked(name, value string) Detail {
	switch {
	case slices.Contains(hidden, name):
		return Detail{name, "hidden"}
	case name == "redirect_uri":
		return Detail{name, withoutQuery(value)}
	case slices.Contains(shown, name):
		return Detail{name, printable(value)}
	default:
		return Detail{name, kindOf(value)}
	}
}

// kindOf tells what a value is without telling it.
func kindOf(value string) string {
	kind := ""
	if strings.HasPrefix(value, "ey") {
		switch strings.Count(value, ".") {
		case 2:
			kind = "JWT, "
		case 4:
			kind = "JWE, "
		}
	}
	return fmt.Sprintf("%s%d characters", kind, utf8.RuneCountInString(value))
}

// withoutQuery is an address with its query told by its length.
func withoutQuery(address string) string {
	before, query, found := strings.Cut(address, "?")
	if !found {
		return printable(address)
	}
	return printable(before) + "?… (" + kindOf(query) + ")"
}

// maskedAddress is an address for showing: what comes before query and fragment,
// and each parameter of either, marked by ? or #.
func maskedAddress(name, address string) []Detail {
	before, fragment, _ := strings.Cut(address, "#")
	before, query, _ := strings.Cut(before, "?")
	details := []Detail{{name, printable(before)}}
	for _, part := range []struct{ mark, text string }{{"?", query}, {"#", fragment}} {
		for _, d := range maskedForm(part.text) {
			details = append(details, Detail{part.mark + d.Name, d.Value})
		}
	}
	return details
}

// maskedForm is a form or query for showing, in its order.
func maskedForm(encoded string) []Detail {
	var details []Detail
	for pair := range strings.SplitSeq(encoded, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, errName := url.QueryUnescape(name)
		value, errValue := url.QueryUnescape(value)
		switch {
		case pair == "":
		case errName != nil || errValue != nil:
			details = append(details, Detail{"(unreadable)", kindOf(pair)})
		default:
			d := masked(name, value)
			d.Name = printable(d.Name)
			details = append(details, d)
		}
	}
	return details
}

// longest is how much is shown of what a provider says, in characters.
const longest = 200

// printable is what a provider says, without anything that a terminal would act
// on.
func printable(text string) string {
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest]) + "…"
	}
	quoted := strconv.QuoteToGraphic(text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
