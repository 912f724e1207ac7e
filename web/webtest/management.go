package webtest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/storage"
)

// Operator is whom the audit trail names for what a test does in place of the command line.
var Operator = storage.AuditEvent{Actor: "operator", ActorKind: storage.ActorCommand}

// APIKey makes a key of the management API with the given scopes, as idp api-key create
// does, and has the provider know it. Change, if not nil, edits it first.
func (p *Provider) APIKey(change func(*storage.APIKey), scopes ...string) string {
	p.tb.Helper()
	key, sha256, err := op.NewAPIKey(rand.Reader)
	if err != nil {
		p.tb.Fatal(err)
	}
	row := &storage.APIKey{Name: "key-" + strings.ToLower(rand.Text()), SHA256: sha256, Scopes: scopes}
	if change != nil {
		change(row)
	}
	if err := p.Store.InsertAPIKey(p.tb.Context(), row, storage.AuditEvent{}); err != nil {
		p.tb.Fatal(err)
	}
	p.Reload()
	return key
}

// Reply is a response of the management API, read whole.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte

	provider *Provider
}

// Call sends a request to the management API under a key ("" for none). The path is one
// below /api/v1. The body is JSON as text, or whatever is to be encoded; nil is none.
// Headers are pairs of name and value.
func (p *Provider) Call(key, method, path string, body any, headers ...string) *Reply {
	p.tb.Helper()
	var content []byte
	switch body := body.(type) {
	case nil:
	case string:
		content = []byte(body)
	default:
		var err error
		if content, err = json.Marshal(body); err != nil {
			p.tb.Fatal(err)
		}
	}
	request, err := http.NewRequestWithContext(p.tb.Context(), method, p.Address+"/api/v1"+path, bytes.NewReader(content))
	if err != nil {
		p.tb.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := p.Browser(p.tb).Client.Do(request)
	if err != nil {
		p.tb.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read whole
	reply := &Reply{Status: response.StatusCode, Header: response.Header, provider: p}
	if reply.Body, err = io.ReadAll(response.Body); err != nil {
		p.tb.Fatal(err)
	}
	return reply
}

// Want checks the status.
func (r *Reply) Want(status int) *Reply {
	r.provider.tb.Helper()
	if r.Status != status {
		r.provider.tb.Fatalf("status %d, want %d: %s", r.Status, status, r.Body)
	}
	return r
}

// Into decodes the body.
func (r *Reply) Into(value any) *Reply {
	r.provider.tb.Helper()
	if err := json.Unmarshal(r.Body, value); err != nil {
		r.provider.tb.Fatalf("%v: %s", err, r.Body)
	}
	return r
}
