package web

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/brandidp/idp/op"
)

// signInView is what html/sign_in.html shows.
type signInView struct {
	frame

	Page    op.SignInPage
	Message string
	// Focus is the control that a person most likely wants next.
	Focus                            string
	InvalidUsername, InvalidPassword bool
}

// SignIn implements [op.Pages].
func (p *Pages) SignIn(w http.ResponseWriter, r *http.Request, page op.SignInPage) {
	l := p.languages.choose(r, page.UILocales)
	view := signInView{frame: p.frame(l, l.say("sign_in.heading")), Page: page}
	if page.Message != op.MessageNone {
		view.Message = l.say("message."+string(page.Message), "wait", l.wait(page.RetryAfter))
		// A screen reader says the title first.
		view.Title = l.say("title.error", "page", view.Heading)
	}
	switch {
	case page.Account != "" && page.Message == op.MessageNone:
		view.Focus = "continue"
	case page.Elsewhere:
		view.Focus = "submit"
	case page.Username == "":
		view.Focus = "username"
	default:
		view.Focus = "password"
	}
	switch page.Message {
	case op.MessageCredentials:
		view.InvalidUsername, view.InvalidPassword = true, true
	case op.MessageMissing:
		view.InvalidUsername = page.Username == ""
		view.InvalidPassword = page.Username != ""
	case op.MessageNone, op.MessageThrottled, op.MessageBusy: // no field is at fault
	}
	p.write(w, "sign_in", l, response{status: statusOr(page.Status, http.StatusOK), retryAfter: page.RetryAfter}, view)
}

// Consent implements [op.Pages].
func (p *Pages) Consent(w http.ResponseWriter, r *http.Request, page op.ConsentPage) {
	l := p.languages.choose(r, page.UILocales)
	heading := l.say("consent.heading")
	if page.ClientName != "" {
		heading = l.say("consent.heading_client", "client", page.ClientName)
	}
	p.write(w, "consent", l, response{status: http.StatusOK}, struct {
		frame

		Page op.ConsentPage
	}{p.frame(l, heading), page})
}

// Consents implements [op.Pages].
func (p *Pages) Consents(w http.ResponseWriter, r *http.Request, page op.ConsentsPage) {
	l := p.languages.choose(r, nil)
	view := struct {
		frame

		Page op.ConsentsPage
	}{p.frame(l, l.say("consents.heading")), page}
	if page.Withdrawn != "" {
		// A screen reader says the title first.
		view.Title = l.say("consents.withdrawn", "client", page.Withdrawn)
	}
	p.write(w, "consents", l, response{status: http.StatusOK}, view)
}

// SignOut implements [op.Pages].
func (p *Pages) SignOut(w http.ResponseWriter, r *http.Request, page op.SignOutPage) {
	l := p.languages.choose(r, page.UILocales)
	p.write(w, "sign_out", l, response{status: faultStatus(page.Fault)}, struct {
		frame

		Page op.SignOutPage
	}{p.frame(l, l.say("sign_out.heading")), page})
}

// faultStatus is the status of a page that tells of a fault, or of none.
func faultStatus(fault *op.ErrorPage) int {
	if fault == nil {
		return http.StatusOK
	}
	return statusOr(fault.Status, http.StatusBadRequest)
}

// SignedOut implements [op.Pages]. Where no client has an address to go back to, the
// brand's website is the way back.
func (p *Pages) SignedOut(w http.ResponseWriter, r *http.Request, page op.SignedOutPage) {
	l := p.languages.choose(r, page.UILocales)
	to, name := page.Return, page.ClientName
	if to == "" || checkReturn(to) != nil {
		to, name = p.brand.Website, p.brand.Name
	}
	view := struct {
		frame

		Page op.SignedOutPage
		Link template.HTMLAttr
		Back string
	}{frame: p.frame(l, l.say("signed_out.heading")), Page: page}
	if to != "" {
		view.Link, view.Back = verbatim("href", to), l.say("continue")
	}
	if name != "" {
		view.Back = l.say("return.heading_client", "client", name)
	}
	p.write(w, "signed_out", l, response{status: faultStatus(page.Fault)}, view)
}

// Error implements [op.Pages].
func (p *Pages) Error(w http.ResponseWriter, r *http.Request, page op.ErrorPage) {
	l := p.languages.choose(r, nil)
	status := statusOr(page.Status, http.StatusInternalServerError)
	p.write(w, "error", l, response{status: status, retryAfter: page.RetryAfter}, struct {
		frame

		Page     op.ErrorPage
		Sentence string
	}{p.frame(l, l.say("error.heading")), page, l.say(errorSentence(status), "wait", l.wait(page.RetryAfter))})
}

// errorSentence is the key of what a person reads about a status. What the
// error code means is for developers; what to do next follows from the status.
func errorSentence(status int) string {
	switch {
	case status == http.StatusNotFound:
		return "error.not_found"
	case status == http.StatusTooManyRequests:
		return "error.throttled"
	case status == http.StatusServiceUnavailable:
		return "error.unavailable"
	case status >= http.StatusInternalServerError:
		return "error.internal"
	default:
		return "error.request"
	}
}

// Return implements [op.Pages]. An address that is none, or that would run as a
// program, becomes an error page whatever the caller has checked.
func (p *Pages) Return(w http.ResponseWriter, r *http.Request, page op.ReturnPage) {
	if err := checkReturn(page.URL); err != nil {
		p.Error(w, r, op.ErrorPage{
			Status: http.StatusInternalServerError, Code: "server_error", Description: err.Error(),
		})
		return
	}
	l := p.languages.choose(r, page.UILocales)
	heading, body := l.say("return.heading"), l.say("return.body")
	switch {
	case page.SignIn:
		heading, body = l.say("repost.heading"), l.say("repost.body")
	case page.ClientName != "":
		heading = l.say("return.heading_client", "client", page.ClientName)
	}
	if page.ClickOnly {
		body = l.say("return.click")
	}
	view := struct {
		frame

		Body          string
		Link, Refresh template.HTMLAttr
	}{frame: p.frame(l, heading), Body: body, Link: verbatim("href", page.URL)}
	if !page.ClickOnly {
		// Unquoted, the address goes on to the end of the attribute whatever is in
		// it (HTML, section 4.2.5.3, "shared declarative refresh steps").
		view.Refresh = verbatim("content", "0;url="+page.URL)
	}
	p.write(w, "return", l, response{status: http.StatusOK}, view)
}

var (
	errReturnAddress = errors.New("the address to return to is not an absolute URL")
	errReturnScheme  = errors.New("the address to return to would run as a program")
)

// checkReturn refuses what must never be followed from a page of ours. Which
// addresses a client may have is not decided here: the protocol has compared this one
// with the registered ones, so it may have a scheme of an application's own.
func checkReturn(address string) error {
	// Browsers leave out tabs and line breaks wherever they stand, even in the
	// middle of the scheme.
	if !utf8.ValidString(address) || strings.ContainsFunc(address, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		return errReturnAddress
	}
	scheme, _, ok := strings.Cut(address, ":")
	if !ok || !isScheme(scheme) {
		return errReturnAddress
	}
	switch strings.ToLower(scheme) {
	case "javascript", "data", "vbscript", "blob", "filesystem", "file", "about", "view-source":
		return errReturnScheme
	}
	return nil
}

// isScheme reports whether s is a scheme of RFC 3986, section 3.1.
func isScheme(s string) bool {
	for i, c := range []byte(s) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", rune(c))) {
			return false
		}
	}
	return s != ""
}

// verbatim writes an attribute whose value a browser gets back byte for byte.
// The templates' own escaping of addresses blocks the schemes of applications
// and rewrites quotes and brackets, and a redirect address is to arrive as it
// was registered; so the value comes here only after [checkReturn].
func verbatim(attribute, value string) template.HTMLAttr {
	return template.HTMLAttr(attribute + `="` + template.HTMLEscapeString(value) + `"`) //nolint:gosec // escaped here
}

// FormPost implements [op.Pages]. Its script sends the form at once; without it a
// person presses the button. What is no web address becomes an error page
// whatever the caller has checked, since its origin stands in the policy.
func (p *Pages) FormPost(w http.ResponseWriter, r *http.Request, page op.FormPostPage) {
	origin, err := formOrigin(page.Action)
	if err != nil {
		p.Error(w, r, op.ErrorPage{
			Status: http.StatusInternalServerError, Code: "server_error", Description: err.Error(),
		})
		return
	}
	l := p.languages.choose(r, page.UILocales)
	heading := l.say("return.heading")
	if page.ClientName != "" {
		heading = l.say("return.heading_client", "client", page.ClientName)
	}
	p.write(w, "form_post", l, response{status: http.StatusOK, policy: formPostPolicy(origin)}, struct {
		frame

		Page   op.FormPostPage
		Action template.HTMLAttr
		Script string
	}{p.frame(l, heading), page, verbatim("action", page.Action), p.base + p.assets.path("submit.js")})
}

var (
	errFormAddress = errors.New("the address to send the form to is not a web address at a host by name")
	// formHost leaves out whatever a policy could take for more than one host, and
	// IPv6 addresses, which it cannot name.
	formHost = regexp.MustCompile(`^[A-Za-z0-9._-]+(:[0-9]+)?$`)
)

// formOrigin is the origin of an address that a form may be sent to.
func formOrigin(address string) (string, error) {
	if err := checkReturn(address); err != nil {
		return "", err
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || !formHost.MatchString(u.Host) {
		return "", errFormAddress
	}
	return u.Scheme + "://" + u.Host, nil
}

// Repost implements [op.Pages]. Its script sends the form at once; without
// it a person presses the button.
func (p *Pages) Repost(w http.ResponseWriter, r *http.Request, page op.RepostPage) {
	l := p.languages.choose(r, nil)
	p.write(w, "repost", l, response{status: http.StatusOK, policy: scriptPolicy}, struct {
		frame

		Page   op.RepostPage
		Script string
	}{p.frame(l, l.say("repost.heading")), page, p.base + p.assets.path("submit.js")})
}

// WebMessage implements [op.Pages]. Its script posts the message and closes the
// window; a frame is for pages of the origin that the message is for. What is no
// origin becomes an error page, since it stands in the policy.
func (p *Pages) WebMessage(w http.ResponseWriter, r *http.Request, page op.WebMessagePage) {
	if origin, err := formOrigin(page.Origin); err != nil || origin != page.Origin {
		p.Error(w, r, op.ErrorPage{
			Status: http.StatusInternalServerError, Code: "server_error", Description: "the origin to send the message to is not one at a host by name",
		})
		return
	}
	l := p.languages.choose(r, page.UILocales)
	heading := l.say("return.heading")
	if page.ClientName != "" {
		heading = l.say("return.heading_client", "client", page.ClientName)
	}
	policy := scriptPolicy
	if page.Framed {
		policy = strings.Replace(policy, "frame-ancestors 'none'", "frame-ancestors "+page.Origin, 1)
	}
	p.write(w, "web_message", l, response{status: http.StatusOK, policy: policy}, struct {
		frame

		Page   op.WebMessagePage
		Script string
	}{p.frame(l, heading), page, p.base + p.assets.path("web-message.js")})
}

// statusOr is the status of a page, or the usual one where none is given.
func statusOr(status, usual int) int {
	if status == 0 {
		return usual
	}
	return status
}
