package op_test

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/liveperson/standin"
	"github.com/brandidp/idp/web/webtest"
)

// cloudOf is a stand-in for Conversational Cloud with one connector, "1".
func cloudOf(tb testing.TB, p *webtest.Provider, connector standin.Connector) func(idToken string) *standin.Conversation {
	tb.Helper()
	connector.ID, connector.Issuer, connector.JWKSEndpoint = "1", p.Issuer, p.Address+"/jwks/"+connector.ClientID+".json"
	cloud, err := standin.New(standin.Options{
		Address: "http://localhost:8082", AccountID: "12345678", Connectors: []standin.Connector{connector},
		Client: p.Browser(tb).Client, Now: p.Now, Rand: rand.Reader,
	})
	if err != nil {
		tb.Fatal(err)
	}
	mux := http.NewServeMux()
	cloud.Routes(mux)
	return func(idToken string) *standin.Conversation {
		tb.Helper()
		body, _ := json.Marshal(map[string]string{"id_token": idToken})
		request := httptest.NewRequestWithContext(tb.Context(), http.MethodPost,
			"/api/account/12345678/app/1/authenticate?v=3.0", strings.NewReader(string(body)))
		request.Header.Set("Content-Type", "application/json")
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, request)
		conversation, ok := cloud.Conversation(strings.TrimPrefix(answer.Header().Get("Content-Location"), standin.ConversationPath))
		if !ok {
			tb.Fatalf("status %d: %s", answer.Code, answer.Body)
		}
		return conversation
	}
}

// Each reading of aud and phone_number comes out right with the connector that
// reads so, and an agent sees number and IMEI where they belong by both.
//
//contract:1.3-aud-account 1.3-phone-number 1.3-phone-number-imei
func TestConversationalCloudReadsTheToken(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, told(`audience: ["acc:12345678", shop], phone_number: imei`))
	b := amelia(t, p)
	token := silent(t, b, windowRequest(toldRequest()...)).Get("id_token")
	ask := cloudOf(t, p, standin.Connector{ClientID: "told", Audience: "acc:12345678", PhoneNumber: liveperson.PhoneNumberIMEI})
	got := ask(token)
	if got.Refusal != nil {
		t.Fatalf("%v\n%+v", got.Refusal, got.Checks)
	}
	wantContacts := []liveperson.Contact{{Email: "amelia@brand.example"}, {Phone: "+12127888870"}}
	if diff := cmp.Diff(wantContacts, got.Consumer.Personal.Contacts); diff != "" || got.Consumer.Customer.IMEI != "3543546543545688" {
		t.Errorf("IMEI %q, contacts (-want +got):\n%s", got.Consumer.Customer.IMEI, diff)
	}
	if other := cloudOf(t, p, standin.Connector{ClientID: "told"})(token); other.Refusal == nil {
		t.Error("a connector that wants the client id takes a token without it")
	}

	p.Apply(told(`phone_number: phone`))
	token = silent(t, b, windowRequest(toldRequest()...)).Get("id_token")
	got = cloudOf(t, p, standin.Connector{ClientID: "told"})(token)
	if got.Refusal != nil || got.Consumer.Customer.IMEI != "3543546543545688" {
		t.Errorf("by the older reading: refusal %v, IMEI %q", got.Refusal, got.Consumer.Customer.IMEI)
	}
}

// TestNoAudienceMakesATokenPassForAnother: any client may verify with all keys,
// so that nothing but aud keeps it from taking a connector's token for its own.
//
//security:2-audience
func TestNoAudienceMakesATokenPassForAnother(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, told(`audience: [told, shop]`))
	b := amelia(t, p)
	attack := strings.Replace(told(`audience: [told, site]`), "consumers:", "  - {client_id: shop, redirect_uris: [https://shop.brand.example/cb]}\nconsumers:", 1)
	file, faults := brandfile.Parse("brand.yaml", []byte(attack), brandfile.Options{Issuer: p.Issuer})
	if faults != nil {
		t.Fatal(faults)
	}
	if _, err := brandfile.Plan(t.Context(), p.Store, file, brandfile.Changes{}); err == nil {
		t.Error("an audience that is another client is accepted")
	}
	if _, err := brandfile.Apply(t.Context(), p.Store, file, brandfile.Changes{}, brandfile.Makers{Rand: rand.Reader}); err == nil {
		t.Error("an audience that is another client is applied")
	}
	token := silent(t, b, windowRequest(toldRequest()...)).Get("id_token")
	keys := oidc.NewRemoteKeySet(t.Context(), p.Address+"/jwks.json")
	for _, client := range []string{"messaging", "messaging-code", "site", "site2", "post", "hardened", "careful", "app", "page", "told"} {
		_, err := oidc.NewVerifier(p.Issuer, keys, &oidc.Config{ClientID: client, Now: p.Now}).Verify(t.Context(), token)
		if (err == nil) != (client == "told") {
			t.Errorf("%s takes it: %v", client, err)
		}
	}
}
