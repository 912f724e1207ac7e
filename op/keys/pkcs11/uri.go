package pkcs11

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// URI is the address of a private key (RFC 7512): its token and its CKA_ID.
type URI struct {
	Token string
	ID    []byte
}

const scheme = "pkcs11:"

// String writes the address.
func (u URI) String() string {
	var id strings.Builder
	for _, b := range u.ID {
		fmt.Fprintf(&id, "%%%02X", b)
	}
	return scheme + "token=" + url.PathEscape(u.Token) + ";id=" + id.String() + ";type=private"
}

// ParseURI reads an address. One without a token or an id, or with a PIN in it, is
// refused.
func ParseURI(text string) (URI, error) {
	path, ok := strings.CutPrefix(text, scheme)
	if !ok {
		return URI{}, errors.New("must have the scheme pkcs11")
	}
	if strings.Contains(path, "?") {
		return URI{}, errors.New("must have no query, where a PIN would be")
	}
	var u URI
	for attribute := range strings.SplitSeq(path, ";") {
		name, encoded, _ := strings.Cut(attribute, "=")
		value, err := url.PathUnescape(encoded)
		if err != nil {
			return URI{}, fmt.Errorf("%s must be percent-encoded", name)
		}
		switch name {
		case "token":
			u.Token = value
		case "id":
			u.ID = []byte(value)
		case "type":
			if value != "private" {
				return URI{}, errors.New("type must be private")
			}
		default:
			return URI{}, fmt.Errorf("%q: must have token, id and type alone", name)
		}
	}
	if u.Token == "" || len(u.ID) == 0 {
		return URI{}, errors.New("must have token and id")
	}
	return u, nil
}
