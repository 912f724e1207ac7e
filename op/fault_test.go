package op_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/brandidp/idp/web/webtest"
)

// TestFaultsOfOursTellNothing: what went wrong inside is for the log; whoever asked
// gets server_error, and what it takes to find the line in the log.
//
//defect:3-internal
func TestFaultsOfOursTellNothing(t *testing.T) {
	t.Parallel()
	p := startBackend(t)
	b := amelia(t, p)
	token := granted(t, b)
	signIn, consent := p.Browser(t).Authorize(codeRequest()), b.Authorize(codeRequest("prompt", "consent"))
	choice, out := b.Authorize(codeRequest("prompt", "select_account")), b.Get("/end_session")
	code := silent(t, b, portalRequest()).Get("code")
	for _, table := range []string{"sessions", "consumers", "access_tokens", "refresh_families", "authorization_codes", "client_assertions"} {
		p.Exec("alter table " + table + " rename to " + table + "_away")
	}
	for name, page := range map[string]*webtest.Page{
		"authorize":      b.Authorize(codeRequest()),
		"by a message":   b.Authorize(codeRequest("response_mode", "form_post")),
		"sign-in":        signIn.SignIn("amelia", ameliasPassword),
		"continue":       choice.Submit("continue-as", nil),
		"consent":        consent.Submit("consent", map[string]string{"consent": "allow"}),
		"consents":       b.Get("/consents"),
		"sign-out page":  b.Get("/end_session"),
		"sign-out":       out.Submit("sign-out", nil),
		"token":          redeemPortal(b, code),
		"refresh":        refresh(b, token.RefreshToken),
		"own token":      redeemAs(b, "robot", backendSecret, params("grant_type", "client_credentials")),
		"UserInfo":       userinfo(b, token.AccessToken),
		"introspection":  present(b, "/introspect", "portal", token.AccessToken),
		"revocation":     present(b, "/revoke", "portal", token.RefreshToken),
		"a page's token": fromPage(t, b, "messaging", messagingOrigin),
	} {
		told := page.Body + page.Target() + fmt.Sprint(page.Header)
		if !strings.Contains(told, "server_error") {
			t.Errorf("%s: status %d %s", name, page.Status, page.Body)
		}
		if page.Target() == "" && page.Status != http.StatusInternalServerError {
			t.Errorf("%s: status %d", name, page.Status)
		}
		for _, internal := range []string{"relation", "does not exist", "SQLSTATE", "42P01", "pgx", "storage", "_away", ".go:"} {
			if strings.Contains(told, internal) {
				t.Errorf("%s tells %q: %s", name, internal, told)
			}
		}
	}
	if log := p.Log.String(); !strings.Contains(log, "42P01") { // the control: it was there to be told
		t.Errorf("the log does not say what is wrong:\n%s", log)
	}
}
