package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/password"
	"github.com/brandidp/idp/storage"
)

// mediaProblem is the media type of errors (RFC 9457).
const mediaProblem = "application/problem+json"

// Problem is an error of the API (RFC 9457). It repeats nothing of what was sent.
type Problem struct { //nolint:errname // its name in the document
	Type      string  `doc:"always about:blank: the status says what kind of problem it is"              json:"type"`
	Title     string  `doc:"what the status means"                                                       json:"title"`
	Status    int     `doc:"the status of the response"                                                  json:"status"`
	Detail    string  `doc:"what is wrong, for people"                                                   json:"detail"`
	RequestID string  `doc:"the id of the request, which the log line of a fault on our side bears, too" json:"request_id"`
	Errors    []Fault `doc:"every fault of what was sent"                                                json:"errors,omitempty"`

	header http.Header
	cause  error // for the log alone
}

// Fault is one rule that a request breaks, at a place of its body or in a parameter.
type Fault struct {
	Pointer   *string `doc:"place in the body, a JSON pointer (RFC 6901)"           json:"pointer,omitempty"`
	Parameter string  `doc:"name of the parameter or header, if it is not the body" json:"parameter,omitempty"`
	Detail    string  `doc:"the rule that is broken"                                json:"detail"`
}

// problem makes one with a status and what is wrong.
func problem(status int, detail string, faults ...Fault) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Errors: faults}
}

// at is the fault at a place of the body.
func at(pointer, rule string) Fault { return Fault{Pointer: &pointer, Detail: rule} }

// Error gives what is wrong.
func (p *Problem) Error() string { return p.Detail }

// Unwrap gives the cause.
func (p *Problem) Unwrap() error { return p.cause }

// GetStatus is the status of the response.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are the headers that go with it.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType is the media type of errors.
func (*Problem) ContentType(string) string { return mediaProblem }

// with is the problem with a header.
func (p *Problem) with(name, value string) *Problem {
	if p.header == nil {
		p.header = http.Header{}
	}
	p.header.Set(name, value)
	return p
}

const (
	detailFaults = "what was sent breaks the rules under errors"
	retryAfter   = 5 // seconds, when the database is away
)

func notFound(what string) *Problem {
	return problem(http.StatusNotFound, "there is no "+what+" of this name")
}

// asProblem is the one mapper of errors: whatever is none of those known is a fault of
// ours, of which no text passes.
func asProblem(err error) *Problem {
	if known, ok := errors.AsType[*Problem](err); ok {
		own := *known // which gets a request id
		return &own
	}
	if faults, ok := errors.AsType[brandfile.Faults](err); ok {
		p := problem(http.StatusBadRequest, detailFaults)
		for _, fault := range faults {
			p.Errors = append(p.Errors, at(fault.Pointer(), fault.Rule))
		}
		return p
	}
	if faults := fieldFaults(err); faults != nil {
		return problem(http.StatusBadRequest, detailFaults, faults...)
	}
	var p *Problem
	known, isKnown := errors.AsType[*op.Error](err)
	switch {
	case errors.Is(err, op.ErrNoCredential):
		p = problem(http.StatusUnauthorized, op.ErrNoCredential.Description).with("WWW-Authenticate", `Bearer realm="idp"`)
	case errors.Is(err, op.ErrCredential):
		p = problem(http.StatusUnauthorized, op.ErrCredential.Description).
			with("WWW-Authenticate", `Bearer realm="idp", error="invalid_token", error_description="`+op.ErrCredential.Description+`"`)
	case errors.Is(err, storage.ErrInProgress):
		p = problem(http.StatusConflict, "a request under this Idempotency-Key is under way").with("Retry-After", "1")
	case errors.Is(err, storage.ErrOtherRequest):
		p = problem(http.StatusUnprocessableEntity, "this Idempotency-Key was used for another request")
	case errors.Is(err, storage.ErrNotFound): // it was there when the request began
		p = problem(http.StatusNotFound, "what this is about has been removed meanwhile")
	case errors.Is(err, storage.ErrChanged):
		p = problem(http.StatusConflict, "others change this at the same time: try again").with("Retry-After", "1")
	case errors.Is(err, password.ErrBusy):
		p = problem(http.StatusServiceUnavailable, "too many passwords are being hashed; try again shortly").with("Retry-After", strconv.Itoa(retryAfter))
	case errors.Is(err, storage.ErrUnavailable), errors.Is(err, keys.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		p = problem(http.StatusServiceUnavailable, "the service is not available at the moment; try again shortly").with("Retry-After", strconv.Itoa(retryAfter))
	case isKnown && known.Status < http.StatusInternalServerError:
		p = problem(known.Status, known.Description)
	default:
		p = problem(http.StatusInternalServerError, "something went wrong on our side")
	}
	p.cause = err
	return p
}

// write answers with the problem, and logs it if it is a fault on our side.
func (a *API) write(w http.ResponseWriter, r *http.Request, p *Problem) {
	a.complete(r.Context(), p)
	maps.Copy(w.Header(), p.header)
	body, err := json.Marshal(p)
	if err != nil { // texts cannot fail
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", mediaProblem)
	w.WriteHeader(p.Status)
	_, _ = w.Write(body)
}

// complete gives a problem its request id and logs it if it is a fault on our side.
func (a *API) complete(ctx context.Context, p *Problem) {
	p.RequestID = op.RequestID(ctx)
	if p.Status >= http.StatusInternalServerError {
		a.log.ErrorContext(ctx, "management API", "request_id", p.RequestID, "status", p.Status, "error", cmp.Or(p.cause, error(p)))
	}
}

var installOnce sync.Once

// install has huma make our problems of the faults that it finds, in place of its own
// errors, which repeat the values that were sent. There is one such setting in a process.
func install() {
	installOnce.Do(func() {
		huma.DefaultArrayNullable = false
		huma.NewError = func(status int, _ string, errs ...error) huma.StatusError { return found(status, errs) }
		huma.NewErrorWithContext = func(ctx huma.Context, status int, _ string, errs ...error) huma.StatusError {
			p := found(status, errs)
			p.RequestID = op.RequestID(ctx.Context())
			return p
		}
	})
}

// found is the problem of faults that huma found.
func found(status int, errs []error) *Problem {
	switch status {
	case 0: // asked for its type alone
		return &Problem{}
	case http.StatusUnprocessableEntity:
		status = http.StatusBadRequest
	}
	p := problem(status, detailFaults)
	if status >= http.StatusInternalServerError {
		p.Detail = "something went wrong on our side"
		return p
	}
	for _, err := range errs {
		detail, ok := errors.AsType[*huma.ErrorDetail](err)
		if !ok {
			continue
		}
		p.Errors = append(p.Errors, faultOf(detail))
	}
	if len(p.Errors) == 0 {
		p.Errors = []Fault{at("", "must be JSON")}
	}
	return p
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// told is the name of a member unless it may be something else that slipped.
func told(name string) string {
	if namePattern.MatchString(name) {
		return name
	}
	return "(a name of other characters)"
}

// faultOf says by a JSON pointer what huma says by a path.
func faultOf(detail *huma.ErrorDetail) Fault {
	where, rest, _ := strings.Cut(detail.Location, ".")
	names := strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune(".[]", r) })
	for i, name := range names {
		names[i] = told(name)
	}
	switch where {
	case "path", "query", "header":
		message := detail.Message
		if strings.HasPrefix(message, "invalid date/time") { // and a layout of Go
			message = "must be a time of RFC 3339, such as 2026-01-31T08:00:00Z"
		}
		return Fault{Parameter: strings.Join(names, "."), Detail: message}
	}
	if len(names) == 0 {
		message := detail.Message
		if _, isText := detail.Value.(string); isText { // it is the whole body, which could not be read
			message = "must be JSON of the kind that the document says"
		}
		return at("", message)
	}
	return at("/"+strings.Join(names, "/"), detail.Message)
}
