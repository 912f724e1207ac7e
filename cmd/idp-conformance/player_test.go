package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

// player plays the steps of a configuration as the suite's browser does, with one
// set of cookies for a module. It stands for the scripts of our pages, too: a form that sends
// itself is sent.
type player struct {
	client  *http.Client
	visits  []visit
	still   bool // stay on pages that lead away by themselves
	address *url.URL
	page    *html.Node
	typed   map[*html.Node]string
	// screenshots are the pages kept for the test's placeholder.
	screenshots int
}

func newPlayer(transport http.RoundTripper, visits []visit) *player {
	jar, _ := cookiejar.New(nil) // has no error without options
	return &player{visits: visits, client: &http.Client{
		Transport: transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// visit sends the browser to an address and does the tasks for it.
func (p *player) visit(address string) error {
	return p.work(address, func() error { return p.open(http.MethodGet, address, nil) })
}

// post is a visit by POST, with the query for a body.
func (p *player) post(address string) error {
	return p.work(address, func() error {
		u, err := url.Parse(address)
		if err != nil {
			return err
		}
		form := u.Query()
		u.RawQuery = ""
		return p.open(http.MethodPost, u.String(), form)
	})
}

// work goes to an address and does the tasks for it.
func (p *player) work(address string, start func() error) error {
	for _, v := range p.visits {
		if !matches(v.Match, address) {
			continue
		}
		if err := start(); err != nil {
			return err
		}
		for _, t := range v.Tasks {
			if err := p.do(t); err != nil {
				return fmt.Errorf("%s, at %s: %w", t.Task, p.address, err)
			}
		}
		return nil
	}
	return fmt.Errorf("no visit for %s", address)
}

// matches knows * alone.
func matches(pattern, address string) bool {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$").MatchString(address)
}

func (p *player) do(t task) error {
	if !matches(t.Match, p.address.String()) {
		if t.Optional {
			return nil
		}
		return errors.New("this is another address than " + t.Match)
	}
	for _, command := range t.Commands {
		if err := p.run(command); err != nil {
			return fmt.Errorf("%v: %w", command, err)
		}
	}
	return nil
}

func (p *player) run(command []any) error {
	word := func(i int) string {
		if i < len(command) {
			if text, ok := command[i].(string); ok {
				return text
			}
		}
		return ""
	}
	if word(0) == "wait" && word(1) == "contains" {
		if !strings.Contains(p.address.String(), word(2)) {
			return errors.New("never")
		}
		return nil
	}
	if word(1) != "id" {
		return errors.New("elements are found by ids alone")
	}
	element := p.find(func(node *html.Node) bool { return attribute(node, "id") == word(2) })
	if element == nil {
		if command[len(command)-1] == "optional" {
			return nil
		}
		return errors.New("no such element")
	}
	switch word(0) {
	case "text":
		p.typed[element] = word(3)
		return nil
	case "click":
		if link := attribute(element, "href"); link != "" {
			return p.open(http.MethodGet, link, nil)
		}
		return p.send(element)
	case "wait":
		return p.see(element, word(4), word(5))
	default:
		return errors.New("no such command")
	}
}

// see compares an element's text with what is waited for.
func (p *player) see(element *html.Node, pattern, action string) error {
	if !regexp.MustCompile(pattern).MatchString(text(element)) {
		return fmt.Errorf("the text is %q", text(element))
	}
	if action != "" {
		p.screenshots++
	}
	return nil
}

// send sends the form of a button.
func (p *player) send(button *html.Node) error {
	form := button
	for form.Data != "form" {
		if form = form.Parent; form == nil {
			return errors.New("is in no form")
		}
	}
	fields := url.Values{}
	for node := range form.Descendants() {
		name, value := attribute(node, "name"), attribute(node, "value")
		if written, ok := p.typed[node]; ok {
			value = written
		}
		if name != "" && (node.Data == "input" || node == button) {
			fields.Add(name, value)
		}
	}
	return p.open(strings.ToUpper(attribute(form, "method")), attribute(form, "action"), fields)
}

// open opens an address, follows where it leads, and reads the page.
func (p *player) open(method, address string, form url.Values) error {
	if p.address == nil {
		p.address = &url.URL{}
	}
	next, err := p.address.Parse(address)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(method, next.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := p.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // read whole
	p.address = next
	if location := response.Header.Get("Location"); location != "" {
		return p.open(http.MethodGet, location, nil)
	}
	if response.StatusCode >= http.StatusInternalServerError {
		return fmt.Errorf("%s: %s", next, response.Status)
	}
	page, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	p.typed = map[*html.Node]string{}
	if p.page, err = html.Parse(strings.NewReader(string(page))); err != nil {
		return err
	}
	if p.still {
		return nil
	}
	return p.leave()
}

// leave goes where the page leads by itself.
func (p *player) leave() error {
	if refresh := p.find(func(node *html.Node) bool { return attribute(node, "http-equiv") == "refresh" }); refresh != nil {
		_, address, _ := strings.Cut(attribute(refresh, "content"), "url=")
		return p.open(http.MethodGet, strings.Trim(address, `'"`), nil)
	}
	form := p.find(func(node *html.Node) bool {
		return attribute(node, "id") == "form-post" || attribute(node, "id") == "repost"
	})
	if form == nil {
		return nil
	}
	return p.send(p.find(func(node *html.Node) bool { return attribute(node, "id") == "continue" }))
}

func (p *player) find(is func(*html.Node) bool) *html.Node {
	for node := range p.page.Descendants() {
		if is(node) {
			return node
		}
	}
	return nil
}

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func text(element *html.Node) string {
	var b strings.Builder
	for node := range element.Descendants() {
		if node.Type == html.TextNode {
			b.WriteString(node.Data)
		}
	}
	return strings.TrimSpace(b.String())
}
