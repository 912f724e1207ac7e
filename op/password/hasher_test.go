package password_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"github.com/brandidp/idp/op/password"
)

const horse = "correct horse"

// quick are options of small cost.
func quick() password.Options {
	return password.Options{Memory: 64, Iterations: 2, Concurrency: 2, Queue: 4, Random: rand.Reader}
}

func newHasher(tb testing.TB, opts password.Options) *password.Hasher {
	tb.Helper()
	h, err := password.New(opts)
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

func bcryptOf(tb testing.TB, cost int, version string) string {
	tb.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(horse), cost)
	if err != nil {
		tb.Fatal(err)
	}
	return strings.Replace(string(hash), "$2a$", version, 1)
}

func argon2idOf(memory, iterations uint32, lanes uint8) string {
	salt := []byte("0123456789abcdef")
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", memory, iterations, lanes, b64.EncodeToString(salt),
		b64.EncodeToString(argon2.IDKey([]byte(horse), salt, iterations, memory, lanes, 24)))
}

func verify(tb testing.TB, h *password.Hasher, hash, pw string) password.Verdict {
	tb.Helper()
	verdict, err := h.Verify(tb.Context(), password.Attempt{Account: 1, Hash: hash, Password: pw})
	if err != nil {
		tb.Fatal(err)
	}
	return verdict
}

func TestHashIsVerified(t *testing.T) {
	t.Parallel()
	opts := quick()
	opts.Random = bytes.NewReader(bytes.Repeat([]byte("salt"), 4))
	h := newHasher(t, opts)
	hash, err := h.Hash(t.Context(), horse)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=64,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$") || password.Check(hash) != nil {
		t.Errorf("hash = %s, want Argon2id of the configured cost and the given salt", hash)
	}
	if v := verify(t, h, hash, horse); !v.OK || v.Rehash != "" {
		t.Errorf("right password: %+v, want OK and no other hash", v)
	}
	if v := verify(t, h, hash, "correct horsE"); v.OK {
		t.Error("a wrong password is right")
	}
}

// A vector of the reference implementation (phc-winner-argon2, test.c).
func TestReferenceVector(t *testing.T) {
	t.Parallel()
	hash := "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	if !verify(t, newHasher(t, quick()), hash, "password").OK {
		t.Error("the reference implementation's hash is not met")
	}
}

func TestHashesOfOthersAreVerifiedAndRenewed(t *testing.T) {
	t.Parallel()
	h := newHasher(t, quick())
	for _, hash := range []string{
		bcryptOf(t, 4, "$2a$"), bcryptOf(t, 5, "$2b$"), bcryptOf(t, 4, "$2y$"), argon2idOf(32, 1, 1), argon2idOf(128, 3, 4),
	} {
		v := verify(t, h, hash, horse)
		if !v.OK || v.Rehash == "" || !h.NeedsRehash(hash) {
			t.Errorf("%.20s: %+v, want OK with another hash", hash, v)
			continue
		}
		if h.NeedsRehash(v.Rehash) || !verify(t, h, v.Rehash, horse).OK {
			t.Errorf("%.20s: the other hash is no better", hash)
		}
		if verify(t, h, hash, horse+"!").OK {
			t.Errorf("%.20s: a wrong password is right", hash)
		}
	}
}

func TestPasswordIsTheSameOnEveryKeyboard(t *testing.T) {
	t.Parallel()
	h := newHasher(t, quick())
	hash, err := h.Hash(t.Context(), "caf\u00e9 au lait")
	if err != nil {
		t.Fatal(err)
	}
	if !verify(t, h, hash, "cafe\u0301\u00a0au lait").OK {
		t.Error("decomposed letters and a no-break space make another password")
	}
}

func TestShortPasswordOfOldStillSignsIn(t *testing.T) {
	t.Parallel()
	h := newHasher(t, quick())
	hash, err := bcrypt.GenerateFromPassword([]byte("tiny"), 4)
	if err != nil {
		t.Fatal(err)
	}
	if v := verify(t, h, string(hash), "tiny"); !v.OK || v.Rehash == "" {
		t.Errorf("%+v, want OK with another hash", v)
	}
	if _, err := h.Hash(t.Context(), "tiny"); !errors.Is(err, password.ErrTooShort) {
		t.Errorf("Hash = %v, want ErrTooShort", err)
	}
}

// counted makes a hasher that counts its work by algorithm.
func counted(t *testing.T, forms ...string) (*password.Hasher, map[string]uint64) {
	t.Helper()
	h := newHasher(t, quick())
	h.UseForms(forms)
	got := map[string]uint64{}
	password.CountWork(h, func(w password.Work) { got[w.Algorithm] += w.Units })
	return h, got
}

//security:19-names
func TestEveryFailureCostsTheSame(t *testing.T) {
	t.Parallel()
	type total = map[string]uint64
	for name, c := range map[string]struct {
		forms []string
		want  total
		// hashes are in use beside those that every case has.
		hashes []string
	}{
		"only the configured form in use": {nil, total{"argon2id": 128}, nil},
		"cheaper Argon2id in use":         {[]string{"$argon2id$v=19$m=16,t=1,p=1"}, total{"argon2id": 128}, nil},
		"dearer Argon2id in use":          {[]string{"$argon2id$v=19$m=256,t=4,p=1"}, total{"argon2id": 1024}, []string{"$argon2id$v=19$m=256,t=4,p=1" + tail}},
		"bcrypt in use": {
			[]string{"$2b$04", "$2y$07"},
			total{"argon2id": 128, "bcrypt": 1 << 7},
			[]string{bcryptOf(t, 4, "$2a$"), bcryptOf(t, 6, "$2b$")},
		},
		"scrypt in use": {
			[]string{"$scrypt$ln=6,r=8,p=1", "$scrypt$ln=8,r=4,p=3", "$7$2U..../...."},
			total{"argon2id": 128, "scrypt": 256 * 4 * 3},
			[]string{"$scrypt$ln=6,r=8,p=1" + tail, "$scrypt$ln=8,r=4,p=2" + tail, "$scrypt$ln=8,r=4,p=3" + tail},
		},
		"PBKDF2 in use": {
			[]string{"$pbkdf2-sha256$29000", "pbkdf2_sha256$3000", "$pbkdf2$1000", "$pbkdf2-sha512$i=7"},
			total{"argon2id": 128, "pbkdf2-sha256": 29000, "pbkdf2-sha1": 1000, "pbkdf2-sha512": 7},
			[]string{"$pbkdf2-sha256$29000" + tail, "$pbkdf2-sha256$i=28999" + tail, "$pbkdf2$1" + tail},
		},
		"sha-crypt in use": {
			[]string{"$5$", "$6$rounds=2000", "$6$rounds=1000"},
			total{"argon2id": 128, "sha256-crypt": 5000, "sha512-crypt": 2000},
			[]string{"$5$rounds=1001$salt$" + strings.Repeat("a", 43), "$6$rounds=1000$salt$" + strings.Repeat("a", 86)},
		},
		"Argon2i and yescrypt in use": {
			[]string{"$argon2i$v=19$m=64,t=3,p=2", "$y$j75", "$y$j85"},
			total{"argon2id": 128, "argon2i": 192, "yescrypt": 2048 * 8},
			[]string{"$argon2i$v=19$m=16,t=3,p=1" + tail, "$y$j75$z2VM2eIZcvtuQDv4MTtsG0$i19ZLlxz6VvykEM3TNIduRQ3KrVHWw01MNs5GM14hQ9"},
		},
		"many, and rubbish": {[]string{"$2a$06", "$argon2id$v=19$m=256,t=2,p=1", "$2x$13", "$1$", "rubbish"}, total{"argon2id": 512, "bcrypt": 1 << 6}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, hash := range append(c.hashes, "", argon2idOf(64, 2, 1), argon2idOf(16, 1, 1)) {
				h, got := counted(t, c.forms...)
				if verify(t, h, hash, "wrong").OK {
					t.Errorf("%s: a wrong password is right", hash)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("work of %q (-want +got):\n%s", hash, diff)
				}
			}
		})
	}
}

// A password of any length costs sha-crypt the same rounds of at most so many bytes.
func TestLongPasswordIsNoMatchForShaCrypt(t *testing.T) {
	t.Parallel()
	h, got := counted(t)
	long := strings.Repeat("p", 129)
	// openssl passwd -5 -salt brand "$(printf 'p%.0s' {1..129})"
	if verify(t, h, "$5$brand$RzzimyP/T1BKHYuru0sgCgnI06zZ83PBsDY9knwoxl9", long).OK {
		t.Error("a password of 129 bytes is met")
	}
	if got["sha256-crypt"] != 5000 {
		t.Errorf("work %v, want that of every failure", got)
	}
	// openssl passwd -5 -salt brand "$(printf 'p%.0s' {1..128})"
	if !verify(t, h, "$5$brand$p6ajNqHi5XY5/iIqk6/BDiRuHg397rU9mY0ariscxF7", long[1:]).OK {
		t.Error("a password of 128 bytes is not met")
	}
}

func TestFormsAreLearnedAndForgotten(t *testing.T) {
	t.Parallel()
	h, work := counted(t)
	verify(t, h, "", horse)
	if work["bcrypt"] != 0 {
		t.Error("bcrypt is computed though no hash has it")
	}
	verify(t, h, bcryptOf(t, 4, "$2b$"), horse)
	clear(work)
	verify(t, h, "", horse)
	if work["bcrypt"] != 1<<4 {
		t.Errorf("bcrypt of %d rounds for an unknown name once one is in use, want 16", work["bcrypt"])
	}
	h.UseForms(nil)
	clear(work)
	verify(t, h, "", horse)
	if work["bcrypt"] != 0 {
		t.Error("bcrypt is computed though it is out of use")
	}
}

//security:19-names
func TestUnusableHashCostsTheSame(t *testing.T) {
	t.Parallel()
	h, got := counted(t)
	bad := "$argon2id$v=19$m=4194304,t=2,p=1" + tail
	v, err := h.Verify(t.Context(), password.Attempt{Account: 1, Hash: bad, Password: horse})
	if v.OK || !errors.Is(err, password.ErrForm) || strings.Contains(err.Error(), key) {
		t.Errorf("Verify = %+v, %v, want ErrForm without the hash", v, err)
	}
	if got["argon2id"] != 128 {
		t.Errorf("work %v, want 128", got)
	}
}

func TestPasswordNobodyCanHaveIsNeverHashed(t *testing.T) {
	t.Parallel()
	h := newHasher(t, quick())
	password.CountWork(h, func(password.Work) { t.Error("something is hashed") })
	for _, pw := range []string{"", strings.Repeat("x", password.MaxBytes+1), "a\x00b", "\xff"} {
		for _, hash := range []string{"", argon2idOf(64, 2, 1)} {
			if verify(t, h, hash, pw).OK {
				t.Errorf("%.10q is right", pw)
			}
		}
		if _, err := h.Hash(t.Context(), pw); err == nil {
			t.Errorf("Hash(%.10q) = nil, want an error", pw)
		}
	}
}

func TestNewNamesTheOption(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*password.Options){
		"memory":      func(o *password.Options) { o.Memory = 7 },
		"iterations":  func(o *password.Options) { o.Iterations = 11 },
		"times":       func(o *password.Options) { o.Memory, o.Iterations = 262144, 3 },
		"concurrency": func(o *password.Options) { o.Concurrency = 0 },
		"queue":       func(o *password.Options) { o.Queue = -1 },
		"randomness":  func(o *password.Options) { o.Random = nil },
	} {
		opts := quick()
		change(&opts)
		if _, err := password.New(opts); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: New = %v, want an error that names it", name, err)
		}
	}
}

func TestRandomnessFails(t *testing.T) {
	t.Parallel()
	opts := quick()
	opts.Random = iotest.ErrReader(errors.New("no entropy"))
	h := newHasher(t, opts)
	if _, err := h.Hash(t.Context(), horse); err == nil {
		t.Error("Hash = nil, want an error")
	}
	v, err := h.Verify(t.Context(), password.Attempt{Hash: bcryptOf(t, 4, "$2b$"), Password: horse})
	if err == nil || !v.OK {
		t.Errorf("Verify = %+v, %v, want OK and an error of the other hash", v, err)
	}
}

func BenchmarkVerify(b *testing.B) {
	opts := quick()
	opts.Memory, opts.Iterations = password.DefaultMemory, password.DefaultIterations
	h := newHasher(b, opts)
	hash, err := h.Hash(b.Context(), horse)
	if err != nil {
		b.Fatal(err)
	}
	for name, a := range map[string]password.Attempt{
		"Right":   {Account: 1, Hash: hash, Password: horse},
		"Wrong":   {Account: 1, Hash: hash, Password: "wrong"},
		"Unknown": {Account: 1, Password: "wrong"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.Verify(b.Context(), a); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func ExampleHasher_Verify() {
	h, err := password.New(password.Options{
		Memory: password.DefaultMemory, Iterations: password.DefaultIterations,
		Concurrency: 2, Queue: 8, Random: rand.Reader,
	})
	if err != nil {
		panic(err)
	}
	// Stored by another system, as bcrypt.
	stored := "$2a$04$YgY3M6w1ulCe483DuDaydulTbAyHN4WwWN7mlegPdgjj.E9H3qZoa"
	if err := password.Check(stored); err != nil {
		panic(err)
	}
	verdict, err := h.Verify(context.Background(), password.Attempt{Account: 1, Hash: stored, Password: "correct horse"})
	fmt.Println(verdict.OK, strings.HasPrefix(verdict.Rehash, "$argon2id$v=19$m=19456,t=2,p=1$"), err)
	// Output: true true <nil>
}
