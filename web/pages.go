// Package web is everything HTTP that is not the protocol: the words and pixels
// of the pages that people see, the page script, and the server that puts them
// and the protocol together. It decides nothing about who is signed in or what a
// client may have. It hands the database and the keys to the protocol, and must
// never read or write either itself, nor see a token.
package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/brandidp/idp/op"
)

//go:embed html/*.html
var htmlFiles embed.FS

// Brand is how the pages look. Every field may be empty.
type Brand struct {
	// Name stands above every page where there is no logo, and in its title.
	Name string
	// Logo is the path of a PNG, JPEG, WebP or SVG file of at most 512 KiB. It is
	// read once.
	Logo string
	// Website is the address of the brand's own site, to which the page leads back
	// that says that somebody is signed out.
	Website string
	// PrimaryColor is the colour of buttons and BackgroundColor that of the page
	// around the card, as #rgb or #rrggbb. Text on them is black or white,
	// whichever can be read.
	PrimaryColor, BackgroundColor string
}

// Pages draws the pages of [op.Pages]. It is safe for concurrent use.
type Pages struct {
	brand     Brand
	base      string
	theme     theme
	logo      string // name among the assets, "" without a logo
	assets    assets
	languages languages
	templates map[string]*template.Template
}

var _ op.Pages = (*Pages)(nil)

// NewPages reads the brand's logo and prepares every page. The base is the path
// of the issuer without a trailing slash, "" for an issuer without a path. The
// error names the field of the brand that is at fault.
func NewPages(brand Brand, base string) (*Pages, error) {
	p := &Pages{brand: brand, base: base, assets: assets{}}
	var err error
	if p.theme, err = newTheme(brand.PrimaryColor, brand.BackgroundColor); err != nil {
		return nil, err
	}
	if p.languages, err = newLanguages(); err != nil {
		return nil, err
	}
	p.assets.add("style.css", "text/css; charset=utf-8", "", []byte(p.theme.css()+styleSheet))
	p.assets.add("submit.js", "text/javascript; charset=utf-8", "", submitScript)
	p.assets.add("web-message.js", "text/javascript; charset=utf-8", "", webMessageScript)
	if brand.Logo != "" {
		content, mediaType, extension, err := readLogo(brand.Logo)
		if err != nil {
			return nil, err
		}
		p.logo = "logo." + extension
		p.assets.add(p.logo, mediaType, logoPolicy, content)
	}
	p.templates, err = parseTemplates()
	return p, err
}

// parseTemplates reads the pages, each within the layout. They are the same for every
// brand.
var parseTemplates = sync.OnceValues(func() (map[string]*template.Template, error) { //nolint:gochecknoglobals // never changes
	layout, err := template.ParseFS(htmlFiles, "html/layout.html", "html/fault.html", "html/scopes.html")
	if err != nil {
		return nil, fmt.Errorf("parse layout: %w", err)
	}
	templates := make(map[string]*template.Template)
	for _, name := range []string{"sign_in", "consent", "consents", "sign_out", "signed_out", "error", "return", "form_post", "repost", "web_message"} {
		page, err := layout.Clone()
		if err != nil {
			return nil, fmt.Errorf("parse page %s: %w", name, err)
		}
		if templates[name], err = page.ParseFS(htmlFiles, "html/"+name+".html"); err != nil {
			return nil, fmt.Errorf("parse page %s: %w", name, err)
		}
	}
	return templates, nil
})

// The Content-Security-Policy of every page; the pages that submit their form by
// a script add to it. A logo may be drawn with styles of its own and is shut up
// in a sandbox, in case somebody opens it by itself.
const (
	formsAtHome = "form-action 'self'"
	pagePolicy  = "default-src 'none'; style-src 'self'; img-src 'self' data:; " +
		formsAtHome + "; frame-ancestors 'none'; base-uri 'none'"
	scriptPolicy = pagePolicy + "; script-src 'self'"
	logoPolicy   = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
)

// formPostPolicy is that of the page whose form goes to a relying party: to its
// origin and nowhere else.
func formPostPolicy(origin string) string {
	return strings.Replace(scriptPolicy, formsAtHome, "form-action "+origin, 1)
}

// frame is what the layout needs, and what every page's view embeds.
type frame struct {
	lingo

	Heading string
	Title   string // without the brand's name
	Brand   string
	Logo    string // address, "" without one
	Style   string // address of the stylesheet

	ThemeLight, ThemeDark string
}

// Lang is the language tag of the page.
func (f frame) Lang() string { return f.tag }

// Dir is the direction of the page's text, ltr or rtl.
func (f frame) Dir() string { return f.dir }

// Say is [lingo.say] for the templates.
func (f frame) Say(key string, pairs ...string) string { return f.say(key, pairs...) }

// Scope says in words what a scope value gives away, "" for a value that has
// no words.
func (f frame) Scope(value string) string { return f.messages["scope."+value] }

// scopesView is what the template of a list of scopes shows.
type scopesView struct {
	frame

	Scopes []string
	// Label is the id of what says what the list is.
	Label string
}

// ScopeList has scopes be listed under the element with the id label.
func (f frame) ScopeList(label string, scopes []string) scopesView {
	return scopesView{f, scopes, label}
}

// faultView is what the template of a fault's details shows.
type faultView struct {
	frame

	Page *op.ErrorPage
}

// Fault has the details of a fault be shown on a page that has another purpose.
func (f frame) Fault(page *op.ErrorPage) faultView { return faultView{f, page} }

// frame prepares the layout of a page under a heading.
func (p *Pages) frame(l lingo, heading string) frame {
	f := frame{
		lingo:      l,
		Heading:    heading,
		Title:      heading,
		Brand:      p.brand.Name,
		Style:      p.base + p.assets.path("style.css"),
		ThemeLight: p.theme.light.page.String(),
		ThemeDark:  p.theme.dark.page.String(),
	}
	if p.logo != "" {
		f.Logo = p.base + p.assets.path(p.logo)
	}
	return f
}

// response is what a page is besides its content.
type response struct {
	status     int
	policy     string // pagePolicy if empty
	retryAfter time.Duration
}

// write draws a page whole before the first byte of it is sent.
func (p *Pages) write(w http.ResponseWriter, name string, l lingo, head response, view any) {
	var body bytes.Buffer
	if err := p.templates[name].ExecuteTemplate(&body, "layout.html", view); err != nil {
		// A template and its view are made for each other; tests draw all of them.
		panic(fmt.Errorf("draw page %s: %w", name, err))
	}
	if head.policy == "" {
		head.policy = pagePolicy
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Language", l.tag)
	header.Set("Content-Security-Policy", head.policy)
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	if head.retryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(wholeSeconds(head.retryAfter)))
	}
	w.WriteHeader(head.status)
	_, _ = w.Write(body.Bytes()) // the browser is gone: nobody to tell
}

// wholeSeconds rounds a wait up, so that nobody comes back too early.
func wholeSeconds(d time.Duration) int {
	return int((d + time.Second - 1) / time.Second)
}
