package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/brandidp/idp/op"
)

// hostile is text that would break out of an attribute, an element or a
// placeholder if it could.
const hostile = `"'><script>alert(1)</script><!--&lt;{client}{{.}}` + "\u202e"

// document is a page as a browser reads it.
type document struct {
	*testing.T

	response *httptest.ResponseRecorder
	root     *html.Node
}

// draw asks for a page in a language.
func draw(t *testing.T, accept string, page func(http.ResponseWriter, *http.Request)) document {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Accept-Language", accept)
	page(w, r)
	root, err := html.Parse(strings.NewReader(w.Body.String()))
	if err != nil {
		t.Fatal(err)
	}
	return document{t, w, root}
}

// all returns the elements that fit, in the order of the document.
func (d document) all(fits func(*html.Node) bool) []*html.Node {
	var found []*html.Node
	for n := range d.root.Descendants() {
		if n.Type == html.ElementNode && fits(n) {
			found = append(found, n)
		}
	}
	return found
}

func (d document) elements(name string) []*html.Node {
	return d.all(func(n *html.Node) bool { return n.Data == name })
}

// id returns the element with an id, nil if there is none.
func (d document) id(id string) *html.Node {
	for _, n := range d.all(func(n *html.Node) bool { return attribute(n, "id") == id }) {
		return n
	}
	return nil
}

// focus returns the id of the element that has the focus at first.
func (d document) focus() string {
	focused := d.all(func(n *html.Node) bool { return has(n, "autofocus") })
	if len(focused) > 1 {
		d.Errorf("%d elements want the focus", len(focused))
	}
	for _, n := range focused {
		return attribute(n, "id")
	}
	return ""
}

// fields returns what a form would send besides what a person enters.
func (d document) fields(form string) []op.FormField {
	d.Helper()
	n := d.id(form)
	if n == nil || n.Data != "form" || attribute(n, "method") != "post" {
		d.Fatalf("no form #%s with method post", form)
	}
	var fields []op.FormField
	for c := range n.Descendants() {
		if c.Data == "input" && attribute(c, "type") == "hidden" {
			fields = append(fields, op.FormField{Name: attribute(c, "name"), Value: attribute(c, "value")})
		}
	}
	return fields
}

func attribute(n *html.Node, key string) string {
	if n != nil {
		for _, a := range n.Attr {
			if a.Key == key {
				return a.Val
			}
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}

func text(n *html.Node) string {
	if n == nil {
		return ""
	}
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

// everyPage draws each page in each of its forms with one text everywhere.
func everyPage(p *Pages, s string) map[string]func(http.ResponseWriter, *http.Request) {
	pages := map[string]func(http.ResponseWriter, *http.Request){
		"consent": func(w http.ResponseWriter, r *http.Request) {
			p.Consent(w, r, op.ConsentPage{Action: "/c", Ticket: s, Proof: s, ClientName: s, Account: s, Scopes: []string{
				"openid", "profile", "email", "address", "phone", "offline_access", "orders" + s,
			}})
		},
		"consent, an assistant": func(w http.ResponseWriter, r *http.Request) {
			p.Consent(w, r, op.ConsentPage{Action: "/c", Assistant: true})
		},
		"consent, no names": func(w http.ResponseWriter, r *http.Request) { p.Consent(w, r, op.ConsentPage{Action: "/c"}) },
		"consents": func(w http.ResponseWriter, r *http.Request) {
			p.Consents(w, r, op.ConsentsPage{Action: "/w", Account: s, Withdrawn: s, Allowed: []op.Allowed{
				{ClientID: "one", ClientName: s, Scopes: []string{"openid", s}, Proof: s}, {ClientID: `"'><`, ClientName: s, Proof: s},
			}})
		},
		"consents, none": func(w http.ResponseWriter, r *http.Request) { p.Consents(w, r, op.ConsentsPage{Action: "/w"}) },
		"sign-out": func(w http.ResponseWriter, r *http.Request) {
			p.SignOut(w, r, op.SignOutPage{Action: "/o", Proof: s, Account: s})
		},
		"sign-out, nobody": func(w http.ResponseWriter, r *http.Request) { p.SignOut(w, r, op.SignOutPage{Action: "/o"}) },
		"sign-out, fault": func(w http.ResponseWriter, r *http.Request) {
			p.SignOut(w, r, op.SignOutPage{
				Action: "/o", Proof: s, Account: s, Fields: []op.FormField{{Name: "state", Value: s}}, Fault: &op.ErrorPage{Code: s, Description: s, RequestID: s},
			})
		},
		"signed out": func(w http.ResponseWriter, r *http.Request) { p.SignedOut(w, r, op.SignedOutPage{}) },
		"signed out, back": func(w http.ResponseWriter, r *http.Request) {
			p.SignedOut(w, r, op.SignedOutPage{Return: "https://brand.example/bye", ClientName: s})
		},
		"signed out, fault": func(w http.ResponseWriter, r *http.Request) {
			p.SignedOut(w, r, op.SignedOutPage{Return: "com.brand.app:/bye", Fault: &op.ErrorPage{Code: s, Description: s, RequestID: s}})
		},
		"return": func(w http.ResponseWriter, r *http.Request) {
			p.Return(w, r, op.ReturnPage{URL: "https://brand.example/cb", ClientName: s})
		},
		"return, no name": func(w http.ResponseWriter, r *http.Request) {
			p.Return(w, r, op.ReturnPage{URL: "https://brand.example/cb", ClickOnly: true})
		},
		"repost": func(w http.ResponseWriter, r *http.Request) {
			p.Repost(w, r, op.RepostPage{Action: "/authorize", Fields: []op.FormField{{Name: s, Value: s}, {Name: "submit", Value: ""}}})
		},
	}
	for _, m := range []op.Message{
		op.MessageNone, op.MessageCredentials, op.MessageMissing, op.MessageThrottled, op.MessageBusy,
	} {
		page := op.SignInPage{Action: "/s", Ticket: s, ClientName: s, Username: s, Message: m, RetryAfter: time.Minute}
		pages["sign-in "+string(m)] = func(w http.ResponseWriter, r *http.Request) { p.SignIn(w, r, page) }
		as := page
		as.Account, as.ContinueAction, as.Proof = s, "/a", s
		pages["sign-in or go on "+string(m)] = func(w http.ResponseWriter, r *http.Request) { p.SignIn(w, r, as) }
	}
	for _, status := range []int{0, 400, 403, 404, 405, 413, 429, 500, 502, 503} {
		pages["error "+http.StatusText(status)] = func(w http.ResponseWriter, r *http.Request) {
			p.Error(w, r, op.ErrorPage{Status: status, Code: s, Description: s, RequestID: s})
		}
	}
	return pages
}

// TestEveryPage holds each page in each language to what a browser, a screen
// reader and the page's own policy ask of it, with hostile text in every field.
//
//contract:2.2-top-level
//security:16-framed 16-form-action 16-markup 16-referrer
func TestEveryPage(t *testing.T) {
	t.Parallel()
	pages := testPages(t, Brand{Name: hostile, Logo: testLogo(t, testSVG)}, "/login")
	for _, l := range pages.languages.all {
		for name, page := range everyPage(pages, hostile) {
			t.Run(l.tag+"/"+name, func(t *testing.T) {
				t.Parallel()
				d := draw(t, l.tag, page)
				checkHeaders(d, l, name == "repost")
				checkStructure(d, l)
				checkNames(d)
				checkPolicy(d, name == "repost")
				d.focus()
			})
		}
	}
}

func checkHeaders(d document, l lingo, scripted bool) {
	d.Helper()
	policy := "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
	if scripted {
		policy += "; script-src 'self'"
	}
	for header, want := range map[string]string{
		"Content-Type":            "text/html; charset=utf-8",
		"Content-Language":        l.tag,
		"Content-Security-Policy": policy,
		"Referrer-Policy":         "no-referrer",
		"Cache-Control":           "no-store",
		"X-Content-Type-Options":  "nosniff",
	} {
		if got := d.response.Header().Get(header); got != want {
			d.Errorf("%s: %q, want %q", header, got, want)
		}
	}
}

func checkStructure(d document, l lingo) {
	d.Helper()
	for _, name := range []string{"html", "title", "main", "h1"} {
		if n := d.elements(name); len(n) != 1 || text(n[0]) == "" {
			d.Errorf("%d elements %s, want one that is not empty", len(n), name)
		}
	}
	if root := d.elements("html")[0]; attribute(root, "lang") != l.tag || attribute(root, "dir") != l.dir {
		d.Errorf("lang %q, dir %q; want %q, %q", attribute(root, "lang"), attribute(root, "dir"), l.tag, l.dir)
	}
	ids := make(map[string]int)
	for _, n := range d.all(func(n *html.Node) bool { return has(n, "id") }) {
		ids[attribute(n, "id")]++
	}
	for id, n := range ids {
		if n > 1 || id == "" {
			d.Errorf("id %q occurs %d times", id, n)
		}
	}
	for _, reference := range []string{"for", "aria-describedby", "aria-labelledby"} {
		for _, n := range d.all(func(n *html.Node) bool { return has(n, reference) }) {
			if ids[attribute(n, reference)] == 0 {
				d.Errorf("%s %q points nowhere", reference, attribute(n, reference))
			}
		}
	}
	if body := d.response.Body.String(); strings.Contains(body, "ZgotmplZ") || strings.Contains(body, "no value") {
		d.Error("the template refused a value")
	}
}

// checkNames asks for a name for everything that can be used or seen.
func checkNames(d document) {
	d.Helper()
	labels := make(map[string]bool)
	for _, n := range d.elements("label") {
		labels[attribute(n, "for")] = text(n) != ""
	}
	for _, n := range d.elements("input") {
		if attribute(n, "type") != "hidden" && !labels[attribute(n, "id")] {
			d.Errorf("input %q has no label", attribute(n, "name"))
		}
	}
	for _, n := range append(d.elements("button"), d.elements("a")...) {
		if text(n) == "" {
			d.Errorf("%s %q has no name", n.Data, attribute(n, "id"))
		}
	}
	for _, n := range d.elements("img") {
		if !has(n, "alt") {
			d.Errorf("image %s has no alternative text", attribute(n, "src"))
		}
	}
}

// checkPolicy looks for what the Content-Security-Policy would block.
func checkPolicy(d document, scripted bool) {
	d.Helper()
	if n := len(d.elements("style")); n > 0 {
		d.Errorf("%d style elements", n)
	}
	for _, n := range d.elements("script") {
		if !scripted || !strings.HasPrefix(attribute(n, "src"), "/login/assets/submit.") || text(n) != "" {
			d.Errorf("script with source %q and text %q", attribute(n, "src"), text(n))
		}
	}
	for n := range d.root.Descendants() {
		if n.Type == html.CommentNode {
			d.Errorf("comment %q", n.Data)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
				d.Errorf("attribute %s on %s", a.Key, n.Data)
			}
			if (a.Key == "src" || n.Data == "link" && a.Key == "href") && a.Val != "data:," && !strings.HasPrefix(a.Val, "/login/assets/") {
				d.Errorf("%s loads %q", n.Data, a.Val)
			}
		}
	}
}
