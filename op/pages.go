package op

import (
	"net/http"
	"time"
)

// Pages draws what a person sees. The protocol decides which page is shown and
// with what; package web implements the interface and owns every word and
// pixel. Each method writes the whole response, status and headers included.
type Pages interface {
	// SignIn shows the sign-in form, or the choice to go on as somebody.
	SignIn(w http.ResponseWriter, r *http.Request, page SignInPage)
	// Consent asks whether a client may have what it asks for.
	Consent(w http.ResponseWriter, r *http.Request, page ConsentPage)
	// Consents lists what the person who is signed in has allowed to whom.
	Consents(w http.ResponseWriter, r *http.Request, page ConsentsPage)
	// SignOut asks whether to sign out of this browser.
	SignOut(w http.ResponseWriter, r *http.Request, page SignOutPage)
	// SignedOut says that nobody is signed in in this browser any more.
	SignedOut(w http.ResponseWriter, r *http.Request, page SignedOutPage)
	// Error shows a fault that must not, or cannot, go to a relying party.
	Error(w http.ResponseWriter, r *http.Request, page ErrorPage)
	// Return leads back to the relying party after a form, with status 200: a
	// redirect would be blocked, since Chromium applies form-action to every hop
	// that follows a form.
	Return(w http.ResponseWriter, r *http.Request, page ReturnPage)
	// WebMessage posts an authorization response to the window that opened this
	// one, or frames it, and to one origin alone.
	WebMessage(w http.ResponseWriter, r *http.Request, page WebMessagePage)
	// FormPost sends an answer to the relying party by a form, #form-post, which a
	// script submits and a person can. The page's policy lets forms go to the
	// origin of that one address alone.
	FormPost(w http.ResponseWriter, r *http.Request, page FormPostPage)
	// Repost sends a cross-site authorization request once more from a page of
	// ours, because a cross-site POST carries no SameSite=Lax cookie.
	Repost(w http.ResponseWriter, r *http.Request, page RepostPage)
}

// Message says what went wrong with the form that is shown again.
type Message string

// The messages of the sign-in page. A wrong password, an unknown user and a
// disabled consumer all get MessageCredentials.
const (
	MessageNone        Message = ""
	MessageCredentials Message = "credentials"
	MessageMissing     Message = "missing"   // user name or password left empty
	MessageThrottled   Message = "throttled" // too many failures: wait RetryAfter
	MessageBusy        Message = "busy"      // hashing queue full: wait RetryAfter
)

// SignInPage is the sign-in form, #sign-in.
type SignInPage struct {
	// Status is the HTTP status: 200, 400, 403, 429 with RetryAfter, or 503.
	Status int
	// Action is the path the forms post to, Ticket their hidden field of that name.
	Action string
	Ticket string
	// Elsewhere leaves user name and password out: the form, with its button, leads to
	// the brand's own login.
	Elsewhere bool
	// ClientName is the relying party's display name, "" if it has none.
	ClientName string
	// Username fills the user name field: what was typed before, or login_hint.
	Username string
	Message  Message
	// RetryAfter is the wait that goes with MessageThrottled and MessageBusy; it
	// is also sent as the Retry-After header, in whole seconds.
	RetryAfter time.Duration
	// Account is set when somebody is signed in and may go on without a
	// password: form #continue-as, posting to ContinueAction with the hidden
	// fields ticket and Proof (named "proof"), button #continue.
	Account        string
	ContinueAction string
	Proof          string
	// UILocales are the language tags of ui_locales, most wanted first.
	UILocales []string
}

// ConsentPage is the consent form, #consent; its buttons #allow and #deny are
// named "consent" and have the values "allow" and "deny".
type ConsentPage struct {
	Action     string
	Ticket     string // hidden field "ticket"
	Proof      string // hidden field "proof"
	ClientName string
	// Account is how the signed-in consumer recognises themselves.
	Account string
	// Scopes are the scope values that the client will get, openid included.
	Scopes []string
	// Assistant is set when what is allowed goes to an assistant in a conversation. The
	// page then asks, in #assistant, whether the conversation is the consumer's own.
	Assistant bool
	// Consents is the path of the ConsentsPage.
	Consents  string
	UILocales []string
}

// ConsentsPage lists what the consumer has allowed, with a form for each client,
// #withdraw-CLIENT_ID, by which they withdraw it.
type ConsentsPage struct {
	// Action is the path the forms post to.
	Action string
	// Account is how the signed-in consumer recognises themselves.
	Account string
	// Withdrawn is the name of the client that has just lost what it was allowed, ""
	// for none.
	Withdrawn string
	Allowed   []Allowed
}

// Allowed is what one client may have.
type Allowed struct {
	ClientID   string // hidden field "client_id"
	ClientName string // never empty
	Scopes     []string
	Proof      string // hidden field "proof"
}

// SignOutPage is the confirmation form, #sign-out. Its button #confirm signs out of
// this browser, and #everywhere, named "everywhere" with the value "true", out of all.
type SignOutPage struct {
	Action string
	Proof  string // hidden field "proof"
	// Fields are hidden fields that come back as they are.
	Fields []FormField
	// Account is how the signed-in consumer recognises themselves.
	Account string
	// Consents is the path of the ConsentsPage.
	Consents  string
	UILocales []string
	// Fault is why the request that led here leads nowhere else; nil for none. The
	// page has its status.
	Fault *ErrorPage
}

// SignedOutPage says that nobody is signed in.
type SignedOutPage struct {
	// Return is the address of the client to go back to, checked as that of a
	// ReturnPage; "" if none is known.
	Return     string
	ClientName string
	UILocales  []string
	Fault      *ErrorPage // as that of a SignOutPage
}

// ErrorPage is shown where no redirect is allowed.
type ErrorPage struct {
	Status int
	// Code is the error code of the specification; #error holds it alone.
	Code string
	// Description is fixed text of ours for a developer: it never repeats input.
	Description string
	// RequestID is the id that the log line bears; #request-id holds it alone.
	RequestID string
	// RetryAfter, if not zero, is sent as the Retry-After header.
	RetryAfter time.Duration
}

// ReturnPage leads to a registered address of the relying party, or to the brand's own
// login.
type ReturnPage struct {
	// URL has been checked against the client's registration by the caller,
	// so it may have a scheme of an application's own.
	URL        string
	ClientName string
	// ClickOnly leaves the automatic refresh out: the person has to follow the link.
	ClickOnly bool
	// SignIn is set where it leads to the brand's own login instead.
	SignIn    bool
	UILocales []string
}

// WebMessagePage posts a message to a page of the relying party and closes.
type WebMessagePage struct {
	// Origin is the exact origin that may read the message.
	Origin string
	// Message is the JSON of the object to post.
	Message string
	// Framed lets pages of Origin, and no others, have the page in a frame: it is
	// the answer to prompt=none.
	Framed     bool
	ClientName string
	UILocales  []string
}

// FormPostPage answers the relying party by a form (OAuth 2.0 Form Post Response
// Mode).
type FormPostPage struct {
	// Action is the redirect address, http or https at a host by name, which the
	// caller has checked against the client's registration.
	Action     string
	Fields     []FormField
	ClientName string
	UILocales  []string
}

// RepostPage repeats a form to Action with the same fields.
type RepostPage struct {
	Action string
	Fields []FormField
}

// FormField is one name and value of a form, in the order they came.
type FormField struct{ Name, Value string }
