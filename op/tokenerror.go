package op

import (
	"encoding/json"
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
	body, err := json.Marshal(wireFault{Error: e.Code, Description: e.Description})
	if err != nil { // two strings cannot fail
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	noStore(w)
	if e.Status == http.StatusServiceUnavailable || e.Status == http.StatusTooManyRequests {
		setRetryAfter(w, e.RetryAfter)
	}
	writeJSON(w, e.Status, body)
}

// setRetryAfter says how long to wait, 0 standing for retryAfter.
func setRetryAfter(w http.ResponseWriter, wait time.Duration) {
	if wait == 0 {
		wait = retryAfter
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())))
}
