package op_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/brandidp/idp/web/webtest"
)

// Whatever a stranger sends to sign somebody out: it asks, and leads nowhere but to
// what is registered.
func FuzzEndSession(f *testing.F) {
	p, b := fuzzed(f, leaving)
	other := amelia(f, p)
	hint := other.Authorize(implicitRequest("client_id", "leaver", "redirect_uri", "https://leaver.brand.example/cb")).Answer().Get("id_token")
	seed := params("id_token_hint", "HINT", "client_id", "leaver", "post_logout_redirect_uri", bye, "state", "st", "ui_locales", "de")
	for name := range seed {
		f.Add(with(seed, name, "").Encode())
		f.Add(seed.Encode() + "&" + name + "=" + url.QueryEscape(seed.Get(name)))
		for _, value := range hostile {
			if len(value) < 1000 {
				f.Add(with(seed, name, value+"x").Encode())
			}
		}
	}
	f.Add(with(seed, "id_token_hint", "", "proof", "x", "everywhere", "true").Encode())
	f.Add("%")
	f.Fuzz(func(t *testing.T, query string) {
		b := b.For(t)
		query = filled(p, query, hint)
		for _, page := range []*webtest.Page{
			b.Do(rawQuery(b, "/end_session", query)),
			b.Do(b.RawRequest("POST", "/end_session", "application/x-www-form-urlencoded", query)),
		} {
			if page.Status >= http.StatusInternalServerError || page.Target() != "" || strings.Contains(page.Body, "<script>zz") {
				t.Errorf("status %d, target %q for %.300q\n%s", page.Status, page.Target(), query, page.Body)
			}
		}
		nobody := p.Browser(t).Do(rawQuery(b, "/end_session", query))
		target := nobody.Target()
		address, _, _ := strings.Cut(target, "?")
		if nobody.Status >= http.StatusInternalServerError || target != "" && !strings.HasSuffix(address, ".brand.example/bye") &&
			!strings.HasPrefix(target, "https://homely.brand.example/") && target != "com.brand.app:/bye" {
			t.Errorf("status %d, target %q for %.300q", nobody.Status, target, query)
		}
		silent(t, b, implicitRequest("prompt", "none"))
	})
}
