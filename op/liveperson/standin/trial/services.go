package trial

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/liveperson/standin"
)

// pageOrigin is the origin of the page that the windows belong to.
func (t *trial) pageOrigin() string {
	if origins := t.Registration.WebOrigins; len(origins) > 0 {
		return origins[0]
	}
	return t.browser.provider
}

// visit has the brand's page name the consumer by its identity function, and
// gives the id of the session with the cloud.
func (t *trial) visit(ctx context.Context) (string, error) {
	identity := standin.Identity{Issuer: t.Registration.Issuer, ACR: liveperson.ACRAuthenticated, Subject: t.Subject}
	var answer struct {
		SessionID string `json:"sessionId"`
	}
	_, err := t.ask(ctx, "/app/trial/engagement?v=1.1", map[string]any{"identities": []standin.Identity{identity}}, &answer)
	return answer.SessionID, err
}

// exchange brings what a page has got to a connector, and gives the attempt. It
// is nil with an error if nothing was examined.
func (t *trial) exchange(ctx context.Context, connector string, brought map[string]string) (*standin.Conversation, error) {
	header, err := t.ask(ctx, "/app/"+url.PathEscape(connector)+"/authenticate?v=3.0", brought, nil)
	attempt, known := t.cloud.Conversation(strings.TrimPrefix(header.Get("Content-Location"), standin.ConversationPath))
	if !known {
		return nil, err
	}
	return attempt, nil
}

// ask calls a service of the stand-in, which is in this process. The error is a
// *standin.RefusalError if it refuses.
func (t *trial) ask(ctx context.Context, path string, body, answer any) (http.Header, error) {
	content, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("ask the stand-in: %w", err)
	}
	address := "/api/account/" + url.PathEscape(t.report.AccountID) + path
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("ask the stand-in: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	recorded := serve(t.services, request)
	if recorded.status >= http.StatusBadRequest {
		refusal := &standin.RefusalError{Status: recorded.status}
		if err := json.Unmarshal(recorded.body.Bytes(), refusal); err != nil {
			return recorded.header, fmt.Errorf("ask the stand-in: status %d", recorded.status)
		}
		return recorded.header, refusal
	}
	if answer != nil {
		if err := json.Unmarshal(recorded.body.Bytes(), answer); err != nil {
			return recorded.header, fmt.Errorf("read the stand-in's answer: %w", err)
		}
	}
	return recorded.header, nil
}

// serve has a stand-in in this process answer.
func serve(services http.Handler, request *http.Request) *recorder {
	recorded := &recorder{header: http.Header{}, status: http.StatusOK}
	services.ServeHTTP(recorded, request)
	return recorded
}

// recorder keeps an answer of the stand-in.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements [http.ResponseWriter].
func (r *recorder) WriteHeader(status int) { r.status = status }

// Write implements [http.ResponseWriter].
func (r *recorder) Write(data []byte) (int, error) { return r.body.Write(data) } //nolint:wrapcheck // never fails
