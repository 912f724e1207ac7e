package standin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// Redemption is how a code was exchanged at the brand's token endpoint.
type Redemption struct {
	Endpoint    string
	RedirectURI string
	// Status is that of the answer, 0 if there was none.
	Status int
	// TokenType and ExpiresIn, in seconds, are as answered.
	TokenType string
	ExpiresIn int64
}

// tokenAnswer is what a token endpoint answers (OpenID Connect Core 3.1.3.3).
type tokenAnswer struct {
	IDToken   string `json:"id_token"`
	TokenType string `json:"token_type"`
	ExpiresIn int64  `json:"expires_in"`
	Error     string `json:"error"`
}

// redeem exchanges a code with client_secret_basic and the redirect address that
// it was asked for with, and adds what it found. The ID token is "" when there
// is none.
func (c *Cloud) redeem(ctx context.Context, connector Connector, code, redirectURI string, f *findings) (*Redemption, string) {
	done := &Redemption{Endpoint: connector.TokenEndpoint, RedirectURI: redirectURI}
	answer, header, err := c.askForToken(ctx, connector, code, redirectURI, done)
	f.note("code", "Code redeemed", "at the token endpoint, with client_secret_basic and the same redirect address", err)
	if err != nil {
		f.add("token-response", "Token response", LeftOut, "there is none")
		return done, ""
	}
	done.TokenType, done.ExpiresIn = answer.TokenType, answer.ExpiresIn
	f.note("token-response", "Token response", "JSON with token_type Bearer and an ID token, not to be stored", checkAnswer(answer, header))
	return done, answer.IDToken
}

func (c *Cloud) askForToken(
	ctx context.Context, connector Connector, code, redirectURI string, done *Redemption,
) (*tokenAnswer, http.Header, error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirectURI}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, connector.TokenEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, nil, errors.New("the token endpoint is no address")
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(url.QueryEscape(connector.ClientID), url.QueryEscape(connector.ClientSecret)) // RFC 6749 2.3.1
	response, err := c.opts.Client.Do(request)
	if err != nil {
		return nil, nil, errors.New("the token endpoint does not answer")
	}
	defer response.Body.Close() //nolint:errcheck // only read
	done.Status = response.StatusCode
	var answer tokenAnswer
	err = json.NewDecoder(io.LimitReader(response.Body, maxBody)).Decode(&answer)
	switch {
	case response.StatusCode != http.StatusOK && err == nil && isErrorCode(answer.Error):
		return nil, nil, fmt.Errorf("the token endpoint answers with status %d and %s", response.StatusCode, answer.Error)
	case response.StatusCode != http.StatusOK:
		return nil, nil, fmt.Errorf("the token endpoint answers with status %d", response.StatusCode)
	case err != nil:
		return nil, nil, errors.New("the token endpoint does not answer with JSON")
	}
	return &answer, response.Header, nil
}

// isErrorCode keeps anything but a short word of an error out of our pages.
func isErrorCode(text string) bool {
	return text != "" && len(text) < 64 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz_") == ""
}

func checkAnswer(answer *tokenAnswer, header http.Header) error {
	mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	switch {
	case err != nil || mediaType != "application/json":
		return errors.New("its media type is not application/json")
	case header.Get("Cache-Control") != "no-store":
		return errors.New("it may be stored: Cache-Control is not no-store")
	case !strings.EqualFold(answer.TokenType, "Bearer"):
		return errors.New("token_type is not Bearer")
	case answer.IDToken == "":
		return errors.New("it has no id_token")
	}
	return nil
}
