package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"
)

// apacheConf is a site that mod_auth_openidc guards, in front of a program that
// reads who is there from headers.
var apacheConf = template.Must(template.New("").Parse(`
ServerRoot {{.Dir}}
ServerName 127.0.0.1
Listen 127.0.0.1:{{.Port}}
DefaultRuntimeDir {{.Dir}}
PidFile {{.Dir}}/pid
ErrorLog {{.Dir}}/error.log
{{range .Modules}}LoadModule {{.}}_module /usr/lib/apache2/modules/mod_{{.}}.so
{{end}}User www-data
Group www-data

OIDCProviderMetadataURL {{.Issuer}}/.well-known/openid-configuration
OIDCProviderTokenEndpointAuth client_secret_basic
OIDCClientID apache
OIDCClientSecret "{{.Secret}}"
OIDCRedirectURI {{.URL}}/oidc/callback
OIDCScope "openid profile email offline_access"
OIDCPKCEMethod S256
OIDCCookieSameSite On
OIDCPassRefreshToken On
OIDCCryptoPassphrase "nothing of value is kept by it"

<Location />
	AuthType openid-connect
	Require valid-user
</Location>
<Location /goodbye>
	AuthType None
	Require all granted
</Location>
ProxyPass /oidc !
ProxyPass / {{.Backend}}/
`))

// apachePage is the page of the program behind Apache.
var apachePage = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,"><title>A site behind mod_auth_openidc</title>
<h1 id="arrived">Arrived</h1><output id="headers">{{.}}</output>`))

// An apache is a web server with mod_auth_openidc, a process of this test.
type apache struct {
	URL, issuer string
}

// startApache runs Apache in a folder of its own.
func startApache(t *testing.T, issuer string) *apache {
	t.Helper()
	program, err := exec.LookPath("apache2")
	if err != nil {
		program = "/usr/sbin/apache2" // not in every user's PATH
	}
	if _, err := os.Stat("/usr/lib/apache2/modules/mod_auth_openidc.so"); err != nil {
		t.Fatal("Apache with mod_auth_openidc is needed for this test: apt-get install apache2 libapache2-mod-auth-openidc, or run make interop, which does it")
	}
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers, err := json.Marshal(r.Header)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = apachePage.Execute(w, string(headers)) // the browser has left
	}))
	t.Cleanup(backend.Close)

	dir, port := t.TempDir(), freePort(t)
	a := &apache{URL: fmt.Sprintf("http://127.0.0.1:%d", port), issuer: issuer}
	conf, err := os.Create(filepath.Join(dir, "apache.conf"))
	if err != nil {
		t.Fatal(err)
	}
	err = apacheConf.Execute(conf, map[string]any{
		"Dir": dir, "Port": port, "URL": a.URL, "Issuer": issuer, "Secret": secret, "Backend": backend.URL,
		"Modules": []string{"mpm_event", "authn_core", "authz_core", "authz_user", "proxy", "proxy_http", "auth_openidc"},
	})
	if err := errors.Join(err, conf.Close()); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-f", conf.Name(), "-D", "FOREGROUND")
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }() // its code says nothing that its log does not
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		<-ended
		if t.Failed() {
			log, err := os.ReadFile(filepath.Join(dir, "error.log"))
			t.Logf("%s\nerror.log of Apache (%v):\n%s", output.String(), err, tail(string(log)))
		}
	})
	eventually(t, "served by Apache", func() error {
		select {
		case <-ended:
			t.Fatal("Apache did not start")
		default:
		}
		response, err := http.Get(a.URL + "/goodbye")
		if err != nil {
			return err
		}
		return response.Body.Close()
	})
	return a
}

// Client is what the brand file has to say of the site, in its list of clients.
func (a *apache) Client() string {
	return fmt.Sprintf(`
  - client_id: apache
    client_secret: %[2]s
    require_pkce: true
    redirect_uris: ["%[1]s/oidc/callback"]
    post_logout_redirect_uris: ["%[1]s/goodbye"]
    backchannel_logout_uri: "%[1]s/oidc/callback?logout=backchannel"
    grant_types: [authorization_code, refresh_token]
`, a.URL, secret)
}

// Test lets a person sign in, refresh and sign out, here and at the provider.
func (a *apache) Test(t *testing.T) {
	t.Helper()
	tab := newTab(t)
	tab.Open(a.URL+"/a/page?of=theirs", nil)
	tab.SignIn("amelia", ameliasPassword)
	first := a.arrives(tab, "/a/page?of=theirs")
	if first.Get("Oidc_claim_sub") == "" || first.Get("Oidc_claim_name") != "Amelia Pond" || first.Get("Oidc_claim_email") != "amelia@brand.example" {
		t.Errorf("signed in: %v", first)
	}

	tab.Open(a.URL+"/oidc/callback", params("refresh", a.URL+"/refreshed", "access_token", first.Get("Oidc_access_token")))
	second := a.arrives(tab, "/refreshed")
	for _, name := range []string{"Oidc_access_token", "Oidc_refresh_token"} {
		if second.Get(name) == "" || second.Get(name) == first.Get(name) {
			t.Errorf("after refreshing %s is %q", name, second.Get(name))
		}
	}
	sub, err := userinfo(t.Context(), a.issuer, second.Get("Oidc_access_token"))
	if err != nil || sub != first.Get("Oidc_claim_sub") {
		t.Errorf("userinfo for the new token: %q, %v", sub, err)
	}

	tab.Open(a.URL+"/oidc/callback", params("logout", a.URL+"/goodbye"))
	a.arrives(tab, "/goodbye")
	if _, err := userinfo(t.Context(), a.issuer, second.Get("Oidc_access_token")); err == nil {
		t.Error("the token was not revoked")
	}
	tab.Open(a.URL, nil)
	tab.SignIn("amelia", ameliasPassword)
	a.arrives(tab, "/")

	// Signed out at the provider, which tells Apache of it.
	tab.Open(a.issuer+"/end_session", nil)
	tab.Do(chromedp.Click(chromedp.ID("confirm")), chromedp.WaitNotPresent(chromedp.ID("sign-out")))
	eventually(t, "told of the sign-out", func() error {
		tab.Open(a.URL, nil)
		tab.Do(chromedp.WaitReady(chromedp.CSS("h1")))
		if eval[bool](tab, `document.getElementById("sign-in") === null`) {
			return errors.New("still signed in")
		}
		return nil
	})
	tab.Complaints()
}

// arrives waits for a page of the site, and gives the headers that it was asked by.
func (a *apache) arrives(tab *tab, path string) http.Header {
	tab.tb.Helper()
	tab.Arrives()
	u, err := url.Parse(ask(tab, chromedp.Location()))
	if err != nil || u.String() != a.URL+path {
		tab.tb.Errorf("at %v, want %s", u, path)
	}
	var headers http.Header
	if err := json.Unmarshal([]byte(tab.Text("headers")), &headers); err != nil {
		tab.tb.Fatal(err)
	}
	return headers
}
