package password

import (
	"crypto/sha1" //nolint:gosec // its size alone
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-crypt/x/yescrypt"
)

// The forms of stored hashes. Only the part before the salt has a cost; that part
// alone is a form, too.
const (
	number    = `([1-9]\d{0,9})`
	b64Tail   = `(?:\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+))?$` // base64 without padding
	cryptTail = `(?:([./A-Za-z0-9]{1,16})\$([./A-Za-z0-9]+))?$`
)

// layout is one way to write hashes.
type layout struct {
	// prefix tells the layout, pattern reads it.
	prefix  string
	pattern *regexp.Regexp
	// rule is what the pattern wants.
	rule string
	read func(m []string) (stored, error)
}

// layouts are all that are known.
var layouts = []layout{ //nolint:gochecknoglobals // a constant that Go has no syntax for
	argon2Layout("argon2id", "Argon2id", argon2id),
	argon2Layout("argon2i", "Argon2i", argon2i),
	{
		"$2", regexp.MustCompile(`^\$2[aby]\$(\d\d)(\$[./A-Za-z0-9]{53})?$`),
		"bcrypt must read $2a$, $2b$ or $2y$ and have 60 characters", readBcrypt,
	},
	{
		"$scrypt$", regexp.MustCompile(`^\$scrypt\$ln=` + number + `,r=` + number + `,p=` + number + b64Tail),
		"scrypt must read $scrypt$ln=…,r=…,p=…$salt$key, in base64 without padding", readScrypt,
	},
	{
		"$y$", regexp.MustCompile(`^\$y\$j([./0-9A-Za-z])([./0-9A-Za-z])(?:\$([./0-9A-Za-z]{1,86})\$([./0-9A-Za-z]{43}))?$`),
		"yescrypt must read $y$j…$salt$key, with two characters for its cost", readYescrypt,
	},
	{
		"$7$", regexp.MustCompile(`^\$7\$([./0-9A-Za-z])([./0-9A-Za-z]{5})([./0-9A-Za-z]{5})(?:([./0-9A-Za-z]{1,64})\$([./0-9A-Za-z]{43}))?$`),
		"scrypt of crypt must read $7$, 11 characters for its cost, salt$key", readCryptScrypt,
	},
	pbkdf2Layout("", pbkdf2SHA1, sha1.Size),
	pbkdf2Layout("-sha1", pbkdf2SHA1, sha1.Size),
	pbkdf2Layout("-sha256", pbkdf2SHA256, sha256.Size),
	pbkdf2Layout("-sha512", pbkdf2SHA512, sha512.Size),
	djangoLayout("sha1", pbkdf2SHA1, sha1.Size),
	djangoLayout("sha256", pbkdf2SHA256, sha256.Size),
	cryptLayout("5", sha256Crypt, 43),
	cryptLayout("6", sha512Crypt, 86),
}

// refused are forms known by name whose hashes nobody should sign in by, or that
// cannot be computed here.
var refused = map[string]string{ //nolint:gochecknoglobals // a constant that Go has no syntax for
	"$argon2d$": "Argon2d is refused: what it does shows in the memory's timing, so it is not for passwords",
	"$2x$":      "$2x$ is refused: it marks hashes of a broken bcrypt, which do not tell all passwords apart",
	"$1$":       "MD5-crypt is refused: it is guessed too easily",
	"$apr1$":    "MD5-crypt is refused: it is guessed too easily",
	"$gy$":      "gost-yescrypt is refused: it is not known here",
}

// Check tells whether a hash made elsewhere can be stored here. It may be, within
// bounds of its cost,
//
//   - Argon2id or Argon2i, a PHC string of version 19;
//   - bcrypt ($2a$, $2b$, $2y$);
//   - scrypt, as passlib and others write it ($scrypt$ln=…,r=…,p=…$salt$key), and as
//     crypt(3) does ($7$);
//   - yescrypt ($y$), as crypt(3) writes it;
//   - PBKDF2 with SHA-1, SHA-256 or SHA-512, as a PHC string ($pbkdf2-sha256$i=…),
//     as passlib writes it ($pbkdf2-sha256$rounds$salt$key), or as Django does
//     (pbkdf2_sha256$rounds$salt$key);
//   - sha-crypt ($5$, $6$), which no password of more than 128 bytes meets.
//
// The error names the rule that is broken and never repeats the hash.
//
// Passwords are normalised before they are compared (RFC 8265, OpaqueString). A
// hash made elsewhere of a password that was not in NFC cannot be met.
func Check(hash string) error {
	_, err := parse(hash)
	return err
}

func parse(hash string) (stored, error) {
	s, err := parseForm(hash)
	if err == nil && s.key == nil {
		err = fmt.Errorf("%w: salt and key are missing", ErrForm)
	}
	return s, err
}

// parseForm reads a hash, or only the beginning of one that tells its cost: it has
// no key then.
func parseForm(hash string) (stored, error) {
	if len(hash) > maxHashBytes {
		return stored{}, fmt.Errorf("%w: must have at most %d bytes", ErrForm, maxHashBytes)
	}
	for prefix, reason := range refused {
		if strings.HasPrefix(hash, prefix) {
			return stored{}, fmt.Errorf("%w: %s", ErrForm, reason)
		}
	}
	for _, l := range layouts {
		if !strings.HasPrefix(hash, l.prefix) {
			continue
		}
		m := l.pattern.FindStringSubmatch(hash)
		if m == nil {
			return stored{}, fmt.Errorf("%w: %s", ErrForm, l.rule)
		}
		return l.read(m)
	}
	return stored{}, fmt.Errorf("%w: must be Argon2id ($argon2id$…), Argon2i, bcrypt ($2a$, $2b$ or $2y$, 60 characters), "+
		"scrypt ($scrypt$…), yescrypt ($y$…), PBKDF2 ($pbkdf2-sha256$… or pbkdf2_sha256$…) or sha-crypt ($5$…, $6$…)", ErrForm)
}

func argon2Layout(id, name string, a algorithm) layout {
	return layout{
		"$" + id + "$", regexp.MustCompile(`^\$` + id + `\$v=19\$m=` + number + `,t=` + number + `,p=` + number + b64Tail),
		name + " must read $" + id + "$v=19$m=…,t=…,p=…$salt$key, in base64 without padding",
		func(m []string) (stored, error) {
			s := stored{form: form{algorithm: a}}
			n, err := numbers(m[1:4],
				bound{name + " memory (m, in KiB)", 1, maxMemory}, bound{name + " iterations (t)", 1, maxIterations}, bound{name + " parallelism (p)", 1, maxParallelism})
			if err != nil {
				return s, err
			}
			if n[0] < 8*n[2] {
				return s, fmt.Errorf("%w: %s memory (m, in KiB) must be at least 8 times the parallelism (p)", ErrForm, name)
			}
			s.memory, s.cost, s.parallelism = n[0], n[1], uint8(n[2]) //nolint:gosec // within the bounds
			if s.work() > MaxWork {
				return s, fmt.Errorf("%w: %s memory times iterations (m·t) must be at most %d", ErrForm, name, MaxWork)
			}
			return s, s.saltAndKey(name, base64.RawStdEncoding, m[4], m[5])
		},
	}
}

func readBcrypt(m []string) (s stored, err error) {
	s.algorithm = bcryptHash
	cost, _ := strconv.Atoi(m[1]) // two digits
	s.cost = uint32(cost)         //nolint:gosec // two digits
	if m[2] != "" {
		s.key = []byte(m[0])
	}
	return s, between("bcrypt cost", cost, minBcryptCost, maxBcryptCost)
}

func readScrypt(m []string) (stored, error) {
	s, err := scryptForm(m[1:4])
	if err != nil {
		return s, err
	}
	return s, s.saltAndKey("scrypt", base64.RawStdEncoding, m[4], m[5])
}

// readCryptScrypt reads crypt's form, whose numbers are in crypt's base64, and whose
// salt is text.
func readCryptScrypt(m []string) (stored, error) {
	texts := make([]string, 3)
	for i := range texts {
		texts[i] = strconv.FormatUint(cryptNumber(m[1+i]), 10)
	}
	s, err := scryptForm(texts)
	if err != nil || m[5] == "" {
		return s, err
	}
	s.salt, s.key = []byte(m[4]), yescrypt.Decode64([]byte(m[5]))
	return s, between("bytes of scrypt key", len(s.key), sha256.Size, sha256.Size)
}

// cryptNumber reads six bits a character, the lowest first.
func cryptNumber(text string) (n uint64) {
	const digits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for i, c := range text {
		n |= uint64(strings.IndexRune(digits, c)) << (6 * i) //nolint:gosec // the pattern has these characters alone
	}
	return n
}

// scryptForm reads ln, r and p.
func scryptForm(texts []string) (stored, error) {
	s := stored{form: form{algorithm: scryptHash}}
	n, err := numbers(texts,
		bound{"scrypt cost (ln)", 1, 20}, bound{"scrypt block size (r)", 1, 1 << 10}, bound{"scrypt parallelism (p)", 1, maxScryptLanes})
	if err != nil {
		return s, err
	}
	s.cost, s.memory, s.parallelism = n[0], n[1], uint8(n[2]) //nolint:gosec // within the bounds
	return s, s.boundWork("scrypt")
}

func readYescrypt(m []string) (stored, error) {
	s := stored{form: form{algorithm: yescryptHash, parallelism: 1}}
	_, cost, memory, err := yescrypt.DecodeSetting([]byte("j" + m[1] + m[2]))
	if err != nil {
		return s, fmt.Errorf("%w: the cost of yescrypt must be readable", ErrForm)
	}
	if err := between("yescrypt cost (log2 of N)", cost, minYescryptCost, maxYescryptCost); err != nil {
		return s, err
	}
	s.cost, s.memory = uint32(cost), uint32(memory) //nolint:gosec // two digits
	if err := s.boundWork("yescrypt"); err != nil || m[3] == "" {
		return s, err
	}
	s.salt, s.key = yescrypt.Decode64([]byte(m[3])), yescrypt.Decode64([]byte(m[4]))
	if s.salt == nil || len(s.key) != sha256.Size {
		return s, fmt.Errorf("%w: yescrypt salt and key must be in crypt's base64", ErrForm)
	}
	return s, nil
}

// boundWork bounds what scrypt and yescrypt fill, 128·N·r bytes, and how often.
func (f form) boundWork(name string) error {
	if f.work() > maxScryptWork {
		return fmt.Errorf("%w: %s cost (N·r·p) must be at most %d", ErrForm, name, maxScryptWork)
	}
	return nil
}

// pbkdf2Layout takes the rounds as passlib writes them and as a PHC string does. Of
// the two alphabets of base64, each is read with the characters of the other.
func pbkdf2Layout(suffix string, a algorithm, size int) layout {
	id := "pbkdf2" + suffix
	return layout{
		"$" + id + "$", regexp.MustCompile(`^\$` + id + `\$(?:i=)?` + number + `(?:,l=\d{1,3})?(?:\$([A-Za-z0-9./+]*)\$([A-Za-z0-9./+]+))?$`),
		"PBKDF2 must read $" + id + "$rounds$salt$key or $" + id + "$i=rounds$salt$key, in base64 without padding",
		func(m []string) (stored, error) {
			s, err := readPBKDF2(a, m[1])
			if err != nil {
				return s, err
			}
			standard := strings.NewReplacer(".", "+")
			err = s.saltAndKey("PBKDF2", base64.RawStdEncoding, standard.Replace(m[2]), standard.Replace(m[3]))
			s.firstBlock(size)
			return s, err
		},
	}
}

// djangoLayout is that of Django: the salt is text, the key base64 with padding.
func djangoLayout(suffix string, a algorithm, size int) layout {
	id := "pbkdf2_" + suffix
	return layout{
		id + "$", regexp.MustCompile(`^` + id + `\$` + number + `(?:\$([!-#%-~]{1,64})\$([A-Za-z0-9+/]+)=*)?$`),
		"PBKDF2 of Django must read " + id + "$rounds$salt$key",
		func(m []string) (stored, error) {
			s, err := readPBKDF2(a, m[1])
			if err != nil || m[3] == "" {
				return s, err
			}
			s.salt = []byte(m[2])
			s.key, err = decode("PBKDF2 key", base64.RawStdEncoding, m[3], minKeyBytes)
			s.firstBlock(size)
			return s, err
		},
	}
}

func readPBKDF2(a algorithm, rounds string) (stored, error) {
	s := stored{form: form{algorithm: a}}
	most := map[algorithm]int{pbkdf2SHA1: maxSHA1Rounds, pbkdf2SHA256: maxSHA256Rounds, pbkdf2SHA512: maxSHA512Rounds}[a]
	n, err := numbers([]string{rounds}, bound{"PBKDF2 rounds", 1, most})
	if err == nil {
		s.cost = n[0]
	}
	return s, err
}

// firstBlock keeps that part of PBKDF2's key which one pass over the rounds gives:
// each further block would cost as much again and tell nothing more.
func (s *stored) firstBlock(size int) {
	if len(s.key) > size {
		s.key = s.key[:size:size]
	}
}

// cryptLayout is that of sha-crypt, whose key is compared as text.
func cryptLayout(id string, a algorithm, keyLength int) layout {
	const defaultRounds = 5000
	return layout{
		"$" + id + "$", regexp.MustCompile(`^\$` + id + `\$(?:rounds=` + number + `(?:\$|$))?` + cryptTail),
		"sha-crypt must read $" + id + "$salt$key or $" + id + "$rounds=…$salt$key, with a salt of at most 16 characters",
		func(m []string) (stored, error) {
			s := stored{form: form{algorithm: a, cost: defaultRounds}}
			if m[1] != "" {
				n, err := numbers(m[1:2], bound{"sha-crypt rounds", minCryptRounds, maxCryptRounds})
				if err != nil {
					return s, err
				}
				s.cost = n[0]
			}
			if m[3] == "" {
				return s, nil
			}
			s.salt, s.key = []byte(m[2]), []byte(m[3])
			return s, between("characters of the sha-crypt key", len(s.key), keyLength, keyLength)
		},
	}
}

// bound is what a number has to be within.
type bound struct {
	name  string
	least int
	most  int
}

// numbers reads digits within bounds.
func numbers(texts []string, bounds ...bound) ([]uint32, error) {
	var read []uint32
	for i, b := range bounds {
		n, err := strconv.Atoi(texts[i]) // at most ten digits
		if err != nil {
			return nil, fmt.Errorf("%w: %s must be a number", ErrForm, b.name)
		}
		if err := between(b.name, n, b.least, b.most); err != nil {
			return nil, err
		}
		read = append(read, uint32(n)) //nolint:gosec // within the bounds
	}
	return read, nil
}

// saltAndKey decodes both, if they are there.
func (s *stored) saltAndKey(name string, encoding *base64.Encoding, salt, key string) (err error) {
	if key == "" {
		return nil
	}
	if s.salt, err = decode(name+" salt", encoding, salt, minSaltBytes); err != nil {
		return err
	}
	s.key, err = decode(name+" key", encoding, key, minKeyBytes)
	return err
}

func decode(name string, encoding *base64.Encoding, text string, least int) ([]byte, error) {
	decoded, err := encoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s must be base64 without padding", ErrForm, name)
	}
	return decoded, between("bytes of "+name, len(decoded), least, maxKeyBytes)
}

// phc writes an Argon2id hash in the PHC string format.
func (s *stored) phc() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", s.memory, s.cost, s.parallelism,
		b64.EncodeToString(s.salt), b64.EncodeToString(s.key))
}
