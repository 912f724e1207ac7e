package standin_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/liveperson/standin"
)

func TestExternalWindowWithIDToken(t *testing.T) {
	t.Parallel()
	b := newBrand(t, nil)
	request := b.launch("implicit", b.visit(`{"iss":"`+b.URL+`","acr":"loa1","sub":"`+subject+`"}`))
	for name, want := range map[string]string{
		"response_type": "id_token", "client_id": clientID, "scope": "openid", "redirect_uri": b.api.URL + standin.WindowPath,
		"parentWindowOrigin": origin,
	} {
		if request.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, request.Get(name), want)
		}
	}
	if request.Has("nonce") || request.Has("response_mode") || request.Has("prompt") {
		t.Errorf("the window sends what the real one does not: %v", request)
	}
	if err := liveperson.CheckWindowAccount(request.Get("state"), account); err != nil {
		t.Errorf("state: %v", err)
	}
	attempt, response, answer := b.exchange("implicit", map[string]string{"id_token": b.token(b.goodClaims()), "state": request.Get("state")})
	if response.StatusCode != http.StatusOK || attempt.Refusal != nil || attempt.Way != standin.WindowIDToken {
		t.Fatalf("status %d, %v, way %s", response.StatusCode, attempt.Refusal, attempt.Way)
	}
	for _, check := range attempt.Checks {
		if check.Outcome != standin.Passed {
			t.Errorf("%s: %s: %s", check.Name, check.Outcome, check.Reason)
		}
	}
	if got := len(attempt.Checks); got != 14 {
		t.Errorf("%d checks, want 14", got)
	}
	if response.Header.Get("Access-Control-Allow-Origin") != origin || answer["token"] != attempt.ConsumerToken {
		t.Errorf("headers %v, answer %v", response.Header, answer)
	}
	agentSees(t, attempt.Consumer)
	checkConsumerToken(t, b, attempt.ConsumerToken)
}

// agentSees holds the consumer against the good claims: lp_sdes first, completed
// by standard claims.
func agentSees(t *testing.T, got *standin.Consumer) {
	t.Helper()
	balance, size, age := -400.99, 500, 30
	want := &standin.Consumer{
		Verified: true, ID: got.ID, Subject: subject,
		Personal: liveperson.PersonalInfo{
			FirstName: "Amy", LastName: "Pond", Language: "en-GB", Gender: "FEMALE", Age: &liveperson.Age{Age: &age},
			Contacts: []liveperson.Contact{
				{Email: "amelia@brand.example", PhoneType: "MOBILE", Address: &liveperson.Address{Country: "GB"}},
				{Phone: "+441632960000"},
			},
		},
		Customer: liveperson.CustomerInfo{
			CType: "vip", Balance: &balance, CompanySize: &size, CustomerID: subject, LastPaymentDate: liveperson.NewDate(2024, 2, 29),
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the agent sees (-want +got):\n%s", diff)
	}
}

// checkConsumerToken reads the cloud's own token with its public key.
func checkConsumerToken(t *testing.T, b *brand, token string) {
	t.Helper()
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := signed.Verify(b.cloud.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	ext, _ := claims["lp.ext"].(map[string]any)
	if ext["sub"] != subject || ext["iss"] != b.URL || ext["lp_sdes"] == "" || strings.Contains(token, "vip") {
		t.Errorf("lp.ext: %v", ext)
	}
	if sub, _ := claims["sub"].(string); len(sub) != 64 || claims["aud"] != "acc:"+account ||
		int64(claims["exp"].(float64)) != now.Unix()+3600 || int64(claims["iat"].(float64)) != now.Unix()-5 {
		t.Errorf("claims: %v", claims)
	}
	if header := signed.Signatures[0].Header; header.KeyID != "00001" || header.Algorithm != "RS256" {
		t.Errorf("header: %+v", header)
	}
}

func TestIdentityAndState(t *testing.T) {
	t.Parallel()
	b := newBrand(t, nil)
	identity := func(iss, acr, sub string) string {
		return `{"iss":"` + iss + `","acr":"` + acr + `","sub":"` + sub + `"}`
	}
	for name, test := range map[string]struct {
		identity string
		want     standin.Outcome
	}{
		"the same":        {identity(b.URL, "loa1", subject), standin.Passed},
		"nobody":          {"", standin.LeftOut},
		"another sub":     {identity(b.URL, "loa1", "somebody"), standin.Failed},
		"another iss":     {identity("https://other.example", "loa1", subject), standin.Failed},
		"unauthenticated": {identity(b.URL, "0", subject), standin.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := b.in(t)
			attempt, _, _ := b.exchange("implicit", map[string]string{"id_token": b.token(b.goodClaims()), "sessionId": b.visit(test.identity)})
			if got := outcomes(attempt)["identity"]; got != test.want || attempt.Way != standin.Embedded {
				t.Errorf("identity: %s, want %s; way %s", got, test.want, attempt.Way)
			}
		})
	}
	state := b.launch("implicit", b.visit("")).Get("state")
	for name, test := range map[string]struct {
		state string
		fails []string
	}{
		"returned":        {state, nil},
		"one space more":  {state + " ", []string{"state"}},
		"another account": {strings.ReplaceAll(state, account, "87654321"), []string{"account", "state"}},
		"another visit":   {`{"lpUnifiedWindowConfig":{"accountId":"` + account + `"}}`, []string{"state"}},
		"unreadable":      {"x", []string{"account", "state"}},
	} {
		t.Run("state "+name, func(t *testing.T) {
			t.Parallel()
			b := b.in(t)
			attempt, _, _ := b.exchange("implicit", map[string]string{"id_token": b.token(b.goodClaims()), "state": test.state})
			if diff := cmp.Diff(test.fails, failed(attempt)); diff != "" {
				t.Errorf("failed checks (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExternalWindowWithCode(t *testing.T) {
	t.Parallel()
	good := func(b *brand) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			id, password, _ := r.BasicAuth()
			if id != clientID || password != "correct+horse+battery+staple%2C+in+full" || r.FormValue("grant_type") != "authorization_code" ||
				r.FormValue("code") != "a/code+" || r.FormValue("redirect_uri") != b.api.URL+standin.WindowPath {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
				return
			}
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Cache-Control", "no-store")
			_ = json.NewEncoder(w).Encode(map[string]any{
				"access_token": "x", "token_type": "Bearer", "expires_in": 3600, "id_token": b.token(b.goodClaims()),
			})
		}
	}
	answer := func(status int, body string, header ...string) func(*brand) func(http.ResponseWriter, *http.Request) {
		return func(*brand) func(http.ResponseWriter, *http.Request) {
			return func(w http.ResponseWriter, _ *http.Request) {
				for pair := range slices.Chunk(header, 2) {
					w.Header().Set(pair[0], pair[1])
				}
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			}
		}
	}
	for name, test := range map[string]struct {
		answer func(*brand) func(http.ResponseWriter, *http.Request)
		code   string
		fails  string
		reason string
	}{
		"good":               {good, "a/code+", "", ""},
		"code used":          {good, "used", "code", "invalid_grant"},
		"not an OAuth error": {answer(http.StatusBadGateway, `{"error":"<script>"}`), "x", "code", "status 502"},
		"not JSON":           {answer(http.StatusOK, "<html>"), "x", "code", "JSON"},
		"stored":             {answer(http.StatusOK, `{"token_type":"Bearer","id_token":"x"}`, "Content-Type", "application/json"), "x", "token-response", "no-store"},
		"text": {
			answer(http.StatusOK, `{"token_type":"Bearer","id_token":"x"}`, "Content-Type", "text/plain", "Cache-Control", "no-store"),
			"x", "token-response", "media type",
		},
		"no token type": {
			answer(http.StatusOK, `{"id_token":"x"}`, "Content-Type", "application/json", "Cache-Control", "no-store"), "x", "token-response", "token_type",
		},
		"no access token": {
			answer(http.StatusOK, `{"token_type":"Bearer","id_token":"x"}`, "Content-Type", "application/json", "Cache-Control", "no-store"),
			"x", "token-response", "access_token",
		},
		"no ID token": {
			answer(http.StatusOK, `{"access_token":"x","token_type":"Bearer"}`, "Content-Type", "application/json", "Cache-Control", "no-store"), "x", "token-response", "id_token",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBrand(t, nil)
			b.answer = test.answer(b)
			request := b.launch("code", b.visit(""))
			if request.Get("response_type") != "code" {
				t.Errorf("response_type is %q", request.Get("response_type"))
			}
			attempt, _, _ := b.exchange("code", map[string]string{
				"code": test.code, "redirect_uri": request.Get("redirect_uri"), "state": request.Get("state"),
			})
			if attempt.Way != standin.WindowCode || attempt.Redemption == nil || attempt.Connector.ClientSecret != "" {
				t.Errorf("attempt %+v", attempt)
			}
			if test.fails == "" {
				if attempt.Refusal != nil {
					t.Error(attempt.Refusal)
				}
				return
			}
			if outcomes(attempt)[test.fails] != standin.Failed || !strings.Contains(attempt.Refusal.Message, test.reason) {
				t.Errorf("checks %v, refusal %v", outcomes(attempt), attempt.Refusal)
			}
		})
	}
	t.Run("endpoint away", func(t *testing.T) {
		t.Parallel()
		b := newBrand(t, nil)
		b.Close()
		attempt, _, _ := b.exchange("code", map[string]string{"code": "x", "redirect_uri": "https://liveperson.net"})
		if outcomes(attempt)["code"] != standin.Failed {
			t.Errorf("checks %v", outcomes(attempt))
		}
	})
}

//contract:6.1-anonymous
func TestAnonymous(t *testing.T) {
	t.Parallel()
	b := newBrand(t, nil)
	authorize := "/api/account/" + account + "/anonymous/authorize"
	_, answer := b.post(authorize, "")
	first, _ := answer["token"].(string)
	attempt, response, answer := b.exchange(standin.AnonymousConnector, map[string]string{"id_token": first})
	if response.StatusCode != http.StatusOK || attempt.Consumer.Verified || attempt.Way != standin.Anonymous || answer["token"] == first {
		t.Errorf("status %d, attempt %+v", response.StatusCode, attempt)
	}
	_, answer = b.post(authorize, `{"id_token":"`+first+`"}`)
	renewed, _ := answer["token"].(string)
	again, _, _ := b.exchange(standin.AnonymousConnector, map[string]string{"id_token": renewed})
	if again.Consumer.ID != attempt.Consumer.ID {
		t.Error("renewing made somebody else")
	}
	if all := b.cloud.Conversations(); len(all) != 2 || all[0] != again || all[1] != attempt {
		t.Errorf("conversations: %v", all)
	}
	if arrived, err := b.cloud.Arrive(); err != nil || arrived.Consumer.Verified || arrived.Consumer.ID == attempt.Consumer.ID {
		t.Errorf("%+v arrives, error %v", arrived, err)
	}
	for name, token := range map[string]string{
		"brand's": b.token(b.goodClaims()), "consumer's": attempt.ConsumerToken, "none": "",
	} {
		response, answer := b.post("/api/account/"+account+"/app/"+standin.AnonymousConnector+"/authenticate?v=3.0", `{"id_token":"`+token+`"}`)
		if response.StatusCode != http.StatusUnauthorized || answer["internalErrorCode"] == nil {
			t.Errorf("%s token: status %d, %v", name, response.StatusCode, answer)
		}
		if token == "" {
			continue
		}
		if response, _ := b.post(authorize, `{"id_token":"`+token+`"}`); response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s token renewed: status %d", name, response.StatusCode)
		}
	}
	if refused, _, _ := b.exchange("implicit", map[string]string{"id_token": first}); refused.Refusal == nil {
		t.Error("a connector of a brand took an anonymous consumer's token")
	}
}

//contract:1.10-codes
func TestMalformedRequests(t *testing.T) {
	t.Parallel()
	b := newBrand(t, nil)
	base := "/api/account/" + account + "/app/"
	for name, test := range map[string]struct {
		path, body string
		status     int
	}{
		"another account":   {"/api/account/1/app/implicit/authenticate?v=3.0", `{"id_token":"x"}`, http.StatusNotFound},
		"unknown connector": {base + "other/authenticate?v=3.0", `{"id_token":"x"}`, http.StatusNotFound},
		"another version":   {base + "implicit/authenticate?v=1.0", `{"id_token":"x"}`, http.StatusBadRequest},
		"no version":        {base + "implicit/authenticate", `{"id_token":"x"}`, http.StatusBadRequest},
		"token in 2.0":      {base + "implicit/authenticate?v=2.0", `{"id_token":"x"}`, http.StatusBadRequest},
		"code in implicit":  {base + "implicit/authenticate?v=3.0", `{"code":"x"}`, http.StatusBadRequest},
		"nothing in oldest": {"/api/account/" + account + "/authenticate", `{"id_token":"x"}`, http.StatusBadRequest},
		"both in oldest":    {"/api/account/" + account + "/authenticate", `{"authCode":"x","id_token":"x"}`, http.StatusBadRequest},
		"not JSON, oldest":  {"/api/account/" + account + "/authenticate", `x`, http.StatusBadRequest},
		"nothing":           {base + "implicit/authenticate?v=3.0", ``, http.StatusBadRequest},
		"both":              {base + "implicit/authenticate?v=3.0", `{"id_token":"x","code":"y"}`, http.StatusBadRequest},
		"not JSON":          {base + "implicit/authenticate?v=3.0", `id_token=x`, http.StatusBadRequest},
		"too much":          {base + "implicit/authenticate?v=3.0", `{"id_token":"` + strings.Repeat("x", 70<<10) + `"}`, http.StatusBadRequest},
		"engagement":        {base + "tag/engagement?v=1.1", `[]`, http.StatusBadRequest},
		"anonymous":         {"/api/account/" + account + "/anonymous/authorize", `[]`, http.StatusBadRequest},
	} {
		if response, answer := b.post(test.path, test.body); response.StatusCode != test.status || answer["internalErrorCode"] == nil {
			t.Errorf("%s: status %d, %v", name, response.StatusCode, answer)
		}
	}
	for name, config := range map[string]string{
		"not JSON": "x", "another account": `{"accountId":"1","engConf":{"connector":{"id":"implicit"}}}`, "no connector": `{"accountId":"` + account + `"}`,
		"unknown connector": `{"accountId":"` + account + `","engConf":{"connector":{"id":"other"}}}`,
		"unknown visit":     `{"accountId":"` + account + `","engConf":{"ssid":"x","connector":{"id":"implicit"}}}`,
	} {
		if launched, err := b.cloud.Launch(config, origin); err == nil {
			t.Errorf("a window with the configuration %s begins at %s", name, launched.Address)
		}
	}
}

func TestOtherOrigins(t *testing.T) {
	t.Parallel()
	b := newBrand(t, nil)
	for from, want := range map[string]string{origin: origin, "https://other.example": ""} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, b.api.URL+"/api/account/"+account+"/anonymous/authorize", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Origin", from)
		response, err := b.api.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if got := response.Header.Get("Access-Control-Allow-Origin"); got != want || response.StatusCode != http.StatusNoContent {
			t.Errorf("preflight from %s: status %d, allowed %q", from, response.StatusCode, got)
		}
	}
}

func TestFillIn(t *testing.T) {
	t.Parallel()
	settings := &liveperson.ConversationalCloud{Variant: liveperson.VariantRFC}
	settings.SetDefaults()
	got, err := standin.FillIn("code", secret, liveperson.Registration{
		Settings: settings, ClientID: clientID, CodeFlow: true, Issuer: "https://id.brand.example",
		AuthorizationEndpoint: "https://id.brand.example/authorize", TokenEndpoint: "https://id.brand.example/token",
		JWKSEndpoint: "https://id.brand.example/jwks/messaging.json", PublicKey: "MIIB",
	}.ConnectorFields())
	if err != nil {
		t.Fatal(err)
	}
	want := standin.Connector{
		ID: "code", CodeFlow: true, DisplayName: clientID, Keys: standin.KeysJWKS, Issuer: "https://id.brand.example", AuthorizationEndpoint: "https://id.brand.example/authorize",
		TokenEndpoint: "https://id.brand.example/token", ClientID: clientID, ClientSecret: secret,
		JWKSEndpoint: "https://id.brand.example/jwks/messaging.json", PublicKey: "MIIB", JSMethod: "lpGetAuthenticationToken", JSContext: "window",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("connector (-want +got):\n%s", diff)
	}
	pasted, err := standin.FillIn("code", "", []liveperson.ConnectorField{
		{Name: liveperson.FieldPKCE, Value: "ticked"}, {Name: liveperson.FieldCertificateType, Value: liveperson.FieldPublicKey},
	})
	if err != nil || !pasted.PKCE || pasted.Keys != standin.KeysPasted {
		t.Errorf("ticked and pasted: %+v, %v", pasted, err)
	}
	if _, err := standin.FillIn("code", "", []liveperson.ConnectorField{{Name: "Colour"}}); err == nil {
		t.Error("a field that the form does not have is taken")
	}
}
