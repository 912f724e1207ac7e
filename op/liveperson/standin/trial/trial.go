// Package trial has the stand-in for Conversational Cloud try a connector against
// a provider that is up: it opens the conversation windows as the cloud does, with
// a browser that signs a consumer in, and reports step by step what was sent, what
// came back and what the cloud would say to it.
//
// It owns that consumer's browser and what is told of a step. It sends nothing to
// anybody but the provider: the redirect addresses are LivePerson's, and a browser
// that is led to one has arrived. It signs in by the password alone, as everybody
// has to. It must never tell a secret, a token, or a person's data unless it was
// asked to, and must not know about storage or the provider's insides: of this
// module it imports package liveperson, what is below it, and package loopback.
package trial

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/liveperson/standin"
)

// Options are what is tried, and as whom.
type Options struct {
	// Registration is the connector; its Issuer is the provider's.
	Registration *liveperson.Registration
	// ClientSecret is needed with the code flow alone.
	ClientSecret string
	// Username and Password are what the consumer types; Subject is their sub.
	Username, Password, Subject string
	// Address is where the provider is reached, as CheckAddress wants it, if that is
	// not where the issuer's host leads, such as before it is in the DNS.
	Address string
	// TLS is what https is done by, nil for what the system trusts.
	TLS *tls.Config
	// ShowClaims has the steps tell the claims of ID tokens.
	ShowClaims bool
	// Done, if not nil, is told each step as soon as it is over.
	Done func(Step)
	Now  func() time.Time
	Rand io.Reader
}

// windowAddress is where LivePerson serves the external window's page.
const windowAddress = "https://lpcdn.lpsnmedia.net" + standin.WindowPath

// anyAccount is the account for a client that takes every one.
const anyAccount = "12345678"

// trial is a run under way.
type trial struct {
	Options

	wire     *wire
	browser  *browser
	cloud    *standin.Cloud
	services http.Handler // of the stand-in
	report   *Report

	window   string // its address
	signedIn bool
	// latest is the authorization request of the latest window, delegate the
	// consumer whose tokens the cloud has kept.
	latest, delegate string
}

// errFailed ends a trial after a step that failed.
var errFailed = errors.New("a step has failed")

// Run tries everything that the client's settings allow, up to the first step
// that fails, and signs out again. The report is nil with an error, but for one
// that wraps ErrUnreachable, and for the context's: then it tells how far it came.
func Run(ctx context.Context, opts Options) (*Report, error) {
	t, err := newTrial(opts)
	if err != nil {
		return nil, err
	}
	err = t.run(ctx)
	if t.signedIn {
		// Also after an interruption: the session is nobody's any more.
		const patience = 5 * time.Second
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		err = errors.Join(err, t.signOut(bounded))
	}
	t.report.Passed = err == nil
	switch {
	case ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return t.report, ctx.Err()
	case t.wire.lost != nil:
		return t.report, fmt.Errorf("%w: %w", ErrUnreachable, t.wire.lost)
	case err == nil || errors.Is(err, errFailed):
		return t.report, nil
	default:
		return nil, err
	}
}

func newTrial(opts Options) (*trial, error) {
	r := opts.Registration
	t := &trial{Options: opts, window: windowAddress, report: &Report{
		Issuer: r.Issuer, ClientID: r.ClientID, AccountID: r.Settings.AccountID, Warnings: r.Warnings(),
	}}
	if t.report.AccountID == "" {
		t.report.AccountID = anyAccount
	}
	isWindow := func(address string) bool {
		return strings.HasSuffix(address, standin.WindowPath) && liveperson.IsWindow(address, r.WebOrigins)
	}
	if i := slices.IndexFunc(r.RedirectURIs, isWindow); i >= 0 && !slices.Contains(r.RedirectURIs, windowAddress) {
		t.window = r.RedirectURIs[i]
	}
	var err error
	if t.wire, err = newWire(r.Issuer, opts.Address, opts.TLS); err != nil {
		return nil, err
	}
	if t.browser, err = newBrowser(t.wire); err != nil {
		return nil, err
	}
	t.cloud, err = standin.New(standin.Options{
		Address: strings.TrimSuffix(t.window, standin.WindowPath), AccountID: t.report.AccountID, PageOrigins: r.WebOrigins,
		Client: &http.Client{Transport: t.wire}, Now: opts.Now, Rand: opts.Rand,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	t.cloud.Routes(mux)
	t.services = mux
	return t, nil
}

func (t *trial) run(ctx context.Context) error {
	if err := t.discovery(ctx); err != nil {
		return err
	}
	flows, err := t.flows()
	if err != nil {
		return err
	}
	if len(flows) == 0 {
		return t.step(Step{Name: "window", Title: "Conversation windows"}, func(*Step) error {
			return &failure{
				"none was tried: response_types of the client has neither code nor id_token, and a window asks for one of them",
				"add code or id_token to response_types of the client, and run idp apply",
			}
		})
	}
	for _, f := range flows {
		t.cloud.Configure(f.connector)
		if err := t.externalWindow(ctx, f); err != nil {
			return err
		}
	}
	if err := t.embeddedWindow(ctx, flows); err != nil {
		return err
	}
	if err := t.refresh(ctx); err != nil {
		return err
	}
	return t.botsLink(ctx)
}

// flow is one way in which the client may be asked.
type flow struct {
	title     string
	connector standin.Connector
}

// flows are the connectors that the form can be filled in for.
func (t *trial) flows() ([]flow, error) {
	r := t.Registration
	filled, err := standin.FillIn("", t.ClientSecret, r.ConnectorFields())
	if err != nil {
		return nil, err
	}
	filled.Legacy = r.Settings.Legacy()
	filled.PhoneNumber = r.Settings.PhoneNumber
	if audience := r.Settings.AudienceOf(r.ClientID); !slices.Contains(audience, r.ClientID) {
		filled.Audience = audience[0]
	}
	var flows []flow
	add := func(id, title string, change func(*standin.Connector)) {
		connector := filled
		connector.ID = id
		change(&connector)
		flows = append(flows, flow{title, connector})
	}
	if r.CodeFlow {
		code := func(pkce bool) func(*standin.Connector) {
			return func(c *standin.Connector) { c.CodeFlow, c.PKCE, c.Delegation = true, pkce, r.RefreshTokens }
		}
		if !r.RequirePKCE {
			add("code", "code flow", code(false))
		}
		if !filled.Legacy {
			add("code-pkce", "code flow with PKCE", code(true))
		}
	}
	if r.ImplicitFlow {
		add("implicit", "implicit flow", func(c *standin.Connector) { c.CodeFlow, c.PKCE, c.ClientSecret, c.TokenEndpoint = false, false, "", "" })
	}
	return flows, nil
}

// discovery asks for the provider's metadata, which Conversational Cloud itself
// never reads, and holds it against the form.
func (t *trial) discovery(ctx context.Context) error {
	r := t.Registration
	return t.step(Step{Name: "discovery", Title: "The provider answers", Section: "5.2"}, func(s *Step) error {
		response, err := t.browser.do(ctx, http.MethodGet, r.Issuer+"/.well-known/openid-configuration", "", http.Header{})
		if err != nil {
			return err
		}
		defer response.Body.Close() //nolint:errcheck // only read
		var found struct {
			Issuer                string `json:"issuer"`
			AuthorizationEndpoint string `json:"authorization_endpoint"`
			TokenEndpoint         string `json:"token_endpoint"`
		}
		body, err := readAll(response.Body)
		switch {
		case err != nil:
			return err
		case response.StatusCode != http.StatusOK || json.Unmarshal(body, &found) != nil:
			return &failure{
				fmt.Sprintf("no discovery document is there, but an answer with status %d", response.StatusCode),
				"see that the provider, and not something else, answers at " + r.Issuer + ", and that this command has its configuration",
			}
		case found.Issuer != r.Issuer:
			return &failure{
				"the provider calls itself " + printable(found.Issuer) + ", and this command's configuration says " + r.Issuer,
				"give both the same issuer, letter by letter (IDP_ISSUER, --issuer or the file), and paste that into the connector's form",
			}
		case found.AuthorizationEndpoint != r.AuthorizationEndpoint || found.TokenEndpoint != r.TokenEndpoint:
			return &failure{"its endpoints are not those of the connector's form", "the provider that answers is of another release than this command"}
		}
		s.Found = "its issuer is " + r.Issuer + ", and its endpoints are those of the form"
		return nil
	})
}

// failure is why a step failed, and what to do about it.
type failure struct{ reason, advice string }

// Error implements error.
func (f *failure) Error() string { return f.reason }

// step makes one step: what f does is part of it. An error means that it failed,
// and is errFailed.
func (t *trial) step(s Step, f func(*Step) error) error {
	err := f(&s)
	s.Requests = append(s.Requests, t.wire.take()...)
	if s.Outcome == "" {
		s.Outcome = standin.Passed
	}
	if err == nil {
		t.done(s)
		return nil
	}
	if errors.Is(err, context.Canceled) || errors.Is(t.wire.lost, context.Canceled) {
		return context.Canceled // the operator has had enough, and nothing is wrong
	}
	s.Outcome, s.Found, s.Advice = standin.Failed, err.Error(), ""
	if f, ok := errors.AsType[*failure](err); ok {
		s.Advice = f.advice
	}
	if u, ok := errors.AsType[*url.Error](err); ok && t.wire.lost != nil {
		s.Found = ErrUnreachable.Error() + ": " + u.Err.Error()
		if errors.Is(u, context.DeadlineExceeded) {
			s.Found = ErrUnreachable.Error() + " in time"
		}
		s.Advice = "see that idp serve is up at " + t.Registration.Issuer + ", or name where it is with --address"
		if t.Address != "" {
			s.Advice = "see that idp serve is up at " + printable(t.Address) + ", which --address names"
		}
	}
	t.done(s)
	return errFailed
}

// done takes a step into the report.
func (t *trial) done(s Step) {
	s.Number = len(t.report.Steps) + 1
	t.report.Steps = append(t.report.Steps, s)
	if t.Done != nil {
		t.Done(s)
	}
}
