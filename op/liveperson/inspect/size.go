package inspect

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/brandidp/idp/op/liveperson"
)

// AddressLimit is the size of a token, in bytes, above which the implicit flow
// of the external window comes near to 8000 bytes of address, the length that
// everybody is asked to take (RFC 9110 4.1): the window's state goes with it, of
// some 3 KB when it is encoded. For the brand's own token no limit is documented.
const AddressLimit = 4800

func (x *examination) sizes(size int) {
	if size > AddressLimit && !x.opts.NotInAddress {
		x.warn("size", fmt.Sprintf("%d bytes: with the implicit flow the token is in an address beside state, "+
			"and more than %d may be too long for one", size, AddressLimit))
	} else {
		x.pass("size", fmt.Sprintf("%d bytes; no limit is documented", size))
	}
	if x.claims == nil {
		return
	}
	switch estimate := x.consumerTokenSize(); {
	case estimate > liveperson.ConsumerTokenLimit:
		x.warn("consumer", fmt.Sprintf("about %d of %d characters: the token that Conversational Cloud makes of this one holds "+
			"lp_sdes in hexadecimal; shorten Personal and Customer Info", estimate, liveperson.ConsumerTokenLimit))
	default:
		x.pass("consumer", fmt.Sprintf("about %d of %d characters", estimate, liveperson.ConsumerTokenLimit))
	}
}

// consumerTokenSize estimates the token that Conversational Cloud makes for its
// own use, by the published example: lp_sdes encrypted and in hexadecimal, RS256.
func (x *examination) consumerTokenSize() int {
	const (
		header    = `{"kid":"00001","typ":"JWT","alg":"RS256"}`
		fixed     = `{"sub":"","aud":"acc:12345678","iss":"https://idp.liveperson.net","exp":1534971930,"iat":1471899942,"lp.ext":{"sub":"","iss":"","lp_sdes":""}}`
		subject   = 64  // hexadecimal digits
		sealing   = 28  // bytes that encryption adds
		signature = 256 // of RSA-2048
	)
	payload := len(fixed) + subject + len(text(x.claims, "sub")) + len(text(x.claims, "iss"))
	if sdes, there := x.claims["lp_sdes"]; there {
		if document, err := json.Marshal(sdes); err == nil {
			payload += hex.EncodedLen(len(document) + sealing)
		}
	}
	size := base64.RawURLEncoding.EncodedLen
	return size(len(header)) + 1 + size(payload) + 1 + size(signature)
}
