package password_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/brandidp/idp/op/password"
)

// Hashes of "correct horse", made by other programs' rules at their usual lengths.
const (
	salt = "c29tZXNhbHRzb21lc2FsdA"
	key  = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI"
	tail = "$" + salt + "$" + key
)

var bcryptTail = strings.Repeat("a", 53) //nolint:gochecknoglobals // a constant that Go has no syntax for

func TestCheckAccepts(t *testing.T) {
	t.Parallel()
	for _, hash := range []string{
		"$argon2id$v=19$m=19456,t=2,p=1" + tail,
		"$argon2id$v=19$m=262144,t=2,p=8" + tail, "$argon2id$v=19$m=52428,t=10,p=1" + tail,
		"$argon2id$v=19$m=8,t=1,p=1" + tail,
		"$2a$04$" + bcryptTail, "$2b$12$" + bcryptTail, "$2y$13$" + bcryptTail,
		"$scrypt$ln=16,r=8,p=2" + tail, "$scrypt$ln=17,r=8,p=1" + tail, "$scrypt$ln=20,r=1,p=1" + tail,
		"$pbkdf2$1400000" + tail, "pbkdf2_sha256$1200000$salt$" + key, "$pbkdf2-sha512$600000" + tail,
		"$5$rounds=300000$salt$" + strings.Repeat("a", 43), "$6$rounds=300000$salt$" + strings.Repeat("a", 86),
	} {
		if err := password.Check(hash); err != nil {
			t.Errorf("Check(%s) = %v, want nil", hash, err)
		}
	}
}

func TestCheckNamesTheRuleAndNotTheHash(t *testing.T) {
	t.Parallel()
	for hash, rule := range map[string]string{
		"": "must be Argon2id", "plain text": "must be Argon2id", "$5": "must be Argon2id",
		"$1$salt$0123456789":                                         "MD5-crypt is refused",
		"$argon2d$v=19$m=19456,t=2,p=1" + tail:                       "Argon2d is refused",
		"$argon2i$v=19$m=19456,t=11,p=1" + tail:                      "Argon2i iterations (t) must be from 1 to 10",
		"$argon2id$v=16$m=19456,t=2,p=1" + tail:                      "must read $argon2id$v=19",
		"$argon2id$v=19$t=2,m=19456,p=1" + tail:                      "must read",
		"$argon2id$v=19$m=019456,t=2,p=1" + tail:                     "must read",
		"$argon2id$v=19$m=19456,t=0,p=1" + tail:                      "must read",
		"$argon2id$v=19$m=99999999999999999999,t=2,p=1" + tail:       "must read",
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "=$" + key:        "must read",
		"$argon2id$v=19$m=262145,t=2,p=1" + tail:                     "m, in KiB) must be from 1 to 262144",
		"$argon2id$v=19$m=4294967295,t=2,p=1" + tail:                 "m, in KiB) must be from 1 to 262144",
		"$argon2id$v=19$m=19456,t=11,p=1" + tail:                     "t) must be from 1 to 10",
		"$argon2id$v=19$m=262144,t=3,p=1" + tail:                     "Argon2id memory times iterations (m·t) must be at most 524288",
		"$argon2i$v=19$m=52429,t=10,p=1" + tail:                      "Argon2i memory times iterations (m·t) must be at most 524288",
		"$argon2id$v=19$m=19456,t=2,p=9" + tail:                      "p) must be from 1 to 8",
		"$argon2id$v=19$m=15,t=2,p=2" + tail:                         "at least 8 times",
		"$argon2id$v=19$m=19456,t=2,p=1":                             "salt and key are missing",
		"$argon2id$v=19$m=19456,t=2,p=1$c2hvcnQ$" + key:              "salt must be from 8 to 64",
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$c2hvcnQ":        "key must be from 16 to 64",
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + key + "AA":  "key must be base64",
		"$argon2id$v=19$m=19456,t=2,p=1$" + strings.Repeat("A", 600): "at most 512 bytes",
		"$2b$12": "salt and key are missing", "$2b$03$" + bcryptTail: "cost must be from 4 to 13",
		"$2b$14$" + bcryptTail: "cost must be from 4 to 13", "$2b$31$" + bcryptTail: "cost must be from 4 to 13",
		"$2x$12$" + bcryptTail: "$2x$ is refused", "$2b$12$" + bcryptTail + "a": "have 60 characters",
		"$2b$12$" + bcryptTail[1:]: "have 60 characters", "$2b$12$" + bcryptTail + "\n": "have 60 characters",
		"$scrypt$ln=21,r=1,p=1" + tail:                     "cost (ln) must be from 1 to 20",
		"$scrypt$ln=19,r=8,p=1" + tail:                     "scrypt cost (N·r·p) must be at most 1048576",
		"$scrypt$ln=63,r=8,p=1" + tail:                     "cost (ln) must be",
		"$scrypt$ln=17,r=8,p=2" + tail:                     "scrypt cost (N·r·p) must be at most 1048576",
		"$scrypt$ln=14,r=8,p=17" + tail:                    "parallelism (p) must be from 1 to 16",
		"$scrypt$ln=14,r=2000000000,p=1" + tail:            "block size (r) must be from 1 to 1024",
		"$scrypt$n=16384,r=8,p=1" + tail:                   "scrypt must read",
		"$7$zU..../....salt$" + strings.Repeat("a", 43):    "cost (ln) must be",
		"$y$jJT$salt$" + strings.Repeat("a", 43):           "yescrypt cost (log2 of N) must be from 10 to 18",
		"$y$jFT$abcd$" + strings.Repeat("a", 43):           "yescrypt cost (N·r·p) must be at most",
		"$y$k9T$abcd$" + strings.Repeat("a", 43):           "yescrypt must read",
		"$pbkdf2$1400001" + tail:                           "PBKDF2 rounds must be from 1 to 1400000",
		"$pbkdf2-sha256$1200001" + tail:                    "PBKDF2 rounds must be from 1 to 1200000",
		"pbkdf2_sha256$1200001$salt$" + key:                "PBKDF2 rounds must be from 1 to 1200000",
		"$pbkdf2-sha512$600001" + tail:                     "PBKDF2 rounds must be from 1 to 600000",
		"$pbkdf2-sha256$0" + tail:                          "PBKDF2 must read",
		"$pbkdf2-sha224$1000" + tail:                       "must be Argon2id",
		"$pbkdf2-sha256$1000$$" + key:                      "PBKDF2 salt must be from 8 to 64",
		"pbkdf2_sha256$9999999999$salt$" + key:             "PBKDF2 rounds must be",
		"pbkdf2_sha256$1000$a$b":                           "PBKDF2 key must be base64",
		"$6$rounds=300001$salt$" + strings.Repeat("a", 86): "sha-crypt rounds must be from 1000 to 300000",
		"$6$rounds=999$salt$" + strings.Repeat("a", 86):    "sha-crypt rounds must be from 1000",
		"$6$salt$" + strings.Repeat("a", 85):               "characters of the sha-crypt key must be from 86",
		"$5$seventeen17letters$" + strings.Repeat("a", 43): "salt of at most 16",
		"$5$rounds=5000":                                   "salt and key are missing",
	} {
		err := password.Check(hash)
		switch {
		case !errors.Is(err, password.ErrForm) || !strings.Contains(err.Error(), rule):
			t.Errorf("Check(%q) = %v, want ErrForm saying %q", hash, err, rule)
		case strings.Contains(err.Error(), key) || strings.Contains(err.Error(), bcryptTail):
			t.Errorf("Check(%q) repeats the hash: %v", hash, err)
		}
	}
}

func TestCheckNew(t *testing.T) {
	t.Parallel()
	for pw, want := range map[string]error{
		"":                                       password.ErrTooShort,
		"1234567":                                password.ErrTooShort,
		"ééééééé":                                password.ErrTooShort,
		"e\u0301e\u0301e\u0301e\u0301":           password.ErrTooShort, // four characters in NFC
		"12345678":                               nil,
		"שלום עולם":                              nil,
		"correct horse \U0001F40E":               nil,
		strings.Repeat("x", password.MaxBytes):   nil,
		strings.Repeat("x", password.MaxBytes+1): password.ErrTooLong,
		"with a \x00 in it":                      password.ErrCharacters,
		"with a \t in it":                        password.ErrCharacters,
		"not \xff UTF-8":                         password.ErrCharacters,
	} {
		if err := password.CheckNew(pw); !errors.Is(err, want) {
			t.Errorf("CheckNew(%.20q) = %v, want %v", pw, err, want)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1" + tail)
	f.Add("$2b$12$" + bcryptTail)
	for _, hash := range made(f) {
		f.Add(hash)
	}
	f.Fuzz(func(t *testing.T, hash string) {
		if err := password.Check(hash); err != nil && !errors.Is(err, password.ErrForm) {
			t.Errorf("Check(%q) = %v, want ErrForm", hash, err)
		}
	})
}
