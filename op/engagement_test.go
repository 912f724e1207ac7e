package op_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web/webtest"
)

// vouchedBrand has somebody whom the brand knows by an identifier of its own.
const vouchedBrand = `
consumers:
  - sub: sub-of-clara
    external_id: crm-42
    claims: {given_name: Clara, email: clara@brand.example, email_verified: true}
    customer_info: {ctype: basic}
    attributes: {region: emea}
`

var clara = storage.ConsumerKey{ExternalID: "crm-42"}

func startVouched(t *testing.T) *webtest.Provider {
	t.Helper()
	return webtest.Start(t, shortSessions, brand, refreshBrand, pageBrand, vouchedBrand)
}

// engaged asks for a token for Clara, changed.
func engaged(tb testing.TB, p *webtest.Provider, client string, change func(*op.Engagement)) *op.TokenSourceAnswer {
	tb.Helper()
	engagement := op.Engagement{TokenSourceRequest: op.TokenSourceRequest{ClientID: client}, Consumer: clara}
	if change != nil {
		change(&engagement)
	}
	answer, err := p.Server.Provider.Engage(tb.Context(), engagement)
	if err != nil {
		tb.Fatal(err)
	}
	return answer
}

// redeemVouched has a connector redeem a code.
func redeemVouched(b *webtest.Browser, client, secret string, answer *op.TokenSourceAnswer, pairs ...string) *webtest.Page {
	return redeemAs(b, client, secret, with(params("grant_type", "authorization_code", "code", answer.Code, "redirect_uri", answer.RedirectURI), pairs...))
}

func TestEngageGivesAnIDToken(t *testing.T) {
	t.Parallel()
	p := startVouched(t)
	p.Counts.Take()
	answer := engaged(t, p, "messaging", nil)
	wantCost(t, p, "an ID token for somebody signed in at the brand", 1, 0)
	if answer.Code != "" || answer.RedirectURI != "" || answer.Issuer != p.Issuer || answer.Subject != "sub-of-clara" || answer.ExpiresIn < 3590 || answer.ExpiresIn > 3600 {
		t.Errorf("answer %+v", answer)
	}
	got := claims(t, p, "messaging", answer.IDToken)
	if got["sub"] != "sub-of-clara" || got["acr"] != "loa1" || got["given_name"] != "Clara" || got["lp_sdes"] == nil {
		t.Errorf("claims %v", got)
	}
	for _, absent := range []string{"sid", "amr", "nonce"} {
		if value, there := got[absent]; there {
			t.Errorf("%s %v", absent, value)
		}
	}
	if authTime, _ := got["auth_time"].(float64); p.Now().Unix()-int64(authTime) > 60 || int64(authTime) > p.Now().Unix() {
		t.Errorf("auth_time %v, now %d", got["auth_time"], p.Now().Unix())
	}

	// By sub, with what the brand says of the sign-in. No token outlives its session.
	signedIn := p.Now().Add(-7*24*time.Hour + 30*time.Minute)
	answer = engaged(t, p, "messaging", func(e *op.Engagement) {
		e.Consumer = storage.ConsumerKey{Sub: "sub-of-clara"}
		e.Vouched = op.Vouched{AuthTime: &signedIn, AMR: []string{"pwd", "otp"}}
	})
	got = claims(t, p, "messaging", answer.IDToken)
	amr, _ := got["amr"].([]any)
	if got["auth_time"] != float64(signedIn.Unix()) || !slices.Equal(amr, []any{"pwd", "otp"}) || answer.ExpiresIn > 1800 || answer.ExpiresIn < 1700 {
		t.Errorf("claims %v, %d seconds", got, answer.ExpiresIn)
	}
	// A clock that is ahead by a moment.
	answer = engaged(t, p, "messaging", signedInAt(p, 20*time.Second))
	if got := claims(t, p, "messaging", answer.IDToken); got["auth_time"].(float64) > float64(p.Now().Unix()) {
		t.Errorf("auth_time %v", got["auth_time"])
	}
	// The hint of such a token names a person, and no session.
	wantError(t, p.Browser(t).Authorize(implicitRequest("prompt", "none", "id_token_hint", answer.IDToken)), "login_required")
	if page := amelia(t, p).Get("/end_session?id_token_hint=" + answer.IDToken); page.Element("sign-out") == nil {
		t.Errorf("signed out without a question: status %d", page.Status)
	}
}

// signedInAt has the brand say that the sign-in was so long after now.
func signedInAt(p *webtest.Provider, after time.Duration) func(*op.Engagement) {
	return func(e *op.Engagement) { e.Vouched.AuthTime = new(p.Now().Add(after)) }
}

func TestEngageGivesACode(t *testing.T) {
	t.Parallel()
	p := startVouched(t)
	rp := p.Browser(t)
	p.Counts.Take()
	answer := engaged(t, p, "delegating", nil)
	wantCost(t, p, "a code for somebody signed in at the brand", 2, 1)
	if answer.RedirectURI != "https://liveperson.net" || answer.IDToken != "" || answer.Subject != "sub-of-clara" {
		t.Errorf("answer %+v", answer)
	}
	token := tokens(t, redeemVouched(rp, "delegating", portalSecret, answer))
	wantCost(t, p, "its redemption", 1, 1)
	got := claims(t, p, "delegating", token.IDToken)
	if got["sub"] != "sub-of-clara" || got["sid"] != nil || got["acr"] != "loa1" {
		t.Errorf("claims %v", got)
	}
	wantAccess(t, rp, token.AccessToken, http.StatusOK)
	next := tokens(t, refreshDelegated(rp, token.RefreshToken))
	if got := claims(t, p, "delegating", next.IDToken); got["sub"] != "sub-of-clara" || got["sid"] != nil {
		t.Errorf("claims %v", got)
	}
	if page := redeemVouched(rp, "delegating", portalSecret, answer); page.Status != http.StatusBadRequest {
		t.Errorf("a second time: status %d", page.Status)
	}

	// Bound to an address and a challenge.
	challenge := op.TokenSourceRequest{ClientID: "embedded", RedirectURI: window, CodeChallenge: challengeOf(verifier), CodeChallengeMethod: "S256"}
	bound := func() *op.TokenSourceAnswer {
		return engaged(t, p, "embedded", func(e *op.Engagement) { e.TokenSourceRequest = challenge })
	}
	for name, page := range map[string]*webtest.Page{
		"no verifier":     redeemVouched(rp, "embedded", embeddedSecret, bound()),
		"another address": redeemVouched(rp, "embedded", embeddedSecret, bound(), "code_verifier", verifier, "redirect_uri", "https://shop.brand.example/chat"),
	} {
		if page.Status != http.StatusBadRequest || decode(t, page).Error != "invalid_grant" {
			t.Errorf("%s: status %d %s", name, page.Status, page.Body)
		}
	}
	tokens(t, redeemVouched(rp, "embedded", embeddedSecret, bound(), "code_verifier", verifier))
}

// details are what is sent along, checked.
func details(tb testing.TB, document string) func(*storage.Consumer) (*op.Details, error) {
	tb.Helper()
	entry, faults := brandfile.ReadConsumer([]byte(document))
	if len(faults) > 0 {
		tb.Fatal(faults)
	}
	c := entry.Consumer
	return func(*storage.Consumer) (*op.Details, error) {
		return &op.Details{Claims: c.Claims, PersonalInfo: c.PersonalInfo, CustomerInfo: c.CustomerInfo, Attributes: c.Attributes}, nil
	}
}

// TestDetailsAreForOneToken: what is sent along is in that token, and nowhere else.
//
//security:32-stolen-database
func TestDetailsAreForOneToken(t *testing.T) {
	t.Parallel()
	p := startVouched(t)
	p.Apply(`clients: [{client_id: delegating, client_secret: ` + portalSecret + `, redirect_uris: [https://liveperson.net], grant_types: [authorization_code, refresh_token],
		custom_claims: {region: attributes.region}, conversational_cloud: {variant: rfc, account_id: "12345678", code_retry: true}}]`)
	rp := p.Browser(t)
	sent := details(t, `{"claims": {"given_name": "Clara once"}, "customer_info": {"ctype": "platinum"}, "attributes": {"region": "apac"}}`)
	once := func(got map[string]any, want string) {
		t.Helper()
		name, tier, region := "Clara once", "platinum", "apac"
		if want == "stored" {
			name, tier, region = "Clara", "basic", "emea"
		}
		sdes, _ := got["lp_sdes"].([]any)
		first, _ := sdes[0].(map[string]any)
		info, _ := first["info"].(map[string]any)
		if got["given_name"] != name || info["ctype"] != tier || (got["region"] != nil && got["region"] != region) {
			t.Errorf("claims %v, want what is %s", got, want)
		}
	}
	with := func(e *op.Engagement) { e.Details = sent }
	once(claims(t, p, "messaging", engaged(t, p, "messaging", with).IDToken), "sent")
	once(claims(t, p, "messaging", engaged(t, p, "messaging", nil).IDToken), "stored")

	challenged := func(e *op.Engagement) {
		e.Details, e.CodeChallenge, e.CodeChallengeMethod = sent, challengeOf(verifier), "S256"
	}
	answer := engaged(t, p, "delegating", challenged)
	for _, column := range []string{"c::text", "encode(c.details_sealed, 'escape')"} {
		if row := webtest.Query[string](p, "select "+column+" from authorization_codes c"); strings.Contains(row, "platinum") || strings.Contains(row, "once") {
			t.Errorf("the database has %s", row)
		}
	}
	token := tokens(t, redeemVouched(rp, "delegating", portalSecret, answer, "code_verifier", verifier))
	once(claims(t, p, "delegating", token.IDToken), "sent")
	// Its retry says the same, what comes later says what is stored.
	retry := tokens(t, redeemVouched(rp, "delegating", portalSecret, answer, "code_verifier", verifier))
	once(claims(t, p, "delegating", retry.IDToken), "sent")
	once(claims(t, p, "delegating", tokens(t, refreshDelegated(rp, token.RefreshToken)).IDToken), "stored")
	if page := userinfo(rp, token.AccessToken); page.Status != http.StatusOK || strings.Contains(page.Body, "once") {
		t.Errorf("UserInfo: status %d %s", page.Status, page.Body)
	}
	// They may rest on what is stored, and be refused.
	answer = engaged(t, p, "messaging", func(e *op.Engagement) {
		e.Details = func(stored *storage.Consumer) (*op.Details, error) {
			return &op.Details{Claims: storage.Claims{GivenName: stored.Claims.GivenName + "!"}}, nil
		}
	})
	if got := claims(t, p, "messaging", answer.IDToken); got["given_name"] != "Clara!" || got["email"] != nil || got["lp_sdes"] != nil {
		t.Errorf("claims %v", got)
	}
	refused := errors.New("refused")
	_, err := p.Server.Provider.Engage(t.Context(), op.Engagement{
		TokenSourceRequest: op.TokenSourceRequest{ClientID: "messaging"}, Consumer: clara,
		Details: func(*storage.Consumer) (*op.Details, error) { return nil, refused },
	})
	if !errors.Is(err, refused) {
		t.Error(err)
	}
}

// TestWhatIsSentAlongSaysNothingOfTheProtocol: neither by a member of its own, which is
// refused, nor by an attribute of that name.
//
//security:32-protocol
func TestWhatIsSentAlongSaysNothingOfTheProtocol(t *testing.T) {
	t.Parallel()
	p := startVouched(t)
	before := claims(t, p, "messaging", engaged(t, p, "messaging", nil).IDToken)
	for _, name := range []string{"iss", "sub", "aud", "acr", "amr", "auth_time", "exp", "sid", "azp", "nonce"} {
		for _, document := range []string{
			`{"claims": {"` + name + `": "evil"}}`, `{"personal_info": {"` + name + `": "evil"}}`, `{"customer_info": {"` + name + `": "evil"}}`,
		} {
			if _, faults := brandfile.ReadConsumer([]byte(document)); len(faults) != 1 || !strings.Contains(faults.Error(), name) {
				t.Errorf("%s: %v", document, faults)
			}
		}
		if name == "iss" {
			p.Exec(`update clients set metadata = metadata || '{"custom_claims": {"iss": "attributes.iss", "acr": "attributes.acr", "sub": "attributes.sub",
				"aud": "attributes.aud", "auth_time": "attributes.auth_time"}}' where client_id = 'messaging'`)
			p.Reload()
		}
		answer := engaged(t, p, "messaging", func(e *op.Engagement) {
			e.Details = details(t, `{"attributes": {"`+name+`": "evil"}, "customer_info": {"ctype": "basic"}, "claims": {"given_name": "Clara", "email": "clara@brand.example"}}`)
		})
		got := claims(t, p, "messaging", answer.IDToken)
		for _, claim := range []string{"iss", "sub", "aud", "acr", "amr", "sid", "azp", "nonce"} {
			if fmt.Sprint(got[claim]) != fmt.Sprint(before[claim]) {
				t.Errorf("by an attribute %s: %s is %v", name, claim, got[claim])
			}
		}
	}
}

// TestWhatEngageRefuses: the same as the token source does, and what only a backend
// can ask.
//
//security:32-auth-time 32-unchecked
func TestWhatEngageRefuses(t *testing.T) {
	t.Parallel()
	p := startVouched(t)
	p.Apply("consumers: [{sub: sub-of-danny, external_id: crm-43, disabled: true}]")
	challenge := challengeOf(verifier)
	for name, test := range map[string]struct {
		client string
		change func(*op.Engagement)
		is     error
		field  string // of an *op.FieldError
		code   string // of an *op.Error
		status int
	}{
		"unknown client":     {client: "nobody", is: op.ErrNoClient},
		"no connector":       {client: "site", is: op.ErrNoClient},
		"unknown consumer":   {client: "messaging", change: func(e *op.Engagement) { e.Consumer.ExternalID = "crm-44" }, is: op.ErrNoConsumer},
		"unknown sub":        {client: "messaging", change: func(e *op.Engagement) { e.Consumer = storage.ConsumerKey{Sub: "crm-42"} }, is: op.ErrNoConsumer},
		"no consumer":        {client: "messaging", change: func(e *op.Engagement) { e.Consumer = storage.ConsumerKey{} }, is: op.ErrNoConsumer},
		"no text":            {client: "messaging", change: func(e *op.Engagement) { e.Consumer.ExternalID = "a\x00b" }, is: op.ErrNoConsumer},
		"disabled":           {client: "messaging", change: func(e *op.Engagement) { e.Consumer.ExternalID = "crm-43" }, is: op.ErrConsumerDisabled},
		"disabled, code":     {client: "messaging-code", change: func(e *op.Engagement) { e.Consumer.ExternalID = "crm-43" }, is: op.ErrConsumerDisabled},
		"auth_time tomorrow": {client: "messaging", change: signedInAt(p, 2*time.Minute), field: "auth_time"},
		"auth_time long ago": {client: "messaging", change: signedInAt(p, -7*24*time.Hour), field: "auth_time"},
		"auth_time year 1":   {client: "messaging", change: func(e *op.Engagement) { e.Vouched.AuthTime = new(time.Time) }, field: "auth_time"},
		"auth_time of 1969":  {client: "messaging", change: func(e *op.Engagement) { e.Vouched.AuthTime = new(time.Unix(-1, 0)) }, field: "auth_time"},
		"amr with a space":   {client: "messaging", change: func(e *op.Engagement) { e.Vouched.AMR = []string{"a b"} }, field: "amr"},
		"amr without end":    {client: "messaging", change: func(e *op.Engagement) { e.Vouched.AMR = slices.Repeat([]string{"a"}, 17) }, field: "amr"},
		"no challenge":       {client: "embedded", code: "invalid_request", status: 400},
		"plain challenge": {client: "messaging-code", change: func(e *op.Engagement) {
			e.CodeChallenge, e.CodeChallengeMethod = challenge, "plain"
		}, code: "invalid_request", status: 400},
		"foreign address":                 {client: "messaging-code", change: func(e *op.Engagement) { e.RedirectURI = "https://evil.example" }, code: "invalid_request", status: 400},
		"response type that is not there": {client: "messaging-code", change: func(e *op.Engagement) { e.ResponseType = "token" }, code: "unsupported_response_type", status: 400},
		"response type of others":         {client: "messaging", change: func(e *op.Engagement) { e.ResponseType = "code" }, code: "unauthorized_client", status: 400},
		"no consent":                      {client: "asking", code: "consent_required", status: 403},
		"a bot's callback": {client: "delegating", change: func(e *op.Engagement) {
			e.RedirectURI = "https://va.idp.liveperson.net/callback/12345678/redirectCode"
		}, code: "invalid_request", status: 400},
	} {
		t.Run(name, func(t *testing.T) {
			engagement := op.Engagement{TokenSourceRequest: op.TokenSourceRequest{ClientID: test.client}, Consumer: clara}
			if test.change != nil {
				test.change(&engagement)
			}
			answer, err := p.Server.Provider.Engage(t.Context(), engagement)
			known, isKnown := errors.AsType[*op.Error](err)
			fault, isFault := errors.AsType[*op.FieldError](err)
			switch {
			case answer != nil:
				t.Errorf("answer %+v", answer)
			case test.field != "":
				if !isFault || fault.Field != test.field {
					t.Error(err)
				}
			case test.is != nil && !errors.Is(err, test.is), test.is == nil && (!isKnown || known.Code != test.code || known.Status != test.status):
				t.Errorf("%v (%+v)", err, known)
			}
		})
	}
	// What the consumer has allowed counts here as everywhere.
	p.Exec(`insert into consents (consumer_id, client_id, scopes) select c.id, k.id, '{openid,profile,email,address,phone}'
		from consumers c, clients k where c.external_id = 'crm-42' and k.client_id = 'asking'`)
	engaged(t, p, "asking", nil)
}

// TestWhatEndsAVouchedGrant: there is no session that could end, so it is by the
// consumer.
//
//security:32-unchecked
func TestWhatEndsAVouchedGrant(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		happens func(t *testing.T, p *webtest.Provider)
		alive   bool
	}{
		"signed out everywhere": {happens: func(t *testing.T, p *webtest.Provider) {
			t.Helper()
			consumer, err := p.Store.FindConsumer(t.Context(), "sub-of-clara")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Store.SignOutEverywhere(t.Context(), consumer.ID, storage.AuditEvent{}); err != nil {
				t.Fatal(err)
			}
		}},
		"disabled": {happens: func(_ *testing.T, p *webtest.Provider) {
			p.Apply("consumers: [{sub: sub-of-clara, disabled: true}]")
		}},
		"another password": {happens: func(_ *testing.T, p *webtest.Provider) { p.SetPassword("sub-of-clara", "a brand new password") }},
		"someone else's":   {happens: func(_ *testing.T, p *webtest.Provider) { p.SetPassword("rory", "a brand new password") }, alive: true},
		"a session's end":  {happens: func(_ *testing.T, p *webtest.Provider) { p.Advance(8 * 24 * time.Hour) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startVouched(t)
			rp := p.Browser(t)
			token := tokens(t, redeemVouched(rp, "delegating", portalSecret, engaged(t, p, "delegating", nil)))
			code := engaged(t, p, "delegating", nil)
			test.happens(t, p)
			if !test.alive {
				wantAccess(t, rp, token.AccessToken, http.StatusUnauthorized)
				wantRefused(t, refreshDelegated(rp, token.RefreshToken))
				wantWire(t, redeemVouched(rp, "delegating", portalSecret, code), http.StatusBadRequest, "invalid_grant")
				return
			}
			wantAccess(t, rp, token.AccessToken, http.StatusOK)
			tokens(t, refreshDelegated(rp, token.RefreshToken))
			tokens(t, redeemVouched(rp, "delegating", portalSecret, code))
		})
	}
}
