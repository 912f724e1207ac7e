package op

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/brandidp/idp/storage"
)

// answer is the parameters of an authorization response, in order.
type answer []struct{ name, value string }

func (a *answer) add(name, value string) {
	*a = append(*a, struct{ name, value string }{name, value})
}

// whole is an answer with state and iss (RFC 9207).
func (p *Provider) whole(request *authRequest, a answer) answer {
	if request.HasState {
		a.add("state", request.State)
	}
	a.add("iss", p.opts.Issuer)
	return a
}

// addressWith puts an answer into the registered address. An address with a
// query of its own keeps it.
func addressWith(request *authRequest, a answer) string {
	var b strings.Builder
	b.WriteString(request.RedirectURI)
	separator := byte('#')
	if request.ResponseMode == modeQuery {
		separator = '?'
		if strings.Contains(request.RedirectURI, "?") {
			separator = '&'
		}
	}
	for _, param := range a {
		b.WriteByte(separator)
		b.WriteString(param.name)
		b.WriteByte('=')
		b.WriteString(escape(param.value))
		separator = '&'
	}
	return b.String()
}

// escape encodes a value so that both decodeURIComponent and a form decoder read
// it back: a space is %20, not +.
func escape(value string) string {
	return strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
}

// send leads the browser to the relying party: by redirect, by a form of its
// own for form_post, or after a form of ours by a page, since Chromium applies
// form-action to what follows a form.
func (p *Provider) send(w http.ResponseWriter, r *http.Request, client *storage.Client, request *authRequest, a answer) {
	if request.ResponseMode == modeWebMessage {
		p.sendWebMessage(w, r, client, request, a)
		return
	}
	a = p.whole(request, a)
	if request.ResponseMode == modeFormPost {
		page := FormPostPage{Action: request.RedirectURI, ClientName: client.ClientName, UILocales: request.UILocales}
		for _, param := range a {
			page.Fields = append(page.Fields, FormField{Name: param.name, Value: param.value})
		}
		p.opts.Pages.FormPost(w, r, page)
		return
	}
	p.lead(w, r, ReturnPage{URL: addressWith(request, a), ClientName: client.ClientName, UILocales: request.UILocales})
}

// lead leads the browser to an address that was checked against the client's
// registration, by the page where a redirect would not do.
func (p *Provider) lead(w http.ResponseWriter, r *http.Request, page ReturnPage) {
	noStore(w)
	w.Header().Set("Referrer-Policy", "no-referrer")
	if afterOwnForm(r) {
		scheme, _, _ := strings.Cut(page.URL, ":")
		page.ClickOnly = scheme != "http" && scheme != "https"
		p.opts.Pages.Return(w, r, page)
		return
	}
	status := http.StatusFound
	if r.Method == http.MethodPost {
		status = http.StatusSeeOther
	}
	w.Header().Set("Location", page.URL)
	w.WriteHeader(status)
}

// afterOwnForm tells whether the request comes from a form on one of our pages.
func afterOwnForm(r *http.Request) bool {
	return r.Method == http.MethodPost && (r.Header.Get("Sec-Fetch-Site") == "same-origin" || !isAuthorize(r))
}

func isAuthorize(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/authorize") }

// sendError tells the relying party of a fault.
func (p *Provider) sendError(w http.ResponseWriter, r *http.Request, client *storage.Client, request *authRequest, e *Error) {
	p.logError(r, e)
	var a answer
	a.add("error", e.Code)
	a.add("error_description", e.Description)
	p.send(w, r, client, request, a)
}

// ShowError shows a fault on the error page, without a way to the relying party,
// and writes the log line that its request id leads to.
func (p *Provider) ShowError(w http.ResponseWriter, r *http.Request, e *Error) {
	p.logError(r, e)
	page := ErrorPage{Status: e.Status, Code: e.Code, Description: e.Description, RequestID: RequestID(r.Context()), RetryAfter: e.RetryAfter}
	if page.RetryAfter == 0 && e.Status == http.StatusServiceUnavailable {
		page.RetryAfter = retryAfter
	}
	p.opts.Pages.Error(w, r, page)
}

// logError writes the line that a request id leads to. Neither code nor
// description repeats input, and a cause of ours names no personal data.
func (p *Provider) logError(r *http.Request, e *Error) { p.log(r.Context(), r.Pattern, e) }

func (p *Provider) log(ctx context.Context, path string, e *Error) {
	log := p.opts.Log.With("request_id", RequestID(ctx), "path", path, "error", e.Code, "reason", e.Description)
	if e.Status >= http.StatusInternalServerError && !errors.Is(e.Cause, context.Canceled) {
		log.ErrorContext(ctx, "request failed", "cause", e.Cause)
		return
	}
	log.InfoContext(ctx, "request refused")
}

func noStore(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
}

func writeJSON(w http.ResponseWriter, status int, body []byte) { write(w, status, mediaJSON, body) }

func write(w http.ResponseWriter, status int, mediaType string, body []byte) {
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) //nolint:gosec // it is no HTML, and said to be none
}
