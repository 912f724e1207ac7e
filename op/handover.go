package op

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/brandidp/idp/storage"
)

// HandOver says where people sign in and out if the brand does that itself. A client's
// own addresses come first.
//
// A browser that would be shown the sign-in page goes to LoginURL with a
// login_challenge: a handle of the request, which is stored for it. The brand's backend
// reads by it what is asked for (LoginChallenge), and tells who has signed in
// (AcceptLogin) or that nobody has (RejectLogin). Either gives an address of ours with a
// one-time verifier, and the flow goes on there in the browser that began, which its
// binding cookie proves, and in no other: whoever lures somebody through the brand's
// login with a challenge of his own gets nothing, as he has no verifier, and the person
// gets nothing either, as they have no cookie.
type HandOver struct {
	// LoginURL is "" if people sign in here.
	LoginURL string
	// LogoutURL is where the browser goes once somebody has signed out here; "" for
	// nowhere.
	LogoutURL string
	// WebhookURL is told of the end of the sessions that LoginURL has begun; "" for
	// nothing.
	WebhookURL string
}

const (
	// challengeLifetime is how long the brand's login may take, and returnLifetime how
	// long the browser may take to come back from it.
	challengeLifetime = 10 * time.Minute
	returnLifetime    = time.Minute
	// challengeLimit is how many requests of one network address may be stored in
	// challengeWindow. Those that come to a sign-in are not counted.
	challengeLimit  = 300
	challengeWindow = 10 * time.Minute

	loginChallenges = "login_challenges"
)

func (p *Provider) loginURL(client *storage.Client) string {
	if client.LoginURL != "" {
		return client.LoginURL
	}
	return p.opts.HandOver.LoginURL
}

// handOver stores a request and sends the browser to the brand's login.
func (p *Provider) handOver(w http.ResponseWriter, r *http.Request, client *storage.Client, request *authRequest, in *storage.SignedIn) {
	challenge, err := p.storeRequest(w, r, client, request, in)
	if err != nil {
		p.ShowError(w, r, asError(err))
		return
	}
	p.lead(w, r, ReturnPage{
		URL: withParameter(p.loginURL(client), "login_challenge", challenge), SignIn: true, UILocales: request.UILocales,
	})
}

// errTooManyLogins is for a network address that stores too much.
var errTooManyLogins = Error{
	Code: "temporarily_unavailable", Status: http.StatusTooManyRequests,
	Description: "too many sign-ins were begun from this network address and not completed",
}

func (p *Provider) storeRequest(
	w http.ResponseWriter, r *http.Request, client *storage.Client, request *authRequest, in *storage.SignedIn,
) (challenge string, err error) {
	if challenge, err = p.newHandle(); err != nil {
		return "", err
	}
	binding, err := p.tickets.Bind(w, r)
	if err != nil {
		return "", err
	}
	row := storage.NewLoginChallenge{
		ChallengeSHA256: hashOf(challenge), BindingSHA256: binding, ClientID: client.ID, Subject: request.subject(in), Lifetime: challengeLifetime,
		AddressBucket: p.throttle.LoginBucket(p.opts.ClientAddress(r)), Limit: challengeLimit, Window: challengeWindow,
	}
	if row.RequestSealed, err = p.tickets.SealRow(binding, request.params, loginChallenges, row.ChallengeSHA256); err != nil {
		return "", err
	}
	wait, err := p.opts.Store.InsertLoginChallenge(r.Context(), row)
	if err == nil && wait > 0 {
		limited := errTooManyLogins
		limited.RetryAfter = wait
		err = &limited
	}
	return challenge, err
}

// subject is who should sign in: the one whom the request demands, else who is signed
// in, else "".
func (a *authRequest) subject(in *storage.SignedIn) string {
	for _, subs := range a.subjects {
		if len(subs) == 1 {
			return subs[0]
		}
	}
	if in == nil {
		return ""
	}
	return in.Consumer.Sub
}

// withParameter adds a parameter to the query of an address.
func withParameter(address, name, value string) string {
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return address + separator + name + "=" + escape(value)
}

// LoginChallenge is what the brand's backend is told of a request.
type LoginChallenge struct {
	ClientID, ClientName string
	Scopes               []string
	Prompts              []string
	MaxAge               *int64 // seconds; nil for any
	LoginHint            string
	// ACRValues are wished for, in this order. If Essential, one of them has to be met.
	ACRValues []string
	Essential bool
	UILocales []string
	// Subject and ExternalID are those of who should sign in: somebody who is signed in
	// here, or whom the request demands; "" if anybody may.
	Subject, ExternalID string
	// Skip tells that nothing in the request demands to ask somebody who is signed in at
	// the brand already. MaxAge holds all the same.
	Skip                 bool
	CreatedAt, ExpiresAt time.Time
}

// The faults of what a backend asks about challenges.
var (
	errNoChallenge      = &Error{Code: "not_found", Status: http.StatusNotFound, Description: "there is no such challenge"}
	errChallengeDecided = &Error{Code: "conflict", Status: http.StatusConflict, Description: "the challenge was accepted or rejected before"}
	errChallengeExpired = &Error{Code: "gone", Status: http.StatusGone, Description: "the challenge has expired: the browser has to begin again"}
)

func challengeError(err error) error {
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return errNoChallenge
	case errors.Is(err, storage.ErrChallengeDecided):
		return errChallengeDecided
	case errors.Is(err, storage.ErrChallengeExpired):
		return errChallengeExpired
	}
	return err
}

// openChallenge is a challenge with its request, checked against the client as it is
// now.
type openChallenge struct {
	*storage.LoginChallenge

	client  *storage.Client
	request *authRequest
}

// openChallenge reads a challenge for a credential that reaches the client reach
// alone, or all of them if it is "".
func (p *Provider) openChallenge(ctx context.Context, challenge, reach string) (*openChallenge, error) {
	v, err := p.current()
	if err != nil {
		return nil, err
	}
	row, err := p.opts.Store.LoginChallenge(ctx, hashOf(challenge))
	if err != nil {
		return nil, challengeError(err)
	}
	client := v.byID[row.ClientID]
	if client == nil || reach != "" && client.ClientID != reach {
		return nil, errNoChallenge
	}
	var sealed ticketRequest
	if err := p.tickets.OpenRow(row.BindingSHA256, row.RequestSealed, &sealed, loginChallenges, row.ChallengeSHA256); err != nil {
		return nil, err
	}
	request, _, fault := v.addressOf(sealed.values())
	if fault == nil {
		fault = p.complete(v, client, request, sealed.values())
	}
	if fault != nil { // the client has changed, and the browser would be told the same
		e := *errChallengeExpired
		e.Description, e.Cause = "the client has been changed since, and the request is not valid any more", fault
		return nil, &e
	}
	return &openChallenge{LoginChallenge: row, client: client, request: request}, nil
}

// LoginChallenge tells what is asked for by a challenge that waits. The errors are
// Errors with the status 404, 409 or 410; reach is the client_id of the client that
// the caller's credential is narrowed to, "" for all.
func (p *Provider) LoginChallenge(ctx context.Context, challenge, reach string) (*LoginChallenge, error) {
	c, err := p.openChallenge(ctx, challenge, reach)
	if err != nil {
		return nil, err
	}
	request := c.request
	out := &LoginChallenge{
		ClientID: c.client.ClientID, ClientName: c.client.ClientName, Scopes: request.Scopes, Prompts: request.Prompts, MaxAge: request.MaxAge,
		LoginHint: request.LoginHint, ACRValues: request.acrs, Essential: request.acrs != nil, UILocales: request.UILocales,
		Subject: c.Subject, ExternalID: c.ExternalID, CreatedAt: c.CreatedAt, ExpiresAt: c.ExpiresAt,
		Skip: !request.prompts(promptLogin) && !request.prompts(promptSelectAccount),
	}
	if !out.Essential {
		out.ACRValues = words(string(request.params["acr_values"]))
	}
	return out, nil
}
