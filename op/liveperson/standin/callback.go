package standin

import (
	"html"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/brandidp/idp/op/liveperson"
)

// delegatedToken is the access token that a consumer who stays unauthenticated
// has let a bot use.
type delegatedToken struct {
	access  string
	expires time.Time // zero if the brand did not say
}

// delegating is a link that a bot has posted and that nobody has come back from.
type delegating struct{ conversation, connector, redirectURI string }

// CallbackAddresses are where the brand may lead back from a delegation link. The
// documentation spells the path in two ways.
func (c *Cloud) CallbackAddresses() []string {
	base := c.opts.Address + "/callback/" + c.opts.AccountID
	return []string{base + "/redirectCode", base + "/redirectedCode"}
}

// DelegationLink makes the link that a bot posts in a conversation for a
// connector whose pasted key is
// liveperson.DelegationKey. authorize is the brand's
// authorization request, without state: client_id, response_type=code,
// redirect_uri (one of CallbackAddresses) and scope. The error is a *RefusalError.
func (c *Cloud) DelegationLink(conversation, connectorID, authorize string) (string, error) {
	found, known := c.Conversation(conversation)
	if !known || found.Consumer == nil || found.Ended {
		return "", errUnknownConversation
	}
	connector, known := c.Connector(connectorID)
	if !known || connector.PublicKey != liveperson.DelegationKey {
		return "", errUnknownConnector
	}
	u, err := url.Parse(authorize)
	if err != nil {
		return "", malformed("the link is no address")
	}
	query := u.Query()
	switch {
	case query.Get("client_id") != connector.ClientID:
		return "", malformed("client_id of the link is not the connector's")
	case query.Get("response_type") != "code":
		return "", malformed("response_type of the link is not code")
	case !slices.Contains(c.CallbackAddresses(), query.Get("redirect_uri")):
		return "", malformed("redirect_uri of the link is not one of this account's callbacks")
	case query.Has("state"):
		return "", malformed("the link has a state, which is for the cloud to add")
	}
	state := c.newID()
	c.links.put(state, delegating{conversation, connector.ID, query.Get("redirect_uri")})
	return join(authorize, url.Values{"state": {state}}), nil
}

// DelegatedToken is the brand's access token that the consumer of a conversation
// has let a bot use; false when there is none, or it has expired and has to be
// asked for again: refresh tokens of unauthenticated consumers are not kept.
func (c *Cloud) DelegatedToken(conversation string) (string, bool) {
	token, known := c.delegated.get(conversation)
	if !known || !token.expires.IsZero() && !c.opts.Now().Before(token.expires) {
		return "", false
	}
	return token.access, true
}

// callback takes the consumer who comes back from a delegation link. They stay as
// unauthenticated as they were.
func (c *Cloud) callback(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	link, known := c.links.take(query.Get("state"))
	if !known || link.redirectURI != c.opts.Address+r.URL.Path {
		c.closing(w, http.StatusBadRequest, "state is not that of a link from here")
		return
	}
	connector, known := c.Connector(link.connector)
	if !known || query.Get("code") == "" {
		c.closing(w, http.StatusBadRequest, "access was not granted")
		return
	}
	answer, header, err := c.askForToken(r.Context(), connector, map[string]string{
		"grant_type": "authorization_code", "code": query.Get("code"), "redirect_uri": link.redirectURI,
	}, &Redemption{})
	if err == nil {
		err = checkAnswer(answer, header)
	}
	if err != nil {
		c.closing(w, http.StatusBadGateway, err.Error())
		return
	}
	c.delegated.put(link.conversation, delegatedToken{answer.AccessToken, c.lastsUntil(answer)})
	c.closing(w, http.StatusOK, "access was granted")
}

// closing is the page that remains of the pop-up.
func (c *Cloud) closing(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte("<!doctype html>\n<html lang=\"en\"><title>Back to the conversation</title>\n<p id=\"message\">" +
		html.EscapeString(message) + "</p>\n<p>Close this window and go back to the conversation.</p>\n"))
}
