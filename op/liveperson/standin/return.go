package standin

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
)

// Return does what the page of the external window does when the brand leads
// back to it: it reads the answer from address and brings it to the connector.
// The answer may lie in the fragment or the query, an ID token in the parameter
// id_token, token or code. codeVerifier is the one that Launch gave.
//
// With a check that failed there is an attempt and an error; both for the caller
// to show. The error is a *RefusalError if the answer or the attempt is refused.
func (c *Cloud) Return(ctx context.Context, address, codeVerifier string) (*Conversation, error) {
	answer, err := readAnswer(address)
	if err != nil {
		return nil, err
	}
	if code := answer.Get("error"); code != "" {
		if !isErrorCode(code) {
			code = "an error that is no word"
		}
		return nil, &RefusalError{Status: http.StatusUnauthorized, InternalErrorCode: codeNoAnswer, Message: "the brand answered with " + code}
	}
	request := exchange{State: answer.Get("state"), WindowConfig: answer.Get("lpUnifiedWindowConfig")}
	var state windowState
	if request.State != "" {
		request.WindowConfig = ""
		err = json.Unmarshal([]byte(request.State), &state)
	} else {
		err = json.Unmarshal([]byte(request.WindowConfig), &state.Config)
	}
	if err != nil || state.Config.EngagementConfig.Connector == nil {
		return nil, malformed("the window has lost its configuration: state did not come back")
	}
	connector, known := c.Connector(state.Config.EngagementConfig.Connector.ID)
	if !known {
		return nil, errUnknownConnector
	}
	if connector.CodeFlow {
		request.Code, request.CodeVerifier = answer.Get("code"), codeVerifier
	} else {
		for _, name := range []string{"id_token", "token", "code"} {
			if request.IDToken == "" {
				request.IDToken = answer.Get(name)
			}
		}
	}
	return c.attempt(ctx, connector, request)
}

// readAnswer gives the parameters of an authorization response, those of the
// fragment before those of the query.
func readAnswer(address string) (url.Values, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, malformed("the address is none")
	}
	answer, err := url.ParseQuery(u.RawQuery)
	fragment, fault := url.ParseQuery(u.EscapedFragment())
	if err = errors.Join(err, fault); err != nil {
		return nil, malformed("the answer is not percent-encoded as a form is")
	}
	maps.Copy(answer, fragment)
	for _, name := range slices.Sorted(maps.Keys(answer)) {
		if len(answer[name]) > 1 { // RFC 6749 3.1
			return nil, malformed("the answer has a parameter twice")
		}
	}
	return answer, nil
}
