package trial

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/brandidp/idp/op/liveperson/standin"
)

// maxPages is how many pages a person may have to answer before they are back.
const maxPages = 5

// externalWindow is the window that leads a browser to the brand and back
// (contract 2.2, 2.3).
func (t *trial) externalWindow(ctx context.Context, f flow) error {
	title := "External window, " + f.title + ": "
	var launched standin.Launched
	back, err := t.lead(ctx, title, Step{Name: "authorize", Title: title + "it asks the provider", Section: "2.2"}, func() (string, error) {
		var err error
		launched, err = t.launch(ctx, f.connector)
		t.latest = launched.Address
		return launched.Address, err
	})
	if err != nil {
		return err
	}
	return t.comeBack(ctx, f, title, back, launched.CodeVerifier)
}

// lead sends the consumer to the provider with a request, has them answer its
// pages, and gives the address that they are led to.
func (t *trial) lead(ctx context.Context, title string, first Step, request func() (string, error)) (string, error) {
	var p *page
	err := t.step(first, func(s *Step) error {
		address, err := request()
		if err != nil {
			return err
		}
		if p, err = t.browser.open(ctx, address); err != nil {
			return err
		}
		return arrived(p, s)
	})
	for range maxPages {
		if err != nil || p.leads() != "" {
			break
		}
		p, err = t.answerPage(ctx, title, p)
	}
	if err != nil {
		return "", err
	}
	return p.leads(), nil
}

// launch gives the request that the window begins with.
func (t *trial) launch(ctx context.Context, connector standin.Connector) (standin.Launched, error) {
	session, err := t.visit(ctx)
	if err != nil {
		return standin.Launched{}, err
	}
	config, err := json.Marshal(map[string]any{"accountId": t.report.AccountID, "engConf": map[string]any{
		"ssid": session, "connector": map[string]string{"id": connector.ID},
	}})
	if err != nil {
		return standin.Launched{}, err //nolint:wrapcheck // texts always marshal
	}
	return t.cloud.Launch(string(config), t.pageOrigin())
}

// arrived says in the step what page came, and fails for one that leads nowhere.
func arrived(p *page, s *Step) error {
	if fault := p.fault(); fault != nil {
		return fault
	}
	switch {
	case p.leads() != "":
		s.Found = "the provider answers"
	case p.has(formContinue):
		s.Found = "the provider asks whether to go on as who is signed in"
	case p.has(formSignIn):
		s.Found = "the provider shows its sign-in page"
	case p.has(formConsent):
		s.Found = "the provider shows its consent page"
	default:
		return &failure{
			fmt.Sprintf("the provider answers with status %d and a page that leads nowhere", p.status),
			"see that the provider, and not something else, answers at this address",
		}
	}
	return nil
}

// answerPage does what a person does with a page of the provider's.
func (t *trial) answerPage(ctx context.Context, title string, p *page) (*page, error) {
	answer := Step{Name: "continue", Title: title + "the consumer goes on"}
	form, values := formContinue, map[string]string{}
	switch {
	case p.has(formContinue) && t.signedIn:
	case p.has(formSignIn):
		answer = Step{Name: "sign-in", Title: title + "the consumer signs in"}
		form, values = formSignIn, map[string]string{"username": t.Username, "password": t.Password}
	case p.has(formConsent):
		answer = Step{Name: "consent", Title: title + "the consumer agrees"}
		form, values = formConsent, map[string]string{"consent": "allow"}
	}
	var next *page
	err := t.step(answer, func(s *Step) error {
		var err error
		if next, err = t.browser.submit(ctx, p, form, values); err != nil {
			return err
		}
		if form == formSignIn && next.has(formSignIn) {
			return refusedSignIn(next)
		}
		t.signedIn = t.signedIn || form == formSignIn && next.fault() == nil
		return arrived(next, s)
	})
	return next, err
}

// refusedSignIn is why the sign-in page has come back.
func refusedSignIn(p *page) *failure {
	f := &failure{reason: "the provider shows its sign-in page again: " + printable(p.text("message"))}
	switch p.status {
	case http.StatusTooManyRequests:
		f.advice = "this name, or this machine's address, has failed too often: wait " + printable(p.header.Get("Retry-After")) + " seconds"
	case http.StatusServiceUnavailable:
		f.advice = "the provider is busy: try again in " + printable(p.header.Get("Retry-After")) + " seconds"
	default:
		f.advice = "the password is wrong, or the consumer was disabled in this moment: idp consumer set-password sets another"
	}
	return f
}

// comeBack is the provider leading back to the window: the address is read here,
// and never asked for.
func (t *trial) comeBack(ctx context.Context, f flow, title, address, verifier string) error {
	var (
		attempt *standin.Conversation
		later   []Exchange
	)
	err := t.step(Step{Name: "answer", Title: title + "the provider leads back to the window", Section: "2.3"}, func(s *Step) error {
		back, answer, err := answerIn(address)
		if err != nil {
			return errUnreadable
		}
		if answer.Has("login_challenge") {
			return &failure{
				"the provider leads to the brand's own login, where this trial cannot sign in",
				"this is right for a client with a login_url, or a provider with handover.login_url: open the window in a browser instead",
			}
		}
		if code := answer.Get("error"); code != "" {
			return answered(code, answer.Get("error_description"))
		}
		if back != t.window {
			return &failure{"the provider leads to " + printable(back) + ", and not to the window", ""}
		}
		s.Found = "to " + t.window + " with " + responseOf(answer) + "; nothing was sent there"
		if iss := answer.Get("iss"); iss != "" && iss != t.Registration.Issuer {
			return &failure{"iss of the answer is not the issuer (RFC 9207)", ""}
		}
		before := s.Requests
		attempt, err = t.cloud.Return(ctx, address, verifier)
		later, s.Requests = t.wire.take(), before
		if attempt == nil {
			return err
		}
		return takeChecks(s, attempt, "account", "state")
	})
	if err != nil {
		return err
	}
	return t.judge(f, title, attempt, later)
}

var errUnreadable = &failure{"the provider leads to an address that cannot be read", ""}

// answered is the failure of an error response.
func answered(code, description string) *failure {
	return &failure{"the provider answers " + printable(code) + ": " + printable(description), adviceFor(code, description)}
}

// answerIn gives the parameters of an authorization response, and the address
// without them.
func answerIn(address string) (string, url.Values, error) {
	before, fragment, _ := strings.Cut(address, "#")
	before, query, _ := strings.Cut(before, "?")
	values, err := url.ParseQuery(query + "&" + fragment)
	return before, values, err //nolint:wrapcheck // the caller says what it was
}

// responseOf names what an answer brought.
func responseOf(answer url.Values) string {
	for _, name := range []string{"code", "id_token", "token"} {
		if answer.Has(name) {
			return "the parameter " + name
		}
	}
	return "neither a code nor a token"
}
