package password

import "slices"

// Work is one call of a function that costs something.
type Work struct {
	Bcrypt     int    // cost
	Memory     uint32 // KiB
	Iterations uint32
}

// CountWork reports every hash operation of h to count.
func CountWork(h *Hasher, count func(Work)) {
	argon2id, bcrypt := h.argon2id, h.bcrypt
	h.argon2id = func(password, salt []byte, iterations, memory uint32, parallelism uint8, keyBytes uint32) []byte {
		count(Work{Memory: memory, Iterations: iterations})
		return argon2id(password, salt, iterations, memory, parallelism, keyBytes)
	}
	h.bcrypt = func(hash, password []byte) error {
		s, err := parse(string(hash))
		if err != nil {
			return err
		}
		count(Work{Bcrypt: s.cost})
		return bcrypt(hash, password)
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

// Block makes each Argon2id wait until it may go on: it announces itself on
// started and then waits for proceed.
func Block(h *Hasher, started chan<- string, proceed <-chan struct{}) {
	h.argon2id = func(password, _ []byte, _, _ uint32, _ uint8, keyBytes uint32) []byte {
		started <- string(password)
		<-proceed
		return make([]byte, keyBytes)
	}
}
