package op

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

// consentLimit is how long after the password a person may take to agree, where
// the request asks for a fresh sign-in (prompt=login, max_age).
const consentLimit = 10 * time.Minute

// consentScopes are the scopes that the consumer is asked for: those of the request,
// those of the claims that it asks for one by one, and those whose claims the client
// gets whatever it asks for.
func (a *authRequest) consentScopes(client *storage.Client) []string {
	scopes := append(slices.Clone(a.Scopes), a.Claims.scopesBeside(a.Scopes)...)
	if client.ClaimsPolicy == claimsEverything {
		for _, scope := range allScopes {
			if !slices.Contains(scopes, scope) {
				scopes = append(scopes, scope)
			}
		}
	}
	return scopes
}

// lacksConsent tells whether the consumer has still to agree, or to agree once more.
func (a *authRequest) lacksConsent(client *storage.Client, in *storage.SignedIn) bool {
	return a.prompts(promptConsent) || a.delegates() || client.AsksConsent() && !in.Consents.Cover(client.ID, a.consentScopes(client))
}

// delegates tells whether the answer lets an assistant in a conversation act for the
// consumer. Nothing in such a request says whose conversation it is: state is
// Conversational Cloud's, and whoever was given the link can have others open it. So
// only the consumer can tell, each time, and nothing that was allowed before tells for
// them.
func (a *authRequest) delegates() bool { return liveperson.IsCallback(a.RedirectURI) }

// showConsent asks whether the client may have what it asks for. The proof holds
// for this session, consumer, client, scopes and ticket, and stands for every
// step that came before.
func (p *Provider) showConsent(w http.ResponseWriter, r *http.Request, client *storage.Client, request *authRequest, in *storage.SignedIn) {
	sealed, err := p.tickets.Seal(w, r, request.params)
	if err != nil {
		p.ShowError(w, r, asError(err))
		return
	}
	p.opts.Pages.Consent(w, r, ConsentPage{
		Action: p.basePath + "/consent", Ticket: sealed,
		Proof:      p.tickets.Proof(proofParts("consent", in, client, request, sealed)...),
		ClientName: client.ClientName, Account: accountName(in.Consumer), Scopes: request.consentScopes(client),
		Assistant: request.delegates(), Consents: p.consentsAddress(), UILocales: request.UILocales,
	})
}

// Consent answers the consent form: POST with ticket, proof and consent, which is
// allow or deny. What was allowed is remembered until it is withdrawn; a refusal
// changes nothing.
func (p *Provider) Consent(w http.ResponseWriter, r *http.Request) {
	form, in, ok := p.openSessionForm(w, r)
	if !ok {
		return
	}
	asked := in != nil && p.tickets.Proves(form.proof, proofParts("consent", in, form.client, form.request, form.ticket)...)
	switch {
	case asked && form.consent == "deny":
		p.sendError(w, r, form.client, form.request, fault("access_denied", "the consumer did not agree"))
	case asked && form.consent == "allow":
		err := p.opts.Store.RememberConsent(r.Context(), in.Session.ID, form.client.ID, form.request.consentScopes(form.client))
		if errors.Is(err, storage.ErrNotFound) {
			err = errorsOfNone[stepSignIn] // signed out in this very moment
		}
		if err != nil {
			p.sendError(w, r, form.client, form.request, asError(err))
			return
		}
		p.proceed(w, r, form.view, form.client, form.request, in, shown{
			// The page comes after the password; longer than a person takes to agree
			// it does not stand for it.
			authenticated: in.Now.Sub(in.Session.AuthTime) <= consentLimit, chosen: true, consented: true,
		})
	default: // another session, consumer or page: ask again
		p.proceed(w, r, form.view, form.client, form.request, in, shown{})
	}
}
