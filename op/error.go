package op

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

// Error is a protocol error as a client or a person meets it. Description is
// fixed text of ours: it never repeats input. Cause goes to the log alone.
type Error struct {
	Code        string // an error code of the specifications
	Description string
	Status      int // HTTP status where the error is not sent by redirect
	// RetryAfter is how long to wait; 0 if that depends on the status.
	RetryAfter time.Duration
	Cause      error
}

// Error gives code and description, for logs.
func (e *Error) Error() string { return e.Code + ": " + e.Description }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

func fault(code, description string) *Error {
	return &Error{Code: code, Description: description, Status: http.StatusBadRequest}
}

func invalidRequest(description string) *Error { return fault("invalid_request", description) }

// retryAfter is what a client is told to wait when the database is away.
const retryAfter = 5 * time.Second

// asError is the one mapper of errors: what is not a protocol error already
// becomes 503 when the database or a token is away, else 500. No internal text passes.
func asError(err error) *Error {
	if known, ok := errors.AsType[*Error](err); ok {
		return known
	}
	if errors.Is(err, keys.ErrNotAgreed) {
		return &Error{
			Code: "temporarily_unavailable", Description: "a new signing key is not known to all of the service yet; try again in a second",
			Status: http.StatusServiceUnavailable, RetryAfter: time.Second, Cause: err,
		}
	}
	if errors.Is(err, storage.ErrClientGone) {
		return errClient
	}
	if errors.Is(err, storage.ErrUnavailable) || errors.Is(err, keys.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &Error{
			Code: "temporarily_unavailable", Description: "the service is not available at the moment; try again shortly",
			Status: http.StatusServiceUnavailable, Cause: err,
		}
	}
	return &Error{Code: "server_error", Description: "something went wrong on our side", Status: http.StatusInternalServerError, Cause: err}
}
