package client

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Problem is an error of the API (RFC 9457). It repeats nothing of what was sent.
type Problem struct { //nolint:errname // its name in the document
	Type   string `json:"type"` // about:blank
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// RequestID is in the provider's log, too, if the fault is on its side.
	RequestID string `json:"request_id"`
	// Errors are all faults of what was sent.
	Errors []Fault `json:"errors,omitempty"`

	// RetryAfter is how long to wait before the request is sent again, 0 if that is of
	// no use or not known.
	RetryAfter time.Duration `json:"-"`
}

// Fault is one rule that a request breaks.
type Fault struct {
	// Pointer is the place in the body (RFC 6901), "" for the whole of it; nil if it is
	// not the body. Then Parameter is the name of the parameter or header.
	Pointer   *string `json:"pointer,omitempty"`
	Parameter string  `json:"parameter,omitempty"`
	Detail    string  `json:"detail"`
}

// Error says what is wrong, with every fault.
func (p *Problem) Error() string {
	var text strings.Builder
	text.WriteString(strconv.Itoa(p.Status) + " " + p.Title)
	if p.Detail != "" {
		text.WriteString(": " + p.Detail)
	}
	for _, fault := range p.Errors {
		where := fault.Parameter
		if fault.Pointer != nil {
			where = *fault.Pointer
		}
		text.WriteString("; " + where + " " + fault.Detail)
	}
	return text.String()
}

// problemLimit is how much is read of an error: none of the provider's is larger.
const problemLimit = 32 << 20

// readProblem reads the error that a response is. What is no problem document, such as
// a page of a proxy, is one of its status alone.
func readProblem(response *http.Response) *Problem {
	p := &Problem{}
	media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || media != "application/problem+json" || json.NewDecoder(io.LimitReader(response.Body, problemLimit)).Decode(p) != nil {
		p = &Problem{Type: "about:blank", Title: http.StatusText(response.StatusCode)}
	}
	p.Status = response.StatusCode
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		p.RetryAfter = time.Duration(seconds) * time.Second
	}
	return p
}
