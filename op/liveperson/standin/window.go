package standin

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

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
	Async     bool   `json:"async"`
	VisitorID string `json:"svid"`
	SessionID string `json:"ssid"`
	// ConversationID is the stand-in's own: the conversation that goes on.
	ConversationID string             `json:"conversationId,omitempty"`
	Connector      *connectorDocument `json:"connector,omitempty"`
}

// WindowReturnParameter is in the query of the address that a legacy connector's
// window is led back to: the page that it opens with has the same configuration.
const WindowReturnParameter = "authenticated"

// Launched is how the external window of a connector begins.
type Launched struct {
	// Address is the authorization request.
	Address string
	// CodeVerifier is for the window to keep until it has the code, sealed; "" for
	// a connector without PKCE.
	CodeVerifier string
}

// Launch gives the authorization request that the external window of a connector
// begins with. For "OAuth 2 RFC" it has a clean redirect address, the window's
// configuration in state, and no nonce; for a legacy connector the configuration
// in the query of the redirect address, response_type token for an ID token, the
// visitor's id for a nonce, and neither state nor scope. config is the window's
// configuration as the tag opened it, a JSON object with accountId and engConf;
// parent the origin of the page. The error is a *RefusalError if either is to
// blame.
func (c *Cloud) Launch(config, parent string) (Launched, error) {
	var opened windowConfig
	if json.Unmarshal([]byte(config), &opened) != nil || opened.AccountID != c.opts.AccountID || opened.EngagementConfig.Connector == nil {
		return Launched{}, &RefusalError{Status: http.StatusBadRequest, InternalErrorCode: codeUnknownAccount, Message: "the window's configuration is of no account here"}
	}
	connector, known := c.Connector(opened.EngagementConfig.Connector.ID)
	if !known {
		return Launched{}, errUnknownConnector
	}
	v, known := c.visits.get(opened.EngagementConfig.SessionID)
	if !known {
		return Launched{}, &RefusalError{Status: http.StatusBadRequest, InternalErrorCode: codeUnknownSession, Message: "the visit has ended: load the page again"}
	}
	request := url.Values{"client_id": {connector.ClientID}}
	var err error
	if connector.Legacy {
		err = c.legacyRequest(request, connector, opened.EngagementConfig, origin(parent), v)
	} else {
		err = c.rfcRequest(request, connector, opened.EngagementConfig, origin(parent), v)
	}
	if err != nil {
		return Launched{}, err
	}
	launched := Launched{}
	if connector.proves() {
		made, err := c.MakePKCE(connector.ID)
		if err != nil {
			return Launched{}, err
		}
		request.Set("code_challenge", made.Challenge)
		request.Set("code_challenge_method", made.Method)
		launched.CodeVerifier = made.Verifier
	}
	launched.Address = join(connector.AuthorizationEndpoint, request)
	return launched, nil
}

func (c *Cloud) rfcRequest(request url.Values, connector Connector, opened engagement, parent string, v *visit) error {
	state, err := json.Marshal(windowState{c.windowConfig(connector, opened)})
	if err != nil {
		return err //nolint:wrapcheck // texts and numbers always marshal
	}
	v.send(string(state))
	request.Set("response_type", "id_token")
	if connector.CodeFlow {
		request.Set("response_type", "code")
	}
	request.Set("scope", "openid")
	request.Set("redirect_uri", c.WindowAddress())
	request.Set("state", string(state))
	request.Set("parentWindowOrigin", parent)
	return nil
}

func (c *Cloud) legacyRequest(request url.Values, connector Connector, opened engagement, parent string, v *visit) error {
	config, err := json.Marshal(c.windowConfig(connector, opened))
	if err != nil {
		return err //nolint:wrapcheck // texts and numbers always marshal
	}
	v.send(string(config))
	request.Set("response_type", "token")
	if connector.CodeFlow {
		request.Set("response_type", "code")
	}
	request.Set("redirect_uri", join(c.WindowAddress(), url.Values{
		"lpUnifiedWindowConfig": {string(config)}, "parentWindowOrigin": {parent}, WindowReturnParameter: {"true"},
	}))
	request.Set("nonce", v.visitor)
	return nil
}

// join puts a query behind an address that may have one.
func join(address string, query url.Values) string {
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return address + separator + query.Encode()
}

func (c *Cloud) windowConfig(connector Connector, opened engagement) windowConfig {
	document := connector.document()
	return windowConfig{
		AccountID: c.opts.AccountID, Env: "prod", ClickedChannel: "-lpuw-authMessaging", External: true, Scope: "uw", SecureStorage: "indexedDB",
		EngagementConfig: engagement{
			Async: true, VisitorID: opened.VisitorID, SessionID: opened.SessionID, ConversationID: opened.ConversationID, Connector: &document,
		},
	}
}

// whence is where an exchange comes from: the visit, the nonce of its window,
// and the conversation that it goes on with.
type whence struct {
	visit        *visit
	nonce        string
	conversation string
}

// whenceOf finds where an exchange comes from, and checks that a window is of this
// account and got its own configuration back.
func (c *Cloud) whenceOf(request exchange, f *findings) whence {
	from := whence{conversation: request.ConversationID}
	if request.State == "" && request.WindowConfig == "" {
		f.add("account", "Account", Passed, "the page's tag, or the app, is of account "+c.opts.AccountID)
		from.visit, _ = c.visits.get(request.SessionID)
		return from
	}
	var state windowState
	sent, name := request.State, "state"
	err := json.Unmarshal([]byte(request.State), &state)
	if request.State == "" {
		sent, name = request.WindowConfig, "the query of the redirect address"
		err = json.Unmarshal([]byte(request.WindowConfig), &state.Config)
	}
	if err != nil || state.Config.AccountID != c.opts.AccountID {
		err = errors.New("the window's configuration in " + name + " is not of this account")
	}
	f.note("account", "Account", "the window's configuration in "+name+" is of account "+c.opts.AccountID, err)
	v, known := c.visits.get(state.Config.EngagementConfig.SessionID)
	switch {
	case !known:
		err = errors.New(name + " is of no visit here")
	case !v.sentBack(sent):
		err = errors.New(name + " is not what the window sent")
	default:
		err = nil
	}
	f.note("state", "State", name+" came back as the window sent it, byte for byte", err)
	from.visit = v
	if request.State == "" && v != nil {
		from.nonce = v.visitor
	}
	if from.conversation == "" {
		from.conversation = state.Config.EngagementConfig.ConversationID
	}
	return from
}
