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
	// Refreshable: a refresh token came along.
	Refreshable bool
}

// tokenAnswer is what a token endpoint answers (OpenID Connect Core 3.1.3.3).
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	Error        string `json:"error"`
}

// grant is what a code is redeemed with.
type grant struct{ code, redirectURI, verifier string }

// redeem exchanges a code, as the connector puts its token requests, and adds
// what it found. The answer is nil when there is none.
func (c *Cloud) redeem(ctx context.Context, connector Connector, g grant, f *findings) (*Redemption, *tokenAnswer) {
	done := &Redemption{Endpoint: connector.TokenEndpoint, RedirectURI: g.redirectURI}
	code := g.code
	if connector.EncodedCodes {
		code = url.QueryEscape(code)
	}
	parameters := map[string]string{"grant_type": "authorization_code", "code": code, "redirect_uri": g.redirectURI}
	if g.verifier != "" {
		parameters["code_verifier"] = g.verifier
	}
	answer, header, err := c.askForToken(ctx, connector, parameters, done)
	f.note("code", "Code redeemed", "at the token endpoint, with "+tokenRequests[connector.TokenRequest], err)
	if err != nil {
		f.add("token-response", "Token response", LeftOut, "there is none")
		return done, nil
	}
	done.TokenType, done.ExpiresIn, done.Refreshable = answer.TokenType, answer.ExpiresIn, answer.RefreshToken != ""
	if err = checkAnswer(answer, header); err == nil && answer.IDToken == "" {
		err = errors.New("it has no id_token")
	}
	f.note("token-response", "Token response", "JSON with token_type Bearer, an access token and an ID token, not to be stored", err)
	return done, answer
}

var tokenRequests = map[TokenRequest]string{
	"": "client_secret_basic", TokenRequestBasic: "client_secret_basic", TokenRequestPost: "client_secret_post",
	TokenRequestJSON: "client_secret_basic and a body of JSON",
}

// tokenRequest is a request to the token endpoint as the connector puts it.
func tokenRequest(ctx context.Context, connector Connector, parameters map[string]string) (*http.Request, error) {
	form := url.Values{}
	for name, value := range parameters {
		form.Set(name, value)
	}
	if connector.TokenRequest == TokenRequestPost {
		form.Set("client_id", connector.ClientID)
		form.Set("client_secret", connector.ClientSecret)
	}
	body, mediaType := form.Encode(), "application/x-www-form-urlencoded"
	if connector.TokenRequest == TokenRequestJSON {
		text, err := json.Marshal(parameters)
		if err != nil {
			return nil, err //nolint:wrapcheck // texts always marshal
		}
		body, mediaType = string(text), "application/json"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, connector.TokenEndpoint, strings.NewReader(body))
	if err != nil {
		return nil, errors.New("the token endpoint is no address")
	}
	request.Header.Set("Content-Type", mediaType)
	if connector.TokenRequest != TokenRequestPost {
		request.SetBasicAuth(url.QueryEscape(connector.ClientID), url.QueryEscape(connector.ClientSecret)) // RFC 6749 2.3.1
	}
	return request, nil
}

func (c *Cloud) askForToken(
	ctx context.Context, connector Connector, parameters map[string]string, done *Redemption,
) (*tokenAnswer, http.Header, error) {
	request, err := tokenRequest(ctx, connector, parameters)
	if err != nil {
		return nil, nil, err
	}
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

// checkAnswer holds an answer against RFC 6749 5.1.
func checkAnswer(answer *tokenAnswer, header http.Header) error {
	mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	switch {
	case err != nil || mediaType != "application/json":
		return errors.New("its media type is not application/json")
	case header.Get("Cache-Control") != "no-store":
		return errors.New("it may be stored: Cache-Control is not no-store")
	case !strings.EqualFold(answer.TokenType, "Bearer"):
		return errors.New("token_type is not Bearer")
	case answer.AccessToken == "": // not in use without delegation, and required (RFC 6749 5.1)
		return errors.New("it has no access_token")
	}
	return nil
}
