package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/sync/errgroup"
)

// browser is one person with a browser, or the relying party that serves them:
// one connection, kept alive, a consumer of its own and the cookies so far.
type browser struct {
	issuer    string
	username  string
	client    *http.Client
	transport http.RoundTripper

	accessToken string // for UserInfo
}

func newBrowser(p *provider, n int) *browser {
	transport := &http.Transport{MaxIdleConnsPerHost: 1, DisableCompression: true}
	b := &browser{issuer: p.issuer, username: username(n), transport: transport}
	b.forget()
	return b
}

// forget throws the cookies away.
func (b *browser) forget() {
	jar, _ := cookiejar.New(nil) // cannot fail without options
	b.client = &http.Client{
		Transport: b.transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answer is a response, read whole.
type answer struct {
	status int
	header http.Header
	body   string
}

// get navigates, as a browser would.
func (b *browser) get(ctx context.Context, path string) (*answer, error) {
	request, err := b.request(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	navigates(request, "cross-site")
	return b.do(request)
}

// submit posts a form of the provider's own page.
func (b *browser) submit(ctx context.Context, path string, form url.Values) (*answer, error) {
	request, err := b.request(ctx, http.MethodPost, path, form)
	if err != nil {
		return nil, err
	}
	navigates(request, "same-origin")
	return b.do(request)
}

// request makes a request with a form, if form is not nil.
func (b *browser) request(ctx context.Context, method, path string, form url.Values) (*http.Request, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	request, err := http.NewRequestWithContext(ctx, method, b.issuer+path, body)
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return request, nil
}

// navigates sets what a browser sends with a page that is opened in a window.
func navigates(r *http.Request, site string) {
	for name, value := range map[string]string{
		"Accept":                    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
		"Accept-Language":           "en-US,en;q=0.9,de;q=0.8",
		"Sec-Fetch-Dest":            "document",
		"Sec-Fetch-Mode":            "navigate",
		"Sec-Fetch-Site":            site,
		"Sec-Fetch-User":            "?1",
		"Upgrade-Insecure-Requests": "1",
		"User-Agent":                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
	} {
		r.Header.Set(name, value)
	}
}

func (b *browser) do(r *http.Request) (*answer, error) {
	response, err := b.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask idp: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // read whole
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("read response: %w", err)
	}
	return &answer{status: response.StatusCode, header: response.Header, body: string(body)}, nil
}

// param gives a parameter of an authorization response by redirect.
func (a *answer) param(name string) (string, error) {
	address, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status != http.StatusFound {
		return "", fmt.Errorf("no redirect but status %d", a.status)
	}
	params := address.Query()
	if address.Fragment != "" {
		if params, err = url.ParseQuery(address.EscapedFragment()); err != nil {
			return "", fmt.Errorf("authorization response: %w", err)
		}
	}
	if params.Get(name) == "" {
		return "", fmt.Errorf("no %s in the authorization response: %s", name, params.Get("error"))
	}
	return params.Get(name), nil
}

// hidden gives the hidden fields of a page.
func (a *answer) hidden() url.Values {
	fields := url.Values{}
	for tokens := html.NewTokenizer(strings.NewReader(a.body)); tokens.Next() != html.ErrorToken; {
		attributes := map[string]string{}
		for _, attribute := range tokens.Token().Attr {
			attributes[attribute.Key] = attribute.Val
		}
		if attributes["type"] == "hidden" {
			fields.Set(attributes["name"], attributes["value"])
		}
	}
	return fields
}

// signIn comes as somebody new, fills in the form and takes the ID token home.
func (b *browser) signIn(ctx context.Context) error {
	b.forget()
	page, err := b.get(ctx, authorizeImplicit)
	if err != nil {
		return err
	}
	form := page.hidden()
	if form.Get("ticket") == "" {
		return fmt.Errorf("no sign-in page but status %d", page.status)
	}
	form.Set("username", b.username)
	form.Set("password", password)
	page, err = b.submit(ctx, "/sign-in", form)
	if err != nil {
		return err
	}
	if page.status != http.StatusOK || !strings.Contains(page.body, "id_token=") {
		return fmt.Errorf("sign-in: status %d, no ID token", page.status)
	}
	return nil
}

// signInAll signs everybody in and fetches an access token for each, a few at a
// time: hashing passwords is work.
func signInAll(ctx context.Context, browsers []*browser) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for _, b := range browsers {
		group.Go(func() error {
			if err := b.signIn(ctx); err != nil {
				return err
			}
			return b.codeFlow(ctx)
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	return nil
}

var errUnexpected = errors.New("not the answer that was expected")
