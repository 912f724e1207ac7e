package password

import (
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // of hashes that others made, until the first sign-in
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"fmt"
	"hash"

	"github.com/go-crypt/x/crypt"
	"github.com/go-crypt/x/yescrypt"
	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
)

// hashes are those that an algorithm is built on.
var hashes = map[algorithm]func() hash.Hash{ //nolint:gochecknoglobals // a constant that Go has no syntax for
	pbkdf2SHA1: sha1.New, pbkdf2SHA256: sha256.New, pbkdf2SHA512: sha512.New,
	sha256Crypt: sha256.New, sha512Crypt: sha512.New,
}

// derive computes the key that a password has by the form and salt of s, or nil if
// that alone tells that it is another. It is the one function that costs something.
func derive(s stored, password []byte) []byte {
	switch s.algorithm {
	case argon2id:
		return argon2.IDKey(password, s.salt, s.cost, s.memory, s.parallelism, uint32(len(s.key))) //nolint:gosec // at most maxKeyBytes
	case argon2i:
		return argon2.Key(password, s.salt, s.cost, s.memory, s.parallelism, uint32(len(s.key))) //nolint:gosec // at most maxKeyBytes
	case bcryptHash:
		if bcrypt.CompareHashAndPassword(s.key, password) != nil {
			return nil
		}
		return s.key
	case scryptHash:
		return whole(scrypt.Key(password, s.salt, 1<<s.cost, int(s.memory), int(s.parallelism), len(s.key)))
	case yescryptHash:
		return whole(yescrypt.Key(password, s.salt, 1<<s.cost, int(s.memory), 1, len(s.key)))
	case sha256Crypt, sha512Crypt:
		key := crypt.KeySHACrypt(hashes[s.algorithm], password[:min(len(password), maxCryptPassword)], s.salt, int(s.cost))
		if len(password) > maxCryptPassword {
			return nil
		}
		return key
	case pbkdf2SHA1, pbkdf2SHA256, pbkdf2SHA512:
		return whole(pbkdf2.Key(hashes[s.algorithm], string(password), s.salt, int(s.cost), len(s.key)))
	}
	return nil
}

// whole is the key, if there is no error: none comes within our bounds, but that
// the machine's rules forbid an algorithm.
func whole(key []byte, err error) []byte {
	if err != nil {
		return nil
	}
	return key
}

// matches tells whether a derived key is that of s.
func (s *stored) matches(key []byte) bool { return subtle.ConstantTimeCompare(key, s.key) == 1 }

// dummy is a hash of a form that no password meets.
func (f form) dummy() stored {
	s := stored{form: f, salt: make([]byte, saltBytes), key: make([]byte, keyBytes)}
	if f.algorithm == bcryptHash {
		s.key = fmt.Appendf(nil, "$2b$%02d$.....................................................", f.cost)
	}
	if f.algorithm == pbkdf2SHA1 {
		s.key = s.key[:sha1.Size] // one block, as of every hash
	}
	return s
}
