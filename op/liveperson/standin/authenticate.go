package standin

import (
	"encoding/json"
	"errors"
	"net/http"
)

// exchange is what a client of the cloud brings: the brand's ID token, or a code
// with the redirect address that it was asked for with. State (external window)
// and sessionId (embedded) tell which visit it belongs to; these two are the
// stand-in's own.
type exchange struct {
	IDToken     string `json:"id_token"`
	Code        string `json:"code"`
	RedirectURI string `json:"redirect_uri"`
	State       string `json:"state"`
	SessionID   string `json:"sessionId"`
}

// authenticate is the exchange of version 3.0: {"id_token"} or
// {"code","redirect_uri"} for {"token"}. The address in Content-Location has the
// details of the attempt, let in or not.
func (c *Cloud) authenticate(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("v") != "3.0" {
		refuse(w, &RefusalError{Status: http.StatusBadRequest, InternalErrorCode: codeUnknownVersion, Message: "v must be 3.0"})
		return
	}
	var request exchange
	if refusal := readJSON(w, r, &request); refusal != nil {
		refuse(w, refusal)
		return
	}
	id := r.PathValue("connector")
	if id == AnonymousConnector {
		c.exchangeAnonymous(w, request.IDToken)
		return
	}
	connector, known := c.Connector(id)
	if !known {
		refuse(w, errUnknownConnector)
		return
	}
	if (request.IDToken == "") == (request.Code == "") {
		refuse(w, &RefusalError{Status: http.StatusBadRequest, InternalErrorCode: codeMalformed, Message: "there must be an id_token or a code"})
		return
	}
	attempt := &Conversation{ID: c.newID(), Way: wayOf(request), Began: c.opts.Now(), Connector: connector}
	attempt.Connector.ClientSecret = ""
	var f findings
	v := c.visitOf(request, &f)
	compact := request.IDToken
	if request.Code != "" {
		attempt.Redemption, compact = c.redeem(r.Context(), connector, request.Code, request.RedirectURI, &f)
	}
	if compact != "" {
		x := c.examine(r.Context(), connector, compact, v)
		attempt.Token = x.token
		f.checks = append(f.checks, x.checks...)
	}
	attempt.Checks = f.checks
	c.conclude(w, attempt)
}

func wayOf(request exchange) Way {
	switch {
	case request.Code != "":
		return WindowCode
	case request.State != "":
		return WindowIDToken
	default:
		return Embedded
	}
}

// conclude lets the consumer in if no check failed, and answers.
func (c *Cloud) conclude(w http.ResponseWriter, attempt *Conversation) {
	for _, check := range attempt.Checks {
		if check.Outcome == Failed {
			attempt.Refusal = &RefusalError{
				Status: http.StatusUnauthorized, InternalErrorCode: codeChecksFailed, Message: check.Title + ": " + check.Reason,
			}
			break
		}
	}
	if attempt.Refusal == nil {
		consumer, token, err := c.admit(attempt)
		if err != nil {
			refuse(w, errNoToken)
			return
		}
		attempt.Consumer, attempt.ConsumerToken = consumer, token
	}
	c.conversations.put(attempt.ID, attempt)
	w.Header().Set("Content-Location", ConversationPath+attempt.ID)
	if attempt.Refusal != nil {
		refuse(w, attempt.Refusal)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"token": attempt.ConsumerToken})
}

// ConversationPath is where the details of an attempt lie, its id behind it.
const ConversationPath = "/conversations/"

// visitOf finds the visit that a token belongs to and checks that the window is
// of this account and got its own state back.
func (c *Cloud) visitOf(request exchange, f *findings) *visit {
	if request.State == "" {
		f.add("account", "Account", Passed, "the page's tag is of account "+c.opts.AccountID)
		v, _ := c.visits.get(request.SessionID)
		return v
	}
	var state windowState
	err := json.Unmarshal([]byte(request.State), &state)
	if err != nil || state.Config.AccountID != c.opts.AccountID {
		err = errors.New("the window's configuration in state is not of this account")
	}
	f.note("account", "Account", "the window's configuration in state is of account "+c.opts.AccountID, err)
	v, known := c.visits.get(state.Config.EngagementConfig.SessionID)
	switch {
	case !known:
		err = errors.New("state is of no visit here")
	case v.sent() != request.State:
		err = errors.New("state is not what the window sent")
	default:
		err = nil
	}
	f.note("state", "State", "came back as the window sent it, byte for byte", err)
	return v
}
