package password

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// The cost of new hashes: the second choice of OWASP's Password Storage Cheat
// Sheet for Argon2id, with one lane.
const (
	DefaultMemory     = 19 * 1024 // KiB
	DefaultIterations = 2

	parallelism = 1
	saltBytes   = 16
	keyBytes    = 32
)

// Options are the cost of a new hash and the limits of hashing.
type Options struct {
	// Times Iterations, Memory is at most MaxWork.
	Memory     uint32 // KiB, from 8 to 262144
	Iterations uint32 // from 1 to 10
	// Concurrency is how many hashes run at once, at least 1.
	Concurrency int
	// Queue is how many may wait for one: so many from known devices, and so
	// many others. 0 means that nobody waits.
	Queue int
	// Random gives the salts: crypto/rand.Reader.
	Random io.Reader
}

// Hasher hashes and verifies passwords, a bounded number at once. It is safe for
// concurrent use.
//
// Every failed verification costs the same work, whether the account has a hash
// or not, and whatever form that hash has: one Argon2id and, for each other
// algorithm that hashes in use have, one of that, each at the dearest cost in use.
// A cheaper hash is filled up to that. The work of one algorithm cannot be weighed
// against another's to the microsecond that a guesser could measure, so it is their
// sum, and bounded by what Check accepts: about a second each. It is work, not a pause, that fills: a pause
// does not grow with the machine's load as hashing does. How well the times agree is
// limited by what the machine makes of the same work (caches, lanes on several
// cores).
type Hasher struct {
	form    form // of new hashes
	random  io.Reader
	queue   *queue
	dearest atomic.Pointer[costs]

	// derive is the function that costs something; tests count its calls.
	derive func(s stored, password []byte) []byte
}

// New makes a Hasher. The error names the option and its rule.
func New(opts Options) (*Hasher, error) {
	for _, option := range []struct {
		name    string
		n       int64
		min, to int64
	}{
		{"memory", int64(opts.Memory), 8, maxMemory},
		{"iterations", int64(opts.Iterations), 1, maxIterations},
		{"concurrency", int64(opts.Concurrency), 1, 1024},
		{"queue", int64(opts.Queue), 0, 65536},
	} {
		if option.n < option.min || option.n > option.to {
			return nil, fmt.Errorf("password hashing: %s must be from %d to %d", option.name, option.min, option.to)
		}
	}
	if uint64(opts.Memory)*uint64(opts.Iterations) > MaxWork {
		return nil, fmt.Errorf("password hashing: memory times iterations must be at most %d", MaxWork)
	}
	if opts.Random == nil {
		return nil, errors.New("password hashing: a source of randomness is needed")
	}
	h := &Hasher{
		form:   form{algorithm: argon2id, memory: opts.Memory, cost: opts.Iterations, parallelism: parallelism},
		random: opts.Random,
		queue:  newQueue(opts.Concurrency, opts.Queue),
		derive: derive,
	}
	h.dearest.Store(&costs{argon2id: h.form})
	return h, nil
}

// UseForms says which forms the stored hashes have: for each, its beginning up
// to the salt, such as $argon2id$v=19$m=19456,t=2,p=1, $2b$12 or $6$rounds=10000. Call it at the
// start and whenever hashes may have come in from outside; Verify learns what it
// meets by itself. Forms that cannot be read are passed over: nobody can sign in
// by them.
func (h *Hasher) UseForms(forms []string) {
	dearest := costs{argon2id: h.form}
	for _, text := range forms {
		if s, err := parseForm(text); err == nil {
			dearest = dearest.with(s.form)
		}
	}
	h.dearest.Store(&dearest)
}

// learn raises the dearest cost to that of a hash that was just met.
func (h *Hasher) learn(f form) costs {
	for {
		old := h.dearest.Load()
		now := old.with(f)
		if now == *old || h.dearest.CompareAndSwap(old, &now) {
			return now
		}
	}
}

// NeedsRehash tells whether a hash has another form than new ones get.
func (h *Hasher) NeedsRehash(hash string) bool {
	s, err := parse(hash)
	return err != nil || s.form != h.form
}

// Hash makes the hash of a new password, after the rules of CheckNew. It waits
// among the known. ErrBusy and the context's error come from the queue.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	normal, err := normalizeNew(password)
	if err != nil {
		return "", err
	}
	leave, err := h.queue.enter(ctx, 0, true)
	if err != nil {
		return "", err
	}
	defer leave()
	return h.hash([]byte(normal))
}

func (h *Hasher) hash(normal []byte) (string, error) {
	s := stored{form: h.form, salt: make([]byte, saltBytes), key: make([]byte, keyBytes)}
	if _, err := io.ReadFull(h.random, s.salt); err != nil {
		return "", fmt.Errorf("make salt: %w", err)
	}
	s.key = h.derive(s, normal)
	return s.phc(), nil
}

// Attempt is one try of a password.
type Attempt struct {
	// Account is the account's bucket (Throttle.AccountBucket): of one account,
	// one hash is in flight.
	Account int64
	// Known is for a device that has signed in to this account before: it is
	// first in the queue.
	Known bool
	// Hash is the stored hash. Leave it empty for an unknown name, a consumer
	// without a password and a disabled consumer alike.
	Hash string
	// Password is what was typed.
	Password string
}

// Verdict is the outcome of an Attempt.
type Verdict struct {
	// OK: the password is the one that was hashed.
	OK bool
	// Rehash, if not empty, is a hash of the same password in today's form; it
	// should replace the stored one. Nobody's password has changed by that.
	Rehash string
}

// Verify tries a password. Every verdict but OK has cost the same, except for
// passwords that no account can have (CheckNew, but for the length of a short
// one): these fail at once, for any name.
//
// The error is ErrBusy, or the context's if that ends in the queue; no password
// has been tried then, and the attempt can be given back. ErrForm comes with a
// verdict that is not OK: the stored hash is no good. Answer as for a wrong
// password and log it.
func (h *Hasher) Verify(ctx context.Context, a Attempt) (Verdict, error) {
	normal, err := normalize(a.Password)
	if err != nil {
		return Verdict{}, nil // a password nobody can have is a wrong one
	}
	leave, err := h.queue.enter(ctx, a.Account, a.Known)
	if err != nil {
		return Verdict{}, err
	}
	defer leave()

	password := []byte(normal)
	if a.Hash == "" {
		h.fill(password, form{}, *h.dearest.Load())
		return Verdict{}, nil
	}
	s, err := parse(a.Hash)
	if err != nil {
		h.fill(password, form{}, *h.dearest.Load())
		return Verdict{}, fmt.Errorf("verify password: %w", err)
	}
	dearest := h.learn(s.form)
	if !s.matches(h.derive(s, password)) {
		h.fill(password, s.form, dearest)
		return Verdict{}, nil
	}
	verdict := Verdict{OK: true}
	if s.form != h.form {
		// In the same slot, so that it needs no second turn.
		if verdict.Rehash, err = h.hash(password); err != nil {
			return verdict, fmt.Errorf("rehash password: %w", err)
		}
	}
	return verdict, nil
}

// fill does what is left of a failure's work after a hash of form spent.
func (h *Hasher) fill(password []byte, spent form, dearest costs) {
	for _, f := range dearest {
		left := f.work()
		if left == 0 { // not in use
			continue
		}
		if spent.algorithm == f.algorithm {
			left -= spent.work()
		}
		if left == 0 {
			continue
		}
		for _, part := range f.parts(left) {
			h.derive(part.dummy(), password)
		}
	}
}
