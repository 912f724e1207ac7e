package trial

import (
	"io"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// page is what the provider answered a browser with.
type page struct {
	status  int
	header  http.Header
	address *url.URL
	tree    *html.Node
}

// The ids of what is on a provider's pages.
const (
	formSignIn   = "sign-in"
	formContinue = "continue-as"
	formConsent  = "consent"
	formRepost   = "repost"
	formPost     = "form-post"
	formSignOut  = "sign-out"
	linkReturn   = "continue"
)

func readPage(response *http.Response) (*page, error) {
	tree, err := html.Parse(response.Body)
	if err != nil {
		return nil, err //nolint:wrapcheck // only reading fails, which says what it was
	}
	return &page{status: response.StatusCode, header: response.Header, address: response.Request.URL, tree: tree}, nil
}

// element finds an element by its id; nil if there is none.
func (p *page) element(id string) *html.Node {
	for node := range p.tree.Descendants() {
		if attribute(node, "id") == id {
			return node
		}
	}
	return nil
}

// text is that of the element with the id, "" if there is none.
func (p *page) text(id string) string { return textOf(p.element(id)) }

// form gives the action and the fields of the form with the id; ok is false if
// there is none.
func (p *page) form(id string) (action string, fields url.Values, ok bool) {
	form := p.element(id)
	if form == nil || form.DataAtom != atom.Form {
		return "", nil, false
	}
	fields = url.Values{}
	for node := range form.Descendants() {
		if name := attribute(node, "name"); node.DataAtom == atom.Input && name != "" {
			fields.Add(name, attribute(node, "value"))
		}
	}
	target, err := p.address.Parse(attribute(form, "action"))
	if err != nil {
		return "", nil, false
	}
	return target.String(), fields, true
}

func (p *page) has(form string) bool {
	_, _, ok := p.form(form)
	return ok
}

// leads is where the page leads a browser by itself or by a link: by Location,
// by the page that follows a form, or by the form of form_post, whose fields then
// stand behind the address as in a query. "" if it leads nowhere.
func (p *page) leads() string {
	target := p.header.Get("Location")
	if link := p.element(linkReturn); target == "" && link != nil && link.DataAtom == atom.A {
		target = attribute(link, "href")
	}
	if action, fields, ok := p.form(formPost); target == "" && ok {
		separator := "?"
		if strings.Contains(action, "?") {
			separator = "&"
		}
		return action + separator + fields.Encode()
	}
	if target == "" {
		return ""
	}
	absolute, err := p.address.Parse(target)
	if err != nil {
		return ""
	}
	return absolute.String()
}

// shows are the ids of the forms, and what an error page says.
func (p *page) shows() []Detail {
	var details []Detail
	for _, id := range []string{formSignIn, formContinue, formConsent, formRepost, formPost, formSignOut} {
		if p.has(id) {
			details = append(details, Detail{"form", "#" + id})
		}
	}
	for _, id := range []string{"message", "error", "request-id"} {
		if text := p.text(id); text != "" {
			details = append(details, Detail{"#" + id, printable(text)})
		}
	}
	return details
}

// fault is the failure that an error page tells of, nil if it is none. The
// description is for developers, and is in English whatever the page is in.
func (p *page) fault() *failure {
	code := p.text("error")
	if code == "" {
		return nil
	}
	description := ""
	for node := range p.tree.Descendants() {
		if node.DataAtom == atom.Dd && attribute(node, "lang") == "en" {
			description = textOf(node)
		}
	}
	f := &failure{reason: "the provider shows an error page: " + printable(code)}
	if description != "" {
		f.reason += ": " + printable(description)
	}
	if id := p.text("request-id"); id != "" {
		f.advice = "the provider's log has one line with the request id " + printable(id) + ", which may say more"
	}
	if known := adviceFor(code, description); known != "" {
		f.advice = known
	}
	return f
}

func textOf(element *html.Node) string {
	if element == nil {
		return ""
	}
	var b strings.Builder
	for node := range element.Descendants() {
		if node.Type == html.TextNode {
			b.WriteString(node.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// maxPage bounds what is read of an answer, in bytes.
const maxPage = 1 << 20

func readAll(r io.Reader) ([]byte, error) {
	return io.ReadAll(io.LimitReader(r, maxPage)) //nolint:wrapcheck // the caller says what it was
}
