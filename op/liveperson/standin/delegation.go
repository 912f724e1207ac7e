package standin

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
)

// brandTokens are a consumer's at the brand, kept for bots and services while a
// conversation of theirs is active.
type brandTokens struct {
	conversation string
	connector    Connector // with its secret
	sub          string
	session      time.Time // when the consumer's session ends

	mu                       sync.Mutex // held while they are renewed, so that this happens once
	idToken, access, refresh string
	expires                  time.Time // of the access token; zero if the brand did not say
}

// lastsUntil is when an access token expires, zero if its brand did not say.
func (c *Cloud) lastsUntil(answer *tokenAnswer) time.Time {
	if answer.ExpiresIn <= 0 {
		return time.Time{}
	}
	return c.opts.Now().Add(time.Duration(answer.ExpiresIn) * time.Second)
}

// keep keeps the tokens that came with a code of a connector with delegation.
func (c *Cloud) keep(connector Connector, admitted *Conversation, answer *tokenAnswer) {
	c.tokens.put(admitted.Consumer.ID, &brandTokens{
		conversation: admitted.ID, connector: connector, sub: admitted.Consumer.Subject,
		session: admitted.Expires, idToken: answer.IDToken, access: answer.AccessToken, refresh: answer.RefreshToken, expires: c.lastsUntil(answer),
	})
}

// forget drops the tokens that were kept for a conversation.
func (c *Cloud) forget(conversation *Conversation) {
	if kept, known := c.tokens.get(conversation.Consumer.ID); known && kept.conversation == conversation.ID {
		c.tokens.remove(conversation.Consumer.ID)
	}
	c.delegated.remove(conversation.ID)
}

// AppToken is the bearer token of the account's services, which read what was
// delegated. It stays the same as long as the stand-in runs.
func (c *Cloud) AppToken() string { return c.appToken }

// consumerIDPattern is that of an authenticated consumer's id.
var consumerIDPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

var errNoTokens = &RefusalError{Status: http.StatusNotFound, InternalErrorCode: codeNoTokens, Message: "there are no tokens of this consumer"}

// readTokens is the Get Tokens API: the brand's access token of a consumer whose
// conversation is active, and the ID token it came with.
func (c *Cloud) readTokens(w http.ResponseWriter, r *http.Request) {
	scheme, bearer, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare([]byte(bearer), []byte(c.appToken)) != 1 {
		refuse(w, &RefusalError{Status: http.StatusUnauthorized, InternalErrorCode: codeNoConsumer, Message: "there is no token of an app"})
		return
	}
	id := r.PathValue("consumer")
	if !consumerIDPattern.MatchString(id) {
		refuse(w, malformed("the consumer id is not one of an authenticated consumer"))
		return
	}
	kept, known := c.tokens.get(id)
	if !known {
		refuse(w, errNoTokens)
		return
	}
	kept.mu.Lock()
	defer kept.mu.Unlock()
	if !kept.expires.IsZero() && !c.opts.Now().Before(kept.expires) {
		if kept.refresh == "" || !c.opts.Now().Before(kept.session) {
			refuse(w, errNoTokens)
			return
		}
		if err := c.renew(r.Context(), kept); err != nil {
			refuse(w, &RefusalError{
				Status: http.StatusInternalServerError, InternalErrorCode: codeNotRenewed, Message: "the access token could not be renewed: " + err.Error(),
			})
			return
		}
	}
	writeJSON(w, http.StatusOK, map[string]string{"accessToken": kept.access, "idToken": kept.idToken})
}

// renew has the brand give another access token for the refresh token (RFC 6749
// 6). An ID token that comes along has to be the same person's (OpenID Connect
// Core 12.2); it does not lengthen the session.
func (c *Cloud) renew(ctx context.Context, kept *brandTokens) error {
	answer, header, err := c.askForToken(ctx, kept.connector,
		map[string]string{"grant_type": "refresh_token", "refresh_token": kept.refresh}, &Redemption{})
	if err == nil {
		err = checkAnswer(answer, header)
	}
	if err != nil {
		return err
	}
	if answer.IDToken != "" {
		x := c.examine(ctx, kept.connector, answer.IDToken, nil, "")
		if refusal := failure(x.checks); refusal != nil {
			return refusal
		}
		if x.token.text("sub") != kept.sub { // iss is the connector's
			return errors.New("the ID token that came with it is another consumer's")
		}
		kept.idToken = answer.IDToken
	}
	if answer.RefreshToken != "" {
		kept.refresh = answer.RefreshToken
	}
	kept.access, kept.expires = answer.AccessToken, c.lastsUntil(answer)
	return nil
}

// Renew has the brand give another access token for a consumer's refresh token
// now, as reading the tokens does once the access token has expired.
func (c *Cloud) Renew(ctx context.Context, consumerID string) error {
	kept, known := c.tokens.get(consumerID)
	if !known {
		return errNoTokens
	}
	kept.mu.Lock()
	defer kept.mu.Unlock()
	if kept.refresh == "" {
		return errors.New("there is no refresh token")
	}
	return c.renew(ctx, kept)
}
