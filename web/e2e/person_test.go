package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A person with a browser of few gifts: it keeps cookies and fills in forms. It
// gives errors instead of failing, for those who come while the provider dies.
type person struct {
	Issuer, Username, Password string
	Client                     *http.Client
}

func newPerson(issuer, username, password string) *person {
	jar, _ := cookiejar.New(nil) // never fails
	return &person{Issuer: issuer, Username: username, Password: password, Client: &http.Client{
		Jar:           jar,
		Timeout:       startLimit,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// member is one of a crowd.
func member(issuer string, i int) *person {
	return newPerson(issuer, fmt.Sprintf("user%d", i), passwordOf(i))
}

// A reply is a response, read whole.
type reply struct {
	Status int
	Header http.Header
	Body   string
}

// Authorize sends an authorization request.
func (p *person) Authorize(ctx context.Context, params url.Values) (*reply, error) {
	return p.get(ctx, p.Issuer+"/authorize?"+params.Encode())
}

var (
	ticketField  = regexp.MustCompile(`name="ticket" value="([^"]*)"`)
	continueLink = regexp.MustCompile(`<a id="continue"[^>]* href="([^"]*)"`)
)

// SignIn fills in the sign-in form of a page.
func (p *person) SignIn(ctx context.Context, page *reply) (*reply, error) {
	ticket := ticketField.FindStringSubmatch(page.Body)
	if ticket == nil || !strings.Contains(page.Body, `<form id="sign-in"`) {
		return nil, fmt.Errorf("no sign-in form (status %d): %s", page.Status, page.Body)
	}
	return p.post(ctx, p.Issuer+"/sign-in", params("ticket", ticket[1], "username", p.Username, "password", p.Password))
}

// Return is Authorize and, where a person is asked, SignIn. It gives where the
// browser is sent then.
func (p *person) Return(ctx context.Context, params url.Values) (*url.URL, error) {
	page, err := p.Authorize(ctx, params)
	if err == nil && page.Status == http.StatusOK {
		page, err = p.SignIn(ctx, page)
	}
	if err != nil {
		return nil, err
	}
	return page.Target()
}

// Target is where a page sends the browser.
func (r *reply) Target() (*url.URL, error) {
	target := r.Header.Get("Location")
	if link := continueLink.FindStringSubmatch(r.Body); link != nil {
		target = html.UnescapeString(link[1])
	}
	if target == "" {
		return nil, fmt.Errorf("the page leads nowhere (status %d): %s", r.Status, r.Body)
	}
	return url.Parse(target)
}

// RetryAfter is the wait that was announced, 0 for none.
func (r *reply) RetryAfter() time.Duration {
	seconds, _ := strconv.Atoi(r.Header.Get("Retry-After")) // 0 where there is none
	return time.Duration(seconds) * time.Second
}

// JSON reads the body.
func (r *reply) JSON(into any) error {
	if err := json.Unmarshal([]byte(r.Body), into); err != nil {
		return fmt.Errorf("status %d, %w: %s", r.Status, err, r.Body)
	}
	return nil
}

// response is what an authorization response says, in query or fragment.
func response(target *url.URL) url.Values {
	values, _ := url.ParseQuery(target.EscapedFragment()) // what cannot be read is missing
	maps.Copy(values, target.Query())
	return values
}

// visit sends an authorization request that a library has made, signs in where
// asked, and gives the authorization response.
func visit(tb testing.TB, p *person, address string) url.Values {
	tb.Helper()
	u, err := url.Parse(address)
	if err != nil {
		tb.Fatal(err)
	}
	target, err := p.Return(tb.Context(), u.Query())
	if err != nil {
		tb.Fatal(err)
	}
	return response(target)
}

func (p *person) get(ctx context.Context, address string) (*reply, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return p.do(request)
}

func (p *person) post(ctx context.Context, address string, form url.Values) (*reply, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return p.do(request)
}

func (p *person) do(request *http.Request) (*reply, error) {
	response, err := p.Client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // read whole, or of no interest
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	return &reply{Status: response.StatusCode, Header: response.Header, Body: string(body)}, nil
}

// redeem redeems a code as the client basic does, from its own machine.
func redeem(ctx context.Context, issuer, code string) (*reply, error) {
	form := params("grant_type", "authorization_code", "code", code, "redirect_uri", callback)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, issuer+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth("basic", url.QueryEscape(secret))
	return newPerson(issuer, "", "").do(request)
}

// userinfo asks the userinfo endpoint for the sub.
func userinfo(ctx context.Context, issuer, accessToken string) (sub string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, issuer+"/userinfo", nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+accessToken)
	answer, err := newPerson(issuer, "", "").do(request)
	if err != nil {
		return "", err
	}
	if answer.Status != http.StatusOK {
		return "", fmt.Errorf("status %d: %s", answer.Status, answer.Body)
	}
	var claims struct{ Sub string }
	return claims.Sub, answer.JSON(&claims)
}
