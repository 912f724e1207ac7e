package op

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"
)

// wireFault is the JSON form of an error (RFC 6749 5.2).
type wireFault struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// writeTokenError answers a client with an error in JSON.
func (p *Provider) writeTokenError(w http.ResponseWriter, r *http.Request, e *Error) {
	p.logError(r, e)
	body, _ := json.Marshal(wireFault{Error: e.Code, Description: e.Description}) // two strings cannot fail
	noStore(w)
	if e.Status == http.StatusServiceUnavailable {
		setRetryAfter(w, retryAfter)
	}
	writeJSON(w, e.Status, body)
}

func setRetryAfter(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
}
