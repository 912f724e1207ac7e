package op

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

// modeOf is where answers go by default: codes into the query, tokens never
// (OAuth 2.0 Multiple Response Types 2.1), except where a legacy connector's
// settings say so.
func modeOf(client *storage.Client, responseType string) string {
	placement := liveperson.PlacementFragment
	if cc := client.ConversationalCloud; cc != nil {
		placement = cc.ResponsePlacement
	}
	switch {
	case placement == liveperson.PlacementFormPost:
		return modeFormPost
	case responseType == responseTypeCode:
		return modeQuery
	case placement == liveperson.PlacementQuery && client.ConversationalCloud.Legacy():
		return modeQuery
	default:
		return modeFragment
	}
}

// placeAnswer decides where the answer to a request goes. A query that is asked
// for tokens becomes the fragment, which then gets an error.
func (a *authRequest) placeAnswer(client *storage.Client, asked string) *Error {
	a.ResponseMode = modeOf(client, a.ResponseType)
	switch {
	case asked == "":
	case asked == modeQuery && a.ResponseType == responseTypeCode:
		a.ResponseMode = modeQuery
	case asked == modeQuery && a.ResponseMode != modeQuery, asked == modeFragment:
		a.ResponseMode = modeFragment
	case asked == modeQuery:
	case asked == modeFormPost:
		a.ResponseMode = modeFormPost
	case asked == modeWebMessage:
		if _, ok := client.WebMessageOrigin(a.RedirectURI); !ok {
			return errWebMessage
		}
		a.ResponseMode = modeWebMessage
	default:
		return invalidRequest("response_mode must be query, fragment, form_post or web_message")
	}
	if a.ResponseMode != modeFormPost {
		return nil
	}
	if !takesForms(a.RedirectURI) {
		return invalidRequest("response_mode form_post needs a redirect_uri that is a web address by name")
	}
	if strings.ContainsAny(a.State, "\r\n") {
		return invalidRequest("state must not have line breaks with response_mode form_post, since browsers change them in forms")
	}
	return nil
}

// tokenParameter names the ID token of an answer: as OpenID Connect does, and for
// a connector's window as its settings do.
func tokenParameter(client *storage.Client, request *authRequest) string {
	if cc := client.ConversationalCloud; cc != nil && request.ResponseMode != modeWebMessage {
		return cc.TokenParameter
	}
	return "id_token"
}

// formHost is a host and port as a Content-Security-Policy can name it, which
// leaves out IPv6 addresses.
var formHost = regexp.MustCompile(`^[A-Za-z0-9._-]+(:[0-9]+)?$`)

// takesForms tells an address that a page can post a form to: not one of an
// application.
func takesForms(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && formHost.MatchString(u.Host)
}
