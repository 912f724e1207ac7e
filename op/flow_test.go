package op_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/brandidp/idp/web/webtest"
)

//contract:2.1-rfc-address 2.1-rfc-id-token 2.1-rfc-state 2.2-defaults 2.2-no-nonce 2.2-rfc-request 2.2-unknown
//contract:2.3-fragment 2.3-redirect
func TestImplicitFlowForConversationalCloud(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := p.Browser(t)
	state := `{"lpUnifiedWindowConfig":{"accountId":"12345678","lang":"en-US"}}`
	page := b.Authorize(params("client_id", "messaging", "response_type", "id_token", "scope", "openid",
		"redirect_uri", window, "state", state, "parentWindowOrigin", "https://www.brand.example"))
	if page.Status != http.StatusOK || page.Text("message") != "" {
		t.Fatalf("sign-in page: status %d, message %q", page.Status, page.Text("message"))
	}
	answer := page.SignIn("Amelia", ameliasPassword)
	if answer.Status != http.StatusOK || !strings.HasPrefix(answer.Target(), window+"#") {
		t.Fatalf("status %d, target %q\n%s", answer.Status, answer.Target(), p.Log)
	}
	got := answer.Answer()
	if got.Get("state") != state || got.Get("iss") != p.Issuer {
		t.Errorf("state %q, iss %q", got.Get("state"), got.Get("iss"))
	}

	keys := oidc.NewRemoteKeySet(t.Context(), p.Issuer+"/jwks/messaging.json")
	token, err := oidc.NewVerifier(p.Issuer, keys, &oidc.Config{ClientID: "messaging"}).Verify(t.Context(), got.Get("id_token"))
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		GivenName string            `json:"given_name"`
		SDEs      []json.RawMessage `json:"lp_sdes"`
	}
	if err := token.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if claims.GivenName != "Amelia" || len(claims.SDEs) != 2 {
		t.Errorf("claims: %+v", claims)
	}
	if text := string(claims.SDEs[0]); text != `{"type":"ctmrinfo","info":{"ctype":"vip","customerId":"138766AC","balance":-400.99,"currency":"USD"}}` {
		t.Errorf("ctmrinfo: %s", text)
	}

	again := b.Authorize(params("client_id", "messaging", "response_type", "id_token", "scope", "openid", "redirect_uri", window))
	if again.Status != http.StatusFound || again.Answer().Get("id_token") == "" {
		t.Errorf("with a session: status %d", again.Status)
	}
}

func TestCodeFlowWithPKCE(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := p.Browser(t)
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	page := b.Authorize(params("client_id", "app", "response_type", "code", "scope", "openid email", "nonce", "n",
		"redirect_uri", "https://app.brand.example/cb", "state", "s",
		"code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]), "code_challenge_method", "S256"))
	answer := page.SignIn("amelia@brand.example", ameliasPassword).Answer()
	redeem := func(pairs ...string) *webtest.Page {
		form := params("grant_type", "authorization_code", "client_id", "app", "code", answer.Get("code"),
			"redirect_uri", "https://app.brand.example/cb", "code_verifier", verifier)
		maps.Copy(form, params(pairs...))
		return b.Post("/token", form)
	}
	for _, wrong := range [][]string{
		{"code_verifier", strings.Repeat("w", 43)}, {"redirect_uri", "https://app.brand.example/cc"}, {"code", "x"}, {"code_verifier", ""},
	} {
		if page := redeem(wrong...); page.Status != http.StatusBadRequest || !strings.Contains(page.Body, `"invalid_grant"`) {
			t.Errorf("%v: %d %s", wrong, page.Status, page.Body)
		}
	}
	page = redeem()
	if page.Status != http.StatusOK {
		t.Fatalf("%d %s\n%s", page.Status, page.Body, p.Log)
	}
	var tokens struct {
		AccessToken string `json:"access_token"`
		IDToken     string `json:"id_token"`
	}
	if err := json.Unmarshal([]byte(page.Body), &tokens); err != nil {
		t.Fatal(err)
	}
	provider, err := oidc.NewProvider(t.Context(), p.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.VerifierContext(t.Context(), &oidc.Config{ClientID: "app"}).Verify(t.Context(), tokens.IDToken); err != nil {
		t.Error(err)
	}
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, p.Issuer+"/userinfo", nil)
	request.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
	if page := b.Do(request); page.Status != http.StatusOK || !strings.Contains(page.Body, `"email_verified":true`) {
		t.Errorf("userinfo: %d %s", page.Status, page.Body)
	}
	if page := redeem(); page.Status != http.StatusBadRequest {
		t.Errorf("second redemption: %d", page.Status)
	}
	if page := b.Do(request); page.Status != http.StatusUnauthorized {
		t.Errorf("userinfo after reuse of the code: %d", page.Status)
	}
}
