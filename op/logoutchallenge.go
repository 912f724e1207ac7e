package op

import (
	"context"
	"net/http"
	"net/url"

	"github.com/brandidp/idp/storage"
)

const (
	pathContinueLogout = "/continue-logout"
	logoutChallenges   = "logout_challenges"
)

// logoutURL is where the browser goes once somebody has signed out for a client, which
// is nil if none is known; "" for nowhere.
func (p *Provider) logoutURL(client *storage.Client) string {
	if client != nil && client.LogoutURL != "" {
		return client.LogoutURL
	}
	return p.opts.HandOver.LogoutURL
}

// handOverLogout sends the browser to the brand's own sign-out. The session here has
// ended, and in is nil if it had run out before, as the brand's may not have: where the brand cannot be waited for, the sign-out goes on without it.
func (p *Provider) handOverLogout(w http.ResponseWriter, r *http.Request, binding []byte, request *signOutRequest, in *storage.SignedIn) {
	challenge, err := p.storeLogout(r.Context(), binding, request, in)
	if err != nil {
		p.logError(r, asError(err))
		p.signedOut(w, r, request)
		return
	}
	p.lead(w, r, ReturnPage{URL: withParameter(p.logoutURL(request.client), "logout_challenge", challenge), UILocales: request.uiLocales})
}

func (p *Provider) storeLogout(ctx context.Context, binding []byte, request *signOutRequest, in *storage.SignedIn) (challenge string, err error) {
	if challenge, err = p.newHandle(); err != nil {
		return "", err
	}
	row := storage.LogoutChallenge{ChallengeSHA256: hashOf(challenge), BindingSHA256: binding}
	if in != nil {
		row.Sid, row.Sub, row.ExternalID = in.Session.Sid, in.Consumer.Sub, in.Consumer.ExternalID
	}
	if request.client != nil {
		row.ClientID = request.client.ClientID
	}
	if row.RequestSealed, err = p.tickets.SealRow(binding, request.fields, logoutChallenges, row.ChallengeSHA256); err != nil {
		return "", err
	}
	return challenge, p.opts.Store.InsertLogoutChallenge(ctx, row, challengeLifetime)
}

// LogoutChallenge tells the brand's backend whose session has ended here, through
// which client. reach and errors are as for [Provider.LoginChallenge].
func (p *Provider) LogoutChallenge(ctx context.Context, challenge, reach string) (*storage.LogoutChallenge, error) {
	row, err := p.opts.Store.LogoutChallenge(ctx, hashOf(challenge))
	if err != nil {
		return nil, challengeError(err)
	}
	if reach != "" && row.ClientID != reach {
		return nil, errNoChallenge
	}
	return row, nil
}

// AcceptLogout lets a sign-out go on, and gives the address where it does, as
// AcceptLogin does.
func (p *Provider) AcceptLogout(ctx context.Context, challenge, reach string, change Change) (redirectTo string, err error) {
	if _, err := p.LogoutChallenge(ctx, challenge, reach); err != nil {
		return "", err
	}
	verifier, err := p.newHandle()
	if err != nil {
		return "", err
	}
	redirectTo = withParameter(p.opts.Issuer+pathContinueLogout, "logout_verifier", verifier)
	if err := p.opts.Store.AcceptLogout(ctx, hashOf(challenge), hashOf(verifier), change.Audit, change.keep(redirectTo)); err != nil {
		return "", challengeError(err)
	}
	return redirectTo, nil
}

// ContinueLogout goes back to the client after the brand's own sign-out: GET with
// logout_verifier, in the browser that began.
func (p *Provider) ContinueLogout(w http.ResponseWriter, r *http.Request) {
	params, err := readParams(w, r)
	if err != nil {
		p.ShowError(w, r, asError(err))
		return
	}
	v, err := p.current()
	if err != nil {
		p.ShowError(w, r, asError(err))
		return
	}
	verifier, _ := once(params, "logout_verifier")
	binding := p.tickets.BindingOf(r)
	row, bound, err := p.opts.Store.UseLogout(r.Context(), hashOf(verifier), binding)
	if err == nil && !bound {
		err = errForeignLogout
	}
	var fields []FormField
	if err == nil {
		err = p.tickets.OpenRow(binding, row.RequestSealed, &fields, logoutChallenges, row.ChallengeSHA256)
	}
	if err != nil {
		p.ShowError(w, r, asError(verifierError(err)))
		return
	}
	sent := url.Values{}
	for _, field := range fields {
		sent.Set(field.Name, field.Value)
	}
	p.signedOut(w, r, p.signOutRequestOf(v, sent))
}

var errForeignLogout = &Error{Code: "access_denied", Status: http.StatusForbidden, Description: "this sign-out was begun in another browser"}
