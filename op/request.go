package op

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxBody bounds every body that is read here, in bytes: room for a ticket.
const maxBody = 128 << 10

// maxQuery bounds a query, in bytes: 8 KB of state and what surrounds it, each
// byte percent-encoded.
const maxQuery = 64 << 10

// readParams gives the parameters of a request: the query of a GET, the form
// body of a POST. Nothing is merged: a POST's query is refused, so that no
// parameter can hide from a log or a check by its place.
func readParams(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if len(r.URL.RawQuery) > maxQuery {
		return nil, &Error{Code: "invalid_request", Description: "the query is too long", Status: http.StatusRequestURITooLong}
	}
	raw := r.URL.RawQuery
	if r.Method == http.MethodPost {
		if raw != "" {
			return nil, invalidRequest("parameters of a POST belong into its body")
		}
		mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || mediaType != "application/x-www-form-urlencoded" {
			return nil, &Error{
				Code: "invalid_request", Description: "the content type must be application/x-www-form-urlencoded",
				Status: http.StatusUnsupportedMediaType,
			}
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return nil, &Error{Code: "invalid_request", Description: "the body is too large", Status: http.StatusRequestEntityTooLarge}
		}
		if err != nil {
			return nil, invalidRequest("the body could not be read")
		}
		raw = string(body)
	}
	params, err := url.ParseQuery(raw)
	if err != nil {
		return nil, invalidRequest("the parameters are not well-formed")
	}
	return params, nil
}

// cleanText tells whether s is UTF-8 without NUL, which PostgreSQL could not
// store and no parameter may hold.
func cleanText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsRune(s, 0)
}

// words splits a list of the specifications: separated by spaces, each once.
func words(s string) []string {
	var list []string
	for word := range strings.FieldsSeq(s) {
		if !slices.Contains(list, word) {
			list = append(list, word)
		}
	}
	return list
}
