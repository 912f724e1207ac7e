package op_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/brandidp/idp/web/webtest"
)

// wantCost checks what the requests since the last call have asked of the
// database: the table of costs in the design, row by row.
func wantCost(t *testing.T, p *webtest.Provider, step string, roundTrips, commits int) {
	t.Helper()
	gotTrips, gotCommits, statements := p.Counts.Take()
	if gotTrips != roundTrips || gotCommits != commits {
		t.Errorf("%s: %d round trips and %d commits, want %d and %d:", step, gotTrips, gotCommits, roundTrips, commits)
		for _, statement := range statements {
			t.Log(statement)
		}
	}
}

func TestRoundTripsAndCommitsOfEachStep(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := p.Browser(t)
	p.Counts.Take()

	for _, address := range []string{"/.well-known/openid-configuration", "/jwks.json", "/jwks/messaging.json", "/token-source.js?client_id=messaging"} {
		if page := b.Get(address); page.Status != http.StatusOK {
			t.Errorf("%s: status %d", address, page.Status)
		}
		wantCost(t, p, address, 0, 0)
	}

	page := b.Authorize(codeRequest())
	wantCost(t, p, "authorize, nobody signed in", 0, 0)
	page.SignIn("amelia", "wrong")
	wantCost(t, p, "password tried", 1, 1)
	page.SignIn("nobody", "wrong")
	wantCost(t, p, "password of nobody tried", 1, 1)
	code := page.SignIn("amelia", ameliasPassword).Answer().Get("code")
	wantCost(t, p, "password right, for a code", 2, 2)
	token := tokens(t, redeem(b, code))
	wantCost(t, p, "token by code", 1, 1)
	if page := userinfo(b, token.AccessToken); page.Status != http.StatusOK {
		t.Errorf("userinfo: status %d", page.Status)
	}
	wantCost(t, p, "userinfo", 1, 0)

	silent(t, b, implicitRequest())
	wantCost(t, p, "authorize with a session, id_token", 1, 0)
	silent(t, b, codeRequest())
	wantCost(t, p, "authorize with a session, code", 2, 1)
	silent(t, b, implicitRequest("response_type", "id_token token"))
	wantCost(t, p, "authorize with a session, id_token token", 2, 1)
	for _, hybrid := range []string{"code id_token", "code token", "code id_token token"} {
		silent(t, b, codeRequest("response_type", hybrid, "claims", `{"id_token":{"name":null}}`))
		wantCost(t, p, "authorize with a session, "+hybrid, 2, 1)
	}
	fromPage(t, b, "messaging", "https://www.brand.example")
	wantCost(t, p, "token source", 1, 0)
	tokens(t, askSource(t, b, "messaging-code"))
	wantCost(t, p, "token source, code", 2, 1)
	tokens(t, askSource(t, b, "messaging-code", "response_type", "none"))
	wantCost(t, p, "token source, who is signed in", 1, 0)
	wantError(t, p.Browser(t).Authorize(implicitRequest("prompt", "none")), "login_required")
	wantCost(t, p, "prompt=none, nobody signed in", 0, 0)

	page = b.Authorize(implicitRequest("prompt", "login"))
	wantCost(t, p, "authorize with a session, prompt=login", 1, 0)
	page.SignIn("amelia", ameliasPassword)
	wantCost(t, p, "password right, in a browser with a session", 2, 2)
	page = p.Browser(t).Authorize(implicitRequest("response_type", "id_token token"))
	page.SignIn("amelia", ameliasPassword)
	wantCost(t, p, "password right, id_token token", 2, 2)
	page = p.Browser(t).Authorize(codeRequest("response_type", "code id_token token"))
	page.SignIn("amelia", ameliasPassword)
	wantCost(t, p, "password right, code id_token token", 2, 2)
	page = p.Browser(t).Authorize(implicitRequest())
	page.SignIn("amelia", ameliasPassword)
	wantCost(t, p, "password right, id_token", 2, 2)

	// A client that asks for consent.
	page = b.Authorize(carefulRequest())
	wantCost(t, p, "authorize with a session, consent page", 1, 0)
	allow(t, page)
	wantCost(t, p, "consent given", 3, 2)
	silent(t, b, carefulRequest())
	wantCost(t, p, "authorize with a session, code, consent given before", 2, 1)
	page = p.Browser(t).Authorize(carefulRequest())
	page.SignIn("amelia", ameliasPassword)
	wantCost(t, p, "password right, consent given before", 3, 3)
	b.Get("/consents")
	wantCost(t, p, "what was allowed", 1, 0)
}

// The brand's own login: a request that is handed over is the one that is stored.
func TestRoundTripsAndCommitsOfTheBrandsLogin(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	b := p.Browser(t)
	backendKey(p)
	p.Counts.Take()
	challenge := handedOver(t, b.Authorize(handedRequest()))
	wantCost(t, p, "authorize, nobody signed in: handed over", 1, 1)
	wantAsk(t, p, challenge)
	wantCost(t, p, "challenge read", 1, 0)
	redirectTo := accepted(t, p, challenge, pond)
	wantCost(t, p, "accepted", 2, 1)
	b.Get(redirectTo)
	wantCost(t, p, "gone on, for a code", 2, 2)
	b.Get(redirectTo)
	wantCost(t, p, "verifier used before", 2, 1)
	silent(t, b, handedRequest())
	wantCost(t, p, "authorize with a session, code", 2, 1)
	wantError(t, p.Browser(t).Authorize(handedRequest("prompt", "none")), "login_required")
	wantCost(t, p, "prompt=none, nobody signed in", 0, 0)
	page := b.Get("/end_session?client_id=shop")
	p.Counts.Take()
	page = page.Submit("sign-out", nil)
	wantCost(t, p, "signed out, and handed over", 3, 2)
	challenge = parameterOf(t, page, "logout_challenge")
	redirectTo = acceptedLogout(t, p, challenge)
	wantCost(t, p, "accepted", 2, 1)
	b.Get(redirectTo)
	wantCost(t, p, "gone on", 1, 1)
}

//security:21-flood
func TestUnauthenticatedRequestsWriteNothing(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	rows := `select sum((xpath('/row/c/text()', query_to_xml(format('select count(*) as c from %I', table_name), false, true, '')))[1]::text::bigint)
		from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`
	before := webtest.Query[int64](p, rows)
	p.Counts.Take()

	const requests, workers = 1_000, 4
	done := make(chan struct{})
	for range workers {
		b := p.Browser(t)
		b.Client.Jar = nil
		go func() {
			defer func() { done <- struct{}{} }()
			for range requests / workers {
				response, err := b.Client.Get(p.Address + "/authorize?" + codeRequest().Encode())
				if err != nil {
					t.Error(err)
					return
				}
				_, err = io.Copy(io.Discard, response.Body) // so that the connection serves the next
				_ = response.Body.Close()
				if err != nil || response.StatusCode != http.StatusOK {
					t.Errorf("status %d, %v", response.StatusCode, err)
					return
				}
			}
		}()
	}
	for range workers {
		<-done
	}
	wantCost(t, p, "1,000 authorization requests", 0, 0)
	if after := webtest.Query[int64](p, rows); after != before {
		t.Errorf("%d rows in all tables, %d before", after, before)
	}
}
