package standin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"sync"
)

// Identity is who a page says is there. It identifies and proves nothing.
type Identity struct {
	Issuer  string `json:"iss"`
	ACR     string `json:"acr"`
	Subject string `json:"sub"`
}

// visit is one visitor on one page.
type visit struct {
	identity *Identity // nil if the page named nobody

	mu    sync.Mutex
	state string // what the latest external window sent to the brand
}

func (v *visit) sent() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.state
}

// engage takes down whom the page's identity functions named, as the cloud's tag
// and its Monitoring API do.
func (c *Cloud) engage(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Identities []Identity `json:"identities"`
	}
	if refusal := readJSON(w, r, &request); refusal != nil {
		refuse(w, refusal)
		return
	}
	v := &visit{}
	if len(request.Identities) > 0 {
		v.identity = &request.Identities[0]
	}
	session, visitor := c.newID(), c.newID()
	c.visits.put(session, v)
	writeJSON(w, http.StatusOK, map[string]string{"sessionId": session, "visitorId": visitor})
}

// windowState is what the external window carries to the brand and back, and the
// configuration that its page is opened with: a part of what the real one has.
type windowState struct {
	Config windowConfig `json:"lpUnifiedWindowConfig"`
}

type windowConfig struct {
	AccountID        string     `json:"accountId"`
	Env              string     `json:"env"`
	ClickedChannel   string     `json:"clickedChannel"`
	External         bool       `json:"external"`
	Scope            string     `json:"scp"`
	SecureStorage    string     `json:"secureStorageType"`
	EngagementConfig engagement `json:"engConf"`
}

type engagement struct {
	Async     bool              `json:"async"`
	VisitorID string            `json:"svid"`
	SessionID string            `json:"ssid"`
	Connector *connectorSetting `json:"connector,omitempty"`
}

// connectorSetting is the public part of a connector, which travels in state.
type connectorSetting struct {
	ID            string         `json:"id"`
	Type          int            `json:"type"`
	Configuration map[string]any `json:"configuration,omitempty"`
}

// Launch gives the authorization request that the external window of a connector
// begins with (variant rfc): clean redirect address, window configuration in
// state, no nonce. config is the window's configuration as the tag opened it, a
// JSON object with accountId and engConf; parent the origin of the page. The
// error is a *RefusalError.
func (c *Cloud) Launch(config, parent string) (string, error) {
	var opened windowConfig
	if json.Unmarshal([]byte(config), &opened) != nil || opened.AccountID != c.opts.AccountID || opened.EngagementConfig.Connector == nil {
		return "", &RefusalError{Status: http.StatusBadRequest, InternalErrorCode: codeUnknownAccount, Message: "the window's configuration is of no account here"}
	}
	connector, known := c.Connector(opened.EngagementConfig.Connector.ID)
	if !known {
		return "", errUnknownConnector
	}
	v, known := c.visits.get(opened.EngagementConfig.SessionID)
	if !known {
		return "", &RefusalError{Status: http.StatusBadRequest, InternalErrorCode: codeUnknownSession, Message: "the visit has ended: load the page again"}
	}
	state, err := json.Marshal(windowState{c.windowConfig(connector, opened.EngagementConfig)})
	if err != nil {
		return "", err //nolint:wrapcheck // texts and numbers always marshal
	}
	v.mu.Lock()
	v.state = string(state)
	v.mu.Unlock()
	responseType := "id_token"
	if connector.CodeFlow {
		responseType = "code"
	}
	return connector.AuthorizationEndpoint + "?" + url.Values{
		"response_type": {responseType}, "client_id": {connector.ClientID}, "scope": {"openid"},
		"redirect_uri": {c.WindowAddress()}, "state": {string(state)}, "parentWindowOrigin": {origin(parent)},
	}.Encode(), nil
}

func (c *Cloud) windowConfig(connector Connector, opened engagement) windowConfig {
	kind, tokenEndpoint := 1, any(nil)
	if connector.CodeFlow {
		kind, tokenEndpoint = 2, connector.TokenEndpoint
	}
	return windowConfig{
		AccountID: c.opts.AccountID, Env: "prod", ClickedChannel: "-lpuw-authMessaging", External: true, Scope: "uw", SecureStorage: "indexedDB",
		EngagementConfig: engagement{
			Async: true, VisitorID: opened.VisitorID, SessionID: opened.SessionID,
			Connector: &connectorSetting{ID: connector.ID, Type: kind, Configuration: map[string]any{
				"jwtValidationType": "JWKS_ENDPOINT", "jwtPublicKey": connector.PublicKey, "jwksEndpoint": connector.JWKSEndpoint,
				"authorizationEndpoint": connector.AuthorizationEndpoint, "tokenEndpoint": tokenEndpoint, "clientId": connector.ClientID,
				"issuer": connector.Issuer, "jsMethodName": connector.JSMethod, "jsContext": connector.JSContext, "rfcCompliance": true,
			}},
		},
	}
}
