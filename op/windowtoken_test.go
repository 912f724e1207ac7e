package op_test

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/web/webtest"
)

// segment decodes a segment of a compact token, which must be base64url without
// padding.
func segment(t *testing.T, token string, n int) string {
	t.Helper()
	segments := strings.Split(token, ".")
	if len(segments) != 3 {
		t.Fatalf("%d segments, want 3", len(segments))
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(segments[n])
	if err != nil {
		t.Fatalf("segment %d: %v", n, err)
	}
	return string(decoded)
}

// TestFormOfAConnectorsToken reads the bytes of a token and of the key set as a
// relying party with no library would.
//
//contract:1.1-compact 1.1-header 1.1-key-size 1.1-rs256 1.2-exp 1.2-iat 1.6-base64url 1.6-kid 1.6-members 1.8-default
//contract:1.8-iat-past
func TestFormOfAConnectorsToken(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	p.Advance(time.Minute)
	token := silent(t, b, windowRequest()).Get("id_token")
	now := p.Now()

	var header map[string]any
	if err := json.Unmarshal([]byte(segment(t, token, 0)), &header); err != nil {
		t.Fatal(err)
	}
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	if err := json.Unmarshal([]byte(b.Get("/jwks/messaging.json").Body), &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("%d keys, %v", len(set.Keys), err)
	}
	key := set.Keys[0]
	if diff := cmp.Diff(map[string]any{"alg": "RS256", "typ": "JWT", "kid": key["kid"]}, header); diff != "" || key["kid"] == "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	modulus, err := base64.RawURLEncoding.Strict().DecodeString(key["n"])
	if err != nil || len(modulus) != 256 || modulus[0] < 0x80 {
		t.Errorf("a modulus of %d bytes, %v; want RSA-2048", len(modulus), err)
	}
	delete(key, "kid")
	delete(key, "n")
	if diff := cmp.Diff(map[string]string{"kty": "RSA", "use": "sig", "alg": "RS256", "e": "AQAB"}, key); diff != "" {
		t.Errorf("key (-want +got):\n%s", diff)
	}
	if signature := segment(t, token, 2); len(signature) != len(modulus) {
		t.Errorf("a signature of %d bytes", len(signature))
	}

	times := regexp.MustCompile(`"exp":(\d+),"iat":(\d+),"auth_time":(\d+),`).FindStringSubmatch(segment(t, token, 1))
	if times == nil {
		t.Fatalf("times are not whole numbers: %s", segment(t, token, 1))
	}
	at := func(text string) time.Time {
		var seconds int64
		if err := json.Unmarshal([]byte(text), &seconds); err != nil {
			t.Fatal(err)
		}
		return time.Unix(seconds, 0)
	}
	if behind := now.Sub(at(times[2])); behind < time.Second || behind > 10*time.Second || !at(times[2]).After(at(times[3])) {
		t.Errorf("iat is %v in the past", behind)
	}
	if ahead := at(times[1]).Sub(now); ahead < 59*time.Minute || ahead > time.Hour {
		t.Errorf("exp is %v ahead", ahead)
	}
	// Just after the sign-in, iat is not before it.
	fresh := p.Browser(t)
	answer := fresh.Authorize(windowRequest()).SignIn("amelia", ameliasPassword).Answer()
	got := claims(t, p, "messaging", answer.Get("id_token"))
	if got["iat"].(float64) < got["auth_time"].(float64) {
		t.Errorf("iat %v, auth_time %v", got["iat"], got["auth_time"])
	}
}

//contract:1.3-email 1.3-family-name 1.3-gender 1.3-given-name 1.3-name 1.3-phone-number 1.3-preferred-username
func TestStandardClaimsOfAConnector(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, `
consumers:
  - username: imei
    password: a password of the extension
    claims: {phone_number: "+12127888877;ext=5", gender: other}
`)
	b := p.Browser(t)
	b.Authorize(codeRequest()).SignIn("river", riversPassword)
	got := claims(t, p, "messaging", silent(t, b, windowRequest()).Get("id_token"))
	for name, want := range map[string]any{
		"given_name": "River", "family_name": "Song", "email": "river@brand.example", "gender": "female", "preferred_username": "river",
		"phone_number": "+12127888877", "name": "River Song", "picture": "https://www.brand.example/river.png", "acr": "loa1", "aud": "messaging",
	} {
		if got[name] != want {
			t.Errorf("%s %v, want %v", name, got[name], want)
		}
	}
	other := p.Browser(t)
	page := other.Authorize(windowRequest()).SignIn("imei", "a password of the extension")
	if got := claims(t, p, "messaging", page.Answer().Get("id_token")); got["phone_number"] != "+12127888877;ext=5" || got["gender"] != "other" {
		t.Errorf("claims %v", got)
	}
}

// TestEveryDocumentedFieldReachesTheToken takes the two examples of LivePerson's
// documentation through the brand file, the store and the token.
//
//contract:1.4-address 1.4-age 1.4-array 1.4-balance 1.4-company-size 1.4-contacts 1.4-country 1.4-currency
//contract:1.4-customer-info 1.4-dates 1.4-gender 1.4-language 1.4-login-status 1.4-personal-info 1.4-texts
func TestEveryDocumentedFieldReachesTheToken(t *testing.T) {
	t.Parallel()
	const (
		info = `{"cstatus":"cancelled","ctype":"vip","customerId":"138766AC","balance":-400.99,"currency":"USD","socialId":"11256324780",` +
			`"imei":"3543546543545688","userName":"user000","companySize":500,"companyBranch":"East Village","accountName":"bank corp","role":"broker",` +
			`"lastPaymentDate":{"day":15,"month":10,"year":2014},"registrationDate":{"day":23,"month":5,"year":2013},"loginStatus":1}`
		personal = `{"firstname":"John","lastname":"Doe","age":{"age":34,"year":1980,"month":4,"day":15},"contacts":[` +
			`{"email":"myname@example.com","phone":"+1 212-788-8877","phoneType":"MOBILE","address":{"country":"US","region":"Ohio"}}],` +
			`"gender":"MALE","language":"en-US","company":"company"}`
	)
	p := webtest.Start(t, nil, brand, `{"consumers": [{"username": "doe", "password": "a password of John Doe", "customer_info": `+info+`, "personal_info": `+personal+`}]}`)
	b := p.Browser(t)
	token := b.Authorize(windowRequest()).SignIn("doe", "a password of John Doe").Answer().Get("id_token")
	var payload struct {
		SDEs json.RawMessage `json:"lp_sdes"`
	}
	if err := json.Unmarshal([]byte(segment(t, token, 1)), &payload); err != nil {
		t.Fatal(err)
	}
	want := `[{"type":"ctmrinfo","info":` + info + `},{"type":"personal","personal":` + personal + `}]`
	if diff := cmp.Diff(want, string(payload.SDEs)); diff != "" {
		t.Errorf("lp_sdes (-documented +got):\n%s", diff)
	}
}

// uuid4 is a random UUID (RFC 9562 5.4).
var uuid4 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

//contract:1.9-identity 1.9-same 1.9-unguessable 1.9-unique
func TestSubjects(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	seen := map[any]bool{}
	for username, password := range map[string]string{"amelia": ameliasPassword, "rory": rorysPassword, "river": riversPassword} {
		b := p.Browser(t)
		b.Authorize(codeRequest()).SignIn(username, password)
		code := silent(t, b, windowRequest("client_id", "messaging-code", "response_type", "code")).Get("code")
		form := params("grant_type", "authorization_code", "redirect_uri", window, "code", code)
		page := tokens(t, fromPage(t, b, "messaging", messagingOrigin))
		sub := page.Subject
		for name, got := range map[string]any{
			"connector":              claims(t, p, "messaging", silent(t, b, windowRequest()).Get("id_token"))["sub"],
			"connector, code":        claims(t, p, "messaging-code", tokens(t, redeemAs(b, "messaging-code", messagingSecret, form)).IDToken)["sub"],
			"site":                   claims(t, p, "site", silent(t, b, implicitRequest()).Get("id_token"))["sub"],
			"token source, ID token": claims(t, p, "messaging", page.IDToken)["sub"],
		} {
			if got != sub {
				t.Errorf("%s: sub %v, want %s", name, got, sub)
			}
		}
		if !uuid4.MatchString(sub) || seen[sub] {
			t.Errorf("%s: sub %s", username, sub)
		}
		seen[sub] = true
	}
}
