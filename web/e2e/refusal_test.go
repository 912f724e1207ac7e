package e2e_test

import (
	"net/http"
	"strings"
	"testing"
)

// A refusal of the token endpoint is one line of the log, with the request's id: the
// library behind it tells of none by itself.
func TestRefusalIsLoggedOnce(t *testing.T) {
	t.Parallel()
	s := serve(t, cheapHashing...)
	s.Apply(clients)
	before := len(s.Log())
	answer, err := redeem(t.Context(), s.Issuer, strings.Repeat("a", 43))
	if err != nil {
		t.Fatal(err)
	}
	s.process.Terminate() // what it has logged is whole only after its end
	log := s.Log()[before:]
	lines := strings.Split(log, "\n")
	if answer.Status != http.StatusBadRequest || len(lines) < 2 || !strings.Contains(lines[0], "error=invalid_grant") ||
		!strings.Contains(lines[0], "request_id=") || !strings.Contains(lines[1], "msg=\"ending") {
		t.Errorf("status %d, log:\n%s", answer.Status, log)
	}
}
