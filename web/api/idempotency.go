package api

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"

	"github.com/brandidp/idp/storage"
)

// headerIdempotency names a request, so that it happens once however often it is sent.
const headerIdempotency = "Idempotency-Key"

// answer is what is kept of a response.
type answer struct {
	Status int             `json:"status"`
	Header http.Header     `json:"header,omitempty"`
	Body   json.RawMessage `json:"body,omitempty"`
}

// claim takes the idempotency key of a request, or answers as it was answered before.
func (a *API) claim(w http.ResponseWriter, r *http.Request, c *call, body []byte) (done bool, err error) {
	key := r.Header.Get(headerIdempotency)
	if len(key) > 255 || len(r.Header.Values(headerIdempotency)) > 1 {
		return false, problem(http.StatusBadRequest, detailFaults, Fault{Parameter: headerIdempotency, Detail: "must be given once, with at most 255 characters"})
	}
	var kept []byte
	if c.claim, kept, err = a.provider.ClaimRequest(r.Context(), c.caller, key, []byte(r.Method+" "+r.URL.RequestURI()+"\n"), body); err != nil || c.claim != nil {
		return false, err
	}
	var before answer
	if err := json.Unmarshal(kept, &before); err != nil {
		return false, fmt.Errorf("read a kept answer: %w", err)
	}
	maps.Copy(w.Header(), before.Header)
	w.Header().Set("Content-Type", mediaJSON)
	w.WriteHeader(before.Status)
	_, _ = w.Write(before.Body)
	a.provider.Record(c.caller, storage.AuditEvent{})
	return true, nil
}

// keeping gives the idempotency key of a call for storage to complete with what the
// response is made of; nil if it has none.
func (a *API) keeping(ctx context.Context, response func() (status int, header http.Header, body any)) *storage.Claim {
	claim := callOf(ctx).claim
	if claim == nil {
		return nil
	}
	claim.Answer = func() ([]byte, error) {
		status, header, body := response()
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("keep an answer: %w", err)
		}
		kept, err := json.Marshal(answer{Status: status, Header: header, Body: encoded})
		if err != nil {
			return nil, fmt.Errorf("keep an answer: %w", err)
		}
		return a.provider.SealAnswer(claim, kept)
	}
	return claim
}

// release gives the idempotency key of a call back that has changed nothing.
func (a *API) release(ctx context.Context, c *call) {
	if c.claim.Done {
		return
	}
	if err := a.provider.Store().ReleaseKey(ctx, c.claim); err != nil {
		a.log.WarnContext(ctx, "an idempotency key was not given back; it is free after a minute", "error", err)
	}
}
