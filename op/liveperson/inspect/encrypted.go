package inspect

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// seenContent are the content encryptions that LivePerson's samples use; none is
// documented.
var seenContent = []string{string(jose.A128CBC_HS256), string(jose.A256GCM)}

// content are those that are opened here.
var content = []jose.ContentEncryption{
	jose.A128CBC_HS256, jose.A192CBC_HS384, jose.A256CBC_HS512, jose.A128GCM, jose.A192GCM, jose.A256GCM,
}

// open judges the header of a JWE and gives what is in it, if that can be had.
func (x *examination) open(compact string) (nested string, ok bool) {
	first, _, _ := strings.Cut(compact, ".")
	raw, err := decodeSegment(first)
	if err != nil {
		x.fail("encryption", "segment 1 "+err.Error())
		return "", false
	}
	header, err := readObject(raw)
	if err != nil {
		x.fail("encryption", "the header "+err.Error())
		return "", false
	}
	x.judgeEncryption(header)
	switch {
	case x.opts.DecryptionKey == nil:
		x.leave("nested", "it is encrypted, and no decryption key was given: nothing is known of the signed token in it")
		return "", false
	case x.has(Failed, "encryption"):
		x.leave("nested", "it is not decrypted")
		return "", false
	}
	encrypted, err := jose.ParseEncryptedCompact(compact, []jose.KeyAlgorithm{jose.RSA_OAEP_256}, content)
	if err != nil {
		x.fail("nested", "it is not a JWE that can be read (RFC 7516 7.1)")
		return "", false
	}
	plain, err := encrypted.Decrypt(x.opts.DecryptionKey)
	switch {
	case err != nil:
		x.fail("nested", "the decryption key does not open it")
		return "", false
	case strings.Count(string(plain), ".") != 2:
		x.fail("nested", "it holds no signed token: sign first, then encrypt")
		return "", false
	}
	x.pass("nested", "it holds a signed token")
	return string(plain), true
}

func (x *examination) judgeEncryption(header map[string]any) {
	alg, enc := text(header, "alg"), text(header, "enc")
	switch {
	case alg != string(jose.RSA_OAEP_256):
		x.fail("encryption", "alg is "+quoted(alg)+", and must be RSA-OAEP-256")
	case enc == "":
		x.fail("encryption", "the header has no enc (RFC 7516 4.1.2)")
	case !slices.Contains(seenContent, enc):
		x.warn("encryption", "enc is "+quoted(enc)+": samples use "+strings.Join(seenContent, " and ")+", and none is documented")
	default:
		x.pass("encryption", "RSA-OAEP-256, "+enc)
	}
	if _, critical := header["crit"]; critical {
		x.fail("encryption", "the header has crit: an extension that nobody is documented to understand")
	}
	if _, compressed := header["zip"]; compressed {
		x.warn("encryption", "the header has zip: compression is not documented, and tells of what is encrypted")
	}
	if cty := text(header, "cty"); !strings.EqualFold(cty, "JWT") {
		x.warn("encryption", "cty is not JWT, as a token in a token has it (RFC 7519 5.2)")
	}
	if kid := text(header, "kid"); kid == "" {
		x.warn("recipient", "the header has no kid: with a JWKS connector it is the one that LivePerson provided")
	} else {
		x.pass("recipient", "kid is "+quoted(kid))
	}
}

// ParseDecryptionKey reads the private RSA key that opens a JWE: PEM (PKCS #8 or
// PKCS #1), or a JWK.
func ParseDecryptionKey(data []byte) (*rsa.PrivateKey, error) {
	var parsed any
	if block, _ := pem.Decode(data); block != nil {
		var err error
		if parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
			parsed, _ = x509.ParsePKCS1PrivateKey(block.Bytes)
		}
	} else {
		var document jose.JSONWebKey
		if json.Unmarshal(data, &document) == nil {
			parsed = document.Key
		}
	}
	private, isRSA := parsed.(*rsa.PrivateKey)
	if !isRSA || private == nil {
		return nil, errors.New("the decryption key must be a private RSA key, as PEM without a pass phrase or as a JWK")
	}
	return private, nil
}
