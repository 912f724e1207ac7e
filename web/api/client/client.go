// Package client calls the management API of idp from Go: with it the brand's own systems
// keep consumers and clients up to date, get tokens for who is signed in there, and
// decide who signs in by the brand's own login.
//
// Each operation of the OpenAPI document, {issuer}/api/openapi.json, is a method of
// Client that is named after it. An error of the API is a *Problem, which has every fault
// of what was sent. Nothing is sent twice by itself: whoever tries again does so under
// the same IdempotencyKey.
//
// Beyond the standard library the package imports nothing but packages of this module
// that import nothing else themselves.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Client calls the API of one provider. It is safe for concurrent use.
type Client struct {
	// Issuer is the provider's issuer identifier, such as https://login.brand.example.
	Issuer string
	// APIKey is what idp api-key create has shown. Leave it empty if HTTPClient brings
	// access tokens of the client_credentials grant, as that of
	// golang.org/x/oauth2/clientcredentials does.
	APIKey string
	// HTTPClient sends the requests; http.DefaultClient if it is nil. How long a call
	// may take is up to its context.
	HTTPClient *http.Client
}

// Option is something that a call may have beside what it is about.
type Option func(http.Header)

// IfMatch has a change made only if what is there still has the ETag that was read with
// it. Else it is a Problem with status 412.
func IfMatch(etag string) Option {
	return func(header http.Header) { header.Set("If-Match", etag) }
}

// IfNoneMatch has a Put make what is not there and change nothing that is: IfNoneMatch("*").
// Else it is a Problem with status 412.
func IfNoneMatch(etag string) Option {
	return func(header http.Header) { header.Set("If-None-Match", etag) }
}

// IdempotencyKey names a request, so that it happens once however often it is sent
// within 24 hours: all but the first are answered as the first was. The same key for
// another request is a Problem with status 422.
func IdempotencyKey(key string) Option {
	return func(header http.Header) { header.Set("Idempotency-Key", key) }
}

// NewIdempotencyKey makes a key that no other request has.
func NewIdempotencyKey() string { return rand.Text() }

// request is what a call sends.
type request struct {
	method string
	path   []string // its segments
	query  url.Values
	body   any // nil for none
}

const (
	mediaJSON  = "application/json"
	mediaPatch = "application/merge-patch+json" // RFC 7396
)

// call sends a request and decodes what it is answered with, if there is something.
func (c *Client) call(ctx context.Context, r request, result any, options ...Option) (http.Header, error) {
	what := r.method + " /" + r.path[0]
	var body io.Reader
	if r.body != nil {
		encoded, err := json.Marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("%s: encode the body: %w", what, err)
		}
		body = bytes.NewReader(encoded)
	}
	sent, err := http.NewRequestWithContext(ctx, r.method, c.address(r), body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if r.body != nil {
		sent.Header.Set("Content-Type", mediaJSON)
	}
	if r.body != nil && r.method == http.MethodPatch {
		sent.Header.Set("Content-Type", mediaPatch)
	}
	if c.APIKey != "" {
		sent.Header.Set("Authorization", "Bearer "+c.APIKey)
	}
	for _, option := range options {
		option(sent.Header)
	}
	sender := c.HTTPClient
	if sender == nil {
		sender = http.DefaultClient
	}
	response, err := sender.Do(sent)
	if err != nil {
		return nil, withoutAddress(what, err)
	}
	defer response.Body.Close() //nolint:errcheck // what there was to read is read
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return nil, readProblem(response)
	}
	if result != nil {
		if err := json.NewDecoder(response.Body).Decode(result); err != nil {
			return nil, fmt.Errorf("%s: read the response: %w", what, err)
		}
	}
	return response.Header, nil
}

// read is a call that is answered with a T.
func read[T any](ctx context.Context, c *Client, r request, options ...Option) (*T, error) {
	var result T
	if _, err := c.call(ctx, r, &result, options...); err != nil {
		return nil, err
	}
	return &result, nil
}

// withoutAddress keeps the address out of an error: it may name a consumer, and errors
// are logged.
func withoutAddress(what string, err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return fmt.Errorf("%s: %w", what, err)
}

// address is where a request goes.
func (c *Client) address(r request) string {
	var address strings.Builder
	address.WriteString(c.Issuer + "/api/v1")
	for _, segment := range r.path {
		address.WriteString("/" + escape(segment))
	}
	if len(r.query) > 0 {
		address.WriteString("?" + r.query.Encode())
	}
	return address.String()
}

// escape writes a value as a segment of a path. Dots alone would be a step up.
func escape(segment string) string {
	if strings.Trim(segment, ".") == "" {
		return strings.ReplaceAll(segment, ".", "%2E")
	}
	return url.PathEscape(segment)
}
