package standin

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Token is a compact JWS taken apart. Whether it is to be believed, the checks
// say.
type Token struct {
	// Compact is the token as it came, with its segments joined by dots.
	Compact string
	// Header and Payload are the first two segments decoded, as they were sent.
	Header, Payload json.RawMessage
	// Envelope is the header of the encrypted token that it came in, nil if it was
	// only signed. Compact, Header and Payload are then of the token inside.
	Envelope json.RawMessage

	header struct {
		Alg string `json:"alg"`
		Kid string `json:"kid"`
		Typ string `json:"typ"`
	}
	claims map[string]any // numbers are json.Number
}

// Segments are the parts of the compact form.
func (t *Token) Segments() []string { return strings.Split(t.Compact, ".") }

// takeApart decodes a token without believing it.
func takeApart(compact string) (*Token, error) {
	token := &Token{Compact: compact}
	segments := token.Segments()
	if len(segments) != 3 {
		return token, fmt.Errorf("it has %d segments, and a signed token has 3", len(segments))
	}
	strict := base64.RawURLEncoding.Strict()
	var decoded [3][]byte
	for i, segment := range segments {
		var err error
		if decoded[i], err = strict.DecodeString(segment); err != nil || segment == "" {
			return token, fmt.Errorf("segment %d is not base64url without padding", i+1)
		}
	}
	if json.Unmarshal(decoded[0], &token.header) != nil {
		return token, errors.New("the header is not a JSON object")
	}
	claims, err := readObject(decoded[1])
	if err != nil {
		return token, errors.New("the payload is not a JSON object")
	}
	token.Header, token.Payload, token.claims = decoded[0], decoded[1], claims
	return token, nil
}

// readObject decodes one JSON object with its numbers as they are written.
func readObject(data []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, err //nolint:wrapcheck // the caller says what it was
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) || object == nil {
		return nil, errors.New("not one JSON object")
	}
	return object, nil
}

// text gives a claim that is text, "" if it is none.
func (t *Token) text(name string) string {
	value, _ := t.claims[name].(string)
	return value
}
