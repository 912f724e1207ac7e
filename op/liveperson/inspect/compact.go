package inspect

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// compactToken is a compact JWS taken apart and not yet believed (RFC 7515 7.1).
type compactToken struct {
	compact               string
	rawHeader, rawPayload json.RawMessage

	header map[string]any
	claims map[string]any
}

// takeApart decodes the segments of a compact JWS. Its errors end the sentence
// that the check begins.
func takeApart(compact string) (*compactToken, error) {
	segments := strings.Split(compact, ".")
	if len(segments) != 3 {
		return nil, fmt.Errorf("it has %d segments: a signed token has 3, an encrypted one 5", len(segments))
	}
	var decoded [3][]byte
	for i, segment := range segments {
		var err error
		if decoded[i], err = decodeSegment(segment); err != nil {
			return nil, fmt.Errorf("segment %d %w", i+1, err)
		}
	}
	token := &compactToken{compact: compact, rawHeader: decoded[0], rawPayload: decoded[1]}
	var err error
	if token.header, err = readObject(decoded[0]); err != nil {
		return nil, fmt.Errorf("the header %w", err)
	}
	if token.claims, err = readObject(decoded[1]); err != nil {
		return nil, fmt.Errorf("the payload %w", err)
	}
	return token, nil
}

func decodeSegment(segment string) ([]byte, error) {
	if segment == "" {
		return nil, errors.New("is empty")
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	// The decoder skips line breaks.
	if err != nil || strings.ContainsAny(segment, "\r\n") {
		return nil, errors.New("is not base64url without padding (RFC 7515 2)")
	}
	return decoded, nil
}

// readObject decodes one JSON object with its numbers as they are written. A
// name that is there twice is refused, since readers disagree about it (RFC 7519
// 4).
func readObject(data []byte) (map[string]any, error) {
	var object map[string]any
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if !json.Valid(data) || decoder.Decode(&object) != nil || object == nil {
		return nil, errors.New("is not a JSON object")
	}
	if twice := repeatedName(data); twice != "" {
		return nil, fmt.Errorf("has %s twice", strconv.Quote(twice))
	}
	return object, nil
}

// repeatedName gives a name that one object of a valid document has twice, or "".
func repeatedName(document []byte) string {
	decoder := json.NewDecoder(bytes.NewReader(document))
	var seen []map[string]bool // of the open objects; nil for an array
	name := false              // a name is next
	for {
		token, err := decoder.Token()
		if err != nil {
			return ""
		}
		switch token {
		case json.Delim('{'):
			seen, name = append(seen, map[string]bool{}), true
			continue
		case json.Delim('['):
			seen, name = append(seen, nil), false
			continue
		case json.Delim('}'), json.Delim(']'):
			seen = seen[:len(seen)-1]
		default:
			if text, isText := token.(string); name && isText {
				if seen[len(seen)-1][text] {
					return text
				}
				seen[len(seen)-1][text], name = true, false
				continue
			}
		}
		name = len(seen) > 0 && seen[len(seen)-1] != nil
	}
}

// text gives a member that is text, "" if it is none.
func text(object map[string]any, name string) string {
	value, _ := object[name].(string)
	return value
}

// quoted writes a value of a token into a sentence: short, and without anything
// that a terminal would act on.
func quoted(value string) string {
	const longest = 100
	if runes := []rune(value); len(runes) > longest {
		value = string(runes[:longest]) + "…"
	}
	return strconv.QuoteToGraphic(value)
}
