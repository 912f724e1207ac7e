package standin

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/brandidp/idp/op/liveperson"
)

// exchange is what a client of the cloud brings: the brand's ID token, or a code
// with the redirect address that it was asked for with and, for a connector with
// PKCE, the sealed verifier.
type exchange struct {
	IDToken      string `json:"id_token"`
	Code         string `json:"code"`
	RedirectURI  string `json:"redirect_uri"`
	CodeVerifier string `json:"code_verifier"`
	AuthCode     string `json:"authCode"` // of the oldest version: either

	// The rest is the stand-in's own. State, or for a legacy connector WindowConfig,
	// are what came back to the external window; sessionId (embedded) tells the
	// visit; conversationId is a conversation to go on with; and app marks an app.
	State          string `json:"state"`
	WindowConfig   string `json:"lpUnifiedWindowConfig"`
	SessionID      string `json:"sessionId"`
	ConversationID string `json:"conversationId"`
	App            bool   `json:"app"`
}

// authenticateLegacy is the exchange of the oldest version: {"authCode"} for
// {"jwt"}, at the preferred connector.
func (c *Cloud) authenticateLegacy(w http.ResponseWriter, r *http.Request) {
	var request exchange
	if refusal := readJSON(w, r, &request); refusal != nil {
		refuse(w, refusal)
		return
	}
	connector, known := c.Connector(DefaultConnector)
	if !known {
		refuse(w, errUnknownConnector)
		return
	}
	if request.AuthCode == "" || request.IDToken != "" || request.Code != "" {
		refuse(w, malformed("there must be an authCode, and nothing else to authenticate with"))
		return
	}
	if connector.CodeFlow {
		request.Code = request.AuthCode
	} else {
		request.IDToken = request.AuthCode
	}
	c.exchange(w, r, connector, request, "jwt")
}

// authenticate is the exchange of version 2.0, {"code","redirect_uri"} for
// {"jwt"}, and 3.0, {"id_token"} or {"code","redirect_uri","code_verifier"} for
// {"token"}. The address in Content-Location has the details of the attempt, let
// in or not.
func (c *Cloud) authenticate(w http.ResponseWriter, r *http.Request) {
	version := r.URL.Query().Get("v")
	if version != "2.0" && version != "3.0" {
		refuse(w, &RefusalError{Status: http.StatusBadRequest, InternalErrorCode: codeUnknownVersion, Message: "v must be 2.0 or 3.0"})
		return
	}
	var request exchange
	if refusal := readJSON(w, r, &request); refusal != nil {
		refuse(w, refusal)
		return
	}
	id := r.PathValue("connector")
	if id == AnonymousConnector && version == "3.0" {
		c.exchangeAnonymous(w, request)
		return
	}
	connector, known := c.Connector(id)
	if !known {
		refuse(w, errUnknownConnector)
		return
	}
	if version == "2.0" {
		if request.Code == "" || request.IDToken != "" {
			refuse(w, malformed("version 2.0 is for a code"))
			return
		}
		c.exchange(w, r, connector, request, "jwt")
		return
	}
	c.exchange(w, r, connector, request, "token")
}

func malformed(message string) *RefusalError {
	return &RefusalError{Status: http.StatusBadRequest, InternalErrorCode: codeMalformed, Message: message}
}

// exchange answers with the consumer token in the member called name.
func (c *Cloud) exchange(w http.ResponseWriter, r *http.Request, connector Connector, request exchange, name string) {
	attempt, err := c.attempt(r.Context(), connector, request)
	if attempt != nil {
		w.Header().Set("Content-Location", ConversationPath+attempt.ID)
	}
	if err != nil {
		refuse(w, refusalOf(err))
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{name: attempt.ConsumerToken})
}

// attempt examines what was brought and lets the consumer in if no check fails.
// The attempt is nil with a refusal of something that is no attempt at all. An ID
// token passes at a connector of the code flow: nothing says that it does not.
func (c *Cloud) attempt(ctx context.Context, connector Connector, request exchange) (*Conversation, error) {
	switch {
	case (request.IDToken == "") == (request.Code == ""):
		return nil, malformed("there must be an id_token or a code")
	case request.Code != "" && !connector.CodeFlow:
		return nil, malformed("the connector is of the implicit flow, and takes no code")
	case connector.PublicKey == liveperson.DelegationKey:
		return nil, malformed("the connector is for delegation: nobody is authenticated with it")
	}
	attempt := &Conversation{ID: c.newID(), Way: wayOf(request), Began: c.opts.Now(), Connector: connector}
	attempt.Connector.ClientSecret = ""
	var f findings
	from := c.whenceOf(request, &f)
	compact, answer := request.IDToken, (*tokenAnswer)(nil)
	if request.Code != "" {
		verifier, refusal := c.verifierOf(connector, request.CodeVerifier)
		if refusal != nil {
			return nil, refusal
		}
		attempt.Redemption, answer = c.redeem(ctx, connector, grant{request.Code, c.redirectOf(connector, request), verifier}, &f)
		if answer != nil {
			compact = answer.IDToken
		}
	}
	if compact != "" {
		x := c.examine(ctx, connector, compact, from.visit, from.nonce)
		attempt.Token = x.token
		f.checks = append(f.checks, x.checks...)
	}
	if from.visit != nil {
		attempt.PageSDEs = from.visit.page
	}
	attempt.Checks = f.checks
	concluded, err := c.conclude(attempt, from.conversation)
	if err == nil && answer != nil && connector.Delegation {
		c.keep(connector, concluded, answer)
	}
	return concluded, err
}

func wayOf(request exchange) Way {
	window := request.State != "" || request.WindowConfig != ""
	switch {
	case request.App:
		return App
	case window && request.Code != "":
		return WindowCode
	case window:
		return WindowIDToken
	case request.Code != "":
		return EmbeddedCode
	default:
		return Embedded
	}
}

// redirectOf is the redirect address that a code is redeemed with, if none came
// with it: the window's for its codes, but with a legacy connector the one that
// stands for the page.
func (c *Cloud) redirectOf(connector Connector, request exchange) string {
	switch {
	case request.RedirectURI != "":
		return request.RedirectURI
	case request.State != "" && !connector.Legacy:
		return c.WindowAddress()
	default:
		return liveperson.EmbeddedRedirectURI
	}
}

// conclude lets the consumer in if no check failed, into a new conversation or
// the one that goes on, and keeps the attempt.
func (c *Cloud) conclude(attempt *Conversation, goesOn string) (*Conversation, error) {
	if refusal := failure(attempt.Checks); refusal != nil {
		attempt.Refusal = refusal
	} else if err := c.admit(attempt); err != nil {
		return nil, err
	}
	if attempt.Refusal == nil && goesOn != "" {
		on, err := c.goOn(goesOn, attempt)
		if err == nil {
			return on, nil
		}
		attempt.Checks = append(attempt.Checks, Check{Name: "conversation", Title: "Conversation", Outcome: Failed, Reason: err.Error()})
		attempt.Refusal = refusalOf(err)
		attempt.Consumer, attempt.ConsumerToken, attempt.Expires = nil, "", time.Time{}
	}
	c.conversations.put(attempt.ID, attempt)
	if attempt.Refusal != nil {
		return attempt, attempt.Refusal
	}
	return attempt, nil
}

// failure is the refusal for the first check that failed, nil if none did.
func failure(checks []Check) *RefusalError {
	for _, check := range checks {
		if check.Outcome == Failed {
			return &RefusalError{Status: http.StatusUnauthorized, InternalErrorCode: codeChecksFailed, Message: check.Title + ": " + check.Reason}
		}
	}
	return nil
}

// ConversationPath is where the details of an attempt lie, its id behind it.
const ConversationPath = "/conversations/"

// errNotYours says that a conversation belongs to another consumer.
var errNotYours = &RefusalError{Status: http.StatusForbidden, InternalErrorCode: codeAnother, Message: "the conversation is another consumer's"}

var errUnknownConversation = &RefusalError{
	Status: http.StatusNotFound, InternalErrorCode: codeUnknownConversation, Message: "there is no such conversation, or it has ended",
}

// goOn has a conversation go on as the consumer of an attempt: the same one with
// a fresh token, or, if it was begun anonymously, the one who has signed in since
// (step-up). Its id and messages stay.
func (c *Cloud) goOn(id string, attempt *Conversation) (*Conversation, error) {
	var on Conversation
	known, err := c.conversations.replace(id, func(before *Conversation) (*Conversation, error) {
		if before.Consumer == nil || before.Ended {
			return nil, errUnknownConversation
		}
		if before.Consumer.ID != attempt.Consumer.ID && (before.Consumer.Verified || !attempt.Consumer.Verified) {
			return nil, errNotYours
		}
		on = *attempt
		found := "goes on as the same consumer"
		if before.Consumer.ID != attempt.Consumer.ID {
			found = "was begun by an anonymous consumer, and goes on as the one who has signed in"
		}
		on.Checks = append(slices.Clip(attempt.Checks), Check{Name: "conversation", Title: "Conversation", Outcome: Passed, Reason: found})
		on.ID, on.Began, on.Messages, on.Renewals = before.ID, before.Began, before.Messages, before.Renewals+1
		on.SteppedUp = before.SteppedUp || before.Consumer.ID != attempt.Consumer.ID
		return &on, nil
	})
	if err == nil && !known {
		err = errUnknownConversation
	}
	if err != nil {
		return nil, err
	}
	return &on, nil
}
