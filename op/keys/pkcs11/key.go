//go:build cgo

package pkcs11

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"

	ck "github.com/miekg/pkcs11"
)

// What PKCS #11 3.0 has for Ed25519, which the library does not name.
const (
	generateEdwards = 0x1055 // CKM_EC_EDWARDS_KEY_PAIR_GEN
	signEdDSA       = 0x1057 // CKM_EDDSA
)

// idSize is the size in bytes of the CKA_ID of keys that are made here.
const idSize = 16

// digestInfo stands before a SHA-256 digest in a PKCS #1 v1.5 signature (RFC 8017 9.2).
var digestInfo = []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}

// The curves, as CKA_EC_PARAMS wants them.
var (
	curveP256    = []byte{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07} // an object identifier
	curveEd25519 = append([]byte{0x13, 12}, "edwards25519"...)                        // a PrintableString
)

// Generate makes a key in the token that cannot be read from there.
func (t *Token) Generate(rand io.Reader, kind Kind) (URI, crypto.PublicKey, error) {
	var (
		mechanism uint
		kindOf    []*ck.Attribute
	)
	attribute := ck.NewAttribute
	switch kind {
	case RSA2048:
		mechanism = ck.CKM_RSA_PKCS_KEY_PAIR_GEN
		kindOf = []*ck.Attribute{attribute(ck.CKA_MODULUS_BITS, 2048), attribute(ck.CKA_PUBLIC_EXPONENT, []byte{1, 0, 1})}
	case P256:
		mechanism, kindOf = ck.CKM_EC_KEY_PAIR_GEN, []*ck.Attribute{attribute(ck.CKA_EC_PARAMS, curveP256)}
	case Ed25519:
		mechanism, kindOf = generateEdwards, []*ck.Attribute{attribute(ck.CKA_EC_PARAMS, curveEd25519)}
	default:
		return URI{}, nil, fmt.Errorf("no kind of key: %d", kind)
	}
	type pair struct {
		id     []byte
		public crypto.PublicKey
	}
	made, err := with(t, keyTimes*t.opts.Limit, func(_ *connection, session ck.SessionHandle) (pair, error) {
		id := make([]byte, idSize) // another one each time: what was lost on the way may have been made
		if _, err := io.ReadFull(rand, id); err != nil {
			return pair{}, fmt.Errorf("make an id: %w", err)
		}
		both := []*ck.Attribute{attribute(ck.CKA_TOKEN, true), attribute(ck.CKA_ID, id), attribute(ck.CKA_LABEL, "idp")}
		public := slices.Concat(kindOf, both, []*ck.Attribute{attribute(ck.CKA_VERIFY, true)})
		private := slices.Concat(both, []*ck.Attribute{
			attribute(ck.CKA_PRIVATE, true), attribute(ck.CKA_SENSITIVE, true), attribute(ck.CKA_EXTRACTABLE, false), attribute(ck.CKA_SIGN, true),
		})
		object, _, err := t.module.ctx.GenerateKeyPair(session, []*ck.Mechanism{ck.NewMechanism(mechanism, nil)}, public, private)
		if err != nil {
			return pair{}, fmt.Errorf("make a key: %w", err)
		}
		key, err := t.readPublic(session, object, kind)
		return pair{id, key}, err
	})
	return URI{Token: t.opts.Token, ID: made.id}, made.public, err
}

// Destroy destroys the key at an address, both halves. That it is there no more is no
// error.
func (t *Token) Destroy(address URI) error {
	_, err := with(t, t.opts.Limit, func(c *connection, session ck.SessionHandle) (struct{}, error) {
		c.objects.Delete(string(address.ID))
		for _, class := range []uint{ck.CKO_PRIVATE_KEY, ck.CKO_PUBLIC_KEY} {
			found, err := t.module.objects(session, class, address.ID)
			if err != nil {
				return struct{}{}, err
			}
			for _, object := range found {
				if err := t.module.ctx.DestroyObject(session, object); err != nil {
					return struct{}{}, fmt.Errorf("destroy the key: %w", err)
				}
			}
		}
		return struct{}{}, nil
	})
	return err
}

// objects gives the handles of a class of objects with an id, the first few if there
// are many.
func (m *module) objects(session ck.SessionHandle, class uint, id []byte) ([]ck.ObjectHandle, error) {
	err := m.ctx.FindObjectsInit(session, []*ck.Attribute{ck.NewAttribute(ck.CKA_CLASS, class), ck.NewAttribute(ck.CKA_ID, id)})
	if err != nil {
		return nil, fmt.Errorf("look for the key: %w", err)
	}
	found, _, err := m.ctx.FindObjects(session, 2)
	if err = errors.Join(err, m.ctx.FindObjectsFinal(session)); err != nil {
		return nil, fmt.Errorf("look for the key: %w", err)
	}
	return found, nil
}

func (t *Token) readPublic(session ck.SessionHandle, object ck.ObjectHandle, kind Kind) (crypto.PublicKey, error) {
	wanted := []*ck.Attribute{ck.NewAttribute(ck.CKA_EC_POINT, nil)}
	if kind == RSA2048 {
		wanted = []*ck.Attribute{ck.NewAttribute(ck.CKA_MODULUS, nil), ck.NewAttribute(ck.CKA_PUBLIC_EXPONENT, nil)}
	}
	read, err := t.module.ctx.GetAttributeValue(session, object, wanted)
	if err != nil {
		return nil, fmt.Errorf("read the public key: %w", err)
	}
	if kind == RSA2048 {
		return &rsa.PublicKey{N: new(big.Int).SetBytes(read[0].Value), E: int(new(big.Int).SetBytes(read[1].Value).Int64())}, nil
	}
	var point []byte
	if rest, err := asn1.Unmarshal(read[0].Value, &point); err != nil || len(rest) > 0 {
		return nil, errors.New("read the public key: not an OCTET STRING")
	}
	if kind == Ed25519 {
		if len(point) != ed25519.PublicKeySize {
			return nil, errors.New("read the public key: of another size")
		}
		return ed25519.PublicKey(point), nil
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, fmt.Errorf("read the public key: %w", err)
	}
	return key, nil
}

// key is a private key in a token. It is looked for when it signs.
type key struct {
	token  *Token
	id     []byte
	public crypto.PublicKey
}

// Key gives what signs by the key at an address, whose public half is known. The token
// is not asked before the first signature.
func (t *Token) Key(address URI, public crypto.PublicKey) crypto.Signer {
	return &key{token: t, id: address.ID, public: public}
}

// Public is the public half.
func (k *key) Public() crypto.PublicKey { return k.public }

// Sign signs as the keys of the standard library do: a SHA-256 digest, or by Ed25519
// the message itself.
func (k *key) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	mechanism, message := ck.NewMechanism(ck.CKM_ECDSA, nil), digest
	switch k.public.(type) {
	case *rsa.PublicKey:
		if _, pss := opts.(*rsa.PSSOptions); pss {
			mechanism = ck.NewMechanism(ck.CKM_RSA_PKCS_PSS, ck.NewPSSParams(ck.CKM_SHA256, ck.CKG_MGF1_SHA256, sha256.Size))
			break
		}
		mechanism, message = ck.NewMechanism(ck.CKM_RSA_PKCS, nil), slices.Concat(digestInfo, digest)
	case ed25519.PublicKey:
		mechanism = ck.NewMechanism(signEdDSA, nil)
	}
	signature, err := with(k.token, k.token.opts.Limit, func(c *connection, session ck.SessionHandle) ([]byte, error) {
		object, err := k.find(c, session)
		if err == nil {
			err = k.token.module.ctx.SignInit(session, []*ck.Mechanism{mechanism}, object)
		}
		if err != nil {
			return nil, err //nolint:wrapcheck // with wraps it
		}
		return k.token.module.ctx.Sign(session, message)
	})
	if err != nil {
		return nil, err
	}
	if _, isEC := k.public.(*ecdsa.PublicKey); !isEC {
		return signature, nil
	}
	half := len(signature) / 2
	encoded, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])})
	if err != nil {
		return nil, fmt.Errorf("write a signature: %w", err)
	}
	return encoded, nil
}

// find gives the handle of the key, which holds as long as the connection.
func (k *key) find(c *connection, session ck.SessionHandle) (ck.ObjectHandle, error) {
	if object, known := c.objects.Load(string(k.id)); known {
		return object.(ck.ObjectHandle), nil //nolint:forcetypeassert // nothing else is stored
	}
	found, err := k.token.module.objects(session, ck.CKO_PRIVATE_KEY, k.id)
	if err != nil {
		return 0, err
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("%w of id %x, which exactly one must have", ErrNoKey, k.id)
	}
	c.objects.Store(string(k.id), found[0])
	return found[0], nil
}
