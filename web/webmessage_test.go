package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/brandidp/idp/op"
)

func drawMessage(t *testing.T, language string, page op.WebMessagePage) document {
	t.Helper()
	pages := testPages(t, Brand{Name: hostile}, "/login")
	return draw(t, language, func(w http.ResponseWriter, r *http.Request) { pages.WebMessage(w, r, page) })
}

func TestWebMessagePage(t *testing.T) {
	t.Parallel()
	languages, err := newLanguages()
	if err != nil {
		t.Fatal(err)
	}
	const message = `{"response":{"state":"` + hostile + `"}}`
	for _, l := range languages.all {
		d := drawMessage(t, l.tag, op.WebMessagePage{Origin: "https://www.other.example:8443", Message: message, ClientName: hostile})
		checkStructure(d, l)
		checkNames(d)
		element := d.id("web-message")
		if attribute(element, "data-message") != message || attribute(element, "data-origin") != "https://www.other.example:8443" {
			t.Errorf("%s: %v", l.tag, element.Attr)
		}
		if scripts := d.elements("script"); len(scripts) != 1 || !strings.HasPrefix(attribute(scripts[0], "src"), "/login/assets/web-message.") || text(scripts[0]) != "" {
			t.Errorf("%s: %d scripts", l.tag, len(scripts))
		}
		if sentences := d.elements("noscript"); len(sentences) != 1 || text(element) == "" {
			t.Errorf("%s: nothing to read without JavaScript", l.tag)
		}
	}
}

//security:4-framed 4-wildcard
func TestWebMessagePageIsFramedByItsOriginAlone(t *testing.T) {
	t.Parallel()
	for framed, want := range map[bool]string{false: "'none'", true: "https://www.other.example"} {
		d := drawMessage(t, "en", op.WebMessagePage{Origin: "https://www.other.example", Message: "{}", Framed: framed})
		policy := d.response.Header().Get("Content-Security-Policy")
		if !strings.Contains(policy, "; frame-ancestors "+want+";") || strings.Count(policy, "frame-ancestors") != 1 || !strings.Contains(policy, "; script-src 'self'") {
			t.Errorf("framed %v: %s", framed, policy)
		}
		if d.response.Header().Get("Cross-Origin-Opener-Policy") != "" {
			t.Error("the policy of the opener would cut the window off")
		}
	}
	for _, origin := range []string{
		"", "*", "null", "https://*.example", "https://a.example https://b.example", "https://a.example; script-src *", "https://a.example/", "https://user@a.example", "com.brand.app://a",
	} {
		d := drawMessage(t, "en", op.WebMessagePage{Origin: origin, Message: "{}", Framed: true})
		if d.response.Code != http.StatusInternalServerError || d.id("web-message") != nil || !strings.Contains(d.response.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%q: status %d", origin, d.response.Code)
		}
	}
}
