package liveperson_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/liveperson"
)

//contract:2.8-callbacks
func TestCallbacks(t *testing.T) {
	t.Parallel()
	settings := &liveperson.ConversationalCloud{AccountID: "12345678"}
	if got := settings.Callbacks(); got != nil {
		t.Errorf("without delegation: %v", got)
	}
	settings.SetDelegationDefaults()
	want := []string{
		"https://va.idp.liveperson.net/callback/12345678/redirectCode", "https://va.idp.liveperson.net/callback/12345678/redirectedCode",
		"https://lo.idp.liveperson.net/callback/12345678/redirectCode", "https://lo.idp.liveperson.net/callback/12345678/redirectedCode",
		"https://euwe1.idp.liveperson.net/callback/12345678/redirectCode", "https://euwe1.idp.liveperson.net/callback/12345678/redirectedCode",
	}
	if diff := cmp.Diff(want, settings.Callbacks()); diff != "" {
		t.Errorf("callbacks (-want +got):\n%s", diff)
	}
	settings.IDPDomains[0] = "mine.example"
	if liveperson.DefaultIDPDomains[0] == "mine.example" {
		t.Error("one client's domains are everybody's")
	}
	for _, address := range append(want, "http://localhost:8080/callback/1/redirectCode") {
		if !liveperson.IsCallback(address) {
			t.Errorf("%s is no callback", address)
		}
	}
	for _, address := range []string{
		"https://liveperson.net", "https://lpcdn.lpsnmedia.net/le_unified_window/index.html", want[0] + "/", want[0] + "?a", "x" + want[0],
		"https://va.idp.liveperson.net/a/callback/1/redirectCode",
	} {
		if liveperson.IsCallback(address) {
			t.Errorf("%s is a callback", address)
		}
	}
	settings.AccountID = ""
	if got := settings.Callbacks(); got != nil {
		t.Errorf("without an account: %v", got)
	}
}

//contract:2.8-state
//security:1-foreign-account-callback
func TestCheckCallbackState(t *testing.T) {
	t.Parallel()
	const foreign = `{"lpUnifiedWindowConfig":{"accountId":"2"}}`
	for state, refused := range map[string]bool{
		"": false, "opaque": false, `{"a":1,"a":2}`: false, "{broken": false, `{"accountId":"2"}`: false, "%": false,
		`{"lpUnifiedWindowConfig":{"accountId":"1"}}`: false,
		foreign:                               true,
		url.QueryEscape(foreign):              true,
		`{"LPUNIFIEDWINDOWCONFIG":{}}`:        true,
		`"lpUnifiedWindowConfig`:              true,
		"%" + strings.Repeat("25", 20) + "41": true,
	} {
		if err := liveperson.CheckCallbackState(state, "1"); errors.Is(err, liveperson.ErrWindow) != refused {
			t.Errorf("%q: %v, want refused: %t", state, err, refused)
		}
	}
}

//contract:2.8-second-connector
func TestWhatDelegationNeeds(t *testing.T) {
	t.Parallel()
	r := registration()
	if notes := strings.Join(r.Notes(), "\n"); strings.Contains(notes, "delegation") || r.DelegationLink() != "" {
		t.Errorf("without refresh tokens: %s", notes)
	}
	r.RefreshTokens, r.Scope = true, "openid email offline_access"
	r.Settings.SetDelegationDefaults()
	const link = "https://id.brand.example/authorize?client_id=messaging&redirect_uri=" +
		"https%3A%2F%2Fva.idp.liveperson.net%2Fcallback%2F12345678%2FredirectCode&response_type=code&scope=openid+email"
	if got := r.DelegationLink(); got != link {
		t.Errorf("link %s", got)
	}
	wantNotes(t, r, "nothing more than the code flow", "CONSUMER_DELEGATION", "https://api.liveperson.net/api/account/12345678/service/idp/baseURI.json?version=1.0")
	r.RequirePKCE = true
	if r.DelegationLink() != "" {
		t.Error("a link without a code_challenge, which the client demands")
	}
	wantNotes(t, r, "without require_pkce")
	r.Settings.AccountID = ""
	if r.DelegationLink() != "" || !strings.Contains(strings.Join(r.Warnings(), "\n"), "no callback of consumer delegation is registered") {
		t.Errorf("without an account: link %q, warnings %q", r.DelegationLink(), r.Warnings())
	}
}

func wantNotes(t *testing.T, r liveperson.Registration, wanted ...string) {
	t.Helper()
	notes := strings.Join(r.Notes(), "\n")
	for _, want := range wanted {
		if !strings.Contains(notes, want) {
			t.Errorf("want %q in\n%s", want, notes)
		}
	}
}
