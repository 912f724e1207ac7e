package standin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// AppLibrary is the cloud's library in a brand's app. It reaches the stand-in over
// HTTP alone, and finds everything there from the Domain API.
type AppLibrary struct {
	// Address is where the Domain API answers, without a trailing slash. The other
	// services are called with its scheme.
	Address   string
	AccountID string
	Client    *http.Client
}

// AppAuthentication is what an app brings, under the names of the Android library.
// HostAppJWT is for the implicit flow, AuthKey with the next two for the code flow.
type AppAuthentication struct {
	HostAppJWT string // the brand's ID token
	AuthKey    string // the code
	// HostAppRedirectURI is the address that the code was asked for with, of the
	// app's own scheme; "" for the one that stands for none.
	HostAppRedirectURI string
	// CodeVerifier is as PKCEParams gave it.
	CodeVerifier string
	// IssuerDisplayName chooses among connectors; "" is the preferred one.
	IssuerDisplayName string
	// ConversationID is a conversation to go on with, "" for a new one.
	ConversationID string
}

// AppSession is a consumer in an app.
type AppSession struct {
	ConversationID string
	ConsumerToken  string
}

// PKCEParams has the cloud make a proof key for the app's request of a code.
func (a *AppLibrary) PKCEParams(ctx context.Context, issuerDisplayName string) (PKCE, error) {
	var made PKCE
	connector, err := a.connector(ctx, issuerDisplayName)
	if err != nil {
		return PKCE{}, err
	}
	_, err = a.call(ctx, "idp", http.MethodPost, "/app/"+url.PathEscape(connector)+"/pkce", "", nil, &made)
	return made, err
}

// ShowConversation authenticates and begins a conversation, or goes on with one.
// The error is a *RefusalError if the cloud refuses.
func (a *AppLibrary) ShowConversation(ctx context.Context, brought AppAuthentication) (AppSession, error) {
	connector, err := a.connector(ctx, brought.IssuerDisplayName)
	if err != nil {
		return AppSession{}, err
	}
	var answer struct {
		Token string `json:"token"`
	}
	header, err := a.call(ctx, "idp", http.MethodPost, "/app/"+url.PathEscape(connector)+"/authenticate?v=3.0", "", exchange{
		IDToken: brought.HostAppJWT, Code: brought.AuthKey, RedirectURI: brought.HostAppRedirectURI, CodeVerifier: brought.CodeVerifier,
		ConversationID: brought.ConversationID, App: true,
	}, &answer)
	return AppSession{strings.TrimPrefix(header.Get("Content-Location"), ConversationPath), answer.Token}, err
}

// Write writes a message. The error is a *RefusalError; Expired tells the one
// upon which the app is asked for a fresh token.
func (a *AppLibrary) Write(ctx context.Context, session AppSession, text string) error {
	_, err := a.call(ctx, "idp", http.MethodPost, "/conversations/"+session.ConversationID+"/messages", session.ConsumerToken,
		map[string]string{"text": text}, nil)
	return err
}

// RegisterPusher registers the app for push messages. An app whose token has
// expired is refused, as with Write: it must not try again with the same one.
func (a *AppLibrary) RegisterPusher(ctx context.Context, session AppSession) error {
	_, err := a.call(ctx, "idp", http.MethodPost, "/pusher", session.ConsumerToken, nil, nil)
	return err
}

// Expired reports whether an error says that a consumer token has expired.
func Expired(err error) bool {
	refusal, ok := errors.AsType[*RefusalError](err)
	return ok && refusal.InternalErrorCode == codeTokenExpired
}

// connector finds a connector's id by its display name.
func (a *AppLibrary) connector(ctx context.Context, name string) (string, error) {
	if name == "" {
		return DefaultConnector, nil
	}
	var all []connectorDocument
	if _, err := a.call(ctx, "acCdnDomain", http.MethodGet, "/configuration/le-connectors/all-connectors", "", nil, &all); err != nil {
		return "", err
	}
	for _, connector := range all {
		if connector.Configuration.DisplayName == name {
			return connector.ID, nil
		}
	}
	return "", fmt.Errorf("app: the account has no connector %q", name)
}

// call calls a service, as a consumer if token is not "", and reads its answer
// into result, if that is not nil.
func (a *AppLibrary) call(ctx context.Context, service, method, path, token string, body, result any) (http.Header, error) {
	account := "/api/account/" + a.AccountID
	var found baseURI
	if _, err := a.send(ctx, http.MethodGet, a.Address+account+"/service/"+service+"/baseURI.json?version=1.0", "", nil, &found); err != nil {
		return nil, fmt.Errorf("app: find the service %s: %w", service, err)
	}
	scheme, _, _ := strings.Cut(a.Address, "://")
	return a.send(ctx, method, scheme+"://"+found.BaseURI+account+path, token, body, result)
}

func (a *AppLibrary) send(ctx context.Context, method, address, token string, body, result any) (http.Header, error) {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("app: %w", err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "jwt "+token)
	}
	response, err := a.Client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("app: the cloud does not answer: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		refusal := &RefusalError{Status: response.StatusCode}
		if err = json.Unmarshal(data, refusal); err == nil {
			return response.Header, refusal
		}
	}
	if err == nil && result != nil {
		err = json.Unmarshal(data, result)
	}
	if err != nil {
		return response.Header, fmt.Errorf("app: read the cloud's answer: %w", err)
	}
	return response.Header, nil
}
