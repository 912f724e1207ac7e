package op_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/web/webtest"
)

//defect:3-www-authenticate 3-userinfo 4-confusion
func TestUserInfoRefuses(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	answer := silent(t, b, implicitRequest("response_type", "id_token token"))
	token := answer.Get("access_token")
	for name, test := range map[string]struct {
		request   *http.Request
		status    int
		challenge string
	}{
		"nothing":          {b.Request("/userinfo", nil), 401, `Bearer realm="idp"`},
		"another scheme":   {b.Request("/userinfo", nil, "Authorization", basic("site:"+siteSecret)), 401, `Bearer realm="idp"`},
		"unknown token":    {b.Request("/userinfo", nil, "Authorization", "Bearer abc"), 401, `error="invalid_token"`},
		"an ID token":      {b.Request("/userinfo", nil, "Authorization", "Bearer "+answer.Get("id_token")), 401, `error="invalid_token"`},
		"a code":           {b.Request("/userinfo", nil, "Authorization", "Bearer "+silent(t, b, codeRequest()).Get("code")), 401, `error="invalid_token"`},
		"a session":        {b.Request("/userinfo", nil, "Authorization", "Bearer "+b.Cookie("idp_session")), 401, `error="invalid_token"`},
		"in the query":     {b.Request("/userinfo?access_token="+token, nil), 400, `error="invalid_request"`},
		"two ways":         {b.Request("/userinfo", params("access_token", token), "Authorization", "Bearer "+token), 400, `error="invalid_request"`},
		"query and header": {b.Request("/userinfo?access_token="+token, nil, "Authorization", "Bearer "+token), 400, `error="invalid_request"`},
		"a JSON body":      {b.RawRequest("POST", "/userinfo", "application/json", `{"access_token":"x"}`), 415, `error="invalid_request"`},
	} {
		t.Run(name, func(t *testing.T) {
			page := b.Do(test.request)
			if got := page.Header.Get("WWW-Authenticate"); page.Status != test.status || !strings.Contains(got, test.challenge) {
				t.Errorf("status %d, WWW-Authenticate %q", page.Status, got)
			}
			if page.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("Cache-Control %q", page.Header.Get("Cache-Control"))
			}
			if name == "nothing" && strings.Contains(page.Header.Get("WWW-Authenticate"), "error") {
				t.Error("an error code, though nothing was presented (RFC 6750 3.1)")
			}
		})
	}
	if page := b.Do(b.Request("/userinfo", nil, "Authorization", "bearer "+token)); page.Status != http.StatusOK {
		t.Errorf("the scheme in lower case: status %d", page.Status)
	}
	p.Advance(time.Hour)
	wantWire(t, userinfo(b, token), http.StatusUnauthorized, "invalid_token")
}
