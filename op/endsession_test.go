package op_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/web/webtest"
)

// leaving has clients that have somewhere to go after a sign-out.
const leaving = `
clients:
  - client_id: leaver
    client_name: The leaver
    client_secret: secret-of-leaver-0123456789-0123456789
    redirect_uris: [https://leaver.brand.example/cb]
    response_types: [code, id_token]
    post_logout_redirect_uris: [https://leaver.brand.example/bye, "https://leaver.brand.example/bye?a=1"]
  - client_id: leaver2
    client_secret: secret-of-leaver2-0123456789-0123456789
    redirect_uris: [https://leaver2.brand.example/cb]
    response_types: [id_token]
    client_uri: https://leaver2.brand.example/
    post_logout_redirect_uris: [https://leaver2.brand.example/bye]
  - client_id: homely
    client_name: The homely
    client_secret: secret-of-homely-0123456789-0123456789
    redirect_uris: [https://homely.brand.example/cb]
    response_types: [id_token]
    client_uri: https://homely.brand.example/
  - client_id: leaving-connector
    client_secret: secret-of-connector-0123456789-0123456789
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    response_types: [id_token]
    post_logout_redirect_uris: [https://www.brand.example/bye]
    conversational_cloud: {variant: rfc}
  - client_id: audience-connector
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    response_types: [id_token]
    post_logout_redirect_uris: [https://www.brand.example/bye]
    conversational_cloud: {variant: rfc, account_id: "12345678", audience: ["acc:12345678"]}
  - client_id: leaving-app
    application_type: native
    token_endpoint_auth_method: none
    redirect_uris: ["com.brand.app:/cb"]
    response_types: [code, id_token]
    post_logout_redirect_uris: ["com.brand.app:/bye"]
`

const bye = "https://leaver.brand.example/bye"

// hintFor gives an ID token of a client about who is signed in in the browser.
func hintFor(t *testing.T, b *webtest.Browser, client, callback string) string {
	t.Helper()
	token := silent(t, b, implicitRequest("client_id", client, "redirect_uri", callback)).Get("id_token")
	if token == "" {
		t.Fatal("no ID token")
	}
	return token
}

func leaversHint(t *testing.T, b *webtest.Browser) string {
	t.Helper()
	return hintFor(t, b, "leaver", "https://leaver.brand.example/cb")
}

func endSession(b *webtest.Browser, pairs ...string) *webtest.Page {
	return b.Get("/end_session?" + with(url.Values{}, pairs...).Encode())
}

// wantSignedOut checks that nobody is signed in in the browser.
func wantSignedOut(t *testing.T, b *webtest.Browser) {
	t.Helper()
	wantError(t, b.Authorize(implicitRequest("prompt", "none")), "login_required")
}

// wantAsked checks that the page asks, that nobody was signed out by it and that
// confirming it does so, without leading anywhere; it gives the last page.
func wantAsked(t *testing.T, page *webtest.Page, status int, code string) *webtest.Page {
	t.Helper()
	b := page.Browser()
	if page.Status != status || page.Element("confirm") == nil || page.Text("error") != code || page.Target() != "" {
		t.Fatalf("status %d, error %q, target %q; want the confirmation page with %d and %q\n%s", page.Status, page.Text("error"), page.Target(), status, code, page.Body)
	}
	silent(t, b, implicitRequest("prompt", "none"))
	done := page.Submit("sign-out", nil)
	if done.Status != http.StatusOK || !strings.Contains(done.Body, "You are signed out") || done.Header.Get("Location") != "" {
		t.Errorf("confirmed: status %d, Location %q\n%s", done.Status, done.Header.Get("Location"), done.Body)
	}
	wantSignedOut(t, b)
	return done
}

func wantRedirect(t *testing.T, page *webtest.Page, target string) {
	t.Helper()
	if page.Status != http.StatusFound || page.Header.Get("Location") != target {
		t.Errorf("status %d, Location %q; want 302 and %q\n%s", page.Status, page.Header.Get("Location"), target, page.Body)
	}
}

// forge changes parts of a compact JWS: header and payload as JSON.
func forge(t *testing.T, token string, header, payload map[string]any) string {
	t.Helper()
	parts := strings.Split(token, ".")
	for i, change := range []map[string]any{header, payload} {
		if change == nil {
			continue
		}
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]any{}
		if err := json.Unmarshal(raw, &all); err != nil {
			t.Fatal(err)
		}
		maps.Copy(all, change)
		raw, err = json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		parts[i] = base64.RawURLEncoding.EncodeToString(raw)
	}
	return strings.Join(parts, ".")
}

func TestSigningOutByPost(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, leaving)
	b := amelia(t, p)
	form := params("id_token_hint", leaversHint(t, b), "post_logout_redirect_uri", bye, "state", "st")
	// The browser leaves its cookies out of another site's form.
	repost := p.Browser(t).Do(b.Request("/end_session", form, "Sec-Fetch-Site", "cross-site"))
	page := b.Post("/end_session", repost.Form("repost"))
	if page.Status != http.StatusOK || page.Target() != bye+"?state=st" { // a page, since Chromium blocks redirects after a form
		t.Errorf("status %d, target %q\n%s", page.Status, page.Target(), page.Body)
	}
	wantSignedOut(t, b)
}

// What is known about who asks decides whether it is done at once, after a question,
// and where it leads then.
//
//security:26-silent
func TestWhoMaySignOut(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, leaving)
	type outcome struct {
		request []string
		silent  bool
		target  string // after confirming, or at once
	}
	other := amelia(t, p)
	expired := leaversHint(t, other)
	rory := p.Browser(t)
	rory.Authorize(codeRequest()).SignIn("rory", rorysPassword)
	for name, test := range map[string]func(t *testing.T, b *webtest.Browser) outcome{
		"hint of this session": func(t *testing.T, b *webtest.Browser) outcome {
			return outcome{request: []string{"id_token_hint", leaversHint(t, b), "post_logout_redirect_uri", bye, "client_id", "leaver"}, silent: true, target: bye}
		},
		"address with a query": func(t *testing.T, b *webtest.Browser) outcome {
			return outcome{
				request: []string{"id_token_hint", leaversHint(t, b), "post_logout_redirect_uri", bye + "?a=1", "state", "s"},
				silent:  true, target: bye + "?a=1&state=s",
			}
		},
		"hint of a connector, by its own key": func(t *testing.T, b *webtest.Browser) outcome {
			return outcome{
				request: []string{"id_token_hint", hintFor(t, b, "leaving-connector", window), "post_logout_redirect_uri", "https://www.brand.example/bye"},
				silent:  true, target: "https://www.brand.example/bye",
			}
		},
		"hint that names its client as azp": func(t *testing.T, b *webtest.Browser) outcome {
			return outcome{
				request: []string{"id_token_hint", hintFor(t, b, "audience-connector", window), "post_logout_redirect_uri", "https://www.brand.example/bye"},
				silent:  true, target: "https://www.brand.example/bye",
			}
		},
		"hint of another session of the same person": func(t *testing.T, _ *webtest.Browser) outcome {
			return outcome{request: []string{"id_token_hint", leaversHint(t, other), "post_logout_redirect_uri", bye}, target: bye}
		},
		"hint of somebody else": func(t *testing.T, _ *webtest.Browser) outcome {
			return outcome{request: []string{"id_token_hint", leaversHint(t, rory), "post_logout_redirect_uri", bye, "state", "s"}, target: bye + "?state=s"}
		},
		"client_id alone": func(*testing.T, *webtest.Browser) outcome {
			return outcome{request: []string{"client_id", "leaver", "post_logout_redirect_uri", bye, "state", "s"}, target: bye + "?state=s"}
		},
		"client_id and no address": func(*testing.T, *webtest.Browser) outcome {
			return outcome{request: []string{"client_id", "leaver2"}, target: "https://leaver2.brand.example/bye"}
		},
		"client with a home page": func(*testing.T, *webtest.Browser) outcome {
			return outcome{request: []string{"client_id", "homely"}, target: "https://homely.brand.example/"}
		},
		"application": func(*testing.T, *webtest.Browser) outcome {
			return outcome{request: []string{"client_id", "leaving-app", "post_logout_redirect_uri", "com.brand.app:/bye"}, target: "com.brand.app:/bye"}
		},
		"nothing": func(*testing.T, *webtest.Browser) outcome { return outcome{} },
	} {
		t.Run(name, func(t *testing.T) {
			b := amelia(t, p)
			want := test(t, b)
			page := endSession(b, want.request...)
			if asked := page.Element("confirm") != nil; asked == want.silent {
				t.Fatalf("asked: %v\n%s", asked, page.Body)
			}
			if !want.silent {
				silent(t, b, implicitRequest("prompt", "none"))
				page = page.Submit("sign-out", nil)
			}
			if page.Target() != want.target {
				t.Errorf("target %q, want %q\n%s", page.Target(), want.target, page.Body)
			}
			wantSignedOut(t, b)
		})
	}
	t.Run("expired hint", func(t *testing.T) {
		p.Advance(2 * time.Hour)
		wantRedirect(t, endSession(other, "id_token_hint", expired, "post_logout_redirect_uri", bye), bye)
		wantSignedOut(t, other)
	})
	t.Run("nobody signed in", func(t *testing.T) {
		wantRedirect(t, endSession(p.Browser(t), "id_token_hint", expired, "post_logout_redirect_uri", bye, "state", "s"), bye+"?state=s")
		page := endSession(p.Browser(t), "client_id", "leaver", "post_logout_redirect_uri", bye, "state", "s")
		if page.Status != http.StatusOK || page.Target() != bye+"?state=s" || page.Header.Get("Location") != "" {
			t.Errorf("status %d, target %q", page.Status, page.Target())
		}
	})
}

//security:26-forged 26-address
func TestFaultsOfSignOutRequests(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, leaving)
	b := amelia(t, p)
	hint := leaversHint(t, b)
	code := silent(t, b, codeRequest()).Get("code")
	for name, query := range map[string]string{
		"repeated hint":            params("id_token_hint", hint).Encode() + "&" + params("id_token_hint", hint).Encode(),
		"repeated state":           params("id_token_hint", hint, "post_logout_redirect_uri", bye).Encode() + "&state=1&state=2",
		"long state":               params("id_token_hint", hint, "post_logout_redirect_uri", bye, "state", strings.Repeat("x", 17<<10)).Encode(),
		"no text":                  "state=%ff",
		"unknown client":           "client_id=stranger-9",
		"hint of another client":   params("id_token_hint", hint, "client_id", "leaver2").Encode(),
		"address of another":       params("id_token_hint", hint, "post_logout_redirect_uri", "https://leaver2.brand.example/bye").Encode(),
		"address to sign in at":    params("id_token_hint", hint, "post_logout_redirect_uri", "https://leaver.brand.example/cb").Encode(),
		"address in capitals":      params("id_token_hint", hint, "post_logout_redirect_uri", "https://LEAVER.brand.example/bye").Encode(),
		"relative address":         params("id_token_hint", hint, "post_logout_redirect_uri", "/bye").Encode(),
		"address, unknown client":  params("client_id", "stranger-9", "post_logout_redirect_uri", bye).Encode(),
		"tampered hint":            params("id_token_hint", forge(t, hint, nil, map[string]any{"aud": "leaver2"})).Encode(),
		"a code instead":           params("id_token_hint", code).Encode(),
		"hint with another secret": params("id_token_hint", forge(t, hint, map[string]any{"alg": "HS256"}, nil)).Encode(),
	} {
		page := b.Get("/end_session?" + query)
		if page.Status != http.StatusBadRequest || page.Text("error") != "invalid_request" || page.Element("confirm") == nil || page.Target() != "" {
			t.Errorf("%s: status %d, error %q, target %q", name, page.Status, page.Text("error"), page.Target())
		}
		if id := page.Text("request-id"); id == "" || !strings.Contains(p.Log.String(), id) {
			t.Errorf("%s: request id %q is in no log line", name, id)
		}
		if strings.Contains(page.Body, "stranger-9") {
			t.Errorf("%s: the page repeats what was sent", name)
		}
		nobody := p.Browser(t).Get("/end_session?" + query)
		if nobody.Status != http.StatusBadRequest || nobody.Text("error") != "invalid_request" || nobody.Header.Get("Location") != "" {
			t.Errorf("%s, nobody signed in: status %d", name, nobody.Status)
		}
	}
	silent(t, b, implicitRequest("prompt", "none")) // none of it has signed anybody out
	if strings.Contains(p.Log.String(), hint) {
		t.Error("a token is in the log")
	}
}
