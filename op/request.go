package op

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
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

// The media types of bodies.
const (
	mediaForm = "application/x-www-form-urlencoded"
	mediaJSON = "application/json"
)

// errFormWanted is for a body of another media type.
var errFormWanted = &Error{
	Code: "invalid_request", Description: "the content type must be application/x-www-form-urlencoded",
	Status: http.StatusUnsupportedMediaType,
}

// readParams gives the parameters of a request: the query of a GET, the form
// body of a POST. Nothing is merged: a POST's query is refused, so that no
// parameter can hide from a log or a check by its place.
func readParams(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if len(r.URL.RawQuery) > maxQuery {
		return nil, &Error{Code: "invalid_request", Description: "the query is too long", Status: http.StatusRequestURITooLong}
	}
	if r.Method != http.MethodPost {
		return parseForm(r.URL.RawQuery)
	}
	_, body, err := readBody(w, r, mediaForm)
	if err != nil {
		return nil, err
	}
	return parseForm(string(body))
}

// readTokenParams gives the parameters of a token request, which some clients
// may send as JSON.
func readTokenParams(w http.ResponseWriter, r *http.Request) (params url.Values, inJSON bool, err error) {
	mediaType, body, err := readBody(w, r, mediaForm, mediaJSON)
	if err != nil {
		return nil, false, err
	}
	if mediaType == mediaJSON {
		params, err = parseJSON(body)
		return params, true, err
	}
	params, err = parseForm(string(body))
	return params, false, err
}

// readBody reads the body of a POST, which must be of one of the media types.
func readBody(w http.ResponseWriter, r *http.Request, accepted ...string) (mediaType string, body []byte, err error) {
	if r.URL.RawQuery != "" {
		return "", nil, invalidRequest("parameters of a POST belong into its body")
	}
	mediaType, _, err = mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(accepted, mediaType) {
		return "", nil, errFormWanted
	}
	body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return "", nil, &Error{Code: "invalid_request", Description: "the body is too large", Status: http.StatusRequestEntityTooLarge}
	}
	if err != nil {
		return "", nil, invalidRequest("the body could not be read")
	}
	return mediaType, body, nil
}

func parseForm(raw string) (url.Values, error) {
	params, err := url.ParseQuery(raw)
	if err != nil {
		return nil, invalidRequest("the parameters are not well-formed")
	}
	return params, nil
}

// parseJSON reads one object of texts as the parameters of a request. A name
// that stands twice has two values, as in a form.
func parseJSON(body []byte) (url.Values, error) {
	malformed := invalidRequest("the body must be one JSON object whose members are texts")
	if !json.Valid(body) || !utf8.Valid(body) {
		return nil, malformed
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if opening, err := decoder.Token(); err != nil || opening != json.Delim('{') {
		return nil, malformed
	}
	params := url.Values{}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, malformed
		}
		value, err := decoder.Token()
		text, isText := value.(string)
		if err != nil || !isText {
			return nil, malformed
		}
		params.Add(fmt.Sprint(name), text)
	}
	return params, nil
}

// cleanText tells whether s is UTF-8 without NUL, which PostgreSQL could not
// store and no parameter may hold.
func cleanText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsRune(s, 0)
}

// maxWords bounds a list: no list of the specifications needs more, and finding
// repetitions costs the square of it.
const maxWords = 64

// words splits a list of the specifications: separated by spaces, each once, the
// first maxWords of them.
func words(s string) []string {
	var list []string
	for word := range strings.FieldsSeq(s) {
		if !slices.Contains(list, word) {
			list = append(list, word)
		}
		if len(list) == maxWords {
			break
		}
	}
	return list
}
