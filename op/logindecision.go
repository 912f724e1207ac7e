package op

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/brandidp/idp/storage"
)

// LoginAcceptance is who has signed in at the brand, and how.
type LoginAcceptance struct {
	// Sub or else ExternalID names the consumer.
	Sub, ExternalID string
	// ACR and AMR are told to relying parties as they are; "" stands for that of a
	// password here.
	ACR string
	AMR []string
	// AuthTime is when the person has proved who they are, at the brand; nil for now.
	AuthTime *time.Time
	// SessionLifetime is that of the session here; 0, and what is longer, stand for
	// that of all sessions.
	SessionLifetime time.Duration
}

// Change is what is written down with a change that the management API makes, in the
// same transaction.
type Change struct {
	Audit storage.AuditEvent
	// Keep gives the idempotency key that the address which is the answer is kept under;
	// nil for none.
	Keep func(redirectTo string) *storage.Claim
}

func (c Change) keep(redirectTo string) *storage.Claim {
	if c.Keep == nil {
		return nil
	}
	return c.Keep(redirectTo)
}

// FieldError is a rule that a field of a request breaks.
type FieldError struct {
	// Field is its name, Rule what is allowed.
	Field, Rule string
}

// Error is "field: rule".
func (e *FieldError) Error() string { return e.Field + ": " + e.Rule }

const (
	// authTimeSkew is how far the brand's clock may be ahead.
	authTimeSkew = time.Minute
	maxACR       = 255
	maxAMR       = 16
)

// methodPattern is what an acr or amr may be of (RFC 8176 1: case-sensitive strings).
var methodPattern = regexp.MustCompile(`^[\x21-\x7e]{1,255}$`)

// Check gives every rule that the fields break, whatever the request.
func (a *LoginAcceptance) Check() []*FieldError {
	var faults []*FieldError
	at := func(field, rule string) { faults = append(faults, &FieldError{field, rule}) }
	if (a.Sub == "") == (a.ExternalID == "") {
		at("sub", "must be given, or external_id, and not both")
	}
	for field, value := range map[string]string{"sub": a.Sub, "external_id": a.ExternalID} {
		if value != "" && !subjectPattern.MatchString(value) {
			at(field, "must be of 1 to 255 printable ASCII characters")
		}
	}
	if a.ACR != "" && !methodPattern.MatchString(a.ACR) {
		at("acr", "must be of 1 to 255 printable ASCII characters without spaces")
	}
	if fault := checkAMR(a.AMR); fault != nil {
		faults = append(faults, fault)
	}
	if a.AuthTime != nil && a.AuthTime.Unix() < 0 {
		at("auth_time", "must not be before 1970")
	}
	if a.SessionLifetime < 0 {
		at("session_lifetime", "must be a number of seconds above 0")
	}
	return faults
}

func checkAMR(amr []string) *FieldError {
	if len(amr) > maxAMR || slices.ContainsFunc(amr, func(method string) bool { return !methodPattern.MatchString(method) }) {
		return &FieldError{"amr", "must have at most 16 values of 1 to 255 printable ASCII characters without spaces"}
	}
	return nil
}

// CheckLogin tells whether AcceptLogin would accept, but for whether there is such a
// consumer.
func (p *Provider) CheckLogin(ctx context.Context, challenge string, a LoginAcceptance) error {
	_, err := p.checkLogin(ctx, challenge, &a)
	return err
}

// checkLogin fills in auth_time. Who may accept may do so for every client: the session
// that it leads to is good for all of them.
func (p *Provider) checkLogin(ctx context.Context, challenge string, a *LoginAcceptance) (*openChallenge, error) {
	var faults []error
	for _, fault := range a.Check() {
		faults = append(faults, fault)
	}
	c, err := p.openChallenge(ctx, challenge, "")
	if err != nil {
		return nil, err
	}
	switch {
	case a.AuthTime == nil:
		a.AuthTime = &c.Now
	case a.AuthTime.After(c.Now.Add(authTimeSkew)):
		faults = append(faults, &FieldError{"auth_time", "must not be in the future"})
	case a.AuthTime.After(c.Now):
		a.AuthTime = &c.Now
	}
	if !c.request.fresh(*a.AuthTime, c.CreatedAt, c.Now) {
		faults = append(faults, &FieldError{"auth_time", "must not be earlier than prompt and max_age of the request demand: ask the person to sign in anew"})
	}
	return c, errors.Join(faults...)
}

// AcceptLogin lets the request of a challenge go on as the consumer, and gives the
// address where it does, with a one-time verifier in it: for the browser that brought
// the challenge, and for nobody else's eyes. Errors are those of LoginChallenge, and
// FieldErrors, joined.
func (p *Provider) AcceptLogin(ctx context.Context, challenge string, a LoginAcceptance, change Change) (redirectTo string, err error) {
	c, err := p.checkLogin(ctx, challenge, &a)
	if err != nil {
		return "", err
	}
	if a.ACR == "" {
		a.ACR = acrPassword
	}
	redirectTo, err = p.decide(ctx, c, storage.LoginDecision{
		Sub: a.Sub, ExternalID: a.ExternalID, ACR: a.ACR, AMR: append([]string{}, a.AMR...), AuthTime: *a.AuthTime, SessionLifetime: a.SessionLifetime,
	}, change)
	if errors.Is(err, storage.ErrNoConsumer) {
		return "", a.NoConsumer()
	}
	return redirectTo, err
}

// NoConsumer is the error for somebody who is not there, or disabled.
func (a *LoginAcceptance) NoConsumer() *FieldError {
	field := "sub"
	if a.Sub == "" {
		field = "external_id"
	}
	return &FieldError{field, "must be that of a consumer who is not disabled"}
}

// fresh tells whether a sign-in of authTime, accepted at a moment, is what the request
// demands that was sent away at another: either for this very request, or not too old
// for it. The brand may tell whole seconds alone.
func (a *authRequest) fresh(authTime, sentAway, accepted time.Time) bool {
	if !authTime.Before(sentAway.Truncate(time.Second)) {
		return true
	}
	return !a.prompts(promptLogin) && (a.MaxAge == nil || accepted.Sub(authTime) <= time.Duration(*a.MaxAge)*time.Second)
}

// rejections are what a backend can reject with, and what the relying party is told.
var rejections = map[string]*Error{
	"access_denied":           fault("access_denied", "the sign-in was refused or given up"),
	"login_required":          fault("login_required", "nobody has signed in at the brand's login"),
	"interaction_required":    fault("interaction_required", "the brand's login needs more of the consumer than it can ask now"),
	"temporarily_unavailable": fault("temporarily_unavailable", "the brand's login is not available at the moment"),
}

// LoginRejections are the error codes that RejectLogin takes.
func LoginRejections() []string { return slices.Sorted(maps.Keys(rejections)) }

// RejectLogin has the relying party told that nobody has signed in. Result and errors
// are those of AcceptLogin.
func (p *Provider) RejectLogin(ctx context.Context, challenge, reach, code string, change Change) (redirectTo string, err error) {
	if rejections[code] == nil {
		return "", &FieldError{"error", "must be one of " + strings.Join(LoginRejections(), ", ")}
	}
	c, err := p.openChallenge(ctx, challenge, reach)
	if err != nil {
		return "", err
	}
	return p.decide(ctx, c, storage.LoginDecision{Error: code}, change)
}

func (p *Provider) decide(ctx context.Context, c *openChallenge, d storage.LoginDecision, change Change) (redirectTo string, err error) {
	verifier, err := p.newHandle()
	if err != nil {
		return "", err
	}
	redirectTo = withParameter(p.opts.Issuer+pathContinueLogin, "login_verifier", verifier)
	d.ChallengeSHA256, d.VerifierSHA256, d.Return = c.ChallengeSHA256, hashOf(verifier), returnLifetime
	d.Audit, d.Claim = change.Audit, change.keep(redirectTo)
	if err := p.opts.Store.DecideLogin(ctx, d); err != nil {
		return "", challengeError(err)
	}
	return redirectTo, nil
}
