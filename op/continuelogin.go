package op

import (
	"errors"
	"net/http"

	"github.com/brandidp/idp/storage"
)

const pathContinueLogin = "/continue-login"

// The faults of a verifier, as a person meets them.
var (
	errNoVerifier = &Error{
		Code: "invalid_request", Status: http.StatusNotFound,
		Description: "this page is not known here: go back to where you came from and begin again",
	}
	errVerifierUsed = &Error{
		Code: "invalid_request", Status: http.StatusConflict,
		Description: "this was completed before: go back to where you came from and begin again",
	}
	errVerifierExpired = &Error{
		Code: "invalid_request", Status: http.StatusGone,
		Description: "this has taken too long: go back to where you came from and begin again",
	}
	errForeignBrowser = &Error{
		Code: "access_denied", Status: http.StatusForbidden,
		Description: "this sign-in was begun in another browser: if you did not begin it yourself, somebody may have tried to sign in as you",
	}
)

func verifierError(err error) error {
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return errNoVerifier
	case errors.Is(err, storage.ErrChallengeUsed):
		return errVerifierUsed
	case errors.Is(err, storage.ErrChallengeExpired):
		return errVerifierExpired
	}
	return err
}

// ContinueLogin goes on with a request that the brand's login has decided about: GET
// with login_verifier, in the browser that began. Everything is checked again against
// the client as it is now.
func (p *Provider) ContinueLogin(w http.ResponseWriter, r *http.Request) {
	params, err := readParams(w, r)
	if err != nil {
		p.ShowError(w, r, asError(err))
		return
	}
	verifier, ok := once(params, "login_verifier")
	if !ok || verifier == "" {
		p.ShowError(w, r, errNoVerifier)
		return
	}
	v, err := p.current()
	if err != nil { // before the verifier is used up
		p.ShowError(w, r, asError(err))
		return
	}
	binding := p.tickets.BindingOf(r)
	decided, err := p.opts.Store.UseLogin(r.Context(), hashOf(verifier), binding)
	if err == nil && !decided.Bound {
		err = errForeignBrowser
	}
	var sealed ticketRequest
	if err == nil {
		err = p.tickets.OpenRow(binding, decided.RequestSealed, &sealed, loginChallenges, decided.ChallengeSHA256)
	}
	if err != nil {
		p.ShowError(w, r, asError(verifierError(err)))
		return
	}
	form := formOf{view: v}
	if !p.reopen(w, r, &form, sealed) {
		return
	}
	switch {
	case decided.Error != "":
		p.sendError(w, r, form.client, form.request, rejections[decided.Error])
	case p.loginURL(form.client) == "": // any more: it is not for the brand to say
		p.proceed(w, r, v, form.client, form.request, nil, shown{})
	case decided.Consumer == nil:
		p.sendError(w, r, form.client, form.request, errDisabled)
	default:
		p.beginElsewhere(w, r, form, decided)
	}
}

// errDisabled is for a consumer who was accepted, and disabled or deleted then.
var errDisabled = fault("access_denied", "the consumer who has signed in may not do so any more")

// beginElsewhere is begin for somebody whom the brand's login has accepted.
func (p *Provider) beginElsewhere(w http.ResponseWriter, r *http.Request, form formOf, decided *storage.DecidedLogin) {
	b := beginning{formOf: form, consumer: decided.Consumer, done: shown{authenticated: true, elsewhere: true}, signIn: storage.SignIn{
		ACR: decided.ACR, AMR: decided.AMR, AuthTime: &decided.AuthTime, Absolute: decided.SessionLifetime, GiveBack: decided.GiveBack,
		HandedOver: &storage.HandedOver{
			ClientID: form.client.ID, Told: p.opts.HandOver.WebhookURL != "", Longest: p.opts.SessionLifetime,
		},
	}}
	switch {
	case !form.request.fresh(decided.AuthTime, decided.CreatedAt, decided.DecidedAt):
		b.refused = errorsOfNone[stepSignIn]
	case !form.request.meets(form.client, decided.ACR):
		b.refused = errUnmet
	}
	in, err := p.beginSession(w, r, &b)
	if errors.Is(err, storage.ErrNotFound) { // in this very moment
		err = errDisabled
	}
	if err != nil {
		p.sendError(w, r, form.client, form.request, asError(err))
		return
	}
	p.goOn(w, r, &b, in)
}
