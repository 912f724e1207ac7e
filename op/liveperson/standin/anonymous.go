package standin

import (
	"errors"
	"net/http"
	"time"
)

// How long the token of an anonymous consumer lasts, and how long after the first
// one it may be renewed.
const (
	anonymousLifetime  = 10 * time.Minute
	anonymousRenewable = 730 * time.Hour
)

// anonymousType keeps tokens of anonymous consumers apart from all others that
// the same key signs.
const anonymousType = "anonymous+jwt"

// authorizeAnonymous makes an anonymous consumer, or renews the token of one,
// expired or not: {} or {"id_token"} for {"token"}.
func (c *Cloud) authorizeAnonymous(w http.ResponseWriter, r *http.Request) {
	var request struct {
		IDToken string `json:"id_token"`
	}
	if refusal := readJSON(w, r, &request); refusal != nil {
		refuse(w, refusal)
		return
	}
	id, began := c.newID(), c.opts.Now()
	if request.IDToken != "" {
		token, err := c.ownToken(request.IDToken)
		if err == nil {
			first, _ := seconds(token.claims["first_iat"])
			id, began = token.text("sub"), time.Unix(first, 0)
			if c.opts.Now().Sub(began) >= anonymousRenewable {
				err = errors.New("the token of this anonymous consumer is too old to be renewed")
			}
		}
		if err != nil {
			refuse(w, unauthorized(err))
			return
		}
	}
	token, err := c.anonymousToken(id, began)
	if err != nil {
		refuse(w, errOurFault)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"token": token})
}

func unauthorized(err error) *RefusalError {
	return &RefusalError{Status: http.StatusUnauthorized, InternalErrorCode: codeChecksFailed, Message: err.Error()}
}

// anonymousToken makes a token that is never the same twice.
func (c *Cloud) anonymousToken(id string, began time.Time) (string, error) {
	now := c.opts.Now()
	return c.sign(consumerClaims{
		Subject: id, Audience: "acc:" + c.opts.AccountID, Issuer: c.opts.Address, ACR: acrAnonymous,
		IssuedAt: now.Unix(), Expires: now.Add(anonymousLifetime).Unix(), Began: began.Unix(), ID: c.newID(),
	}, anonymousType)
}

// Arrive has an anonymous consumer begin a conversation, as the two requests of a
// window would.
func (c *Cloud) Arrive() (*Conversation, error) {
	token, err := c.anonymousToken(c.newID(), c.opts.Now())
	if err != nil {
		return nil, err
	}
	return c.admitAnonymous(exchange{IDToken: token})
}

// exchangeAnonymous is the exchange for an anonymous consumer.
func (c *Cloud) exchangeAnonymous(w http.ResponseWriter, request exchange) {
	attempt, err := c.admitAnonymous(request)
	if err != nil {
		refuse(w, refusalOf(err))
		return
	}
	w.Header().Set("Content-Location", ConversationPath+attempt.ID)
	writeJSON(w, http.StatusOK, map[string]string{"token": attempt.ConsumerToken})
}

// admitAnonymous lets an anonymous consumer in: nobody vouches for them, and the
// agent sees nothing but what the page said.
func (c *Cloud) admitAnonymous(request exchange) (*Conversation, error) {
	token, err := c.ownToken(request.IDToken)
	if err == nil {
		err = expired(token, c.opts.Now())
	}
	if err != nil {
		return nil, unauthorized(err)
	}
	issued, _ := seconds(token.claims["iat"])
	expires, _ := seconds(token.claims["exp"])
	signed, err := c.sign(consumerClaims{
		Subject: token.text("sub"), Audience: "acc:" + c.opts.AccountID, Issuer: c.opts.Address, IssuedAt: issued, Expires: expires,
	}, consumerType)
	if err != nil {
		return nil, err
	}
	attempt := &Conversation{
		ID: c.newID(), Way: Anonymous, Began: c.opts.Now(), Expires: time.Unix(expires, 0), Connector: Connector{ID: AnonymousConnector},
		Consumer: &Consumer{ID: token.text("sub")}, ConsumerToken: signed,
	}
	if v, known := c.visits.get(request.SessionID); known {
		attempt.PageSDEs = v.page
	}
	if request.ConversationID != "" {
		return c.goOn(request.ConversationID, attempt)
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
