package storage

// JWKS is a client's own public keys (RFC 7517 5), by which what it signs is
// verified.
type JWKS struct {
	Keys []JWK `json:"keys"`
}

// JWK is a public key (RFC 7517 4, RFC 7518 6, RFC 8037 2).
type JWK struct {
	Kty     string   `json:"kty,omitempty"`
	Crv     string   `json:"crv,omitempty"`
	N       string   `json:"n,omitempty"`
	E       string   `json:"e,omitempty"`
	X       string   `json:"x,omitempty"`
	Y       string   `json:"y,omitempty"`
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
	case "d", "p", "q", "dp", "dq", "qi", "oth", "priv":
		return "is part of a private key, which only the client may have: give the public key alone"
	case "k":
		return "is a secret shared with the client: give a public key"
	}
	return ""
}
