package op_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/web/webtest"
)

// told is a brand file of the connector "told" with settings of what its ID
// tokens say, and of one consumer who has everything that they could say.
func told(settings string, lines ...string) string {
	return strings.Join(append([]string{
		"clients:\n  - client_id: told",
		"client_secret: " + messagingSecret,
		"redirect_uris: [" + window + "]",
		"response_types: [code, id_token, id_token token]",
		"web_origins: [" + shopOrigin + "]",
		"conversational_cloud: {variant: rfc, " + settings + "}",
	}, lines...), "\n    ") + `
consumers:
  - username: amelia
    claims: {given_name: Amelia, email: amelia@brand.example, phone_number: "+12127888870", phone_number_verified: true}
    personal_info: {firstname: Amelia, contacts: [{email: amelia@brand.example}]}
    customer_info: {ctype: vip, imei: "3543546543545688", balance: -400.99, registrationDate: {day: 23, month: 5, year: 2013}}
    attributes: {region: emea, score: 12.5, beta: true}
`
}

// payloadOf verifies a token of a client by its own keys, whoever it is for.
func payloadOf(tb testing.TB, p *webtest.Provider, client, idToken string) map[string]any {
	tb.Helper()
	ctx := oidc.ClientContext(tb.Context(), p.Browser(tb).Client)
	payload, err := oidc.NewRemoteKeySet(ctx, p.Address+"/jwks/"+client+".json").VerifySignature(ctx, idToken)
	if err != nil {
		tb.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(payload, &all); err != nil {
		tb.Fatal(err)
	}
	return all
}

func toldRequest(pairs ...string) []string {
	return append([]string{"client_id", "told", "state", "", "nonce", "n"}, pairs...)
}

// toldCode gives the answer to a code of the connector told.
func toldCode(tb testing.TB, b *webtest.Browser, scope string) tokenAnswer {
	tb.Helper()
	code := silent(tb, b, windowRequest(toldRequest("response_type", "code", "scope", scope)...)).Get("code")
	return tokens(tb, redeemAs(b, "told", messagingSecret, params("grant_type", "authorization_code", "redirect_uri", window, "code", code)))
}

// wantClaims compares those claims that are wanted; nil is an absent one.
func wantClaims(tb testing.TB, got, want map[string]any) {
	tb.Helper()
	for name := range want {
		if diff := cmp.Diff(want[name], got[name]); diff != "" {
			tb.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func contacts(entries ...any) []any { return entries }

func lpSDEs(contacts []any) []any {
	return []any{
		map[string]any{"type": "ctmrinfo", "info": map[string]any{
			"ctype": "vip", "imei": "3543546543545688", "balance": -400.99,
			"registrationDate": map[string]any{"day": 23.0, "month": 5.0, "year": 2013.0},
		}},
		map[string]any{"type": "personal", "personal": map[string]any{"firstname": "Amelia", "contacts": contacts}},
	}
}

//contract:1.3-acr 1.3-acr-setting 1.3-aud 1.3-aud-account 1.3-phone-number 1.3-phone-number-imei
func TestWhatIDTokensOfAConnectorSay(t *testing.T) {
	t.Parallel()
	email := map[string]any{"email": "amelia@brand.example"}
	phone := map[string]any{"phone": "+12127888870"}
	custom := "custom_claims: {tier: customer_info.ctype, region: attributes.region}"
	for name, test := range map[string]struct {
		file string
		want map[string]any
	}{
		"by default": {told("account_id: \"12345678\""), map[string]any{
			"aud": "told", "azp": nil, "acr": "loa1", "phone_number": "+12127888870", "phone_number_verified": true, "lp_sdes": lpSDEs(contacts(email)),
		}},
		"the account as audience":   {told(`audience: ["acc:12345678"]`), map[string]any{"aud": "acc:12345678", "azp": "told"}},
		"the client id as audience": {told(`audience: [told]`), map[string]any{"aud": "told", "azp": nil}},
		"several audiences":         {told(`audience: [told, "acc:12345678"]`), map[string]any{"aud": []any{"told", "acc:12345678"}, "azp": "told"}},
		"an acr of its own":         {told("acr: urn:brand:strong"), map[string]any{"acr": "urn:brand:strong"}},
		"no acr":                    {told("acr: none"), map[string]any{"acr": nil}},
		"phone_number as IMEI": {told("phone_number: imei"), map[string]any{
			"phone_number": "3543546543545688", "phone_number_verified": nil, "lp_sdes": lpSDEs(contacts(email, phone)),
		}},
		"the number is there in another spelling": {strings.Replace(told("phone_number: imei"), "[{email: amelia@brand.example}]", `[{phone: "+1 212-788-8870"}]`, 1), map[string]any{
			"phone_number": "3543546543545688", "lp_sdes": lpSDEs(contacts(map[string]any{"phone": "+1 212-788-8870"})),
		}},
		"no IMEI":           {strings.Replace(told("phone_number: imei"), `imei: "3543546543545688", `, "", 1), map[string]any{"phone_number": nil}},
		"claims of its own": {told("account_id: \"1\"", custom), map[string]any{"tier": "vip", "region": "emea"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := webtest.Start(t, nil, brand, test.file)
			b := amelia(t, p)
			front := silent(t, b, windowRequest(toldRequest()...)).Get("id_token")
			wantClaims(t, payloadOf(t, p, "told", front), test.want)
			wantClaims(t, payloadOf(t, p, "told", toldCode(t, b, "openid").IDToken), test.want)
			page := askSource(t, b, "told", "response_type", "id_token")
			wantClaims(t, payloadOf(t, p, "told", tokens(t, page).IDToken), test.want)

			// Whoever aud names, the token is known again as one about Amelia.
			if got := silent(t, b, implicitRequest("prompt", "none", "id_token_hint", front)); got.Get("id_token") == "" {
				t.Errorf("as id_token_hint: %v", got)
			}
			rory := p.Browser(t)
			rory.Authorize(codeRequest()).SignIn("rory", rorysPassword)
			wantError(t, rory.Authorize(implicitRequest("prompt", "none", "id_token_hint", front)), "login_required")
		})
	}
}

// Where a strict client reads claims from UserInfo, the IMEI and the phone number
// stay out of the ID token, and claims of its own with them.
func TestWhatIDTokensSayUnderAStrictPolicy(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, told("phone_number: imei, audience: [told, other]", "claims_policy: strict",
		"custom_claims: {tier: customer_info.ctype}"))
	b := amelia(t, p)
	email, phone := map[string]any{"email": "amelia@brand.example"}, map[string]any{"phone": "+12127888870"}
	several := []any{"told", "other"}

	answer := toldCode(t, b, "openid phone")
	wantClaims(t, payloadOf(t, p, "told", answer.IDToken), map[string]any{
		"aud": several, "azp": "told", "phone_number": nil, "tier": nil, "lp_sdes": lpSDEs(contacts(email)),
	})
	var info map[string]any
	if err := json.Unmarshal([]byte(userinfo(b, answer.AccessToken).Body), &info); err != nil {
		t.Fatal(err)
	}
	wantClaims(t, info, map[string]any{"phone_number": "+12127888870", "phone_number_verified": true, "tier": "vip", "lp_sdes": nil})

	// A number that is asked for by itself is read as the others are.
	single := windowRequest(toldRequest("claims", `{"id_token":{"phone_number":null}}`)...)
	wantClaims(t, payloadOf(t, p, "told", silent(t, b, single).Get("id_token")), map[string]any{
		"phone_number": "3543546543545688", "phone_number_verified": nil, "lp_sdes": lpSDEs(contacts(email, phone)),
	})

	alone := silent(t, b, windowRequest(toldRequest("scope", "openid phone")...)).Get("id_token")
	wantClaims(t, payloadOf(t, p, "told", alone), map[string]any{
		"phone_number": "3543546543545688", "tier": "vip", "lp_sdes": lpSDEs(contacts(email, phone)),
	})
	unasked := silent(t, b, windowRequest(toldRequest()...)).Get("id_token")
	wantClaims(t, payloadOf(t, p, "told", unasked), map[string]any{
		"phone_number": nil, "email": nil, "tier": "vip", "lp_sdes": lpSDEs(contacts(email)),
	})
}

// Claims of an ordinary client's own, of every type, and of sources that are
// absent.
func TestCustomClaims(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, told("account_id: \"1\""), `
clients:
  - client_id: crm
    client_secret: `+messagingSecret+`
    redirect_uris: [`+siteCallback+`]
    response_types: [code, id_token]
    custom_claims:
      https://brand.example/tier: customer_info.ctype
      balance: customer_info.balance
      since: customer_info.registrationDate
      since_year: customer_info.registrationDate.year
      contacts: personal_info.contacts
      verified: claims.phone_number_verified
      mail: claims.email
      score: attributes.score
      beta: attributes.beta
      region: attributes.region
      nothing: attributes.nothing
      age: personal_info.age.year
      town: claims.address.locality
`)
	b := amelia(t, p)
	want := map[string]any{
		"https://brand.example/tier": "vip", "balance": -400.99, "since": map[string]any{"day": 23.0, "month": 5.0, "year": 2013.0},
		"since_year": 2013.0, "contacts": []any{map[string]any{"email": "amelia@brand.example"}}, "verified": true, "mail": "amelia@brand.example",
		"score": 12.5, "beta": true, "region": "emea", "nothing": nil, "age": nil, "town": nil,
	}
	request := codeRequest("client_id", "crm")
	wantClaims(t, payloadOf(t, p, "crm", silent(t, b, with(request, "response_type", "id_token")).Get("id_token")), want)
	answer := tokens(t, redeemAs(b, "crm", messagingSecret,
		params("grant_type", "authorization_code", "redirect_uri", siteCallback, "code", silent(t, b, request).Get("code"))))
	wantClaims(t, payloadOf(t, p, "crm", answer.IDToken), map[string]any{"balance": nil, "region": nil, "beta": nil})
	var info map[string]any
	if err := json.Unmarshal([]byte(userinfo(b, answer.AccessToken).Body), &info); err != nil {
		t.Fatal(err)
	}
	wantClaims(t, info, want)

	// Another client's token has none of them.
	wantClaims(t, payloadOf(t, p, "told", silent(t, b, windowRequest(toldRequest()...)).Get("id_token")), map[string]any{"balance": nil, "region": nil})

	// Nobody has to sign in again for what has changed.
	p.Apply(strings.Replace(told("account_id: \"1\""), "region: emea, score: 12.5, beta: true", "region: apac", 1))
	got := payloadOf(t, p, "crm", silent(t, b, with(request, "response_type", "id_token")).Get("id_token"))
	wantClaims(t, got, map[string]any{"region": "apac", "score": nil, "beta": nil})
}

// A refreshed ID token says the same, but for its times and what it is issued
// with (OpenID Connect Core 12.2), and what has changed of the consumer.
func TestWhatARefreshedIDTokenSays(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, told(`account_id: "12345678", audience: [told, "acc:12345678"], acr: urn:brand:strong, phone_number: imei`,
		"grant_types: [authorization_code, implicit, refresh_token]", "custom_claims: {tier: customer_info.ctype, region: attributes.region}"))
	b := amelia(t, p)
	first := toldCode(t, b, "openid")
	p.Advance(time.Hour)
	second := tokens(t, redeemAs(b, "told", messagingSecret, refreshGrant(first.RefreshToken)))
	before, after := payloadOf(t, p, "told", first.IDToken), payloadOf(t, p, "told", second.IDToken)
	for _, name := range []string{"iat", "exp", "at_hash"} {
		if before[name] == after[name] || after[name] == nil {
			t.Errorf("%s: %v, then %v", name, before[name], after[name])
		}
		delete(before, name)
		delete(after, name)
	}
	delete(before, "nonce")
	if diff := cmp.Diff(before, after); diff != "" || after["region"] != "emea" {
		t.Errorf("claims (-first +refreshed):\n%s", diff)
	}

	p.Apply("consumers: [{username: amelia, attributes: {region: apac}}]")
	third := tokens(t, redeemAs(b, "told", messagingSecret, refreshGrant(second.RefreshToken)))
	wantClaims(t, payloadOf(t, p, "told", third.IDToken), map[string]any{"region": "apac", "tier": nil, "phone_number": nil})
}

//contract:1.8-iat-past 1.8-iat-setting 1.8-lifetime
//security:21-backdated
func TestBackdatingOfAConnector(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]time.Duration{
		"account_id: \"1\"": 5 * time.Second, "iat_backdating: 0": 0, "iat_backdating: 1m": time.Minute, "iat_backdating: 30": 30 * time.Second,
	} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			p := webtest.Start(t, nil, brand, told(setting, "id_token_lifetime: 10m"))
			b := amelia(t, p)
			ask := func() (iat, exp, authTime time.Time) {
				claims := payloadOf(t, p, "told", silent(t, b, windowRequest(toldRequest()...)).Get("id_token"))
				at := func(name string) time.Time { seconds, _ := claims[name].(float64); return time.Unix(int64(seconds), 0) }
				return at("iat"), at("exp"), at("auth_time")
			}
			if iat, _, authTime := ask(); iat.Before(authTime) {
				t.Errorf("iat %v is before auth_time %v", iat, authTime)
			}
			p.Advance(time.Hour)
			before := p.Now()
			iat, exp, _ := ask()
			const slow = 5 * time.Second // a request may take its time
			if earliest := before.Add(-want).Truncate(time.Second); iat.Before(earliest) || iat.After(earliest.Add(slow)) {
				t.Errorf("iat %v, want %v before %v", iat, want, before)
			}
			if earliest := before.Add(10 * time.Minute).Truncate(time.Second); exp.Before(earliest) || exp.After(earliest.Add(slow)) {
				t.Errorf("exp %v, want ten minutes after %v", exp, before)
			}
		})
	}
}

// A connector's own settings cost nothing: one read, as without them.
func TestCostOfWhatIDTokensSay(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, told("phone_number: imei, audience: [told, other]", "custom_claims: {tier: customer_info.ctype}"))
	b := amelia(t, p)
	p.Counts.Take()
	if page := b.Authorize(windowRequest(toldRequest()...)); page.Status != http.StatusFound {
		t.Fatalf("status %d", page.Status)
	}
	wantCost(t, p, "authorize with a session, id_token", 1, 0)
}
