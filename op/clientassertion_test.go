package op_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/web/webtest"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// asserted is what a client's assertion holds; a value of nil takes a member away.
func asserted(p *webtest.Provider, client string, more members) members {
	all := members{
		"iss": client, "sub": client, "aud": p.Issuer, "exp": p.Now().Add(time.Minute).Unix(), "iat": p.Now().Unix(), "jti": nextText(),
	}
	for name, value := range more {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	return all
}

var (
	textLock sync.Mutex
	texts    int
)

// nextText is another text each time.
func nextText() string {
	textLock.Lock()
	defer textLock.Unlock()
	texts++
	return strings.Repeat("j", texts)
}

// proven is a request with a client assertion.
func proven(assertion string, form url.Values, pairs ...string) url.Values {
	return with(with(form, "client_assertion_type", assertionType, "client_assertion", assertion), pairs...)
}

// badCode gets invalid_grant once the client has come past its authentication.
func badCode() url.Values {
	return params("grant_type", "authorization_code", "redirect_uri", keyedCallback, "code", "x")
}

//defect:3-www-authenticate 4-algorithms 6-two-methods
//security:25-audience 25-other-kind 25-forged 25-for-ever
func TestPrivateKeyJWT(t *testing.T) {
	t.Parallel()
	p := startBackend(t)
	b := amelia(t, p)
	const strict = "keyed-strict"
	type given struct {
		alg     jose.SignatureAlgorithm
		kid     string
		typ     string
		payload any
		pairs   []string
	}
	as := func(more members) given {
		return given{alg: jose.ES256, kid: "ec", typ: "JWT", payload: asserted(p, "keyed", more)}
	}
	strictly := func(alg jose.SignatureAlgorithm, kid string, more members) given {
		return given{alg: alg, kid: kid, payload: asserted(p, strict, more), pairs: []string{"grant_type", "client_credentials"}}
	}
	now := p.Now()
	for name, test := range map[string]struct {
		given given
		ok    bool
	}{
		"RS256":                     {given{jose.RS256, "rsa", "JWT", asserted(p, "keyed", nil), nil}, true},
		"PS256":                     {given{jose.PS256, "rsa", "", asserted(p, "keyed", nil), nil}, true},
		"EdDSA":                     {given{jose.EdDSA, "ed", "client-authentication+jwt", asserted(p, "keyed", nil), nil}, true},
		"ES256":                     {as(nil), true},
		"with client_id":            {given{jose.ES256, "ec", "jwt", asserted(p, "keyed", nil), []string{"client_id", "keyed"}}, true},
		"aud the token endpoint":    {as(members{"aud": p.Issuer + "/token"}), true},
		"no iat":                    {as(members{"iat": nil}), true},
		"iat of a clock ahead":      {as(members{"iat": now.Add(20 * time.Second).Unix()}), true},
		"five minutes, clock ahead": {as(members{"exp": now.Add(5*time.Minute + 20*time.Second).Unix()}), true},
		"exp in fractions":          {as(members{"exp": float64(now.UnixMilli())/1000 + 30.5}), true},
		"of the one algorithm":      {strictly(jose.ES256, "ec", nil), true},

		"aud of another server":          {as(members{"aud": "https://other.example"}), false},
		"aud with a slash":               {as(members{"aud": p.Issuer + "/"}), false},
		"aud of another endpoint":        {as(members{"aud": p.Issuer + "/revoke"}), false},
		"aud the authorization endpoint": {as(members{"aud": p.Issuer + "/authorize"}), false},
		"aud a list":                     {as(members{"aud": []string{p.Issuer}}), false},
		"aud a list of two":              {as(members{"aud": []string{p.Issuer, "https://other.example"}}), false},
		"no aud":                         {as(members{"aud": nil}), false},
		"aud the endpoint, issuer alone": {strictly(jose.ES256, "ec", members{"aud": p.Issuer + "/token"}), false},
		"another algorithm":              {strictly(jose.RS256, "rsa", nil), false},
		"no jti":                         {as(members{"jti": nil}), false},
		"an empty jti":                   {as(members{"jti": ""}), false},
		"a jti that is a number":         {as(members{"jti": 7}), false},
		"no exp":                         {as(members{"exp": nil}), false},
		"exp a text":                     {as(members{"exp": "9999999999"}), false},
		"expired":                        {as(members{"exp": now.Add(-time.Second).Unix()}), false},
		"exp in an hour":                 {as(members{"exp": now.Add(time.Hour).Unix()}), false},
		"exp for ever":                   {as(members{"exp": 1e300}), false},
		"iat in the future":              {as(members{"iat": now.Add(2 * time.Minute).Unix()}), false},
		"not yet":                        {as(members{"nbf": now.Add(2 * time.Minute).Unix()}), false},
		"no iss":                         {as(members{"iss": nil}), false},
		"iss of another":                 {as(members{"iss": strict}), false},
		"no sub":                         {as(members{"sub": nil}), false},
		"sub of another":                 {as(members{"sub": strict}), false},
		"sub of nobody":                  {as(members{"sub": "nobody", "iss": "nobody"}), false},
		"of a client with a secret":      {given{jose.ES256, "ec", "", asserted(p, "site", nil), nil}, false},
		"of a client that signs":         {given{jose.ES256, "ec", "", asserted(p, "signing", nil), nil}, false},
		"another client_id":              {given{jose.ES256, "ec", "", asserted(p, "keyed", nil), []string{"client_id", strict}}, false},
		"a foreign key":                  {given{jose.ES256, "other", "", asserted(p, "keyed", nil), nil}, false},
		"a request object by typ":        {given{jose.ES256, "ec", typRequest, asserted(p, "keyed", nil), nil}, false},
		"an access token by typ":         {given{jose.ES256, "ec", "at+jwt", asserted(p, "keyed", nil), nil}, false},
		"a member twice":                 {given{jose.ES256, "ec", "", fmt.Sprintf(`{"iss":"keyed","sub":"keyed","sub":"keyed","aud":%q,"exp":%d,"jti":"twice"}`, p.Issuer, now.Unix()+60), nil}, false},
		"no object":                      {given{jose.ES256, "ec", "", `["sub","keyed"]`, nil}, false},
		"no JSON":                        {given{jose.ES256, "ec", "", `hello`, nil}, false},
		"too long":                       {as(members{"jti": strings.Repeat("a", 9<<10)}), false},
		"another type":                   {given{jose.ES256, "ec", "", asserted(p, "keyed", nil), []string{"client_assertion_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"}}, false},
		"no type":                        {given{jose.ES256, "ec", "", asserted(p, "keyed", nil), []string{"client_assertion_type", ""}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			assertion := signed(t, test.given.alg, test.given.kid, test.given.typ, test.given.payload)
			page := b.Post("/token", with(proven(assertion, badCode()), test.given.pairs...))
			switch {
			case !test.ok:
				wantWire(t, page, http.StatusUnauthorized, "invalid_client")
				if page.Header.Get("WWW-Authenticate") == "" {
					t.Error("no WWW-Authenticate")
				}
			case len(test.given.pairs) > 0 && test.given.pairs[0] == "grant_type":
				tokens(t, page)
			default:
				wantWire(t, page, http.StatusBadRequest, "invalid_grant")
			}
		})
	}
	t.Run("oidcc-ensure-client-assertion-with-iss-aud-succeeds", func(t *testing.T) {
		code := silent(t, b, params("client_id", "keyed", "response_type", "code", "scope", "openid", "redirect_uri", keyedCallback, "nonce", "no")).Get("code")
		assertion := signed(t, jose.RS256, "rsa", "", asserted(p, "keyed", members{"aud": p.Issuer}))
		token := tokens(t, b.Post("/token", proven(assertion, params("grant_type", "authorization_code", "redirect_uri", keyedCallback, "code", code))))
		claims(t, p, "keyed", token.IDToken)
	})
	t.Run("none", func(t *testing.T) {
		parts := strings.Split(signed(t, jose.ES256, "ec", "", asserted(p, "keyed", nil)), ".")
		for _, assertion := range []string{"eyJhbGciOiJub25lIn0." + parts[1] + ".", parts[0] + "." + parts[1] + ".", "a.b.c", "x"} {
			wantWire(t, b.Post("/token", proven(assertion, badCode())), http.StatusUnauthorized, "invalid_client")
		}
		// A signature of our own secret kind: the public key is no secret.
		wantWire(t, b.Post("/token", proven("", badCode(), "client_assertion", "")), http.StatusUnauthorized, "invalid_client")
	})
	t.Run("a second method", func(t *testing.T) {
		assertion := func() string { return signed(t, jose.ES256, "ec", "", asserted(p, "keyed", nil)) }
		wantWire(t, b.Post("/token", proven(assertion(), badCode(), "client_secret", siteSecret)), http.StatusBadRequest, "invalid_request")
		wantWire(t, b.Post("/token", proven(assertion(), badCode(), "client_id", "keyed", "client_secret", siteSecret)), http.StatusBadRequest, "invalid_request")
		request := b.Request("/token", proven(assertion(), badCode()))
		request.SetBasicAuth("keyed", siteSecret)
		wantWire(t, b.Do(request), http.StatusBadRequest, "invalid_request")
		// Nor another method instead.
		wantWire(t, b.Post("/token", with(badCode(), "client_id", "keyed")), http.StatusUnauthorized, "invalid_client")
		wantWire(t, redeemAs(b, "keyed", siteSecret, badCode()), http.StatusUnauthorized, "invalid_client")
	})
}

// TestAnAssertionIsTakenOnce: at whichever endpoint, of several instances, and
// until it has expired, when it is not kept any longer.
//
//security:25-replay
func TestAnAssertionIsTakenOnce(t *testing.T) {
	t.Parallel()
	p := startBackend(t)
	other := p.Another()
	const clients = 8
	grant := params("grant_type", "client_credentials")
	good := asserted(p, "keyed", members{"exp": p.Now().Add(4 * time.Minute).Unix(), "jti": "only once"})
	statuses := make(chan int, clients)
	for i := range clients {
		at := []*webtest.Provider{p, other}[i%2]
		b, assertion := at.Browser(t), signed(t, jose.ES256, "ec", "", good) // signed afresh: the jti counts
		go func() { statuses <- b.Post("/token", proven(assertion, grant)).Status }()
	}
	taken := 0
	for range clients {
		if status := <-statuses; status == http.StatusOK {
			taken++
		} else if status != http.StatusUnauthorized {
			t.Errorf("status %d", status)
		}
	}
	if taken != 1 {
		t.Errorf("taken %d times", taken)
	}
	b := p.Browser(t)
	for _, endpoint := range []string{"/token", "/introspect", "/revoke"} {
		page := b.Post(endpoint, proven(signed(t, jose.EdDSA, "ed", "", good), grant, "token", "x"))
		wantWire(t, page, http.StatusUnauthorized, "invalid_client")
	}
	// Another client may use the same jti.
	tokens(t, b.Post("/token", proven(signed(t, jose.ES256, "ec", "", asserted(p, "keyed-strict", members{"jti": "only once"})), grant)))
	p.Advance(4 * time.Minute)
	wantWire(t, b.Post("/token", proven(signed(t, jose.ES256, "ec", "", good), grant)), http.StatusUnauthorized, "invalid_client")
	if _, err := p.Store.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := webtest.Query[int](p, "select count(*) from client_assertions"); n != 0 {
		t.Errorf("%d rows are kept", n)
	}
	wantWire(t, b.Post("/token", proven(signed(t, jose.ES256, "ec", "", good), grant)), http.StatusUnauthorized, "invalid_client")
}

// TestWhoCannotSignWritesNothing: only what the client has signed is kept in mind.
//
//security:25-flood
func TestWhoCannotSignWritesNothing(t *testing.T) {
	t.Parallel()
	p := startBackend(t)
	b := p.Browser(t)
	p.Counts.Take()
	for _, assertion := range []string{
		signed(t, jose.ES256, "other", "", asserted(p, "keyed", nil)), signed(t, jose.ES256, "ec", "", asserted(p, "keyed", members{"aud": "x"})),
	} {
		wantWire(t, b.Post("/token", proven(assertion, badCode())), http.StatusUnauthorized, "invalid_client")
	}
	wantCost(t, p, "client assertions that are refused", 0, 0)
	for _, test := range []struct {
		endpoint   string
		reads      int
		commits    int
		parameters []string
	}{{"/introspect", 2, 1, []string{"token", strings.Repeat("a", 43)}}, {"/token", 2, 2, []string{"grant_type", "client_credentials"}}} {
		page := b.Post(test.endpoint, proven(signed(t, jose.ES256, "ec", "", asserted(p, "keyed", nil)), params(test.parameters...)))
		if page.Status != http.StatusOK {
			t.Errorf("%s: status %d\n%s", test.endpoint, page.Status, page.Body)
		}
		wantCost(t, p, test.endpoint+" by private_key_jwt", test.reads, test.commits)
	}
}

// TestTheWholeFlowByPrivateKeyJWT: a code, its refresh token, and the endpoints that
// take tokens.
func TestTheWholeFlowByPrivateKeyJWT(t *testing.T) {
	t.Parallel()
	p := startBackend(t)
	b := amelia(t, p)
	post := func(endpoint string, form url.Values, audience string) *webtest.Page {
		return b.Post(endpoint, proven(signed(t, jose.ES256, "ec", "", asserted(p, "keyed", members{"aud": audience})), form))
	}
	code := silent(t, b, params("client_id", "keyed", "response_type", "code", "scope", "openid offline_access orders.read", "redirect_uri", keyedCallback)).Get("code")
	token := tokens(t, post("/token", params("grant_type", "authorization_code", "code", code, "redirect_uri", keyedCallback), p.Issuer))
	if token.Scope != "openid offline_access" { // orders.read is for the client itself
		t.Errorf("scope %q", token.Scope)
	}
	first := token.RefreshToken
	token = tokens(t, post("/token", refreshGrant(first), p.Issuer+"/token"))
	// A response that was lost: the assertion is used up, the refresh token is not.
	if again := tokens(t, post("/token", refreshGrant(first), p.Issuer)); again.RefreshToken != token.RefreshToken || again.AccessToken != token.AccessToken {
		t.Errorf("first %+v, again %+v", token, again)
	}
	for _, audience := range []string{p.Issuer, p.Issuer + "/token", p.Issuer + "/introspect"} {
		if page := post("/introspect", params("token", token.AccessToken), audience); page.Status != http.StatusOK || !strings.Contains(page.Body, `"active":true`) {
			t.Errorf("introspection: status %d %s", page.Status, page.Body)
		}
	}
	if page := post("/revoke", params("token", token.RefreshToken), p.Issuer+"/revoke"); page.Status != http.StatusOK {
		t.Errorf("revocation: status %d %s", page.Status, page.Body)
	}
	wantAccess(t, b, token.AccessToken, http.StatusUnauthorized)
}
