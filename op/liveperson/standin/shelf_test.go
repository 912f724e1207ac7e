package standin

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A shelf keeps the latest entries; one that is put again keeps its place.
func TestShelf(t *testing.T) {
	t.Parallel()
	var s shelf[int]
	for i := range shelfSize {
		s.put(strconv.Itoa(i), i)
	}
	s.put("0", -1)
	if got := s.latest(); len(got) != shelfSize || got[shelfSize-1] != -1 {
		t.Errorf("%d entries, the oldest is %d", len(got), got[len(got)-1])
	}
	s.put("one more", 1)
	if _, there := s.get("0"); there {
		t.Error("the oldest is still there")
	}
	if entry, there := s.take("1"); !there || entry != 1 {
		t.Error("an entry cannot be taken")
	}
	if _, there := s.take("1"); there {
		t.Error("an entry can be taken twice")
	}
	if diff := cmp.Diff([]int{1, shelfSize - 1}, s.latest()[:2]); diff != "" {
		t.Errorf("the latest (-want +got):\n%s", diff)
	}
}
