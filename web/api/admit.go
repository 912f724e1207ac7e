package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/storage"
)

// call is one request that was let in.
type call struct {
	caller    *op.Caller
	operation string
	// target is whom or what a read is told to be of, and after what else is told.
	target target
	after  json.RawMessage
	// claim is the request's idempotency key; nil if it has none.
	claim *storage.Claim
}

// target is what something is done to.
type target struct{ kind, name string }

type callKey struct{}

// callOf gives the call that a request is. Every handler has one.
func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// admit stands in front of an operation: it finds out who calls, whether they may, and
// how often they have, and reads the body within its limit. Cookies mean nothing.
func (a *API) admit(o operation) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		defer a.recover(w, r)
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		c := &call{operation: o.ID}
		if err := a.enter(r, o, c); err != nil {
			a.write(w, r, asProblem(err))
			return
		}
		size := largeBody(r, o)
		if !a.large.TryAcquire(size) {
			a.write(w, r, problem(http.StatusServiceUnavailable, "too many large bodies are being read at once; try again shortly").with("Retry-After", "1"))
			return
		}
		defer a.large.Release(size)
		body, err := readBody(w, r, o)
		if err != nil {
			a.write(w, r, asProblem(err))
			return
		}
		r.Header.Del("Accept") // there is JSON alone
		if o.Method == http.MethodPost && r.Header.Get(headerIdempotency) != "" {
			done, err := a.claim(w, r, c, body)
			if err != nil {
				a.write(w, r, asProblem(err))
			}
			if done || err != nil {
				return
			}
			defer a.release(r.Context(), c)
		}
		next(huma.WithValue(ctx, callKey{}, c))
	}
}

// enter checks everything of a request that is not of its operation alone, but for the
// body.
func (a *API) enter(r *http.Request, o operation, c *call) (err error) {
	if c.caller, err = a.provider.Caller(r); err != nil {
		return err
	}
	if !a.limit.allow(c.caller.ID, a.now()) {
		return problem(http.StatusTooManyRequests, "too many requests of this API key or client").with("Retry-After", "1")
	}
	for scope := range strings.FieldsSeq(o.Scope) {
		if !c.caller.May(scope) {
			return problem(http.StatusForbidden, "the API key or access token was not granted the scope "+scope).
				with("WWW-Authenticate", `Bearer realm="idp", error="insufficient_scope", scope="`+o.Scope+`"`)
		}
	}
	if c.caller.ClientID != "" && !o.Narrowable {
		return problem(http.StatusForbidden, "the API key is for one client alone: this takes one that is not")
	}
	if !reaches(c.caller, o, r.PathValue("client_id")) {
		return notReached()
	}
	return nil
}

// notReached is for callers who are narrowed to another client.
func notReached() error {
	return problem(http.StatusForbidden, "the API key is for one client alone, and this is not about that one")
}

func reaches(caller *op.Caller, o operation, clientID string) bool {
	if caller.ClientID == "" {
		return true
	}
	return o.Narrowable && (clientID == "" || caller.MayReach(clientID))
}

// readBody reads the body, and puts it back for whoever reads it next.
func readBody(w http.ResponseWriter, r *http.Request, o operation) ([]byte, error) {
	if len(o.MediaTypes) > 0 && (!o.optional || r.ContentLength != 0) {
		media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || !slices.Contains(o.MediaTypes, media) {
			return nil, problem(http.StatusUnsupportedMediaType, "the Content-Type must be "+o.MediaTypes[0])
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, o.MaxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, problem(http.StatusRequestEntityTooLarge, "the body is too large")
	}
	if err != nil {
		return nil, problem(http.StatusBadRequest, "the body could not be read to its end")
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, nil
}

// recover answers a panic.
func (a *API) recover(w http.ResponseWriter, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(cause)
	}
	a.log.ErrorContext(r.Context(), "panic", "request_id", op.RequestID(r.Context()), "path", r.Pattern, "stack", string(debug.Stack()))
	a.write(w, r, problem(http.StatusInternalServerError, "something went wrong on our side"))
}
