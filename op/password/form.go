package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// The bounds of a stored hash. They hold from the first day, since a hash that
// somebody brought along decides how much memory and time each try costs here.
const (
	maxHashBytes   = 512
	maxMemory      = 256 * 1024 // KiB
	maxIterations  = 10
	maxParallelism = 8
	minSaltBytes   = 8
	maxSaltBytes   = 64
	minKeyBytes    = 16
	maxKeyBytes    = 64
	minBcryptCost  = 4
	maxBcryptCost  = 14
)

// ErrForm is in the chain of every error about a stored hash.
var ErrForm = errors.New("password hash")

// form is what a hash costs: Argon2id, or bcrypt if cost is not zero.
type form struct {
	memory      uint32 // KiB
	iterations  uint32
	parallelism uint8
	cost        int
}

// stored is a hash that can be verified.
type stored struct {
	form
	salt, key []byte // of Argon2id
	crypt     string // of bcrypt: the whole of it
}

// work is the memory that Argon2id fills, in KiB: what its time grows with.
func (f form) work() uint64 { return uint64(f.memory) * uint64(f.iterations) }

// The two forms, of which only the part before the salt has a cost.
var (
	argon2idForm = regexp.MustCompile(`^\$argon2id\$v=19\$m=([1-9]\d{0,9}),t=([1-9]\d{0,9}),p=([1-9]\d{0,9})(?:\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+))?$`)
	bcryptForm   = regexp.MustCompile(`^\$2[aby]\$(\d\d)(?:\$[./A-Za-z0-9]{53})?$`)
)

// Check tells whether a hash made elsewhere can be stored here: an Argon2id PHC
// string of version 19, or bcrypt ($2a$, $2b$, $2y$), within bounds. The error
// names the rule that is broken and never repeats the hash.
//
// Passwords are normalised before they are compared (RFC 8265, OpaqueString). A
// hash made elsewhere of a password that was not in NFC cannot be met.
func Check(hash string) error {
	_, err := parse(hash)
	return err
}

func parse(hash string) (stored, error) {
	s, complete, err := parseForm(hash)
	if err == nil && !complete {
		err = fmt.Errorf("%w: salt and key are missing", ErrForm)
	}
	return s, err
}

// parseForm reads a hash, or only the beginning of one that tells its cost.
func parseForm(hash string) (s stored, complete bool, err error) {
	if len(hash) > maxHashBytes {
		return s, false, fmt.Errorf("%w: must have at most %d bytes", ErrForm, maxHashBytes)
	}
	if m := bcryptForm.FindStringSubmatch(hash); m != nil {
		s.cost, _ = strconv.Atoi(m[1]) // two digits
		s.crypt = hash
		return s, len(hash) == bcryptBytes, between("bcrypt cost", s.cost, minBcryptCost, maxBcryptCost)
	}
	if m := argon2idForm.FindStringSubmatch(hash); m != nil {
		s, err = parseArgon2id(m)
		return s, m[4] != "", err
	}
	if strings.HasPrefix(hash, "$argon2id$") {
		return s, false, fmt.Errorf("%w: Argon2id must read $argon2id$v=19$m=…,t=…,p=…$salt$key, in base64 without padding", ErrForm)
	}
	return s, false, fmt.Errorf("%w: must be Argon2id ($argon2id$…) or bcrypt ($2a$, $2b$ or $2y$, 60 characters)", ErrForm)
}

const bcryptBytes = 60

func parseArgon2id(m []string) (s stored, err error) {
	var numbers [3]int
	for i, bound := range []struct {
		name string
		max  int
	}{{"Argon2id memory (m, in KiB)", maxMemory}, {"Argon2id iterations (t)", maxIterations}, {"Argon2id parallelism (p)", maxParallelism}} {
		numbers[i], err = strconv.Atoi(m[i+1])
		if err != nil {
			return s, fmt.Errorf("%w: %s must be a number", ErrForm, bound.name)
		}
		if err := between(bound.name, numbers[i], 1, bound.max); err != nil {
			return s, err
		}
	}
	if numbers[0] < 8*numbers[2] {
		return s, fmt.Errorf("%w: Argon2id memory (m, in KiB) must be at least 8 times the parallelism (p)", ErrForm)
	}
	// Within the bounds above, so nothing is cut off.
	s.memory, s.iterations, s.parallelism = uint32(numbers[0]), uint32(numbers[1]), uint8(numbers[2]) //nolint:gosec // see above
	if m[4] == "" {
		return s, nil
	}
	for _, part := range []struct {
		name, text string
		into       *[]byte
		min, max   int
	}{{"salt", m[4], &s.salt, minSaltBytes, maxSaltBytes}, {"key", m[5], &s.key, minKeyBytes, maxKeyBytes}} {
		*part.into, err = base64.RawStdEncoding.Strict().DecodeString(part.text)
		if err != nil {
			return s, fmt.Errorf("%w: Argon2id %s must be base64 without padding", ErrForm, part.name)
		}
		if err := between("bytes of Argon2id "+part.name, len(*part.into), part.min, part.max); err != nil {
			return s, err
		}
	}
	return s, nil
}

func between(what string, n, least, most int) error {
	if n < least || n > most {
		return fmt.Errorf("%w: %s must be from %d to %d", ErrForm, what, least, most)
	}
	return nil
}

// phc writes an Argon2id hash in the PHC string format.
func (s stored) phc() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", s.memory, s.iterations, s.parallelism,
		b64.EncodeToString(s.salt), b64.EncodeToString(s.key))
}
