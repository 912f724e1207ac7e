package op

import (
	"slices"
	"strings"
)

// The response types that are served (OpenID Connect Core 3), words in
// alphabetical order.
const (
	responseTypeCode             = "code"
	responseTypeIDToken          = "id_token"
	responseTypeIDTokenToken     = "id_token token"
	responseTypeCodeIDToken      = "code id_token"
	responseTypeCodeToken        = "code token"
	responseTypeCodeIDTokenToken = "code id_token token"
	// responseTypeToken is a legacy connector's name for id_token; for nobody else
	// is it served.
	responseTypeToken = "token"
)

var responseTypes = []string{
	responseTypeCode, responseTypeIDToken, responseTypeIDTokenToken,
	responseTypeCodeIDToken, responseTypeCodeToken, responseTypeCodeIDTokenToken,
}

// responseTypeOf puts the words into order, since their order means nothing.
func responseTypeOf(value string) string {
	list := strings.Split(value, " ")
	slices.Sort(list)
	return strings.Join(list, " ")
}

// The words of response types: what an answer has.
const (
	wordCode    = "code"
	wordIDToken = "id_token"
	wordToken   = "token"
)

// gives tells whether an answer of the response type has what the word stands for.
func gives(responseType, word string) bool {
	for one := range strings.SplitSeq(responseType, " ") {
		if one == word {
			return true
		}
	}
	return false
}
