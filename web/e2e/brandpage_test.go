package e2e_test

import (
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// brandPages are pages of the brand that carry the page script, and pages of
// nobody. To a browser, those on localhost are of the provider's own site and
// all others, such as www.other.localhost, of another.
type brandPages struct {
	issuer string
	port   string
	rogue  string // port of an origin that no client lists
}

// brandPage calls the method when a button is clicked, and keeps what it gets.
var brandPage = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,"><title>The brand</title>
{{if .Tag}}<script src="/tag.js"></script>
{{end}}<script src="{{.Issuer}}/token-source.js?client_id={{.Client}}"{{if .PopUp}} data-popup{{end}}></script>
<script src="/page.js"></script>
{{if .Plain}}<output id="posted">{{.Posted}}</output><iframe title="Here it is"></iframe>{{end}}
<button id="sign-in">Sign in to chat</button><button id="chat">Chat</button>`))

// The brand's own script, beside what Conversational Cloud's does: it calls the
// JS method with a callback and, for a code, a challenge.
const brandScript = `
"use strict";
window.messages = [];
addEventListener("message", (event) => window.messages.push(event.data));
window.call = (ask) => new Promise((resolve) => ask((token, error) => resolve({token, error})));
window.identify = () => new Promise((resolve) => window.lpTag.identities[0](resolve));
window.until = (ready, turns) => new Promise((resolve) => {
  const watch = setInterval(() => {
    const got = ready();
    if (got !== undefined || --turns === 0) { clearInterval(watch); resolve(got || ""); }
  }, 20);
});
window.challenge = new URLSearchParams(location.search).get("challenge") || undefined;
addEventListener("DOMContentLoaded", () => {
  const click = (id, ask) => document.getElementById(id).addEventListener("click", () => { window.got = window.call(ask) });
  click("sign-in", (callback) => window.lpGetAuthenticationToken.popup(callback, window.challenge));
  click("chat", (callback) => window.lpGetAuthenticationToken(callback, window.challenge));
});`

// tagScript is the brand's tag where it comes before the page script.
const tagScript = `window.lpTag = {site: "12345678", identities: [(callback) => callback("of the tag")]};`

// newBrandPages starts the sites.
func newBrandPages(tb testing.TB, issuer string) *brandPages {
	tb.Helper()
	start := func() string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { brandPageAt(w, r, issuer) }))
		tb.Cleanup(server.Close)
		u, err := url.Parse(server.URL)
		if err != nil {
			tb.Fatal(err)
		}
		return u.Port()
	}
	return &brandPages{issuer: issuer, port: start(), rogue: start()}
}

func brandPageAt(w http.ResponseWriter, r *http.Request, issuer string) {
	switch r.URL.Path {
	case "/page.js":
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = w.Write([]byte(brandScript))
	case "/tag.js":
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = w.Write([]byte(tagScript))
	case "/set-cookie": // a cookie that may go along with what any site fetches
		http.SetCookie(w, &http.Cookie{Name: "third", Value: "party", SameSite: http.SameSiteNoneMode, Secure: true})
	case "/cookies":
		w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		w.Header().Set("Access-Control-Allow-Credentials", "true")
		_, _ = w.Write([]byte(r.Header.Get("Cookie")))
	default:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", fmt.Sprintf(
			"default-src 'none'; img-src data:; script-src 'self' %[1]s; connect-src %[1]s http://localhost:*; frame-src *; form-action *", issuer))
		if r.URL.Path != "/plain" {
			w.Header().Set("Cross-Origin-Opener-Policy", "same-origin-allow-popups")
		}
		_ = brandPage.Execute(w, map[string]any{
			"Issuer": issuer, "Client": r.FormValue("client"), "PopUp": strings.HasPrefix(r.URL.Path, "/pop-up"), "Tag": r.URL.Path == "/tagged",
			"Plain": r.URL.Path == "/plain", "Posted": r.PostFormValue("id_token"),
		})
	}
}

// Own is the origin of the brand's pages on the provider's site, Other that of
// its pages on another.
func (b *brandPages) Own() string   { return "http://localhost:" + b.port }
func (b *brandPages) Other() string { return "http://www.other.localhost:" + b.port }

// Clients is what the brand file has to say of them.
func (b *brandPages) Clients() string {
	return fmt.Sprintf(`
clients:
  - client_id: page
    redirect_uris: ["%[1]s/chat", "%[2]s/chat", "%[1]s/plain"]
    response_types: [id_token]
    web_origins: ["%[1]s", "%[2]s"]
    web_message: true
    conversational_cloud: {variant: rfc, account_id: "12345678"}
  - client_id: page-code
    client_secret: %[3]s
    redirect_uris: ["https://liveperson.net", "%[2]s/chat"]
    web_origins: ["%[1]s", "%[2]s"]
    web_message: true
    conversational_cloud: {variant: rfc, account_id: "12345678"}
  - client_id: page-pkce
    client_secret: %[3]s
    redirect_uris: ["https://liveperson.net", "%[2]s/chat"]
    web_origins: ["%[1]s", "%[2]s"]
    web_message: true
    require_pkce: true
    conversational_cloud: {variant: rfc, account_id: "12345678"}
  - client_id: page-named
    redirect_uris: ["%[1]s/chat"]
    response_types: [id_token]
    web_origins: ["%[1]s"]
    conversational_cloud: {variant: rfc, account_id: "12345678", js_method: chat.token, js_context: window.shop}
  - client_id: page-short
    redirect_uris: ["%[1]s/chat"]
    response_types: [id_token]
    id_token_lifetime: 50s
    web_origins: ["%[1]s"]
    conversational_cloud: {variant: rfc, account_id: "12345678"}
`, b.Own(), b.Other(), secret)
}
