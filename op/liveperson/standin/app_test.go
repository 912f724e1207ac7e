package standin_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/brandidp/idp/op/liveperson/standin"
)

func (b *brand) library() *standin.AppLibrary {
	return &standin.AppLibrary{Address: b.api.URL, AccountID: account, Client: b.api.Client()}
}

// An app with a redirect address of its own scheme, PKCE, and a connector chosen
// by its display name.
func TestAppWithCode(t *testing.T) {
	t.Parallel()
	b := newBrand(t, func(c *standin.Connector) { c.DisplayName, c.PKCE = "Brand "+c.ID, c.CodeFlow })
	asked := b.redeemable()
	app := b.library()
	proof, err := app.PKCEParams(t.Context(), "Brand code")
	if err != nil || proof.Method != "S256" || len(proof.Verifier) <= 128 {
		t.Fatalf("%+v, %v", proof, err)
	}
	brought := standin.AppAuthentication{
		AuthKey: "x", HostAppRedirectURI: "com.brand.app://callback", CodeVerifier: proof.Verifier, IssuerDisplayName: "Brand code",
	}
	session, err := app.ShowConversation(t.Context(), brought)
	if err != nil {
		t.Fatal(err)
	}
	form, err := url.ParseQuery(asked.body)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	if form.Get("redirect_uri") != "com.brand.app://callback" || base64.RawURLEncoding.EncodeToString(sum[:]) != proof.Challenge || asked.secret == "" {
		t.Errorf("asked %+v", *asked)
	}
	checkConsumerToken(t, b, session.ConsumerToken)
	if begun, known := b.cloud.Conversation(session.ConversationID); !known || begun.Way != standin.App {
		t.Errorf("begun: %+v", begun)
	}
	brought.CodeVerifier = ""
	var refusal *standin.RefusalError
	if _, err := app.ShowConversation(t.Context(), brought); !errors.As(err, &refusal) || refusal.InternalErrorCode != 1057 || refusal.Status != http.StatusBadRequest {
		t.Errorf("without a verifier: %v", err)
	}
	for _, name := range []string{"Brand implicit", "Somebody else's"} { // one without PKCE, none
		if _, err := app.PKCEParams(t.Context(), name); err == nil {
			t.Errorf("a proof key for %s", name)
		}
	}
	brought.IssuerDisplayName = "Somebody else's"
	if _, err := app.ShowConversation(t.Context(), brought); err == nil {
		t.Error("a connector that is not there")
	}
}

// The token of an app expires: it is told so, brings another, and goes on. Neither
// writing nor registering for push messages works in between.
func TestAppWithToken(t *testing.T) {
	t.Parallel()
	b := newBrand(t, nil)
	app := b.library()
	token := b.tokenOf(subject)
	session, err := app.ShowConversation(t.Context(), standin.AppAuthentication{HostAppJWT: token})
	if err != nil {
		t.Fatal(err)
	}
	use := func() [2]error {
		return [2]error{app.Write(t.Context(), session, "Hello"), app.RegisterPusher(t.Context(), session)}
	}
	if got := use(); got != [2]error{} {
		t.Errorf("with a token: %v", got)
	}
	b.later.Store(int64(10 * time.Minute))
	if got := use(); !standin.Expired(got[0]) || !standin.Expired(got[1]) {
		t.Errorf("with an expired token: %v", got)
	}
	fresh := standin.AppAuthentication{HostAppJWT: token, ConversationID: session.ConversationID}
	if _, err := app.ShowConversation(t.Context(), fresh); err == nil || standin.Expired(err) {
		t.Errorf("the same token again: %v", err)
	}
	fresh.HostAppJWT = b.tokenOf(subject)
	renewed, err := app.ShowConversation(t.Context(), fresh)
	if err != nil || renewed.ConversationID != session.ConversationID {
		t.Fatalf("a fresh token: %+v, %v", renewed, err)
	}
	session = renewed
	if got := use(); got != [2]error{} {
		t.Errorf("with a fresh token: %v", got)
	}
}

// A cloud that is away, or is none, is an error and no refusal.
func TestAppWithoutCloud(t *testing.T) {
	t.Parallel()
	none := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(none.Close)
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	for _, address := range []string{none.URL, away.URL, "x\n"} {
		app := &standin.AppLibrary{Address: address, AccountID: account, Client: none.Client()}
		var refusal *standin.RefusalError
		if _, err := app.ShowConversation(t.Context(), standin.AppAuthentication{HostAppJWT: "x"}); err == nil || errors.As(err, &refusal) {
			t.Errorf("%q: %v", address, err)
		}
		if _, err := app.PKCEParams(t.Context(), "Brand"); err == nil {
			t.Errorf("%q: a proof key", address)
		}
	}
}
