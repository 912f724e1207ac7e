package trial

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"strings"
)

// browser does what a consumer's browser does, as far as a provider sees it: it
// keeps cookies and fills in forms. It goes nowhere but to the provider.
type browser struct {
	client *http.Client
	// provider is the origin of the provider's pages.
	provider string
}

func newBrowser(w *wire) (*browser, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("make a browser: %w", err)
	}
	return &browser{provider: w.issuer.Scheme + "://" + w.issuer.Host, client: &http.Client{
		Jar: jar, Transport: w,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// maxHops is how often in a row the provider may send a browser on to itself.
const maxHops = 5

// open goes to an address of the provider, as by a link from elsewhere.
func (b *browser) open(ctx context.Context, address string) (*page, error) {
	return b.settle(ctx, func() (*page, error) {
		return b.send(ctx, http.MethodGet, address, "", http.Header{"Sec-Fetch-Site": {"cross-site"}})
	})
}

// submit fills in a form of the page and sends it.
func (b *browser) submit(ctx context.Context, p *page, form string, values map[string]string) (*page, error) {
	action, fields, ok := p.form(form)
	if !ok {
		return nil, &failure{reason: "the page has no form #" + form}
	}
	for name, value := range values {
		fields.Set(name, value)
	}
	return b.settle(ctx, func() (*page, error) {
		return b.send(ctx, http.MethodPost, action, fields.Encode(), http.Header{
			"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {b.provider}, "Sec-Fetch-Site": {"same-origin"},
		})
	})
}

// settle follows where the provider leads to itself.
func (b *browser) settle(ctx context.Context, first func() (*page, error)) (*page, error) {
	p, err := first()
	for range maxHops {
		switch {
		case err != nil:
			return nil, err
		case p.has(formRepost):
			action, fields, _ := p.form(formRepost)
			p, err = b.send(ctx, http.MethodPost, action, fields.Encode(), http.Header{
				"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {b.provider}, "Sec-Fetch-Site": {"same-origin"},
			})
		case p.header.Get("Location") != "" && strings.HasPrefix(p.leads(), b.provider+"/"):
			p, err = b.send(ctx, http.MethodGet, p.leads(), "", http.Header{"Sec-Fetch-Site": {"same-origin"}})
		default:
			return p, nil
		}
	}
	return p, err
}

// preflight asks whether a script on a page of another origin may send JSON. No
// cookies go with it (Fetch Standard, CORS-preflight fetch).
func (b *browser) preflight(ctx context.Context, address, origin string) (*http.Response, error) {
	bare := browser{provider: b.provider, client: &http.Client{Transport: b.client.Transport, CheckRedirect: b.client.CheckRedirect}}
	return bare.do(ctx, http.MethodOptions, address, "", http.Header{
		"Origin": {origin}, "Access-Control-Request-Method": {http.MethodPost}, "Access-Control-Request-Headers": {"content-type"},
	})
}

// call is what a script on a page of another origin sends.
func (b *browser) call(ctx context.Context, address, origin, body string) (*http.Response, error) {
	return b.do(ctx, http.MethodPost, address, body, http.Header{
		"Origin": {origin}, "Sec-Fetch-Site": {"same-site"}, "Content-Type": {"application/json"},
	})
}

func (b *browser) send(ctx context.Context, method, address, body string, header http.Header) (*page, error) {
	response, err := b.do(ctx, method, address, body, header)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // only read
	return readPage(response)
}

func (b *browser) do(ctx context.Context, method, address, body string, header http.Header) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return nil, err //nolint:wrapcheck // says all there is
	}
	request.Header = header
	request.Header.Set("Accept-Language", "en")
	response, err := b.client.Do(request)
	if err != nil {
		return nil, err //nolint:wrapcheck // the wire knows why
	}
	return response, nil
}
