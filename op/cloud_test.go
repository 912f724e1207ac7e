package op_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/liveperson/standin"
	"github.com/brandidp/idp/web/webtest"
)

// cloudBrand has a connector of each kind. %[1]s is the cloud's address, %[2]s
// the key that it gave for encryption, %[3]s that key's kid.
const cloudBrand = `
clients:
  - client_id: cloud-implicit
    redirect_uris: [%[1]s/le_unified_window/index.html]
    response_types: [id_token]
    web_origins: [https://shop.brand.example]
    conversational_cloud: {variant: rfc, account_id: "12345678"}
  - client_id: cloud-code
    client_secret: secret-of-messaging-code-0123456789abcdef
    redirect_uris: [%[1]s/le_unified_window/index.html, https://liveperson.net]
    web_origins: [https://shop.brand.example]
    conversational_cloud: {variant: rfc, account_id: "12345678"}
  - client_id: cloud-pkce
    client_secret: secret-of-messaging-code-0123456789abcdef
    require_pkce: true
    redirect_uris: [%[1]s/le_unified_window/index.html, https://liveperson.net]
    web_origins: [https://shop.brand.example]
    conversational_cloud: {variant: rfc, account_id: "12345678"}
  - client_id: cloud-encrypted
    redirect_uris: [%[1]s/le_unified_window/index.html]
    response_types: [id_token]
    conversational_cloud: {variant: rfc, account_id: "12345678", encryption_key: {base64: %[2]s, kid: %[3]s}}
  - client_id: cloud-encrypted-gcm
    redirect_uris: [%[1]s/le_unified_window/index.html]
    response_types: [id_token]
    id_token_encrypted_response_enc: A256GCM
    conversational_cloud: {variant: rfc, account_id: "12345678", encryption_key: {base64: %[2]s, kid: %[3]s}}
  - client_id: cloud-legacy
    redirect_uris: [%[1]s/le_unified_window/index.html]
    response_types: [token]
    conversational_cloud: {variant: legacy, account_id: "12345678"}
  - client_id: cloud-legacy-query
    redirect_uris: [%[1]s/le_unified_window/index.html]
    response_types: [token]
    conversational_cloud: {variant: legacy, account_id: "12345678", response_placement: query}
  - client_id: cloud-legacy-code
    client_secret: secret-of-messaging-code-0123456789abcdef
    redirect_uris: [%[1]s/le_unified_window/index.html, https://liveperson.net]
    conversational_cloud: {variant: legacy, account_id: "12345678"}
  - client_id: cloud-delegating
    client_secret: secret-of-messaging-code-0123456789abcdef
    redirect_uris: [%[1]s/le_unified_window/index.html]
    grant_types: [authorization_code, refresh_token]
    access_token_lifetime: 60
    conversational_cloud: {variant: rfc, account_id: "12345678"}
  - client_id: cloud-bot
    client_secret: secret-of-messaging-code-0123456789abcdef
    redirect_uris: [%[1]s/callback/12345678/redirectCode, %[1]s/callback/12345678/redirectedCode]
`

// cloud is a stand-in for Conversational Cloud beside the provider.
type cloud struct {
	*standin.Cloud

	t *testing.T
	p *webtest.Provider
	b *webtest.Browser
	// address is where it answers.
	address string
}

// startCloud starts both, with Amelia signed in.
func startCloud(t *testing.T) *cloud {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	c := &cloud{t: t, p: webtest.Start(t, nil, brand), address: strings.Replace(server.URL, "127.0.0.1", "localhost", 1)}
	var err error
	c.Cloud, err = standin.New(standin.Options{
		Address: c.address, AccountID: "12345678", PageOrigins: []string{shopOrigin},
		Client: &http.Client{Timeout: 10 * time.Second}, Now: c.p.Now, Rand: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Routes(mux)
	given, err := c.EncryptionKey()
	if err != nil {
		t.Fatal(err)
	}
	c.p.Apply(fmt.Sprintf(cloudBrand, c.address, given.Base64, given.Kid))
	c.b = amelia(t, c.p)
	return c
}

// connect configures the connector of a client by the fields of its form.
func (c *cloud) connect(clientID string, change func(*standin.Connector)) {
	c.t.Helper()
	snapshot, err := c.p.Store.ReadSnapshot(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	for _, client := range snapshot.Clients {
		if client.ClientID != clientID {
			continue
		}
		form := liveperson.Registration{
			Settings: client.ConversationalCloud, ClientID: clientID, ClientName: "Brand " + clientID,
			CodeFlow: client.Allows("code"), ImplicitFlow: client.Allows("id_token"), RequirePKCE: client.RequirePKCE,
			Issuer: c.p.Issuer, AuthorizationEndpoint: c.p.Issuer + "/authorize", TokenEndpoint: c.p.Issuer + "/token",
			JWKSEndpoint: c.p.Issuer + "/jwks/" + clientID + ".json",
		}
		for _, key := range snapshot.Keys {
			if key.ClientID == client.ID {
				if form.PublicKey, err = keys.OneLine(key.PublicJWK); err != nil {
					c.t.Fatal(err)
				}
			}
		}
		connector, err := standin.FillIn(clientID, messagingSecret, form.ConnectorFields())
		if err != nil {
			c.t.Fatal(err)
		}
		connector.Legacy = client.ConversationalCloud.Legacy()
		if change != nil {
			change(&connector)
		}
		c.Configure(connector)
		return
	}
	c.t.Fatalf("no client %s", clientID)
}

// call calls the stand-in as a page of the brand does.
func (c *cloud) call(method, path, authorization string, body any) (*http.Response, map[string]any) {
	c.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.address+"/api/account/12345678"+path, strings.NewReader(string(text)))
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("Authorization", authorization)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read whole
	data, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(data, &answer); err != nil {
		c.t.Fatalf("%s: %v", data, err)
	}
	return response, answer
}

// window opens the external window of a connector, for a conversation that goes
// on if it is not "", and comes back to it.
func (c *cloud) window(connector, conversation string) *standin.Conversation {
	c.t.Helper()
	_, visit := c.call(http.MethodPost, "/app/tag/engagement?v=1.1", "", map[string]any{})
	config, err := json.Marshal(map[string]any{"accountId": "12345678", "engConf": map[string]any{
		"ssid": visit["sessionId"], "conversationId": conversation, "connector": map[string]string{"id": connector},
	}})
	if err != nil {
		c.t.Fatal(err)
	}
	launched, err := c.Launch(string(config), shopOrigin)
	if err != nil {
		c.t.Fatal(err)
	}
	page := c.b.Get(launched.Address)
	if page.Target() == "" {
		c.t.Fatalf("%s: the provider answers with status %d\n%s", connector, page.Status, page.Body)
	}
	attempt, err := c.Return(c.t.Context(), page.Target(), launched.CodeVerifier)
	if err != nil {
		c.t.Fatalf("%s: %v", connector, err)
	}
	return attempt
}

// wantIn checks that the consumer was let in, and every check that was made passed.
func (c *cloud) wantIn(attempt *standin.Conversation) {
	c.t.Helper()
	for _, check := range attempt.Checks {
		if check.Outcome == standin.Failed {
			c.t.Errorf("%s: %s: %s", attempt.Connector.ID, check.Name, check.Reason)
		}
	}
	if attempt.Consumer == nil || attempt.Consumer.Personal.FirstName != "Amelia" || attempt.Consumer.Customer.CType != "vip" {
		c.t.Errorf("%s: the agent sees %+v", attempt.Connector.ID, attempt.Consumer)
	}
}

// Every kind of connector lets the consumer in, as the form that was pasted says.
//
//contract:1.6-choice 1.7-enc-gcm 1.7-opens 2.1-legacy-code 2.1-legacy-token 2.1-rfc-code 2.1-rfc-id-token 2.5-basic
//contract:2.5-json 2.5-post 2.6-external 5.2-fields 6.2-code 6.2-implicit
func TestEveryKindOfConnector(t *testing.T) {
	t.Parallel()
	c := startCloud(t)
	pasted := func(connector *standin.Connector) { connector.Keys, connector.JWKSEndpoint = standin.KeysPasted, "" }
	for _, test := range []struct {
		client string
		change func(*standin.Connector)
	}{
		{"cloud-implicit", nil},
		{"cloud-implicit", pasted},
		{"cloud-code", nil},
		{"cloud-code", func(connector *standin.Connector) { connector.TokenRequest = standin.TokenRequestPost }},
		{"cloud-code", func(connector *standin.Connector) { connector.TokenRequest = standin.TokenRequestJSON }},
		{"cloud-code", func(connector *standin.Connector) { connector.PKCE = true }},
		{"cloud-pkce", nil},
		{"cloud-encrypted", nil},
		{"cloud-encrypted", pasted},
		{"cloud-encrypted-gcm", nil},
		{"cloud-legacy", nil},
		{"cloud-legacy-query", nil},
		{"cloud-legacy-code", nil},
	} {
		c.connect(test.client, test.change)
		attempt := c.window(test.client, "")
		c.wantIn(attempt)
		if encrypted := strings.Contains(test.client, "encrypted"); encrypted != (attempt.Token.Envelope != nil) {
			t.Errorf("%s: envelope %s", test.client, attempt.Token.Envelope)
		}
	}
}

// The embedded window, in the code flow with the challenge handed to the page; and
// an app that brings its code.
//
//contract:2.4-default-address 2.6-embedded 2.6-mobile 4-code 4-display-name
func TestEmbeddedCodeAndApp(t *testing.T) {
	t.Parallel()
	c := startCloud(t)
	c.connect("cloud-pkce", nil)
	proof, err := c.MakePKCE("cloud-pkce")
	if err != nil {
		t.Fatal(err)
	}
	answer := tokens(t, askSource(t, c.b, "cloud-pkce", "code_challenge", proof.Challenge, "code_challenge_method", proof.Method))
	response, _ := c.call(http.MethodPost, "/app/cloud-pkce/authenticate?v=3.0", "",
		map[string]string{"code": answer.Code, "redirect_uri": answer.RedirectURI, "code_verifier": proof.Verifier})
	attempt, _ := c.Conversation(strings.TrimPrefix(response.Header.Get("Content-Location"), standin.ConversationPath))
	c.wantIn(attempt)

	app := &standin.AppLibrary{Address: c.address, AccountID: "12345678", Client: http.DefaultClient}
	proof, err = app.PKCEParams(t.Context(), "Brand cloud-pkce")
	if err != nil {
		t.Fatal(err)
	}
	answer = tokens(t, askSource(t, c.b, "cloud-pkce", "code_challenge", proof.Challenge, "code_challenge_method", proof.Method))
	brought := standin.AppAuthentication{AuthKey: answer.Code, CodeVerifier: proof.Verifier, IssuerDisplayName: "Brand cloud-pkce"}
	session, err := app.ShowConversation(t.Context(), brought)
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Write(t.Context(), session, "Hello"); err != nil {
		t.Error(err)
	}
	if _, err := app.ShowConversation(t.Context(), brought); err == nil {
		t.Error("a code was taken twice")
	}
}

// The token expires in mid-conversation; the window is led to the provider once
// more, and the conversation goes on. One that was begun anonymously does so, too.
//
//contract:2.7-external 6.3-copied 6.5-step-up
func TestExpiryAndStepUp(t *testing.T) {
	t.Parallel()
	c := startCloud(t)
	c.connect("cloud-implicit", nil)
	say := func(conversation *standin.Conversation, want int) {
		t.Helper()
		path := "/conversations/" + conversation.ID + "/messages"
		if response, answer := c.call(http.MethodPost, path, "jwt "+conversation.ConsumerToken, map[string]string{"text": "Hello"}); response.StatusCode != want {
			t.Errorf("status %d, want %d: %v", response.StatusCode, want, answer)
		}
	}
	begun := c.window("cloud-implicit", "")
	say(begun, http.StatusCreated)
	c.p.Advance(time.Hour)
	say(begun, http.StatusUnauthorized)
	renewed := c.window("cloud-implicit", begun.ID)
	c.wantIn(renewed)
	say(renewed, http.StatusCreated)
	if renewed.ID != begun.ID || renewed.Consumer.ID != begun.Consumer.ID || renewed.Renewals != 1 {
		t.Errorf("renewed: %+v", renewed)
	}

	anonymous, err := c.Arrive()
	if err != nil {
		t.Fatal(err)
	}
	say(anonymous, http.StatusCreated)
	stepped := c.window("cloud-implicit", anonymous.ID)
	c.wantIn(stepped)
	say(stepped, http.StatusCreated)
	say(anonymous, http.StatusForbidden)
	if stepped.ID != anonymous.ID || !stepped.SteppedUp || stepped.Consumer.ID != begun.Consumer.ID {
		t.Errorf("stepped up: %+v", stepped)
	}
}

// The access token that a conversation came with is good at the brand, and renewed
// by its refresh token when it has expired.
//
//contract:2.8-access-token 2.8-refresh 2.8-tokens
func TestDelegationThroughTheCloud(t *testing.T) {
	t.Parallel()
	c := startCloud(t)
	c.connect("cloud-delegating", func(connector *standin.Connector) { connector.Delegation = true })
	begun := c.window("cloud-delegating", "")
	c.wantIn(begun)
	if !begun.Redemption.Refreshable {
		t.Error("no refresh token came with the code")
	}
	read := func() string {
		t.Helper()
		response, answer := c.call(http.MethodGet, "/consumer/"+begun.Consumer.ID+"/brand/tokens", "Bearer "+c.AppToken(), nil)
		access, _ := answer["accessToken"].(string)
		if page := userinfo(c.b, access); response.StatusCode != http.StatusOK || page.Status != http.StatusOK {
			t.Fatalf("status %d, %v; UserInfo: %d", response.StatusCode, answer["message"], page.Status)
		}
		return access
	}
	seen := []string{read()}
	if again := read(); again != seen[0] {
		t.Error("renewed before it had expired")
	}
	for range 2 {
		c.p.Advance(time.Minute)
		access := read()
		if slices.Contains(seen, access) {
			t.Error("not renewed")
		}
		seen = append(seen, access)
	}
}

// A bot's link: the consumer signs in at the brand and agrees, both spellings of the callback
// work, the cloud's state comes back, and nobody is authenticated.
//
//contract:2.8-second-connector 2.8-state
func TestDelegationLink(t *testing.T) {
	t.Parallel()
	c := startCloud(t)
	c.Configure(standin.Connector{
		ID: "bot", CodeFlow: true, TokenEndpoint: c.p.Issuer + "/token", ClientID: "cloud-bot", ClientSecret: messagingSecret,
		PublicKey: liveperson.DelegationKey,
	})
	anonymous, err := c.Arrive()
	if err != nil {
		t.Fatal(err)
	}
	for _, callback := range c.CallbackAddresses() {
		link, err := c.DelegationLink(anonymous.ID, "bot", c.p.Issuer+"/authorize?"+url.Values{
			"client_id": {"cloud-bot"}, "response_type": {"code"}, "redirect_uri": {callback}, "scope": {"openid email"},
		}.Encode())
		if err != nil {
			t.Fatal(err)
		}
		asked := c.b.Get(link)
		wantAssistant(t, asked)
		if page := c.b.Get(asked.Submit("consent", map[string]string{"consent": "allow"}).Target()); page.Status != http.StatusOK || page.Text("message") != "access was granted" {
			t.Errorf("%s: status %d\n%s", callback, page.Status, page.Body)
		}
		access, there := c.DelegatedToken(anonymous.ID)
		if page := userinfo(c.b, access); !there || page.Status != http.StatusOK {
			t.Errorf("UserInfo: status %d", page.Status)
		}
	}
	if after, _ := c.Conversation(anonymous.ID); after.Consumer.Verified {
		t.Error("the consumer counts as authenticated")
	}
}
