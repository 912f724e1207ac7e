package e2e_test

import (
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

// A site is a relying party's: of another site than the provider, to a browser.
type site struct {
	URL string
}

var sitePage = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,"><title>A relying party</title>
{{if .Callback}}<h1 id="arrived">Arrived</h1>
<script>if (window.opener) window.opener.postMessage(location.hash, "*")</script>
{{else}}<button id="open">Open the conversation</button><output id="received"></output>
<form id="form" method="post" action="{{.Action}}">
{{range $name, $values := .Fields}}<input type="hidden" name="{{$name}}" value="{{index $values 0}}">
{{end}}<button id="send">Go</button></form>
<script>
onmessage = (e) => { document.getElementById("received").textContent = e.data };
document.getElementById("open").onclick = () => {
  open(document.getElementById("form").action + location.search, "", "width=400,height=600");
};
</script>{{end}}`))

// newSite starts a site with a page that opens the provider in a window or posts
// a request to it, made of the page's own query, and with a page to come back to.
func newSite(tb testing.TB, issuer string) *site {
	tb.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = sitePage.Execute(w, map[string]any{
			"Callback": r.URL.Path == "/cb", "Action": issuer + "/authorize", "Fields": r.URL.Query(),
		})
	}))
	tb.Cleanup(server.Close)
	return &site{URL: server.URL}
}

// Callback is the site's redirect address.
func (s *site) Callback() string { return s.URL + "/cb" }

// Clients is what the brand file has to say of the site.
func (s *site) Clients() string {
	return fmt.Sprintf(`
clients:
  - client_id: site
    client_name: The shop
    client_secret: %s
    redirect_uris: [%s]
    response_types: [code, id_token]
  - client_id: app
    client_name: The app
    application_type: native
    token_endpoint_auth_method: none
    redirect_uris: ["com.brand.app:/cb"]
`, secret, s.Callback())
}

// Request makes an implicit request of the site, with further parameters.
func (s *site) Request(pairs ...string) url.Values {
	request := params("client_id", "site", "response_type", "id_token", "scope", "openid email",
		"redirect_uri", s.Callback(), "nonce", "a nonce")
	maps.Copy(request, params(pairs...))
	return request
}
