package op

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/brandidp/idp/op/identifier"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

// The prompt values (OpenID Connect Core 3.1.2.1).
const (
	promptNone          = "none"
	promptLogin         = "login"
	promptConsent       = "consent"
	promptSelectAccount = "select_account"
)

// The response modes (OAuth 2.0 Multiple Response Types 2.1, OAuth 2.0 Form Post
// Response Mode).
const (
	modeQuery    = "query"
	modeFragment = "fragment"
	modeFormPost = "form_post"
)

// How long state may be, and a redirect address with the query of a legacy
// window, in bytes: Conversational Cloud's windows send up to 8 KB in either.
const (
	maxState       = 16 << 10
	maxRedirectURI = 16 << 10
)

// authRequest is an authorization request that has passed every check that does
// not need to know who is signed in.
type authRequest struct {
	ClientID      string
	RedirectURI   string
	ResponseType  string
	ResponseMode  string // query, fragment, form_post or web_message
	State         string // byte for byte as decoded
	HasState      bool
	Scopes        []string
	Nonce         string
	Prompts       []string
	MaxAge        *int64 // seconds
	LoginHint     string
	UILocales     []string
	CodeChallenge string
	// Claims are asked for one by one; nil if none are.
	Claims *claimsRequest
	// subjects are demands on who signs in (id_token_hint, claims): lists of sub,
	// each of which has to have the consumer's.
	subjects [][]string
	// acrs are those of which the sign-in must have one; nil for any.
	acrs []string

	// params is what a ticket holds: the request as it was sent, so that all of
	// it is checked again against the client as it is when the ticket comes back.
	params ticketRequest
}

// ticketRequest is a request in a ticket, each parameter once. The values are
// bytes so that none of them grows more than another on its way through JSON.
type ticketRequest map[string][]byte

func (t ticketRequest) values() url.Values {
	values := make(url.Values, len(t))
	for name, value := range t {
		values.Set(name, string(value))
	}
	return values
}

// ticketParams are the parameters that mean something here, and the longest
// value of each in bytes; others are ignored (OpenID Connect Core 3.1.2.1).
var ticketParams = map[string]int{
	"client_id": 255, "redirect_uri": maxRedirectURI, "response_type": 64, "response_mode": 64, "state": maxState,
	"scope": 1024, "nonce": 1024, "prompt": 64, "max_age": 16, "ui_locales": 256, "login_hint": 1024,
	"code_challenge": 128, "code_challenge_method": 16, "id_token_hint": 16 << 10,
	"acr_values": 1024, "display": 64, "claims": storage.MaxClaimsRequest,
}

func (a *authRequest) prompts(value string) bool { return slices.Contains(a.Prompts, value) }

// gives tells whether an answer to the request has a code, an ID token or an
// access token.
func (a *authRequest) gives(word string) bool { return gives(a.ResponseType, word) }

// admits tells whether the request may be answered for a consumer.
func (a *authRequest) admits(consumer *storage.Consumer) bool {
	return !slices.ContainsFunc(a.subjects, func(subs []string) bool { return !slices.Contains(subs, consumer.Sub) })
}

// meets tells whether a sign-in of an acr is as strong as the request demands.
func (a *authRequest) meets(client *storage.Client, acr string) bool {
	return a.acrs == nil || slices.Contains(a.acrs, client.ConversationalCloud.ACROf(acr))
}

// once gives a parameter that may come at most once.
func once(params url.Values, name string) (string, bool) {
	values := params[name]
	if len(values) > 1 || (len(values) == 1 && !cleanText(values[0])) {
		return "", false
	}
	return params.Get(name), true
}

// addressOf checks what must hold before anything may be sent to an address of
// the client: client_id, redirect_uri, response_type, response_mode and state,
// each once and right. Its faults are shown on a page.
func (v *view) addressOf(params url.Values) (*authRequest, *storage.Client, *Error) {
	values := map[string]string{}
	for _, name := range []string{"client_id", "redirect_uri", "response_type", "response_mode", "state"} {
		value, ok := once(params, name)
		if !ok {
			return nil, nil, invalidRequest(name + " must be sent once, in UTF-8")
		}
		values[name] = value
	}
	client := v.clients[values["client_id"]]
	if client == nil {
		return nil, nil, invalidRequest("client_id names no client that is registered here")
	}
	request := &authRequest{
		ClientID: client.ClientID, RedirectURI: values["redirect_uri"], ResponseType: responseTypeOf(values["response_type"]),
		State: values["state"], HasState: params.Has("state"), params: ticketRequest{},
	}
	if request.RedirectURI == "" {
		return nil, nil, invalidRequest("redirect_uri is missing")
	}
	if fault := checkRedirectURI(client, request.RedirectURI); fault != nil {
		return nil, nil, fault
	}
	if request.ResponseType == responseTypeToken && client.ConversationalCloud.Legacy() {
		request.ResponseType = responseTypeIDToken
	}
	switch {
	case request.ResponseType == "":
		return nil, nil, invalidRequest("response_type is missing")
	case !slices.Contains(responseTypes, request.ResponseType):
		return nil, nil, fault("unsupported_response_type", "response_type must be one of "+strings.Join(responseTypes, ", "))
	}
	if len(request.State) > maxState {
		return nil, nil, &Error{Code: "invalid_request", Description: "state is longer than 16 KB", Status: 414}
	}
	request.Prompts = words(params.Get("prompt")) // so that every fault reaches a frame, too
	if fault := request.placeAnswer(client, values["response_mode"]); fault != nil {
		return nil, nil, fault
	}
	if liveperson.IsLabel(request.RedirectURI) && request.ResponseType != responseTypeCode {
		// It is only the label of the embedded flow's code: nobody of the
		// brand's is there to receive a token.
		return nil, nil, invalidRequest("redirect_uri of the embedded flow receives codes alone")
	}
	if liveperson.IsCallback(request.RedirectURI) && client.ConversationalCloud != nil && request.ResponseType != responseTypeCode {
		return nil, nil, invalidRequest("redirect_uri of consumer delegation receives codes alone")
	}
	if fault := checkWindow(client, request); fault != nil {
		return nil, nil, fault
	}
	return request, client, nil
}

// checkWindow refuses a conversation window of another account than the
// connector's, by its configuration in state or in the query of its address.
func checkWindow(client *storage.Client, request *authRequest) *Error {
	if client.ConversationalCloud == nil {
		return nil
	}
	account, in := client.ConversationalCloud.AccountID, "state"
	checkState := liveperson.CheckWindowAccount
	if liveperson.IsCallback(request.RedirectURI) {
		checkState = liveperson.CheckCallbackState
	}
	err := checkState(request.State, account)
	if err == nil {
		in, err = "the query of redirect_uri", liveperson.CheckWindowAddress(request.RedirectURI, account)
	}
	if err == nil {
		return nil
	}
	e := invalidRequest(in + " belongs to a window of another account, or cannot be read")
	e.Cause = err
	return e
}

// take keeps what a ticket will hold, and refuses what is no text, too long or
// sent more than once (RFC 6749 3.1).
func (a *authRequest) take(params url.Values) *Error {
	for name, values := range params {
		if len(values) > 1 {
			return invalidRequest("a parameter was sent more than once")
		}
		if !cleanText(name) || !cleanText(values[0]) {
			return invalidRequest("a parameter is not UTF-8 text")
		}
		longest, known := ticketParams[name]
		if known && len(values[0]) > longest {
			return invalidRequest(name + " is longer than " + strconv.Itoa(longest) + " bytes")
		}
		if known {
			a.params[name] = []byte(values[0])
		}
	}
	return nil
}

// complete checks the rest of an authorization request. Its faults go to the
// address.
func (p *Provider) complete(v *view, client *storage.Client, request *authRequest, params url.Values) *Error {
	if err := request.take(params); err != nil {
		return err
	}
	for _, name := range []string{"request_uri", "registration"} {
		if params.Get(name) != "" { // what is empty counts as left out (RFC 6749 3.1)
			return fault(name+"_not_supported", name+" is not supported")
		}
	}
	if params.Get("response_mode") == modeQuery && request.ResponseMode != modeQuery {
		return invalidRequest("response_mode query is not allowed for tokens")
	}
	if !client.Allows(request.ResponseType) {
		return fault("unauthorized_client", "the client has not registered this response_type")
	}
	if err := completeScope(client, request, params.Get("scope")); err != nil {
		return err
	}
	request.Nonce = params.Get("nonce")
	if request.Nonce == "" && request.gives(wordIDToken) && client.ConversationalCloud == nil {
		return invalidRequest("nonce is required with this response_type")
	}
	if err := completePKCE(client, request, params); err != nil {
		return err
	}
	if err := completePrompt(request, params); err != nil {
		return err
	}
	request.UILocales = words(params.Get("ui_locales"))
	if hint := params.Get("login_hint"); len(hint) <= identifier.MaxBytes {
		request.LoginHint = hint
	}
	if hint := params.Get("id_token_hint"); hint != "" {
		hinted, err := p.readHint(v, hint)
		if err != nil {
			e := invalidRequest("id_token_hint is not an ID token of this issuer")
			e.Cause = err
			return e
		}
		request.subjects = append(request.subjects, []string{hinted.Sub})
	}
	return completeClaims(client, request, params.Get("claims"), p.loginURL(client) != "")
}

// completeScope keeps what the client may ask for; the rest is dropped, as
// RFC 6749 3.3 allows, and the token response tells what was granted.
func completeScope(client *storage.Client, request *authRequest, scope string) *Error {
	allowed := words(client.Scope)
	// OpenID Connect Core 11: it means nothing without a code, or for who may not
	// refresh. The brand's own clients need no prompt=consent for it.
	offline, _ := client.Refreshes()
	offline = offline && request.gives(wordCode)
	if scope == "" && client.ConversationalCloud.Legacy() {
		scope = "openid"
	}
	for _, value := range words(scope) {
		if slices.Contains(storage.SignInScopes, value) && slices.Contains(allowed, value) && (value != "offline_access" || offline) {
			request.Scopes = append(request.Scopes, value)
		}
	}
	if !slices.Contains(request.Scopes, "openid") {
		return fault("invalid_scope", "scope must contain openid")
	}
	return nil
}

// completePKCE checks the challenge (RFC 7636 4.3): S256 alone, and a must for
// clients without a secret.
func completePKCE(client *storage.Client, request *authRequest, params url.Values) *Error {
	challenge, method := params.Get("code_challenge"), params.Get("code_challenge_method")
	if !request.gives(wordCode) {
		return nil // nothing to bind it to
	}
	switch {
	case challenge == "" && method != "":
		return invalidRequest("code_challenge is missing beside code_challenge_method")
	case challenge == "" && (client.Public() || client.RequirePKCE):
		return invalidRequest("code_challenge is required for this client")
	case challenge == "":
		return nil
	case method != "S256":
		return invalidRequest("code_challenge_method must be S256")
	case len(challenge) != 43 || !isBase64URL(challenge):
		return invalidRequest("code_challenge must be 43 characters of base64url")
	}
	request.CodeChallenge = challenge
	return nil
}

func completePrompt(request *authRequest, params url.Values) *Error {
	request.Prompts = words(params.Get("prompt"))
	for _, prompt := range request.Prompts {
		switch prompt {
		case promptNone, promptLogin, promptConsent, promptSelectAccount:
		default:
			return invalidRequest("prompt must be none, login, consent or select_account")
		}
	}
	if request.prompts(promptNone) && len(request.Prompts) > 1 {
		return invalidRequest("prompt none stands alone")
	}
	if text := params.Get("max_age"); text != "" {
		seconds, err := strconv.ParseInt(text, 10, 32)
		if err != nil || seconds < 0 {
			return invalidRequest("max_age must be a whole number of seconds")
		}
		request.MaxAge = &seconds
	}
	return nil
}

func isBase64URL(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
