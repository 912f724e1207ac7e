package op_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/web/webtest"
)

const (
	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	grantBearer   = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	typeJWT       = "urn:ietf:params:oauth:token-type:jwt"
	typeIDToken   = "urn:ietf:params:oauth:token-type:id_token"
	typeAccess    = "urn:ietf:params:oauth:token-type:access_token"

	brandIssuer = "https://www.brand.example"
	otherIssuer = "urn:brand:app"
)

// assertingBrand has clients that bring what the brand's issuers say. keyed and signing
// have the same key as the first issuer, which must not matter.
func assertingBrand(tb testing.TB) string {
	tb.Helper()
	set := func(kid string) string {
		document, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: clientKeys()[kid].Public(), KeyID: kid, Use: "sig"}}})
		if err != nil {
			tb.Fatal(err)
		}
		return string(document)
	}
	issuers := `
    assertion_issuers:
      - {issuer: "` + brandIssuer + `", subject: external_id, jwks: ` + set("ec") + `}
      - {issuer: "` + otherIssuer + `", subject: sub, jwks: ` + set("ed") + `}`
	return `
clients:
  - client_id: backend
    client_secret: ` + backendSecret + `
    grant_types: [` + grantExchange + `, ` + grantBearer + `, client_credentials]
    scope: openid email orders.read
    token_exchange_audiences: [messaging, messaging-code, asking]` + issuers + `
  - client_id: exchanger
    client_secret: ` + backendSecret + `
    grant_types: [` + grantExchange + `]
    access_token_format: jwt
    access_token_audience: https://api.brand.example` + issuers + `
  - client_id: bearer
    client_secret: ` + backendSecret + `
    grant_types: [` + grantBearer + `]
    consent: required` + issuers + `
  - client_id: chat
    client_secret: ` + backendSecret + `
    redirect_uris: [https://liveperson.net]
    response_types: [code, id_token]
    grant_types: [authorization_code, implicit, ` + grantBearer + `, ` + grantExchange + `]
    web_origins: [https://www.brand.example]
    conversational_cloud: {variant: rfc}` + issuers + `
  - client_id: itself
    token_endpoint_auth_method: private_key_jwt
    jwks: ` + set("ec") + `
    grant_types: [` + grantBearer + `]` + issuers + `
`
}

func startAsserting(t *testing.T) *webtest.Provider {
	t.Helper()
	return webtest.Start(t, shortSessions, brand, pageBrand, refreshBrand, vouchedBrand, assertingBrand(t),
		"consumers: [{sub: sub-of-danny, external_id: crm-43, disabled: true}]")
}

// said is what the brand's issuer says of Clara; a value of nil takes a member away.
func said(p *webtest.Provider, more members) members {
	all := members{"sub": "crm-42"}
	maps.Copy(all, more)
	return asserted(p, brandIssuer, all)
}

// exchange asks for the token of a type.
func exchange(wanted, subject string, pairs ...string) url.Values {
	return with(params("grant_type", grantExchange, "subject_token_type", typeJWT, "subject_token", subject, "requested_token_type", wanted), pairs...)
}

func bearing(assertion string, pairs ...string) url.Values {
	return with(params("grant_type", grantBearer, "assertion", assertion), pairs...)
}

// exchangedTokens decodes the answer of an exchange.
func exchangedTokens(t *testing.T, page *webtest.Page, issuedType, tokenType string) tokenAnswer {
	t.Helper()
	var issued struct {
		Type string `json:"issued_token_type"`
	}
	answer := tokens(t, page)
	if err := json.Unmarshal([]byte(page.Body), &issued); err != nil || issued.Type != issuedType || answer.TokenType != tokenType || answer.AccessToken == "" {
		t.Errorf("%s, want %s", page.Body, issuedType)
	}
	if page.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control %q", page.Header.Get("Cache-Control"))
	}
	return answer
}

func TestJWTBearer(t *testing.T) {
	t.Parallel()
	p := startAsserting(t)
	b := p.Browser(t)
	assertion := func() string { return signed(t, jose.ES256, "ec", "", said(p, nil)) }
	p.Counts.Take()
	page := redeemAs(b, "backend", backendSecret, bearing(assertion()))
	wantCost(t, p, "an access token and an ID token for an assertion", 3, 2)
	answer := tokens(t, page)
	got := claims(t, p, "backend", answer.IDToken)
	if answer.Scope != "openid email" || answer.TokenType != "Bearer" || answer.RefreshToken != "" || got["sub"] != "sub-of-clara" || got["at_hash"] == nil || got["email"] != nil {
		t.Errorf("%+v, %v", answer, got)
	}
	wantAccess(t, b, answer.AccessToken, http.StatusOK)
	if answer := tokens(t, redeemAs(b, "backend", backendSecret, bearing(assertion(), "scope", "email"))); answer.IDToken != "" || answer.Scope != "email" {
		t.Errorf("%+v", answer)
	}
	// A connector gets the ID token that Conversational Cloud reads.
	if got := claims(t, p, "chat", tokens(t, redeemAs(b, "chat", backendSecret, bearing(assertion()))).IDToken); got["lp_sdes"] == nil || got["email"] == nil {
		t.Errorf("claims %v", got)
	}
	// A client that proves who it is by the issuer's own key: the two are not mixed up.
	own := signed(t, jose.ES256, "ec", "", asserted(p, "itself", nil))
	tokens(t, b.Post("/token", proven(own, bearing(assertion()))))
	own = signed(t, jose.ES256, "ec", "", asserted(p, "itself", nil))
	wantWire(t, b.Post("/token", proven(own, bearing(signed(t, jose.ES256, "ec", "", asserted(p, "itself", nil))))), http.StatusBadRequest, "invalid_grant")

	// A client that asks for consent gets what was allowed.
	wantWire(t, redeemAs(b, "bearer", backendSecret, bearing(assertion())), http.StatusBadRequest, "invalid_grant")
	p.Exec(`insert into consents (consumer_id, client_id, scopes) select c.id, k.id, '{openid,profile}'
		from consumers c, clients k where c.external_id = 'crm-42' and k.client_id = 'bearer'`)
	if answer := tokens(t, redeemAs(b, "bearer", backendSecret, bearing(assertion()))); answer.Scope != "openid profile" {
		t.Errorf("%+v", answer)
	}
	wantWire(t, redeemAs(b, "bearer", backendSecret, bearing(assertion(), "scope", "openid email")), http.StatusBadRequest, "invalid_grant")
}

// TestAssertionsAboutConsumers: by both grants alike.
//
//security:32-other-kind 32-forged 32-audience 32-for-ever 32-unchecked 32-auth-time
func TestAssertionsAboutConsumers(t *testing.T) {
	t.Parallel()
	p := startAsserting(t)
	b := amelia(t, p)
	now := p.Now()
	type given struct {
		alg     jose.SignatureAlgorithm
		kid     string
		typ     string
		payload any
	}
	as := func(more members) given { return given{jose.ES256, "ec", "JWT", said(p, more)} }
	typed := func(typ string) given { return given{jose.ES256, "ec", typ, said(p, nil)} }
	for name, test := range map[string]struct {
		given given
		ok    bool
	}{
		"as it should be":           {as(nil), true},
		"aud the token endpoint":    {as(members{"aud": p.Issuer + "/token"}), true},
		"no typ":                    {typed(""), true},
		"application/jwt":           {typed("application/JWT"), true},
		"its own typ":               {typed("authorization-grant+jwt"), true},
		"no iat":                    {as(members{"iat": nil}), true},
		"five minutes, clock ahead": {as(members{"exp": now.Add(5*time.Minute + 20*time.Second).Unix()}), true},
		"auth_time in fractions":    {as(members{"auth_time": float64(now.Unix()) - 0.5}), true},

		"of an issuer that is not registered": {given{jose.ES256, "ec", "JWT", asserted(p, "https://evil.example", members{"sub": "crm-42"})}, false},
		"of the provider":                     {given{jose.ES256, "ec", "JWT", asserted(p, p.Issuer, members{"sub": "crm-42"})}, false},
		"of the client itself":                {given{jose.ES256, "ec", "JWT", asserted(p, "backend", nil)}, false},
		"by another issuer's key":             {given{jose.EdDSA, "ed", "JWT", said(p, nil)}, false},
		"by a stranger's key":                 {given{jose.ES256, "other", "JWT", said(p, nil)}, false},
		"no issuer":                           {as(members{"iss": nil}), false},
		"unknown consumer":                    {as(members{"sub": "crm-44"}), false},
		"the other identifier":                {as(members{"sub": "sub-of-clara"}), false},
		"disabled consumer":                   {as(members{"sub": "crm-43"}), false},
		"no sub":                              {as(members{"sub": nil}), false},
		"sub that is no text":                 {as(members{"sub": 42}), false},
		"sub with a zero":                     {as(members{"sub": "crm\x0042"}), false},
		"aud of another server":               {as(members{"aud": "https://other.example"}), false},
		"aud with a slash":                    {as(members{"aud": p.Issuer + "/"}), false},
		"aud of another endpoint":             {as(members{"aud": p.Issuer + "/authorize"}), false},
		"aud the client":                      {as(members{"aud": "backend"}), false},
		"aud a list":                          {as(members{"aud": []string{p.Issuer}}), false},
		"aud a list of two":                   {as(members{"aud": []string{p.Issuer, "https://other.example"}}), false},
		"no aud":                              {as(members{"aud": nil}), false},
		"no jti":                              {as(members{"jti": nil}), false},
		"no exp":                              {as(members{"exp": nil}), false},
		"expired":                             {as(members{"exp": now.Add(-time.Second).Unix()}), false},
		"in an hour":                          {as(members{"exp": now.Add(time.Hour).Unix()}), false},
		"for ever":                            {as(members{"exp": 1e300}), false},
		"iat in the future":                   {as(members{"iat": now.Add(2 * time.Minute).Unix()}), false},
		"not yet":                             {as(members{"nbf": now.Add(2 * time.Minute).Unix()}), false},
		"auth_time tomorrow":                  {as(members{"auth_time": now.Add(24 * time.Hour).Unix()}), false},
		"auth_time long ago":                  {as(members{"auth_time": now.Add(-8 * 24 * time.Hour).Unix()}), false},
		"auth_time year 1":                    {as(members{"auth_time": time.Time{}.Unix()}), false},
		"auth_time of 1970":                   {as(members{"auth_time": 0}), false},
		"auth_time for ever":                  {as(members{"auth_time": 1e300}), false},
		"auth_time a text":                    {as(members{"auth_time": "now"}), false},
		"amr a text":                          {as(members{"amr": "pwd"}), false},
		"amr with a line":                     {as(members{"amr": []string{"a\nb"}}), false},
		"a request object by typ":             {typed(typRequest), false},
		"a client assertion by typ":           {typed("client-authentication+jwt"), false},
		"an access token by typ":              {typed("at+jwt"), false},
		"a logout token by typ":               {typed("logout+jwt"), false},
		"a logout token by its events":        {as(members{"events": members{"http://schemas.openid.net/event/backchannel-logout": members{}}}), false},
		"too long":                            {as(members{"jti": strings.Repeat("a", 9<<10)}), false},
		"a member twice":                      {given{jose.ES256, "ec", "", fmt.Sprintf(`{"iss":%q,"sub":"crm-43","sub":"crm-42","aud":%q,"exp":%d,"jti":"two"}`, brandIssuer, p.Issuer, now.Unix()+60)}, false},
		"no object":                           {given{jose.ES256, "ec", "", `["iss"]`}, false},
		"no JSON":                             {given{jose.ES256, "ec", "", `hello`}, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, grant := range []struct {
				code string
				form func(string) url.Values
			}{
				{"invalid_grant", func(assertion string) url.Values { return bearing(assertion) }},
				{"invalid_request", func(assertion string) url.Values { return exchange(typeIDToken, assertion, "audience", "messaging") }},
			} {
				if payload, known := test.given.payload.(members); known && payload["jti"] != nil && len(fmt.Sprint(payload["jti"])) < 9<<10 {
					payload["jti"] = nextText()
				}
				page := redeemAs(b, "backend", backendSecret, grant.form(signed(t, test.given.alg, test.given.kid, test.given.typ, test.given.payload)))
				if test.ok {
					tokens(t, page)
				} else {
					wantWire(t, page, http.StatusBadRequest, grant.code)
				}
			}
		})
	}
	// Tokens of ours, and no tokens.
	signedIn := silent(t, b, implicitRequest("response_type", "id_token token"))
	parts := strings.Split(signed(t, jose.ES256, "ec", "", said(p, nil)), ".")
	for name, token := range map[string]string{
		"ID token": signedIn.Get("id_token"), "access token": signedIn.Get("access_token"), "none": "x",
		"unsigned": "eyJhbGciOiJub25lIn0." + parts[1] + ".", "without signature": parts[0] + "." + parts[1] + ".",
	} {
		if page := redeemAs(b, "backend", backendSecret, bearing(token)); page.Status != http.StatusBadRequest || decode(t, page).Error != "invalid_grant" {
			t.Errorf("%s: status %d %s", name, page.Status, page.Body)
		}
		if page := redeemAs(b, "backend", backendSecret, exchange(typeAccess, token)); page.Status != http.StatusBadRequest || decode(t, page).Error != "invalid_request" {
			t.Errorf("%s: status %d %s", name, page.Status, page.Body)
		}
	}
}

// TestAnAssertionAboutAConsumerIsTakenOnce: of several at once one wins, whoever brings
// it, until it has expired, when it is not kept any longer.
//
//security:32-replay
func TestAnAssertionAboutAConsumerIsTakenOnce(t *testing.T) {
	t.Parallel()
	p := startAsserting(t)
	other := p.Another()
	const clients = 8
	good := said(p, members{"exp": p.Now().Add(4 * time.Minute).Unix(), "jti": "only once"})
	statuses := make(chan int, clients)
	for i := range clients {
		b, assertion := []*webtest.Provider{p, other}[i%2].Browser(t), signed(t, jose.ES256, "ec", "", good) // signed afresh: the jti counts
		client := []string{"backend", "backend", "chat", "exchanger"}[i%4]
		form := []url.Values{bearing(assertion), exchange(typeAccess, assertion), bearing(assertion), exchange(typeAccess, assertion)}[i%4]
		go func() { statuses <- redeemAs(b, client, backendSecret, form).Status }()
	}
	taken := 0
	for range clients {
		if status := <-statuses; status == http.StatusOK {
			taken++
		} else if status != http.StatusBadRequest {
			t.Errorf("status %d", status)
		}
	}
	if taken != 1 {
		t.Errorf("taken %d times", taken)
	}
	b := p.Browser(t)
	// Another issuer may use the same jti.
	same := asserted(p, otherIssuer, members{"sub": "sub-of-clara", "jti": "only once"})
	tokens(t, redeemAs(b, "backend", backendSecret, bearing(signed(t, jose.EdDSA, "ed", "", same))))
	// Who is refused for another reason has spent nothing.
	spared := said(p, nil)
	wantWire(t, redeemAs(b, "backend", backendSecret, exchange(typeIDToken, signed(t, jose.ES256, "ec", "", spared), "audience", "site")), http.StatusBadRequest, "invalid_target")
	wantWire(t, redeemAs(b, "backend", backendSecret, bearing(signed(t, jose.ES256, "ec", "", spared), "scope", "phone")), http.StatusBadRequest, "invalid_scope")
	tokens(t, redeemAs(b, "backend", backendSecret, bearing(signed(t, jose.ES256, "ec", "", spared))))
	p.Advance(4 * time.Minute)
	wantWire(t, redeemAs(b, "backend", backendSecret, bearing(signed(t, jose.ES256, "ec", "", good))), http.StatusBadRequest, "invalid_grant")
	sweep(t, p)
	if n := webtest.Query[int](p, "select count(*) from subject_assertions"); n != 0 {
		t.Errorf("%d rows are kept", n)
	}
}
