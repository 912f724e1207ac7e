package op

import (
	"net/http"
)

// EndSession is the page to sign out: a GET asks, and so does a POST that does
// not come from the page itself. It never leads anywhere else, since no client
// can register an address for that yet.
func (p *Provider) EndSession(w http.ResponseWriter, r *http.Request) {
	params, err := readParams(w, r)
	if err != nil {
		p.ShowError(w, r, asError(err))
		return
	}
	if p.repost(w, r, params) {
		return
	}
	if r.Method == http.MethodPost && p.tickets.ProvesBinding(r, params.Get("proof"), "sign-out") {
		p.signOut(w, r)
		return
	}
	in, err := p.sessions.Current(r)
	if err != nil {
		p.ShowError(w, r, asError(err))
		return
	}
	page := SignOutPage{Action: p.basePath + "/end_session"}
	if locales := params.Get("ui_locales"); len(locales) <= ticketParams["ui_locales"] {
		page.UILocales = words(locales)
	}
	if in != nil {
		page.Account = accountName(in.Consumer)
	}
	if page.Proof, err = p.tickets.BindingProof(w, r, "sign-out"); err != nil {
		p.ShowError(w, r, asError(err))
		return
	}
	p.opts.Pages.SignOut(w, r, page)
}

func (p *Provider) signOut(w http.ResponseWriter, r *http.Request) {
	err := p.sessions.End(r.Context(), w, r)
	if err == nil {
		err = p.tickets.Rebind(w)
	}
	if err != nil {
		p.ShowError(w, r, asError(err))
		return
	}
	p.opts.Pages.SignedOut(w, r)
}
