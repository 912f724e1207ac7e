package standin

import (
	"errors"
	"net/http"
	"time"
)

// anonymousLifetime is how long the token of an anonymous consumer lasts.
const anonymousLifetime = 10 * time.Minute

// anonymousType keeps tokens of anonymous consumers apart from all others that
// the same key signs.
const anonymousType = "anonymous+jwt"

// authorizeAnonymous makes an anonymous consumer, or renews the token of one:
// {} or {"id_token"} for {"token"}.
func (c *Cloud) authorizeAnonymous(w http.ResponseWriter, r *http.Request) {
	var request struct {
		IDToken string `json:"id_token"`
	}
	if refusal := readJSON(w, r, &request); refusal != nil {
		refuse(w, refusal)
		return
	}
	id := c.newID()
	if request.IDToken != "" {
		token, err := c.ownToken(request.IDToken)
		if err != nil {
			refuse(w, &RefusalError{Status: http.StatusUnauthorized, InternalErrorCode: codeChecksFailed, Message: err.Error()})
			return
		}
		id = token.text("sub")
	}
	token, err := c.anonymousToken(id)
	if err != nil {
		refuse(w, errNoToken)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"token": token})
}

var errNoToken = &RefusalError{Status: http.StatusInternalServerError, InternalErrorCode: codeMalformed, Message: "no token could be made"}

func (c *Cloud) anonymousToken(id string) (string, error) {
	now := c.opts.Now()
	return c.sign(consumerClaims{
		Subject: id, Audience: "acc:" + c.opts.AccountID, Issuer: c.opts.Address, ACR: "0",
		IssuedAt: now.Unix(), Expires: now.Add(anonymousLifetime).Unix(),
	}, anonymousType)
}

// Arrive has an anonymous consumer begin a conversation, as the two requests of a
// window would.
func (c *Cloud) Arrive() (*Conversation, error) {
	token, err := c.anonymousToken(c.newID())
	if err != nil {
		return nil, err
	}
	return c.admitAnonymous(token)
}

// exchangeAnonymous is the exchange for an anonymous consumer.
func (c *Cloud) exchangeAnonymous(w http.ResponseWriter, compact string) {
	attempt, err := c.admitAnonymous(compact)
	if err != nil {
		refuse(w, &RefusalError{Status: http.StatusUnauthorized, InternalErrorCode: codeChecksFailed, Message: err.Error()})
		return
	}
	w.Header().Set("Content-Location", ConversationPath+attempt.ID)
	writeJSON(w, http.StatusOK, map[string]string{"token": attempt.ConsumerToken})
}

// admitAnonymous lets an anonymous consumer in: nobody vouches for them, and the
// agent sees nothing but that.
func (c *Cloud) admitAnonymous(compact string) (*Conversation, error) {
	token, err := c.ownToken(compact)
	if err == nil {
		err = expired(token, c.opts.Now())
	}
	if err != nil {
		return nil, err
	}
	issued, _ := seconds(token.claims["iat"])
	expires, _ := seconds(token.claims["exp"])
	signed, err := c.sign(consumerClaims{
		Subject: token.text("sub"), Audience: "acc:" + c.opts.AccountID, Issuer: c.opts.Address, IssuedAt: issued, Expires: expires,
	}, "JWT")
	if err != nil {
		return nil, err
	}
	attempt := &Conversation{
		ID: c.newID(), Way: Anonymous, Began: c.opts.Now(), Connector: Connector{ID: AnonymousConnector},
		Consumer: &Consumer{ID: token.text("sub")}, ConsumerToken: signed,
	}
	c.conversations.put(attempt.ID, attempt)
	return attempt, nil
}

// ownToken reads a token of an anonymous consumer that the stand-in itself has
// made, expired or not.
func (c *Cloud) ownToken(compact string) (*Token, error) {
	token, err := takeApart(compact)
	if err != nil || token.header.Typ != anonymousType || verify(compact, c.PublicKey()) != nil {
		return nil, errors.New("this is not the token of an anonymous consumer of ours")
	}
	return token, nil
}

func expired(token *Token, now time.Time) error {
	if expires, err := seconds(token.claims["exp"]); err != nil || expires <= now.Unix() {
		return errors.New("the token of this anonymous consumer has expired")
	}
	return nil
}
