package op

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/brandidp/idp/op/identifier"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/password"
	"github.com/brandidp/idp/storage"
)

// How a password is told to relying parties: the acr that Conversational Cloud
// knows, and the amr of RFC 8176.
const acrPassword = liveperson.ACRAuthenticated

var amrPassword = []string{"pwd"}

// The kinds of proof that a person has chosen to go on as who is signed in. By the
// second, they have signed in for this very request before.
const (
	proofContinue      = "continue"
	proofContinueFresh = "continue after sign-in"
)

// showSignIn shows the sign-in page for a request, with what page has set
// already.
func (p *Provider) showSignIn(
	w http.ResponseWriter, r *http.Request, client *storage.Client, request *authRequest, in *storage.SignedIn, done shown, page SignInPage,
) {
	sealed, err := p.tickets.Seal(w, r, request.params)
	if err != nil {
		p.ShowError(w, r, asError(err))
		return
	}
	page.Action, page.Ticket = p.basePath+"/sign-in", sealed
	page.ClientName, page.UILocales = client.ClientName, request.UILocales
	page.Elsewhere = p.loginURL(client) != ""
	if in != nil {
		switch nextStep(client, request, in, done) {
		case stepChoose:
			kind := proofContinue
			if done.authenticated {
				kind = proofContinueFresh
			}
			page.Account, page.ContinueAction = accountName(in.Consumer), p.basePath+"/continue"
			page.Proof = p.tickets.Proof(proofParts(kind, in, client, request, sealed)...)
		case stepSignIn:
			if page.Username == "" {
				page.Username = in.Consumer.Username
			}
		case stepNone, stepConsent:
		}
	}
	p.opts.Pages.SignIn(w, r, page)
}

// proofParts are what a page's answer holds for: this kind of page, session,
// sign-in, consumer, client, scopes and ticket.
func proofParts(kind string, in *storage.SignedIn, client *storage.Client, request *authRequest, sealed string) []string {
	return []string{
		kind, strconv.FormatInt(in.Session.ID, 10), strconv.FormatInt(in.Session.AuthTime.UnixMicro(), 10),
		in.Consumer.Sub, request.ClientID, strings.Join(request.consentScopes(client), " "), sealed,
	}
}

// accountName is how consumers recognise themselves on a page.
func accountName(c *storage.Consumer) string {
	for _, name := range []string{
		c.Claims.Name, strings.TrimSpace(c.Claims.GivenName + " " + c.Claims.FamilyName), c.Username, c.Claims.Email,
	} {
		if name != "" {
			return name
		}
	}
	return c.Claims.PhoneNumber
}

// openForm reads a form of ours and the request in its ticket, checked against
// the client as it is now. It has answered when ok is false.
func (p *Provider) openForm(w http.ResponseWriter, r *http.Request) (form formOf, ok bool) {
	params, err := readParams(w, r)
	if err != nil {
		p.ShowError(w, r, asError(err))
		return form, false
	}
	for _, values := range params {
		if len(values) > 1 || !cleanText(values[0]) {
			p.ShowError(w, r, invalidRequest("each field must be sent once, in UTF-8"))
			return form, false
		}
	}
	form = formOf{
		ticket: params.Get("ticket"), proof: params.Get("proof"), consent: params.Get("consent"),
		username: params.Get("username"), password: params.Get("password"),
	}
	// First, since an instance that is cut off does not know the newest keys.
	if form.view, err = p.current(); err != nil {
		p.ShowError(w, r, asError(err))
		return form, false
	}
	var sealed ticketRequest
	if err := p.tickets.Open(r, form.ticket, &sealed); err != nil {
		e := invalidRequest("this page is too old, or was opened in another browser: go back to where you came from and begin again")
		e.Cause = err
		p.ShowError(w, r, e)
		return form, false
	}
	return form, p.reopen(w, r, &form, sealed)
}

// reopen checks a request that was sealed against the client as it is now. It has
// answered when it is false.
func (p *Provider) reopen(w http.ResponseWriter, r *http.Request, form *formOf, sealed ticketRequest) bool {
	sent := sealed.values()
	var fault *Error
	if form.request, form.client, fault = form.view.addressOf(sent); fault != nil {
		p.ShowError(w, r, fault)
		return false
	}
	if fault = p.complete(form.view, form.client, form.request, sent); fault != nil {
		p.sendError(w, r, form.client, form.request, fault)
		return false
	}
	return true
}

// formOf is a form of ours that has come back.
type formOf struct {
	ticket, proof, consent, username, password string

	request *authRequest
	view    *view
	client  *storage.Client
}

// SignIn answers the sign-in form: POST with ticket, username and password. Where
// the brand has its own login, no password is tried here.
func (p *Provider) SignIn(w http.ResponseWriter, r *http.Request) {
	form, ok := p.openForm(w, r)
	if !ok {
		return
	}
	if p.loginURL(form.client) != "" {
		p.handOver(w, r, form.client, form.request, nil)
		return
	}
	if strings.TrimSpace(form.username) == "" || form.password == "" {
		p.signInAgain(w, r, form, SignInPage{Status: http.StatusBadRequest, Message: MessageMissing})
		return
	}
	attempt, again, err := p.tryPassword(r, form)
	defer attempt.decided()
	if err != nil {
		p.ShowError(w, r, asError(err))
		return
	}
	if again != nil {
		p.signInAgain(w, r, form, *again)
		return
	}
	p.begin(w, r, form, attempt)
}

func (p *Provider) signInAgain(w http.ResponseWriter, r *http.Request, form formOf, page SignInPage) {
	page.Username = form.username
	if len(page.Username) > identifier.MaxBytes {
		page.Username = ""
	}
	p.showSignIn(w, r, form.client, form.request, nil, shown{}, page)
}

// attempt is a try of a password that was counted; its consumer counts only if
// no page is to be shown again.
type attempt struct {
	consumer *storage.Consumer
	giveBack storage.GiveBack
	device   string // id of the known device, "" for a new one
	rehash   string
	decided  func() // to be called once the try has failed, was refused or was given back
}

// tryPassword counts the try, then hashes. The page, if not nil, is to be shown
// again: for an unknown name, a wrong password and a disabled consumer alike.
func (p *Provider) tryPassword(r *http.Request, form formOf) (attempt, *SignInPage, error) {
	name := identifier.Typed(form.username)
	address := p.throttle.AddressBucket(p.opts.ClientAddress(r))
	params := storage.TrySignInParams{Identifier: name, AccountBucket: p.throttle.AccountBucket(name), AddressBucket: address}
	out := attempt{decided: func() {}}
	device := p.knownDevice(r)
	if device != nil {
		params.Device = &storage.Device{
			Bucket: p.throttle.DeviceBucket(device.ID), ConsumerID: device.ConsumerID, PasswordChangedAt: device.PasswordChangedAt,
		}
	}
	try, err := p.countTry(r, params, &out)
	if err != nil {
		return out, nil, err
	}
	if try.RetryAfter > 0 {
		return out, &SignInPage{Status: http.StatusTooManyRequests, Message: MessageThrottled, RetryAfter: try.RetryAfter}, nil
	}
	hash := ""
	if try.Consumer != nil && !try.Consumer.Disabled {
		hash = try.Consumer.PasswordHash
	}
	verdict, err := p.opts.Hasher.Verify(clientContext(r), password.Attempt{ //nolint:contextcheck // waits no longer than the client
		Account: params.AccountBucket, Known: try.KnownDevice, Hash: hash, Password: form.password,
	})
	switch {
	case errors.Is(err, password.ErrBusy):
		p.giveBack(r, try.GiveBack)
		return out, &SignInPage{Status: http.StatusServiceUnavailable, Message: MessageBusy, RetryAfter: password.RetryAfter}, nil
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded): // the browser has gone
		p.giveBack(r, try.GiveBack)
		return out, nil, err
	case err != nil:
		p.opts.Log.ErrorContext(r.Context(), "a stored password hash cannot be used", "request_id", RequestID(r.Context()), "cause", err)
	}
	if !verdict.OK || hash == "" {
		return out, wrongCredentials(), nil
	}
	out.rehash = verdict.Rehash
	if try.KnownDevice {
		out.device = device.ID
	}
	return out, nil, nil
}

// countTry counts a try in the database. A known device is not counted for its
// address, so it does not wait for its turn either.
func (p *Provider) countTry(r *http.Request, params storage.TrySignInParams, out *attempt) (storage.TrySignInResult, error) {
	if params.Device == nil {
		turn, err := p.throttle.Turn(clientContext(r), params.AddressBucket) //nolint:contextcheck // waits no longer than the client
		if err != nil {
			return storage.TrySignInResult{}, err
		}
		defer turn.Counted()
		params.AddressUndecided, out.decided = turn.Others, turn.Decided
	}
	try, err := p.opts.Store.TrySignIn(r.Context(), params)
	out.consumer, out.giveBack = try.Consumer, try.GiveBack
	return try, err
}

// wrongCredentials is one answer for all. 403 is what RFC 9110 15.5.4 has for
// credentials that do not suffice; 401 would ask for an HTTP authentication.
func wrongCredentials() *SignInPage {
	return &SignInPage{Status: http.StatusForbidden, Message: MessageCredentials}
}

// giveBack takes a try that was not decided off the throttle, even if the
// browser has gone.
func (p *Provider) giveBack(r *http.Request, g storage.GiveBack) {
	if err := p.opts.Store.GiveBackTry(context.WithoutCancel(r.Context()), g); err != nil {
		p.opts.Log.WarnContext(r.Context(), "a sign-in attempt was not given back", "error", err)
	}
}

// begin signs somebody in whose password was right, and answers the request:
// session, code or token, and the throttle in one transaction.
func (p *Provider) begin(w http.ResponseWriter, r *http.Request, form formOf, a attempt) {
	b := beginning{formOf: form, consumer: a.consumer, done: shown{authenticated: true}, signIn: storage.SignIn{
		ACR: acrPassword, AMR: amrPassword, GiveBack: a.giveBack,
	}}
	in, err := p.beginSession(w, r, &b)
	if errors.Is(err, storage.ErrNotFound) { // disabled, or the password changed, while it was hashed
		p.signInAgain(w, r, form, *wrongCredentials())
		return
	}
	if err != nil {
		p.ShowError(w, r, asError(err))
		return
	}
	p.rememberDevice(w, r, a)
	if a.rehash != "" {
		if err := p.opts.Store.RehashPassword(r.Context(), a.consumer.ID, a.consumer.PasswordHash, a.rehash); err != nil {
			p.opts.Log.WarnContext(r.Context(), "a password hash was not renewed", "error", err)
		}
	}
	p.goOn(w, r, &b, in)
}

// beginning is a sign-in for a request.
type beginning struct {
	formOf

	consumer *storage.Consumer
	done     shown
	// signIn is what proved who it is; beginSession fills in the rest.
	signIn storage.SignIn
	// refused is what the relying party gets although somebody has signed in; nil for
	// what it asks for.
	refused *Error

	next step
	out  issued
}

// beginSession makes the session, and what the request asks for if nothing else has
// to come first. A consumer who may not sign in any more is storage.ErrNotFound.
func (p *Provider) beginSession(w http.ResponseWriter, r *http.Request, b *beginning) (*storage.SignedIn, error) {
	b.signIn.ConsumerID, b.signIn.PasswordChangedAt = b.consumer.ID, b.consumer.PasswordChangedAt
	if !b.request.admits(b.consumer) {
		b.refused = fault("login_required", "somebody else has signed in than id_token_hint or claims demand")
	}
	b.next = nextStep(b.client, b.request, &storage.SignedIn{Consumer: b.consumer}, b.done)
	if b.next == stepNone && b.refused == nil {
		var err error
		if b.out, b.signIn.Code, b.signIn.AccessToken, err = p.prepare(b.client, b.request); err != nil {
			return nil, err
		}
	}
	in, err := p.sessions.Begin(r.Context(), w, r, b.signIn)
	if err != nil {
		return nil, err
	}
	in.Consumer = b.consumer
	return in, nil
}

// goOn answers a request once somebody has signed in for it.
func (p *Provider) goOn(w http.ResponseWriter, r *http.Request, b *beginning, in *storage.SignedIn) {
	switch {
	case b.refused != nil:
		p.sendError(w, r, b.client, b.request, b.refused)
	case b.next != stepNone: // unless it is a consent that is remembered, as was not known before
		p.proceed(w, r, b.view, b.client, b.request, in, b.done)
	default:
		err := p.noteClient(r.Context(), b.client, in)
		if errors.Is(err, storage.ErrNotFound) {
			err = errorsOfNone[stepSignIn] // signed out in this very moment
		}
		if err != nil {
			p.sendError(w, r, b.client, b.request, asError(err))
			return
		}
		p.sendIssued(w, r, b.view, b.client, b.request, in, b.out)
	}
}

// openSessionForm is openForm for what only somebody who is signed in is shown; in
// is nil if nobody is any more. It has answered when ok is false.
func (p *Provider) openSessionForm(w http.ResponseWriter, r *http.Request) (form formOf, in *storage.SignedIn, ok bool) {
	if form, ok = p.openForm(w, r); !ok {
		return form, nil, false
	}
	in, err := p.sessions.Current(r)
	if err != nil {
		p.ShowError(w, r, asError(err))
		return form, nil, false
	}
	p.touch(in)
	return form, in, true
}

// Continue answers the "Continue as" form: POST with ticket and proof.
func (p *Provider) Continue(w http.ResponseWriter, r *http.Request) {
	form, in, ok := p.openSessionForm(w, r)
	if !ok {
		return
	}
	proves := func(kind string) bool {
		return in != nil && p.tickets.Proves(form.proof, proofParts(kind, in, form.client, form.request, form.ticket)...)
	}
	done := shown{chosen: proves(proofContinue)}
	if proves(proofContinueFresh) {
		done = shown{authenticated: in.Now.Sub(in.Session.AuthTime) <= consentLimit, chosen: true}
	}
	p.proceed(w, r, form.view, form.client, form.request, in, done)
}
