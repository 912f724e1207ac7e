package webtest

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// Browser is what a person uses, as far as the protocol sees it: it keeps
// cookies, reads forms and fills them in. It follows nothing by itself.
type Browser struct {
	Client *http.Client
	// Address is where the provider answers.
	Address string

	tb   testing.TB
	lost chan *httptest.ResponseRecorder // as Provider.lost
}

// Browser gives a new browser without cookies.
func (p *Provider) Browser(tb testing.TB) *Browser {
	tb.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return &Browser{tb: tb, lost: p.lost, Address: p.Address, Client: &http.Client{
		Jar:           jar,
		Transport:     p.transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// For is the same browser, cookies included, in another test.
func (b *Browser) For(tb testing.TB) *Browser {
	tb.Helper()
	return &Browser{tb: tb, lost: b.lost, Address: b.Address, Client: b.Client}
}

// Page is a response, read whole.
type Page struct {
	Status int
	Header http.Header
	Body   string

	browser *Browser
	address *url.URL
	tree    *html.Node
}

// Get asks for an address, absolute or below the issuer.
func (b *Browser) Get(address string) *Page {
	b.tb.Helper()
	request, err := http.NewRequestWithContext(b.tb.Context(), http.MethodGet, b.absolute(address), nil)
	if err != nil {
		b.tb.Fatal(err)
	}
	return b.Do(request)
}

// Post sends a form.
func (b *Browser) Post(address string, form url.Values) *Page {
	b.tb.Helper()
	request, err := http.NewRequestWithContext(b.tb.Context(), http.MethodPost, b.absolute(address), strings.NewReader(form.Encode()))
	if err != nil {
		b.tb.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.Do(request)
}

// Request makes a GET, or a POST of a form if there is one, with headers given
// as pairs of name and value.
func (b *Browser) Request(address string, form url.Values, headers ...string) *http.Request {
	b.tb.Helper()
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	return b.RawRequest(method, address, "application/x-www-form-urlencoded", body, headers...)
}

// RawRequest makes any request. The content type goes with a body alone.
func (b *Browser) RawRequest(method, address, contentType, body string, headers ...string) *http.Request {
	b.tb.Helper()
	request, err := http.NewRequestWithContext(b.tb.Context(), method, b.absolute(address), strings.NewReader(body))
	if err != nil {
		b.tb.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return request
}

// Cookie gives the value of a cookie that the browser would send, "" for none.
func (b *Browser) Cookie(name string) string {
	b.tb.Helper()
	u, err := url.Parse(b.Address)
	if err != nil {
		b.tb.Fatal(err)
	}
	for _, cookie := range b.Client.Jar.Cookies(u) {
		if cookie.Name == name {
			return cookie.Value
		}
	}
	return ""
}

// Do sends any request.
func (b *Browser) Do(request *http.Request) *Page {
	b.tb.Helper()
	response, err := b.Client.Do(request)
	if err != nil {
		b.tb.Fatal(err)
	}
	return b.page(request, response)
}

// page reads a response whole.
func (b *Browser) page(request *http.Request, response *http.Response) *Page {
	b.tb.Helper()
	defer response.Body.Close() //nolint:errcheck // read whole
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.tb.Fatal(err)
	}
	tree, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		b.tb.Fatal(err)
	}
	return &Page{
		Status: response.StatusCode, Header: response.Header, Body: string(body),
		browser: b, address: request.URL, tree: tree,
	}
}

// Authorize sends an authorization request by GET.
func (b *Browser) Authorize(params url.Values) *Page {
	b.tb.Helper()
	return b.Get("/authorize?" + params.Encode())
}

func (b *Browser) absolute(address string) string {
	if strings.HasPrefix(address, "/") {
		return b.Address + address
	}
	return address
}

// Browser is the browser that shows the page.
func (p *Page) Browser() *Browser { return p.browser }

// Element finds an element by its id; nil if there is none.
func (p *Page) Element(id string) *html.Node {
	for node := range p.tree.Descendants() {
		if attribute(node, "id") == id {
			return node
		}
	}
	return nil
}

// Text gives the text of the element with the id, "" if there is none.
func (p *Page) Text(id string) string {
	element := p.Element(id)
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

// Form gives the fields of the form with the id, as they would be sent.
func (p *Page) Form(id string) url.Values {
	p.browser.tb.Helper()
	form := p.Element(id)
	if form == nil {
		p.browser.tb.Fatalf("no form #%s on the page (status %d):\n%s", id, p.Status, p.Body)
	}
	fields := url.Values{}
	for node := range form.Descendants() {
		if node.Data == "input" && attribute(node, "name") != "" {
			fields.Add(attribute(node, "name"), attribute(node, "value"))
		}
	}
	return fields
}

// Submit fills in the form with the id and sends it.
func (p *Page) Submit(id string, values map[string]string) *Page {
	p.browser.tb.Helper()
	return p.browser.Do(p.Filled(id, values))
}

// Filled is the request that Submit sends.
func (p *Page) Filled(id string, values map[string]string) *http.Request {
	p.browser.tb.Helper()
	fields := p.Form(id)
	for name, value := range values {
		fields.Set(name, value)
	}
	action, err := p.address.Parse(attribute(p.Element(id), "action"))
	if err != nil {
		p.browser.tb.Fatal(err)
	}
	return p.browser.Request(action.String(), fields)
}

// SignIn fills in the sign-in form.
func (p *Page) SignIn(username, password string) *Page {
	p.browser.tb.Helper()
	return p.Submit("sign-in", map[string]string{"username": username, "password": password})
}

// Target is where the page leads the browser: by redirect, by the page that
// follows a form, or by the form of form_post. "" if nowhere.
func (p *Page) Target() string {
	if location := p.Header.Get("Location"); location != "" {
		return location
	}
	if form := p.Element("form-post"); form != nil {
		return attribute(form, "action")
	}
	if link := p.Element("continue"); link != nil && link.Data == "a" {
		return attribute(link, "href")
	}
	return ""
}

// Answer gives the parameters of an authorization response, from the fields of
// form_post, or the query or the fragment of the target.
func (p *Page) Answer() url.Values {
	p.browser.tb.Helper()
	if p.Element("form-post") != nil {
		return p.Form("form-post")
	}
	target := p.Target()
	_, params, found := strings.Cut(target, "#")
	if !found {
		_, params, found = strings.Cut(target, "?")
	}
	if !found {
		p.browser.tb.Fatalf("no authorization response (status %d, target %q):\n%s", p.Status, target, p.Body)
	}
	values, err := url.ParseQuery(params)
	if err != nil {
		p.browser.tb.Fatal(err)
	}
	return values
}

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
