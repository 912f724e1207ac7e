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
			refuse(w, &Refusal{Status: http.StatusUnauthorized, InternalErrorCode: codeChecksFailed, Message: err.Error()})
			return
		}
		id = token.text("sub")
	}
	now := c.opts.Now()
	token, err := c.sign(consumerClaims{
		Subject: id, Audience: "acc:" + c.opts.AccountID, Issuer: c.opts.Address, ACR: "0",
		IssuedAt: now.Unix(), Expires: now.Add(anonymousLifetime).Unix(),
	}, anonymousType)
	if err != nil {
		refuse(w, &Refusal{Status: http.StatusInternalServerError, InternalErrorCode: codeMalformed, Message: "no token could be made"})
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"token": token})
}

// admitAnonymous lets an anonymous consumer in: nobody vouches for them, and the
// agent sees nothing but that.
func (c *Cloud) admitAnonymous(w http.ResponseWriter, compact string) {
	token, err := c.ownToken(compact)
	if err == nil {
		err = expired(token, c.opts.Now())
	}
	if err != nil {
		refuse(w, &Refusal{Status: http.StatusUnauthorized, InternalErrorCode: codeChecksFailed, Message: err.Error()})
		return
	}
	issued, _ := seconds(token.claims["iat"])
	expires, _ := seconds(token.claims["exp"])
	signed, err := c.sign(consumerClaims{
		Subject: token.text("sub"), Audience: "acc:" + c.opts.AccountID, Issuer: c.opts.Address, IssuedAt: issued, Expires: expires,
	}, "JWT")
	if err != nil {
		refuse(w, &Refusal{Status: http.StatusInternalServerError, InternalErrorCode: codeMalformed, Message: "no token could be made"})
		return
	}
	c.keep(w, &Conversation{
		ID: c.newID(), Way: Anonymous, Began: c.opts.Now(), Connector: Connector{ID: AnonymousConnector},
		Consumer: &Consumer{ID: token.text("sub")}, ConsumerToken: signed,
	})
	writeJSON(w, http.StatusOK, map[string]string{"token": signed})
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
