package password

import "slices"

// Work is one call of the function that costs something.
type Work struct {
	Algorithm string
	Units     uint64
}

var names = [algorithms]string{"argon2id", "argon2i", "bcrypt", "scrypt", "yescrypt", "pbkdf2-sha1", "pbkdf2-sha256", "pbkdf2-sha512", "sha256-crypt", "sha512-crypt"} //nolint:gochecknoglobals // a constant

// CountWork reports every hash operation of h to count.
func CountWork(h *Hasher, count func(Work)) {
	derive := h.derive
	h.derive = func(s stored, password []byte) []byte {
		count(Work{names[s.algorithm], s.work()})
		return derive(s, password)
	}
}

// Waiting is how many wait in each line of the queue.
func Waiting(h *Hasher) (known, others int) {
	h.queue.mu.Lock()
	defer h.queue.mu.Unlock()
	return len(h.queue.lines[lineKnown]), len(h.queue.lines[lineOthers])
}

// Idle tells that nothing runs, waits or is remembered of it.
func Idle(h *Hasher) bool {
	h.queue.mu.Lock()
	defer h.queue.mu.Unlock()
	return h.queue.running == 0 && len(h.queue.hashing) == 0 &&
		!slices.ContainsFunc(h.queue.lines[:], func(line []*waiter) bool { return len(line) > 0 })
}

// Block makes each hash wait until it may go on: it announces itself on
// started and then waits for proceed.
func Block(h *Hasher, started chan<- string, proceed <-chan struct{}) {
	h.derive = func(s stored, password []byte) []byte {
		started <- string(password)
		<-proceed
		return make([]byte, len(s.key))
	}
}
