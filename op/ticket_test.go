package op_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/op/ticket"
	"github.com/brandidp/idp/web/webtest"
)

//defect:1-second-code 2-binding 4-unauthenticated
//security:12-changed 12-another-browser 12-late
func TestTicketsThatDoNotOpen(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := p.Browser(t)
	page := b.Authorize(codeRequest())
	form := with(page.Form("sign-in"), "username", "amelia", "password", ameliasPassword)
	sealed := form.Get("ticket")
	try := func(name, value string) {
		t.Helper()
		page := b.Post("/sign-in", with(form, "ticket", value))
		wantErrorPage(t, page, http.StatusBadRequest, "invalid_request")
		if b.Cookie("idp_session") != "" {
			t.Errorf("%s: signed in", name)
		}
	}
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, 5, 9, 20, 40, len(raw) - 1} {
		raw[i] ^= 1
		try("a bit turned", base64.RawURLEncoding.EncodeToString(raw))
		raw[i] ^= 1
	}
	try("none", "")
	try("cut", sealed[:len(sealed)-4])
	try("longer", sealed+"AAAA")
	try("not base64", sealed+"!")
	try("empty seal", "AAAA")
	try("huge", strings.Repeat("A", ticket.MaxSize+1))

	// Another browser: without a binding, and with one of its own.
	other := p.Browser(t)
	wantErrorPage(t, other.Post("/sign-in", form), http.StatusBadRequest, "invalid_request")
	other.Authorize(codeRequest())
	wantErrorPage(t, other.Post("/sign-in", form), http.StatusBadRequest, "invalid_request")

	p.Advance(ticket.Lifetime - time.Minute)
	if p.Advance(2 * time.Minute); b.Post("/sign-in", form).Status != http.StatusBadRequest {
		t.Error("a ticket has outlived its lifetime")
	}
	if answer := b.Authorize(codeRequest()).SignIn("amelia", ameliasPassword); answer.Answer().Get("code") == "" {
		t.Errorf("a fresh ticket: status %d", answer.Status)
	}
}

// TestTicketOfAnotherIssuer: two issuers over the same keys, one host and so one
// cookie jar.
//
//security:12-another-issuer
func TestTicketOfAnotherIssuer(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	other := p.AnotherIssuer("/other")
	b := p.Browser(t)
	form := with(b.Authorize(codeRequest()).Form("sign-in"), "username", "amelia", "password", ameliasPassword)
	wantErrorPage(t, b.Post(other.Address+"/sign-in", form), http.StatusBadRequest, "invalid_request")
	if page := b.Post("/sign-in", form); page.Target() == "" {
		t.Errorf("its own issuer: status %d", page.Status)
	}
}

// TestTicketIsCheckedAgainstTheClientAsItIsNow changes a client while the
// sign-in page is open.
//
//security:1-later 10-changed-client
func TestTicketIsCheckedAgainstTheClientAsItIsNow(t *testing.T) {
	t.Parallel()
	const client = `
clients:
  - client_id: site
    client_secret: abcdefghijabcdefghijabcdefghijabcdefghij
    redirect_uris: [https://www.brand.example/cb]
    response_types: [code, id_token, id_token token]
`
	replaced := func(old, now string) string { return strings.Replace(client, old, now, 1) }
	for name, test := range map[string]struct {
		now   string
		check func(*testing.T, *webtest.Page)
	}{
		"address taken away": {replaced("/cb", "/cb2"), func(t *testing.T, page *webtest.Page) {
			wantErrorPage(t, page, http.StatusBadRequest, "invalid_request")
		}},
		"response type taken away": {replaced("[code, id_token, id_token token]", "[id_token]"), func(t *testing.T, page *webtest.Page) {
			wantError(t, page, "unauthorized_client")
		}},
		"PKCE required": {client + "    require_pkce: true\n", func(t *testing.T, page *webtest.Page) {
			wantError(t, page, "invalid_request")
		}},
		"scope narrowed": {client + "    scope: openid\n", func(t *testing.T, page *webtest.Page) {
			if token := tokens(t, redeem(page.Browser(), page.Answer().Get("code"))); token.Scope != "openid" {
				t.Errorf("scope %q", token.Scope)
			}
		}},
		"consent required": {client + "    consent: required\n", func(t *testing.T, page *webtest.Page) {
			if page.Element("consent") == nil {
				t.Errorf("no consent page: status %d, target %q", page.Status, page.Target())
			}
		}},
		"account of another window": {client + "    conversational_cloud: {variant: rfc, account_id: \"1\"}\n", func(t *testing.T, page *webtest.Page) {
			wantErrorPage(t, page, http.StatusBadRequest, "invalid_request")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := webtest.Start(t, nil, brand, client)
			page := p.Browser(t).Authorize(codeRequest("scope", "openid email", "state", `{"lpUnifiedWindowConfig":{"accountId":"2"}}`))
			p.Apply(test.now)
			test.check(t, page.SignIn("amelia", ameliasPassword))
		})
	}
	t.Run("client gone", func(t *testing.T) {
		t.Parallel()
		p := webtest.Start(t, nil, brand)
		page := p.Browser(t).Authorize(codeRequest())
		p.Exec("delete from clients where client_id = 'site'")
		p.Reload()
		wantErrorPage(t, page.SignIn("amelia", ameliasPassword), http.StatusBadRequest, "invalid_request")
	})
}

// TestTicketsStandInNoAddress, where a history, a log or a Referer would keep them,
// and in no cookie: they are as long as the request.
//
//security:11-address
func TestTicketsStandInNoAddress(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := p.Browser(t)
	page := b.Authorize(codeRequest())
	form := with(page.Form("sign-in"), "username", "amelia", "password", ameliasPassword)
	sealed := form.Get("ticket")
	pages := []*webtest.Page{page, page.SignIn("amelia", "wrong")}
	wantErrorPage(t, b.Post("/sign-in?ticket="+sealed, with(form, "ticket", "")), http.StatusBadRequest, "invalid_request")
	if page := b.Do(b.RawRequest("GET", "/sign-in?"+form.Encode(), "", "")); page.Status != http.StatusMethodNotAllowed {
		t.Errorf("GET: status %d", page.Status)
	}
	bare := with(form, "ticket", "")
	for _, name := range []string{"ticket", "idp_ticket", "idp_binding"} {
		request := p.Browser(t).Request("/sign-in", bare)
		request.AddCookie(&http.Cookie{Name: name, Value: sealed})
		wantErrorPage(t, p.Browser(t).Do(request), http.StatusBadRequest, "invalid_request")
	}
	for _, page := range append(pages, b.Post("/sign-in", form)) {
		for name, values := range page.Header {
			if strings.Contains(strings.Join(values, " "), sealed) {
				t.Errorf("%s holds the ticket", name)
			}
		}
		if strings.Contains(page.Target(), sealed) {
			t.Error("the way back holds the ticket")
		}
	}
}

//security:10-fields
func TestFieldsOfOurForms(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := p.Browser(t)
	form := with(b.Authorize(codeRequest()).Form("sign-in"), "username", "amelia", "password", ameliasPassword)
	twice := with(form)
	twice.Add("username", "rory")
	wantErrorPage(t, b.Post("/sign-in", twice), http.StatusBadRequest, "invalid_request")
	wantErrorPage(t, b.Post("/sign-in", with(form, "username", "a\xff")), http.StatusBadRequest, "invalid_request")
	wantErrorPage(t, b.Post("/sign-in", with(form, "password", "a\x00")), http.StatusBadRequest, "invalid_request")
	wantErrorPage(t, b.Post("/sign-in?x=1", form), http.StatusBadRequest, "invalid_request")
	wantErrorPage(t, b.Post("/sign-in", with(form, "x", strings.Repeat("a", 1<<20))), http.StatusRequestEntityTooLarge, "invalid_request")
	wantErrorPage(t, b.Do(b.RawRequest("POST", "/sign-in", "application/json", "{}")), http.StatusUnsupportedMediaType, "invalid_request")
	for _, empty := range []string{"username", "password"} {
		page := b.Post("/sign-in", with(form, empty, ""))
		if page.Status != http.StatusBadRequest || page.Element("sign-in") == nil || page.Text("message") == "" {
			t.Errorf("without %s: status %d", empty, page.Status)
		}
	}
}
