package liveperson

// KeyEncryption is the value of id_token_encrypted_response_alg (RFC 7518 4.3),
// the only one that LivePerson documents.
const KeyEncryption = "RSA-OAEP-256"

// ContentEncryptions are the values of id_token_encrypted_response_enc
// (RFC 7518 5.1), the default first. LivePerson leaves the choice open; the
// samples that it published use the first.
var ContentEncryptions = []string{"A128CBC-HS256", "A256GCM"}

// EncryptionKey is the public key, given by LivePerson, that a connector's ID
// tokens are encrypted for. Exactly one of its four forms is set. This is the
// shape alone; whoever knows keys reads it.
type EncryptionKey struct {
	// PEM is a block PUBLIC KEY (SubjectPublicKeyInfo) or CERTIFICATE.
	PEM string `json:"pem,omitempty"`
	// Certificate is an X.509 certificate, as PEM or as the base64 of its DER.
	Certificate string `json:"certificate,omitempty"`
	// Base64 is the DER of a SubjectPublicKeyInfo or of a certificate in one line,
	// without BEGIN and END. A key is kept in this form, whichever it came in.
	Base64 string `json:"base64,omitempty"`
	// JWK is the key as RFC 7517 writes it.
	JWK *JWK `json:"jwk,omitempty"`
	// Kid names the key in the header of each token, "" if LivePerson gave none.
	Kid string `json:"kid,omitempty"`
}

// JWK is an RSA public key as a JSON Web Key (RFC 7517 4, RFC 7518 6.3.1).
type JWK struct {
	Kty     string   `json:"kty,omitempty"`
	N       string   `json:"n,omitempty"`
	E       string   `json:"e,omitempty"`
	Kid     string   `json:"kid,omitempty"`
	Use     string   `json:"use,omitempty"`
	Alg     string   `json:"alg,omitempty"`
	KeyOps  []string `json:"key_ops,omitempty"`
	Ext     bool     `json:"ext,omitempty"` // of the Web Cryptography API; says nothing here
	X5c     []string `json:"x5c,omitempty"`
	X5t     string   `json:"x5t,omitempty"`
	X5tS256 string   `json:"x5t#S256,omitempty"`
}

// RefusedField returns why a member that some keys have must not be given, "" if
// it is none of those.
func (*JWK) RefusedField(name string) string {
	switch name {
	case "d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv":
		return "is part of a private key, which only LivePerson may have: give the public key alone"
	case "crv", "x", "y", "pub":
		return "belongs to another kind of key: it must be an RSA key, with n and e"
	}

	return ""
}
