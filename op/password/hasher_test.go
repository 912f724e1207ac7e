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

// total is work in units that add up: KiB times iterations of Argon2id, and
// rounds of bcrypt.
type total struct{ argon2id, bcrypt uint64 }

//security:19-names
func TestEveryFailureCostsTheSame(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		forms []string
		want  total
	}{
		"only the configured form in use": {nil, total{argon2id: 128}},
		"cheaper Argon2id in use":         {[]string{"$argon2id$v=19$m=16,t=1,p=1"}, total{argon2id: 128}},
		"dearer Argon2id in use":          {[]string{"$argon2id$v=19$m=256,t=4,p=1"}, total{argon2id: 1024}},
		"bcrypt in use":                   {[]string{"$2b$04", "$2y$07"}, total{argon2id: 128, bcrypt: 1 << 7}},
		"all of them":                     {[]string{"$2a$06", "$argon2id$v=19$m=256,t=2,p=1", "$2x$13", "rubbish"}, total{512, 1 << 6}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attempts := map[string]string{
				"unknown, disabled or without a password": "",
				"a hash of today":                         argon2idOf(64, 2, 1),
				"a cheaper hash":                          argon2idOf(16, 1, 1),
			}
			for _, form := range c.forms {
				if strings.HasPrefix(form, "$argon2id$") {
					attempts["the dearer Argon2id"] = form + tail
				}
			}
			if c.want.bcrypt != 0 {
				attempts["a cheap bcrypt"] = bcryptOf(t, 4, "$2a$")
				attempts["a dearer bcrypt"] = bcryptOf(t, 6, "$2b$")
			}
			for who, hash := range attempts {
				h := newHasher(t, quick())
				h.UseForms(c.forms)
				var got total
				password.CountWork(h, func(w password.Work) {
					got.argon2id += uint64(w.Memory) * uint64(w.Iterations)
					if w.Bcrypt != 0 {
						got.bcrypt += 1 << w.Bcrypt
					}
				})
				if verify(t, h, hash, "wrong").OK {
					t.Errorf("%s: a wrong password is right", who)
				}
				if got != c.want {
					t.Errorf("%s: work %+v, want %+v", who, got, c.want)
				}
			}
		})
	}
}

func TestFormsAreLearnedAndForgotten(t *testing.T) {
	t.Parallel()
	h := newHasher(t, quick())
	var bcrypts int
	password.CountWork(h, func(w password.Work) {
		if w.Bcrypt != 0 {
			bcrypts++
		}
	})
	verify(t, h, "", horse)
	if bcrypts != 0 {
		t.Error("bcrypt is computed though no hash has it")
	}
	verify(t, h, bcryptOf(t, 4, "$2b$"), horse)
	bcrypts = 0
	verify(t, h, "", horse)
	if bcrypts != 1 {
		t.Errorf("%d bcrypts for an unknown name once one is in use, want 1", bcrypts)
	}
	h.UseForms(nil)
	bcrypts = 0
	verify(t, h, "", horse)
	if bcrypts != 0 {
		t.Error("bcrypt is computed though it is out of use")
	}
}

//security:19-names
func TestUnusableHashCostsTheSame(t *testing.T) {
	t.Parallel()
	h := newHasher(t, quick())
	var got uint32
	password.CountWork(h, func(w password.Work) { got += w.Memory * w.Iterations })
	bad := "$argon2id$v=19$m=4194304,t=2,p=1" + tail
	v, err := h.Verify(t.Context(), password.Attempt{Account: 1, Hash: bad, Password: horse})
	if v.OK || !errors.Is(err, password.ErrForm) || strings.Contains(err.Error(), key) {
		t.Errorf("Verify = %+v, %v, want ErrForm without the hash", v, err)
	}
	if got != 128 {
		t.Errorf("work %d, want 128", got)
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
