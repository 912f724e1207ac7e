package standin

import (
	"slices"
	"sync"
)

// shelfSize is how many entries are kept. A stand-in runs for hours, not years.
const shelfSize = 1000

// shelf keeps the latest entries by their id. Its zero value is empty.
type shelf[T any] struct {
	mu      sync.Mutex
	entries map[string]T
	order   []string // ids, oldest first
}

// put lays an entry on the shelf, or in the place of the one with its id.
func (s *shelf[T]) put(id string, entry T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries == nil {
		s.entries = map[string]T{}
	}
	if _, there := s.entries[id]; there {
		s.entries[id] = entry
		return
	}
	if len(s.order) == shelfSize {
		delete(s.entries, s.order[0])
		s.order = slices.Delete(s.order, 0, 1)
	}
	s.entries[id] = entry
	s.order = append(s.order, id)
}

// replace has change make the entry that takes the place of one, while nobody
// else may. It reports whether there is one with the id, and change's error, which
// leaves the entry as it was.
func (s *shelf[T]) replace(id string, change func(T) (T, error)) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry, ok := s.entries[id]
	if !ok {
		return false, nil
	}
	changed, err := change(entry)
	if err == nil {
		s.entries[id] = changed
	}
	return true, err
}

func (s *shelf[T]) get(id string) (T, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry, ok := s.entries[id]
	return entry, ok
}

// remove takes an entry off the shelf.
func (s *shelf[T]) remove(id string) { s.take(id) }

// take gives an entry and takes it off the shelf.
func (s *shelf[T]) take(id string) (T, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry, ok := s.entries[id]
	if ok {
		delete(s.entries, id)
		s.order = slices.DeleteFunc(s.order, func(other string) bool { return other == id })
	}
	return entry, ok
}

// latest are all entries, the newest first.
func (s *shelf[T]) latest() []T {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]T, 0, len(s.order))
	for _, id := range slices.Backward(s.order) {
		all = append(all, s.entries[id])
	}
	return all
}
