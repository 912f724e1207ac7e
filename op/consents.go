package op

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/brandidp/idp/storage"
)

// Consents shows whoever is signed in what they have allowed to whom: GET.
func (p *Provider) Consents(w http.ResponseWriter, r *http.Request) {
	if v, in, ok := p.consenter(w, r); ok {
		p.showConsents(w, r, v, in, "")
	}
}

// Withdraw answers a form of that page: POST with client_id and proof. A form that
// is not of this sign-in shows the page again.
func (p *Provider) Withdraw(w http.ResponseWriter, r *http.Request) {
	params, err := readParams(w, r)
	if err != nil {
		p.ShowError(w, r, asError(err))
		return
	}
	v, in, ok := p.consenter(w, r)
	if !ok {
		return
	}
	client := v.clients[params.Get("client_id")]
	if client == nil || !p.tickets.Proves(params.Get("proof"), withdrawParts(in, client)...) {
		p.showConsents(w, r, v, in, "")
		return
	}
	// What was withdrawn before, by this very form, is withdrawn.
	if err := p.opts.Store.WithdrawConsent(r.Context(), in.Consumer.ID, client.ID, storage.AuditEvent{}); err != nil && !errors.Is(err, storage.ErrNotFound) {
		p.ShowError(w, r, asError(err))
		return
	}
	delete(in.Consents, client.ID)
	p.showConsents(w, r, v, in, displayName(client))
}

// consenter finds who is signed in. It has answered when ok is false.
func (p *Provider) consenter(w http.ResponseWriter, r *http.Request) (v *view, in *storage.SignedIn, ok bool) {
	v, err := p.current()
	if err == nil {
		in, err = p.sessions.Current(r)
	}
	switch {
	case err != nil:
		p.ShowError(w, r, asError(err))
	case in == nil:
		p.opts.Pages.SignedOut(w, r, SignedOutPage{})
	default:
		p.touch(in)
	}
	return v, in, in != nil
}

func (p *Provider) showConsents(w http.ResponseWriter, r *http.Request, v *view, in *storage.SignedIn, withdrawn string) {
	page := ConsentsPage{Action: p.consentsAddress(), Account: accountName(in.Consumer), Withdrawn: withdrawn}
	for _, client := range slices.SortedFunc(maps.Values(v.clients), func(a, b *storage.Client) int {
		return strings.Compare(a.ClientID, b.ClientID)
	}) {
		if scopes := in.Consents[client.ID]; scopes != nil {
			page.Allowed = append(page.Allowed, Allowed{
				ClientID: client.ClientID, ClientName: displayName(client), Scopes: scopes,
				Proof: p.tickets.Proof(withdrawParts(in, client)...),
			})
		}
	}
	p.opts.Pages.Consents(w, r, page)
}

// withdrawParts are what a form holds for that withdraws: the session, the sign-in,
// the consumer and the client.
func withdrawParts(in *storage.SignedIn, client *storage.Client) []string {
	return []string{
		"withdraw", strconv.FormatInt(in.Session.ID, 10), strconv.FormatInt(in.Session.AuthTime.UnixMicro(), 10), in.Consumer.Sub, client.ClientID,
	}
}

// displayName is how a client is told from others where it must have a name.
func displayName(client *storage.Client) string {
	if client.ClientName != "" {
		return client.ClientName
	}
	return client.ClientID
}

func (p *Provider) consentsAddress() string { return p.basePath + "/consents" }
