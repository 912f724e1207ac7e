package password

import (
	"errors"
	"fmt"
	"math/bits"
)

// MaxWork bounds an Argon2 hash: its memory in KiB times its iterations.
const MaxWork = 512 * 1024

// The bounds of a stored hash. They hold from the first day, since a hash that
// somebody brought along decides how much memory and time each try costs here, and
// each failed one of anybody. At its bound, a form costs about a second.
const (
	maxHashBytes   = 512
	maxMemory      = 256 * 1024 // KiB
	maxIterations  = 10         // of Argon2
	maxParallelism = 8          // of Argon2
	maxScryptLanes = 16
	// maxScryptWork is of N·r·p: scrypt with N = 2¹⁷ and r = 8, which is 128 MiB.
	maxScryptWork   = 1 << 20
	minBcryptCost   = 4
	maxBcryptCost   = 13
	minYescryptCost = 10 // of log2 N, which the library takes from there
	maxYescryptCost = 18
	maxSHA1Rounds   = 1_400_000 // of PBKDF2
	maxSHA256Rounds = 1_200_000
	maxSHA512Rounds = 600_000
	minCryptRounds  = 1000 // of sha-crypt, as its specification says
	maxCryptRounds  = 300_000
	// maxCryptPassword is in bytes. Each round of sha-crypt hashes the password anew,
	// so a long one would multiply its cost. None that is longer is met.
	maxCryptPassword = 128
	minSaltBytes     = 8
	maxSaltBytes     = 64
	minKeyBytes      = 16
	maxKeyBytes      = 64
)

// ErrForm is in the chain of every error about a stored hash.
var ErrForm = errors.New("password hash")

// algorithm is how a hash is made.
type algorithm int

const (
	argon2id algorithm = iota
	argon2i
	bcryptHash
	scryptHash
	yescryptHash
	pbkdf2SHA1
	pbkdf2SHA256
	pbkdf2SHA512
	sha256Crypt
	sha512Crypt

	algorithms int = iota
)

// form is what a hash costs; the zero value costs nothing.
type form struct {
	algorithm algorithm
	// cost is the iterations of Argon2, the rounds of PBKDF2 and sha-crypt, and the
	// binary logarithm of those of bcrypt, and of N of scrypt and yescrypt.
	cost uint32
	// memory is of Argon2, in KiB, and r of scrypt and yescrypt.
	memory uint32
	// parallelism is of Argon2 and scrypt.
	parallelism uint8
}

// stored is a hash that can be verified.
type stored struct {
	form

	// salt and key are as the algorithm takes and gives them: for bcrypt, the key is
	// the whole hash.
	salt, key []byte
}

// work is what the time of a form grows with. It compares forms of one algorithm.
func (f form) work() uint64 {
	switch f.algorithm {
	case argon2id, argon2i:
		return uint64(f.memory) * uint64(f.cost)
	case bcryptHash:
		if f.cost == 0 {
			return 0
		}
		return 1 << f.cost
	case scryptHash, yescryptHash:
		return uint64(f.memory) * uint64(f.parallelism) << f.cost
	default:
		return uint64(f.cost)
	}
}

// parts are forms that together cost what is left of f's work, as nearly as they
// can.
func (f form) parts(left uint64) []form {
	if left == f.work() {
		return []form{f}
	}
	switch f.algorithm {
	case argon2id, argon2i:
		f.memory = uint32(left / uint64(f.cost)) //nolint:gosec // at most f.memory
		if f.memory < 8*uint32(f.parallelism) {  // less than Argon2 can do
			return nil
		}
		return []form{f}
	case bcryptHash:
		return f.powers(left, minBcryptCost)
	case scryptHash:
		f.parallelism = 1
		return f.powers(left/uint64(f.memory), 1)
	case yescryptHash:
		return f.powers(left/uint64(f.memory), minYescryptCost)
	default:
		f.cost = uint32(left) //nolint:gosec // at most f.cost
		if left == 0 {
			return nil
		}
		return []form{f}
	}
}

// powers are forms like f with the powers of two as their costs that add up to
// left, but those below the least.
func (f form) powers(left uint64, least int) []form {
	var parts []form
	for power := least; power < bits.Len64(left); power++ {
		if left&(1<<power) != 0 {
			f.cost = uint32(power) //nolint:gosec // below 64
			parts = append(parts, f)
		}
	}
	return parts
}

// costs are the dearest form in use of each algorithm.
type costs [algorithms]form

// with is c with f in use as well.
func (c costs) with(f form) costs {
	if f.work() > c[f.algorithm].work() {
		c[f.algorithm] = f
	}
	return c
}

func between(what string, n, least, most int) error {
	if n < least || n > most {
		return fmt.Errorf("%w: %s must be from %d to %d", ErrForm, what, least, most)
	}
	return nil
}
