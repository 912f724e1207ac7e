package standin_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/liveperson/standin"
)

// delegates is a token endpoint whose access tokens last a minute; each refresh
// token is good once.
type delegates struct {
	b *brand

	mu      sync.Mutex
	number  int
	refused bool           // from now on
	without bool           // gives no refresh tokens
	claims  map[string]any // of ID tokens that come with a refreshed token, nil for none
	body    string         // in place of an answer, if it is not ""
}

func (d *delegates) answer(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	id, _, _ := r.BasicAuth()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	refreshing := r.FormValue("grant_type") == "refresh_token"
	if d.refused || id != clientID || refreshing && r.FormValue("refresh_token") != fmt.Sprint("refresh-", d.number) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	if d.body != "" {
		_, _ = w.Write([]byte(d.body))
		return
	}
	d.number++
	answer := map[string]any{
		"access_token": fmt.Sprint("access-", d.number), "refresh_token": fmt.Sprint("refresh-", d.number), "token_type": "Bearer", "expires_in": 60,
	}
	if d.without {
		delete(answer, "refresh_token")
	}
	switch {
	case !refreshing:
		answer["id_token"] = d.b.tokenOf(subject)
	case d.claims != nil:
		answer["id_token"] = d.b.token(d.claims)
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func newDelegates(t *testing.T) *delegates {
	t.Helper()
	d := &delegates{b: newBrand(t, func(c *standin.Connector) { c.Delegation = true })}
	d.b.answer = d.answer
	return d
}

// tokens asks the Get Tokens API.
func (d *delegates) tokens(consumer string) (int, map[string]any) {
	d.b.t.Helper()
	response, answer := d.b.call(http.MethodGet, "/api/account/"+account+"/consumer/"+consumer+"/brand/tokens", "Bearer "+d.b.cloud.AppToken(), "")
	return response.StatusCode, answer
}

// The brand's tokens are there while the conversation is, and renewed while the
// session lasts.
func TestDelegation(t *testing.T) {
	t.Parallel()
	d := newDelegates(t)
	begun, _, _ := d.b.exchange("code", map[string]string{"code": "x"})
	if begun.Refusal != nil || !begun.Redemption.Refreshable {
		t.Fatalf("begun: %+v", begun)
	}
	at := func(after time.Duration, status int, access any) {
		t.Helper()
		d.b.later.Store(int64(after))
		got, answer := d.tokens(begun.Consumer.ID)
		if got != status || answer["accessToken"] != access || access != nil && answer["idToken"] == "" {
			t.Errorf("after %s: status %d, %v", after, got, answer)
		}
	}
	at(0, http.StatusOK, "access-1")
	at(59*time.Second, http.StatusOK, "access-1")
	at(time.Minute, http.StatusOK, "access-2")
	at(90*time.Second, http.StatusOK, "access-2")
	// Two services at once: the refresh token is used once.
	d.b.later.Store(int64(3 * time.Minute))
	var services sync.WaitGroup
	for range 4 {
		services.Go(func() {
			if status, answer := d.tokens(begun.Consumer.ID); status != http.StatusOK || answer["accessToken"] != "access-3" {
				t.Errorf("at once: status %d, %v", status, answer)
			}
		})
	}
	services.Wait()
	at(10*time.Minute, http.StatusNotFound, nil) // the session has ended
	again, _, _ := d.b.exchange("code", map[string]string{"code": "x", "conversationId": begun.ID})
	if again.Refusal != nil {
		t.Fatal(again.Refusal)
	}
	at(10*time.Minute, http.StatusOK, "access-4")
	if err := d.b.cloud.End(begun.ID); err != nil {
		t.Fatal(err)
	}
	at(10*time.Minute, http.StatusNotFound, nil)
}

// Without delegation nothing is kept, and nobody but the account's services asks.
func TestTokensRefused(t *testing.T) {
	t.Parallel()
	d := newDelegates(t)
	begun, _, _ := d.b.exchange("code", map[string]string{"code": "x"})
	path := "/api/account/" + account + "/consumer/"
	for name, test := range map[string]struct {
		consumer, authorization string
		status                  int
	}{
		"no token":         {begun.Consumer.ID, "", http.StatusUnauthorized},
		"consumer's token": {begun.Consumer.ID, "jwt " + begun.ConsumerToken, http.StatusUnauthorized},
		"another token":    {begun.Consumer.ID, "Bearer x", http.StatusUnauthorized},
		"no consumer id":   {"amelia", "Bearer " + d.b.cloud.AppToken(), http.StatusBadRequest},
		"nobody":           {strings.Repeat("0", 64), "Bearer " + d.b.cloud.AppToken(), http.StatusNotFound},
	} {
		response, answer := d.b.call(http.MethodGet, path+test.consumer+"/brand/tokens", test.authorization, "")
		if response.StatusCode != test.status || answer["internalErrorCode"] == nil || answer["accessToken"] != nil {
			t.Errorf("%s: status %d, %v", name, response.StatusCode, answer)
		}
	}
	without := newBrand(t, nil)
	without.redeemable()
	begun, _, _ = without.exchange("code", map[string]string{"code": "x"})
	if response, _ := without.call(http.MethodGet, path+begun.Consumer.ID+"/brand/tokens", "Bearer "+without.cloud.AppToken(), ""); response.StatusCode != http.StatusNotFound {
		t.Errorf("without delegation: status %d", response.StatusCode)
	}
}

// Without a refresh token the access token is good until it expires.
func TestDelegationWithoutRefreshToken(t *testing.T) {
	t.Parallel()
	d := newDelegates(t)
	d.without = true
	begun, _, _ := d.b.exchange("code", map[string]string{"code": "x"})
	if status, answer := d.tokens(begun.Consumer.ID); begun.Redemption.Refreshable || status != http.StatusOK || answer["accessToken"] != "access-1" {
		t.Errorf("status %d, %v", status, answer)
	}
	d.b.later.Store(int64(time.Minute))
	if status, answer := d.tokens(begun.Consumer.ID); status != http.StatusNotFound || answer["accessToken"] != nil {
		t.Errorf("after it has expired: status %d, %v", status, answer)
	}
}

// A brand that does not renew, or renews wrongly, leaves the service without.
func TestNotRenewed(t *testing.T) {
	t.Parallel()
	expired := func(b *brand) map[string]any {
		claims := b.goodClaims()
		claims["exp"] = now.Unix()
		return claims
	}
	another := func(b *brand) map[string]any {
		claims := b.goodClaims()
		claims["sub"] = "somebody else"
		return claims
	}
	for name, wrong := range map[string]func(d *delegates){
		"refused":                        func(d *delegates) { d.refused = true },
		"no access token":                func(d *delegates) { d.body = `{"token_type":"Bearer"}` },
		"an ID token that has expired":   func(d *delegates) { d.claims = expired(d.b) },
		"an ID token of somebody else":   func(d *delegates) { d.claims = another(d.b) },
		"the token endpoint is not JSON": func(d *delegates) { d.body = "<html>" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDelegates(t)
			begun, _, _ := d.b.exchange("code", map[string]string{"code": "x"})
			wrong(d)
			d.b.later.Store(int64(time.Minute))
			status, answer := d.tokens(begun.Consumer.ID)
			if status != http.StatusInternalServerError || answer["internalErrorCode"] != 9031.0 || answer["accessToken"] != nil {
				t.Errorf("status %d, %v", status, answer)
			}
		})
	}
	t.Run("a good ID token", func(t *testing.T) {
		t.Parallel()
		d := newDelegates(t)
		begun, _, _ := d.b.exchange("code", map[string]string{"code": "x"})
		d.claims = d.b.goodClaims()
		d.b.later.Store(int64(time.Minute))
		status, answer := d.tokens(begun.Consumer.ID)
		if status != http.StatusOK || answer["idToken"] != d.b.token(d.claims) {
			t.Errorf("status %d, %v", status, answer)
		}
	})
}

// An anonymous consumer lets a bot use their access at the brand, and stays
// anonymous.
func TestDelegationLink(t *testing.T) {
	t.Parallel()
	d := newDelegates(t)
	d.b.cloud.Configure(standin.Connector{
		ID: "bot", CodeFlow: true, TokenEndpoint: d.b.URL + "/token", ClientID: clientID, ClientSecret: secret, PublicKey: liveperson.DelegationKey,
	})
	begun, err := d.b.cloud.Arrive()
	if err != nil {
		t.Fatal(err)
	}
	authorize := func(change func(url.Values)) string {
		query := url.Values{
			"client_id": {clientID}, "response_type": {"code"}, "scope": {"accounts"}, "redirect_uri": {d.b.cloud.CallbackAddresses()[0]},
		}
		if change != nil {
			change(query)
		}
		return d.b.URL + "/authorize?" + query.Encode()
	}
	follow := func(address string) (int, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := d.b.api.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		page, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(page)
	}
	state := func(link string) string { return queryOf(t, link).Get("state") }
	for i, callback := range d.b.cloud.CallbackAddresses() {
		link, err := d.b.cloud.DelegationLink(begun.ID, "bot", authorize(func(q url.Values) { q.Set("redirect_uri", callback) }))
		if err != nil {
			t.Fatal(err)
		}
		back := callback + "?code=x&state=" + state(link)
		if status, page := follow(back); status != http.StatusOK || !strings.Contains(page, "access was granted") {
			t.Errorf("status %d: %s", status, page)
		}
		if token, there := d.b.cloud.DelegatedToken(begun.ID); !there || token != fmt.Sprint("access-", i+1) {
			t.Errorf("the bot has %q", token)
		}
		if status, _ := follow(back); status != http.StatusBadRequest {
			t.Errorf("state once more: status %d", status)
		}
	}
	if after, _ := d.b.cloud.Conversation(begun.ID); after.Consumer.Verified {
		t.Error("the consumer counts as authenticated")
	}
	d.b.later.Store(int64(time.Minute)) // and nothing is refreshed
	if token, there := d.b.cloud.DelegatedToken(begun.ID); there {
		t.Errorf("an expired token: %q", token)
	}

	links := map[string]string{
		"another client": authorize(func(q url.Values) { q.Set("client_id", "x") }), "a token": authorize(func(q url.Values) { q.Set("response_type", "token") }),
		"another address": authorize(func(q url.Values) { q.Set("redirect_uri", origin) }), "a state": authorize(func(q url.Values) { q.Set("state", "x") }),
		"no address": "https://%",
	}
	for name, link := range links {
		if got, err := d.b.cloud.DelegationLink(begun.ID, "bot", link); err == nil {
			t.Errorf("a link with %s: %s", name, got)
		}
	}
	for _, pair := range [][2]string{{"x", "bot"}, {begun.ID, "code"}, {begun.ID, "x"}} {
		if _, err := d.b.cloud.DelegationLink(pair[0], pair[1], authorize(nil)); err == nil {
			t.Errorf("a link for conversation and connector %v", pair)
		}
	}
	other := d.b.cloud.CallbackAddresses()[1]
	for name, test := range map[string]struct {
		callback, answer string
		before           func()
		status           int
	}{
		"no state":            {other, "code=x", nil, http.StatusBadRequest},
		"the other spelling":  {other, "code=x&state=", nil, http.StatusBadRequest},
		"denied":              {d.b.cloud.CallbackAddresses()[0], "error=access_denied&state=", nil, http.StatusBadRequest},
		"refused at the time": {d.b.cloud.CallbackAddresses()[0], "code=x&state=", func() { d.refused = true }, http.StatusBadGateway},
	} {
		link, err := d.b.cloud.DelegationLink(begun.ID, "bot", authorize(nil))
		if err != nil {
			t.Fatal(err)
		}
		if test.before != nil {
			test.before()
		}
		answer := test.answer
		if strings.HasSuffix(answer, "state=") {
			answer += state(link)
		}
		if status, page := follow(test.callback + "?" + answer); status != test.status {
			t.Errorf("%s: status %d: %s", name, status, page)
		}
		d.refused = false
	}
	if response, _ := d.b.post("/api/account/"+account+"/app/bot/authenticate?v=3.0", `{"code":"x"}`); response.StatusCode != http.StatusBadRequest {
		t.Errorf("authenticated with a connector for delegation: status %d", response.StatusCode)
	}
	if err := d.b.cloud.End(begun.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := d.b.cloud.DelegationLink(begun.ID, "bot", authorize(nil)); err == nil {
		t.Error("a link after the end")
	}
}
