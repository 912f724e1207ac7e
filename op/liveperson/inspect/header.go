package inspect

import (
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// judgeHeader judges what the header says by itself.
func (x *examination) judgeHeader(token *compactToken) {
	switch alg := text(token.header, "alg"); alg {
	case string(jose.RS256):
		x.pass("alg", "RS256")
	case "":
		x.fail("alg", "the header names no algorithm (alg); it must be RS256")
	default:
		x.fail("alg", "alg is "+quoted(alg)+"; RS256 is the only algorithm that is documented")
	}
	switch typ := text(token.header, "typ"); {
	case strings.EqualFold(typ, "JWT"):
		x.pass("typ", "typ is JWT")
	case typ == "":
		x.warn("typ", "the header has no typ; every documented token has typ JWT")
	default:
		x.warn("typ", "typ is "+quoted(typ)+", not JWT: this may not be an ID token")
	}
	if _, critical := token.header["crit"]; critical {
		x.fail("typ", "the header has crit: an extension that nobody is documented to understand")
	}
}

// judgeSignature verifies the token with the key that the connector would choose.
func (x *examination) judgeSignature(token *compactToken) {
	kid := text(token.header, "kid")
	if x.opts.Keys == nil {
		if kid == "" {
			x.warn("kid", "the header names no key: with a JWKS endpoint, kid is needed")
		} else {
			x.pass("kid", "kid is "+quoted(kid))
		}
		x.leave("signature", "no key was given to verify it with")
		return
	}
	chosen := x.choose(kid)
	if chosen == nil {
		x.leave("signature", "there is no key to verify it with")
		return
	}
	if !x.judgeKey(chosen) {
		x.leave("signature", "the key cannot be used")
		return
	}
	signed, err := jose.ParseSignedCompact(token.compact, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		x.leave("signature", "only RS256 is verified")
		return
	}
	if _, err := signed.Verify(chosen.public); err != nil {
		x.fail("signature", "the signature is not by this key")
		return
	}
	x.pass("signature", "verifies with the key")
}

// minBits is the least size that RFC 7518 3.3 allows for RS256.
const minBits = 2048

// judgeKey tells whether the key can verify at all.
func (x *examination) judgeKey(k *key) bool {
	switch {
	case k.fault != "":
		x.fail("key", k.fault)
		return false
	case k.use != "" && k.use != "sig":
		x.fail("key", "use of the key is "+quoted(k.use)+", and must be sig")
	case k.alg != "" && k.alg != string(jose.RS256):
		x.fail("key", "alg of the key is "+quoted(k.alg)+", and must be RS256")
	case k.public.N.BitLen() < minBits:
		x.warn("key", k.describe()+": RS256 wants 2048 bits or more (RFC 7518 3.3)")
	case k.public.N.BitLen() > minBits:
		x.pass("key", k.describe()+"; the documented ones have 2048")
	default:
		x.pass("key", k.describe())
	}
	return true
}

// choose finds the key that the connector would verify with: the pasted one, or
// that with the kid of the header.
func (x *examination) choose(kid string) *key {
	keys := x.opts.Keys
	if !keys.set {
		pasted := &keys.keys[0]
		if pasted.kid != "" && kid != "" && pasted.kid != kid {
			x.warn("kid", "kid is "+quoted(kid)+", and the key that was given is "+quoted(pasted.kid))
		} else {
			x.pass("kid", "one key was given, so that kid does not matter")
		}
		return pasted
	}
	if kid == "" {
		x.fail("kid", "the header names no key: with a JWKS endpoint, kid is needed")
		return nil
	}
	var found []*key
	for i := range keys.keys {
		if keys.keys[i].kid == kid {
			found = append(found, &keys.keys[i])
		}
	}
	switch len(found) {
	case 1:
		x.pass("kid", "the key set has the key of the header's kid")
		return found[0]
	case 0:
		x.fail("kid", "the key set has no key with the header's kid, "+quoted(kid)+
			": the token is another client's, or its key is not published any more")
	default:
		x.fail("kid", "the key set has more than one key with the header's kid, "+quoted(kid))
	}
	return nil
}
