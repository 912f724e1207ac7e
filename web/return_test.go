package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/brandidp/idp/op"
)

// refreshURL reads a refresh as HTML's "shared declarative refresh steps" do
// for content that begins with a time of digits.
func refreshURL(content string) string {
	rest := strings.TrimLeft(content, "0123456789")
	rest = strings.TrimLeft(rest, " ;,")
	if len(rest) >= 4 && strings.EqualFold(rest[:4], "url=") {
		rest = strings.TrimLeft(rest[4:], " ")
	}
	if quote := rest[:min(len(rest), 1)]; quote == `"` || quote == "'" {
		rest, _, _ = strings.Cut(rest[1:], quote)
	}
	return rest
}

func drawReturn(t *testing.T, page op.ReturnPage) document {
	t.Helper()
	pages := testPages(t, Brand{}, "")
	return draw(t, "en", func(w http.ResponseWriter, r *http.Request) { pages.Return(w, r, page) })
}

func refresh(d document) (content string, ok bool) {
	for _, n := range d.elements("meta") {
		if attribute(n, "http-equiv") == "refresh" {
			return attribute(n, "content"), true
		}
	}
	return "", false
}

//security:16-markup
func TestReturnKeepsTheAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"https://brand.example/cb?a=1&b=2#id_token=x.y.z&state=%7B%22a%22%3A1%7D",
		`https://brand.example/cb#'single'"double";,`,
		`https://brand.example/cb(1)/'"?x=;url=https://evil.example/&lt=&lt;&amp;#<b>`,
		"https://brand.example/ünïcode/שלום?q=%zz",
		"https://brand.example/cb#" + strings.Repeat("A-_.", 2048),
		"com.brand.app:/cb?code=1",
		"com.brand.app://cb?code=1",
		"HTTPS://BRAND.example:443/../cb",
		"http://127.0.0.1:5000/cb",
	} {
		d := drawReturn(t, op.ReturnPage{URL: address, ClientName: "Pond"})
		if d.response.Code != http.StatusOK {
			t.Errorf("%.60s: status %d", address, d.response.Code)
		}
		if got := attribute(d.id("continue"), "href"); got != address {
			t.Errorf("link to %q, want %q", got, address)
		}
		if content, _ := refresh(d); !strings.HasPrefix(content, "0;") || refreshURL(content) != address {
			t.Errorf("refresh %q, want to %q", content, address)
		}
	}
}

func TestReturnByHandAlone(t *testing.T) {
	t.Parallel()
	d := drawReturn(t, op.ReturnPage{URL: "com.brand.app:/cb", ClickOnly: true})
	if content, ok := refresh(d); ok {
		t.Errorf("refresh %q, want none", content)
	}
	if got := attribute(d.id("continue"), "href"); got != "com.brand.app:/cb" || d.focus() != "continue" {
		t.Errorf("link to %q, focus on #%s", got, d.focus())
	}
}

//security:16-program
func TestReturnNeverRunsAProgram(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"javascript:alert(1)", "JavaScript://x%0aalert(1)", "java\tscript:alert(1)", "\x01javascript:alert(1)", " javascript:alert(1)",
		"data:text/html,x", "DATA:text/html,x", "vbscript:x", "blob:https://x/1", "filesystem:x", "file:///etc/passwd",
		"about:blank", "view-source:https://x",
		"", "/relative", "//brand.example/", "brand.example", ":x", "1a:x", "https://brand.example/\r\nx", "https://brand.example/ x",
		"https://brand.example/\xff", "é:x", "https://brand.example/\x00",
	} {
		d := drawReturn(t, op.ReturnPage{URL: address})
		if d.response.Code != http.StatusInternalServerError || text(d.id("error")) != "server_error" {
			t.Errorf("%q: status %d, error %q", address, d.response.Code, text(d.id("error")))
		}
		if _, ok := refresh(d); ok || len(d.elements("a")) != 0 {
			t.Errorf("%q: a way there all the same", address)
		}
		if strings.Contains(d.response.Body.String(), "alert(1)") {
			t.Errorf("%q: repeated", address)
		}
	}
}
