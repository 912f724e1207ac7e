package standin_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/liveperson/standin"
)

// redeemable is a token endpoint that answers every code, and notes what it was
// asked.
func (b *brand) redeemable() *tokenRequest {
	asked := &tokenRequest{}
	b.answer = func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked.body, asked.mediaType = string(body), r.Header.Get("Content-Type")
		asked.id, asked.secret, _ = r.BasicAuth()
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"access_token": "x", "token_type": "Bearer", "expires_in": 3600, "id_token": b.token(b.goodClaims()),
		})
	}
	return asked
}

type tokenRequest struct{ body, mediaType, id, secret string }

// Each version of the exchange gives a consumer token.
//
//contract:6.2-versions 6.3-copied 6.3-sdes
func TestVersionsOfAuthenticate(t *testing.T) {
	t.Parallel()
	prefer := func(id string) func(*standin.Connector) {
		return func(c *standin.Connector) { c.Preferred = c.ID == id }
	}
	const base = "/api/account/" + account
	for name, test := range map[string]struct {
		preferred, path, member string
		body                    func(b *brand) map[string]string
		redirect                string // of the token request
	}{
		"oldest, token": {"implicit", base + "/authenticate", "jwt", func(b *brand) map[string]string {
			return map[string]string{"authCode": b.token(b.goodClaims())}
		}, ""},
		"oldest, code": {"code", base + "/authenticate", "jwt", func(*brand) map[string]string {
			return map[string]string{"authCode": "x"}
		}, "https%3A%2F%2Fliveperson.net"},
		"2.0": {"code", base + "/app/default/authenticate?v=2.0", "jwt", func(*brand) map[string]string {
			return map[string]string{"code": "x", "redirect_uri": "https://liveperson.net/cb"}
		}, "https%3A%2F%2Fliveperson.net%2Fcb"},
		"3.0, token": {"", base + "/app/default/authenticate?v=3.0", "token", func(b *brand) map[string]string {
			return map[string]string{"id_token": b.token(b.goodClaims())}
		}, ""},
		"3.0, code": {"", base + "/app/code/authenticate?v=3.0", "token", func(*brand) map[string]string {
			return map[string]string{"code": "x"}
		}, "https%3A%2F%2Fliveperson.net"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBrand(t, prefer(test.preferred))
			asked := b.redeemable()
			body, err := json.Marshal(test.body(b))
			if err != nil {
				t.Fatal(err)
			}
			response, answer := b.post(test.path, string(body))
			token, _ := answer[test.member].(string)
			if response.StatusCode != http.StatusOK || len(answer) != 1 || token == "" {
				t.Fatalf("status %d, %v", response.StatusCode, answer)
			}
			checkConsumerToken(t, b, token)
			if test.redirect != "" && !strings.Contains(asked.body, "redirect_uri="+test.redirect) {
				t.Errorf("redeemed with %s, want %s", asked.body, test.redirect)
			}
		})
	}
	t.Run("no connector at all", func(t *testing.T) {
		t.Parallel()
		cloud, err := standin.New(standin.Options{AccountID: account, Client: http.DefaultClient, Now: nil, Rand: zeroes{}})
		if err != nil {
			t.Fatal(err)
		}
		if _, known := cloud.Connector(standin.DefaultConnector); known {
			t.Error("a connector out of nothing")
		}
	})
}

// zeroes is as random as a test of it needs.
type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// The token request in each form that the sources name.
func TestTokenRequests(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*standin.Connector)
		want   tokenRequest
	}{
		"basic": {func(*standin.Connector) {}, tokenRequest{
			"code=a%2Fcode%2B&grant_type=authorization_code&redirect_uri=https%3A%2F%2Fliveperson.net",
			"application/x-www-form-urlencoded", clientID, "correct+horse+battery+staple%2C+in+full",
		}},
		"post": {func(c *standin.Connector) { c.TokenRequest = standin.TokenRequestPost }, tokenRequest{
			"client_id=messaging&client_secret=correct+horse+battery+staple%2C+in+full&" +
				"code=a%2Fcode%2B&grant_type=authorization_code&redirect_uri=https%3A%2F%2Fliveperson.net",
			"application/x-www-form-urlencoded", "", "",
		}},
		"JSON": {func(c *standin.Connector) { c.TokenRequest = standin.TokenRequestJSON }, tokenRequest{
			`{"code":"a/code+","grant_type":"authorization_code","redirect_uri":"https://liveperson.net"}`,
			"application/json", clientID, "correct+horse+battery+staple%2C+in+full",
		}},
		"encoded": {func(c *standin.Connector) { c.EncodedCodes = true }, tokenRequest{
			"code=a%252Fcode%252B&grant_type=authorization_code&redirect_uri=https%3A%2F%2Fliveperson.net",
			"application/x-www-form-urlencoded", clientID, "correct+horse+battery+staple%2C+in+full",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBrand(t, test.change)
			asked := b.redeemable()
			if attempt, _, _ := b.exchange("code", map[string]string{"code": "a/code+"}); attempt.Refusal != nil || attempt.Way != standin.EmbeddedCode {
				t.Errorf("refusal %v, way %s", attempt.Refusal, attempt.Way)
			}
			if *asked != test.want {
				t.Errorf("asked %+v\nwant %+v", *asked, test.want)
			}
		})
	}
}

// The verifier is sealed on its way and clear at the token endpoint, beside the
// secret.
//
//contract:1.10-codes 4-verifier
func TestPKCE(t *testing.T) {
	t.Parallel()
	b := newBrand(t, func(c *standin.Connector) { c.PKCE = c.CodeFlow })
	other := standin.Connector{ID: "other", CodeFlow: true, PKCE: true, TokenEndpoint: b.URL + "/token"}
	b.cloud.Configure(other)
	asked := b.redeemable()
	const path = "/api/account/" + account + "/app/"
	verified := func(t *testing.T, challenge string) {
		t.Helper()
		_, after, _ := strings.Cut(asked.body, "code_verifier=")
		verifier, _, _ := strings.Cut(after, "&")
		sum := sha256.Sum256([]byte(verifier))
		if base64.RawURLEncoding.EncodeToString(sum[:]) != challenge || asked.secret == "" || len(verifier) != 128 {
			t.Errorf("asked %+v, challenge %s", *asked, challenge)
		}
	}
	_, made := b.post(path+"code/pkce", "")
	sealed, _ := made["code_verifier"].(string)
	if len(sealed) <= 128 || made["code_challenge_method"] != "S256" {
		t.Errorf("proof %v", made)
	}
	for range 2 { // embedded, and in mid-conversation
		if attempt, _, _ := b.exchange("code", map[string]string{"code": "x", "code_verifier": sealed}); attempt.Refusal != nil {
			t.Error(attempt.Refusal)
		}
		verified(t, made["code_challenge"].(string))
	}
	request, sealed := b.launchFor("code", b.visit(""), "")
	attempt, _, _ := b.exchange("code", map[string]string{"code": "x", "code_verifier": sealed, "state": request.Get("state")})
	if attempt.Refusal != nil || request.Get("code_challenge_method") != "S256" || attempt.Redemption.RedirectURI != request.Get("redirect_uri") {
		t.Errorf("refusal %v, request %v, redeemed %+v", attempt.Refusal, request, attempt.Redemption)
	}
	verified(t, request.Get("code_challenge"))
	_, foreign := b.post(path+"other/pkce", "")
	for name, test := range map[string]struct {
		verifier any
		code     float64
	}{
		"missing": {nil, 1057}, "in clear": {"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", 9006}, "not base64url": {"?", 9006},
		"of another connector": {foreign["code_verifier"], 9006}, "short": {"AAAA", 9006},
	} {
		body, err := json.Marshal(map[string]any{"code": "x", "code_verifier": test.verifier})
		if err != nil {
			t.Fatal(err)
		}
		asked.body = ""
		response, answer := b.post(path+"code/authenticate?v=3.0", string(body))
		if response.StatusCode != http.StatusBadRequest || answer["internalErrorCode"] != test.code || asked.body != "" {
			t.Errorf("verifier %s: status %d, %v; the brand was asked %q", name, response.StatusCode, answer, asked.body)
		}
	}
	if response, _ := b.post(path+"implicit/pkce", ""); response.StatusCode != http.StatusBadRequest {
		t.Errorf("a proof key without PKCE: status %d", response.StatusCode)
	}
	if response, _ := b.post(path+"nobody/pkce", ""); response.StatusCode != http.StatusNotFound {
		t.Errorf("a proof key of nobody: status %d", response.StatusCode)
	}
}

// The window of a connector of the older kind.
func TestLegacyWindow(t *testing.T) {
	t.Parallel()
	b := newBrand(t, func(c *standin.Connector) { c.Legacy = true })
	asked := b.redeemable()
	for connector, responseType := range map[string]string{"implicit": "token", "code": "code"} {
		session := b.visit("")
		request := b.launch(connector, session)
		redirect := request.Get("redirect_uri")
		if request.Get("response_type") != responseType || request.Get("client_id") != clientID || request.Get("nonce") == "" ||
			request.Has("state") || request.Has("scope") || !strings.HasPrefix(redirect, b.api.URL+standin.WindowPath+"?") {
			t.Errorf("%s: request %v", connector, request)
		}
		if err := liveperson.CheckWindowAddress(redirect, account); err != nil {
			t.Errorf("%s: %v", connector, err)
		}
		config := queryOf(t, redirect).Get("lpUnifiedWindowConfig")
		claims := b.goodClaims()
		claims["nonce"] = request.Get("nonce")
		brought := map[string]string{"id_token": b.token(claims)}
		if connector == "code" {
			b.answer = func(w http.ResponseWriter, r *http.Request) {
				asked.body = r.FormValue("redirect_uri")
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Cache-Control", "no-store")
				_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": b.token(claims)})
			}
			brought = map[string]string{"code": "x"}
		}
		brought["lpUnifiedWindowConfig"] = config
		attempt, _, _ := b.exchange(connector, brought)
		if attempt.Refusal != nil || outcomes(attempt)["nonce"] != standin.Passed || outcomes(attempt)["state"] != standin.Passed {
			t.Errorf("%s: refusal %v, checks %v", connector, attempt.Refusal, outcomes(attempt))
		}
		if connector == "code" && asked.body != liveperson.EmbeddedRedirectURI {
			t.Errorf("the code was redeemed with %s", asked.body)
		}
		claims["nonce"] = "another"
		brought["lpUnifiedWindowConfig"] = config + " "
		if connector == "implicit" {
			brought["id_token"] = b.token(claims)
		}
		attempt, _, _ = b.exchange(connector, brought)
		if got := outcomes(attempt); got["nonce"] != standin.Failed || got["state"] != standin.Failed {
			t.Errorf("%s: another nonce and configuration: %v", connector, got)
		}
	}
	attempt, _, _ := b.exchange("code", map[string]string{"code": "x", "redirect_uri": origin + "/chat"})
	if attempt.Redemption.RedirectURI != origin+"/chat" {
		t.Errorf("redeemed with %s, and the page has its own address", attempt.Redemption.RedirectURI)
	}
}
