package op

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/brandidp/idp/storage"
)

// endSessionParams are the parameters of RP-Initiated Logout 1.0, 2, and the longest
// value of each in bytes. logout_hint decides nothing: whoever is signed in in this
// browser is who signs out.
var endSessionParams = map[string]int{
	"id_token_hint": 16 << 10, "client_id": 255, "post_logout_redirect_uri": 2048, "state": maxState, "logout_hint": 1024, "ui_locales": 256,
}

// signOutRequest is a request to sign out, as far as it may be believed.
type signOutRequest struct {
	// client is for whom it was made; nil if nothing says so.
	client *storage.Client
	// hint is the ID token that proves it; nil without one.
	hint *idTokenHint
	// returnTo is the registered address to go back to, with state; "" for none.
	returnTo  string
	uiLocales []string
	// fields are what the confirmation sends again.
	fields []FormField
	// fault is why the request leads nowhere. The person can sign out all the same.
	fault *Error
}

// EndSession signs out of this browser (RP-Initiated Logout 1.0), GET and POST. It is
// done at once only if id_token_hint belongs to the very session of this browser; else
// a page asks, since anybody may have sent the browser here. Whatever is wrong with
// a request, it leads to a page on which the person can still sign out.
func (p *Provider) EndSession(w http.ResponseWriter, r *http.Request) {
	params, err := readParams(w, r)
	if err != nil {
		p.ShowError(w, r, asError(err))
		return
	}
	if p.repost(w, r, params) {
		return
	}
	v, err := p.current()
	if err != nil {
		p.ShowError(w, r, asError(err))
		return
	}
	request := p.signOutRequestOf(v, params)
	if request.fault != nil {
		p.logError(r, request.fault)
	}
	if r.Method == http.MethodPost && p.tickets.ProvesBinding(r, params.Get("proof"), "sign-out") {
		p.signOut(w, r, request, params.Get("everywhere") == "true")
		return
	}
	in, err := p.sessions.Current(r)
	switch {
	case err != nil:
		p.ShowError(w, r, asError(err))
	case in == nil && p.sessions.Handle(r) == nil:
		p.signedOut(w, r, request)
	case in == nil:
		p.signOutUnnamed(w, r, request)
	case request.fault == nil && request.hint.of(in):
		p.signOut(w, r, request, false)
	default:
		p.askToSignOut(w, r, request, accountName(in.Consumer))
	}
}

// signOutUnnamed is for a browser whose cookie names no session, as after a lost answer.
// Whoever has no hint to show is anybody: the browser forgets the cookie, but what is
// under way in it lives on.
func (p *Provider) signOutUnnamed(w http.ResponseWriter, r *http.Request, request *signOutRequest) {
	hinted := request.fault == nil && request.hint != nil
	sid, err := p.sessions.RenewedSid(r)
	switch {
	case err != nil:
		p.ShowError(w, r, asError(err))
		return
	case hinted && (sid == "" || sid == request.hint.Sid): // sent again: the forms that are open have still to die
		p.signOut(w, r, request, false)
		return
	case sid != "" || p.logoutURL(request.client) != "": // which would end the brand's own session
		p.askToSignOut(w, r, request, "") // whose it is, the old handle does not prove
		return
	}
	if err := p.sessions.End(r.Context(), w, r); err != nil {
		p.ShowError(w, r, asError(err))
		return
	}
	p.signedOut(w, r, request)
}

// signOutRequestOf reads a request and checks what it says.
func (p *Provider) signOutRequestOf(v *view, params url.Values) *signOutRequest {
	request := &signOutRequest{}
	for name, longest := range endSessionParams {
		value, ok := once(params, name)
		if !ok || len(value) > longest {
			request.fault = invalidRequest(name + " must be sent once, in UTF-8, and be at most " + strconv.Itoa(longest) + " bytes long")
			return request
		}
	}
	request.uiLocales = words(params.Get("ui_locales"))
	if request.fault = request.takeClient(p, v, params); request.fault == nil {
		request.fault = request.takeAddress(params)
	}
	kept := []string{"id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"}
	if request.fault != nil { // the fault was told; what is kept has none
		kept = []string{"ui_locales"}
		if request.client != nil {
			request.fields = append(request.fields, FormField{Name: "client_id", Value: request.client.ClientID})
		}
	}
	for _, name := range kept {
		if value := params.Get(name); value != "" {
			request.fields = append(request.fields, FormField{Name: name, Value: value})
		}
	}
	return request
}

// takeClient finds out for which client the request was made.
func (s *signOutRequest) takeClient(p *Provider, v *view, params url.Values) *Error {
	id := params.Get("client_id")
	if id != "" {
		if s.client = v.clients[id]; s.client == nil {
			return invalidRequest("client_id is not that of a registered client")
		}
	}
	compact := params.Get("id_token_hint")
	if compact == "" {
		return nil
	}
	hint, err := p.readHint(v, compact)
	if err != nil {
		e := invalidRequest("id_token_hint must be a signed ID token of this provider; one that was encrypted cannot be read")
		e.Cause = err
		return e
	}
	client := v.clients[hint.ClientID]
	switch {
	case client == nil:
		return invalidRequest("id_token_hint is for a client that is not registered any more")
	case id != "" && id != hint.ClientID:
		s.client = nil // there is no telling which of the two it was
		return invalidRequest("id_token_hint is for another client than client_id")
	}
	s.client, s.hint = client, hint
	return nil
}

// takeAddress checks where the request wants to go back to.
func (s *signOutRequest) takeAddress(params url.Values) *Error {
	address := params.Get("post_logout_redirect_uri")
	switch {
	case address == "":
		return nil
	case s.client == nil:
		return invalidRequest("post_logout_redirect_uri needs id_token_hint or client_id beside it")
	case !slices.Contains(s.client.PostLogoutRedirectURIs, address):
		return invalidRequest("post_logout_redirect_uri is not registered for this client, byte for byte")
	}
	if state := params.Get("state"); params.Has("state") {
		separator := "?"
		if strings.Contains(address, "?") {
			separator = "&"
		}
		address += separator + "state=" + escape(state)
	}
	s.returnTo = address
	return nil
}

// askToSignOut shows the confirmation page, with whose account it is, if that may be
// told.
func (p *Provider) askToSignOut(w http.ResponseWriter, r *http.Request, request *signOutRequest, account string) {
	proof, err := p.tickets.BindingProof(w, r, "sign-out")
	if err != nil {
		p.ShowError(w, r, asError(err))
		return
	}
	p.opts.Pages.SignOut(w, r, SignOutPage{
		Action: p.basePath + "/end_session", Proof: proof, Fields: request.fields, Account: account,
		Consents: p.consentsAddress(), UILocales: request.uiLocales, Fault: faultPage(r, request.fault),
	})
}

// signOut ends the session of this browser, or every session of its consumer. Clients
// that know of them, and the brand, are told in the background.
func (p *Provider) signOut(w http.ResponseWriter, r *http.Request, request *signOutRequest, everywhere bool) {
	handOver := p.logoutURL(request.client) != "" && p.sessions.Handle(r) != nil
	in, err := p.endSessions(w, r, everywhere, handOver)
	var binding []byte
	if err == nil {
		binding, err = p.tickets.Rebind(w)
	}
	if err != nil {
		p.ShowError(w, r, asError(err))
		return
	}
	p.logouts.wake()
	p.webhook.wake()
	if handOver {
		p.handOverLogout(w, r, binding, request, in)
		return
	}
	p.signedOut(w, r, request)
}

// endSessions gives who was signed in, if that is to be handed over; nil for nobody.
func (p *Provider) endSessions(w http.ResponseWriter, r *http.Request, everywhere, handOver bool) (in *storage.SignedIn, err error) {
	if everywhere || handOver {
		if in, err = p.sessions.Current(r); err != nil {
			return nil, err
		}
	}
	if everywhere && in != nil {
		if _, err = p.opts.Store.SignOutEverywhere(r.Context(), in.Session.ConsumerID, storage.AuditEvent{}); err != nil {
			return nil, err
		}
	}
	if !handOver {
		in = nil
	}
	return in, p.sessions.End(r.Context(), w, r)
}

// signedOut goes back to the client that has proved by its hint that it asks, or
// says that nobody is signed in and shows a way back.
func (p *Provider) signedOut(w http.ResponseWriter, r *http.Request, request *signOutRequest) {
	if request.returnTo != "" && request.hint != nil {
		p.lead(w, r, ReturnPage{URL: request.returnTo, ClientName: request.client.ClientName, UILocales: request.uiLocales})
		return
	}
	page := SignedOutPage{Return: request.returnTo, UILocales: request.uiLocales, Fault: faultPage(r, request.fault)}
	if client := request.client; client != nil {
		page.ClientName = client.ClientName
		switch {
		case page.Return != "":
		case len(client.PostLogoutRedirectURIs) > 0:
			page.Return = client.PostLogoutRedirectURIs[0]
		default:
			page.Return = client.ClientURI
		}
	}
	p.opts.Pages.SignedOut(w, r, page)
}

// faultPage tells of a fault on a page that has another purpose; nil for none.
func faultPage(r *http.Request, fault *Error) *ErrorPage {
	if fault == nil {
		return nil
	}
	return &ErrorPage{Status: fault.Status, Code: fault.Code, Description: fault.Description, RequestID: RequestID(r.Context())}
}
