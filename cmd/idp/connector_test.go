package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/web/webtest"
)

// connected is an installation with the connector messaging-code, an ordinary
// client and the consumers of brandYAML.
func connected(t *testing.T) (i *installation, secret string) {
	t.Helper()

	i = newInstallation(t)
	i.environ = append(i.environ, "IDP_ISSUER=https://id.brand.example")
	applied := i.run(strings.Replace(brandYAML, "consumers:", `  - client_id: site
    redirect_uris: [https://www.brand.example/cb]
    response_types: [code, id_token]
consumers:`, 1), "apply", "-f", "-", "--json")

	var result struct {
		Secrets []struct {
			ClientID     string `json:"client_id"`
			ClientSecret string `json:"client_secret"`
		} `json:"secrets"`
	}

	decode(t, applied, &result)

	return i, result.Secrets[0].ClientSecret
}

//contract:1.6-choice 1.6-no-discovery 5.2-fields 5.2-secret 5.3-public
//security:1-unset 2-own-keys
func TestConnectorSettings(t *testing.T) {
	t.Parallel()

	i, secret := connected(t)

	text := i.run("", "connector", "settings", "messaging-code")
	for _, want := range []string{
		"  OAuth 2.0 Authentication Type      Code Flow\n",
		"  Issuer Display Name                Messaging, code flow\n",
		"  Authentication Endpoint            https://id.brand.example/authorize\n",
		"  Client Secret                      (paste the secret that was shown",
		"  JWT Public Key                     MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A",
		"  JWKS Endpoint                      https://id.brand.example/jwks/messaging-code.json\n",
		`<script src="https://id.brand.example/token-source.js?client_id=messaging-code"></script>`,
		"\nNote: ", "Warning: conversational_cloud.account_id is not set",
	} {
		if text.code != 0 || !strings.Contains(text.stdout, want) {
			t.Errorf("want %q in\n%s%s", want, text.stdout, text.stderr)
		}
	}

	var settings connectorSettings

	decode(t, i.run("", "connector", "settings", "messaging-code", "--json"), &settings)

	if settings.ClientID != "messaging-code" || len(settings.Fields) != 13 || settings.PageTag == "" || len(settings.Warnings) != 2 {
		t.Errorf("settings: %+v", settings)
	}

	page := i.run("", "connector", "settings", "messaging-code", "--html", "-")
	if page.code != 0 || strings.Contains(page.stdout+text.stdout, secret) {
		t.Errorf("the page: %+v", page)
	}

	for args, want := range map[string]string{
		"site":                           `client "site": it has no conversational_cloud block`,
		"nobody":                         `client "nobody": not found`,
		"":                               "takes one argument",
		"messaging-code --json --html -": "none of the others can be",
		"messaging-code --html /nowhere/page.html": "write the page: open /nowhere/page.html",
	} {
		if got := i.run("", append([]string{"connector", "settings"}, strings.Fields(args)...)...); got.code != 1 || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: %+v", args, got)
		}
	}
}

// The page copies each value, loads nothing and breaks no rule of its policy.
//
//contract:5.2-copy
func TestConnectorPage(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)
	file := filepath.Join(i.dir, "messaging.html")

	if got := i.run("", "connector", "settings", "messaging-code", "--html", file); got.code != 0 || got.stdout != "" {
		t.Fatalf("%+v", got)
	}

	var settings connectorSettings

	decode(t, i.run("", "connector", "settings", "messaging-code", "--json"), &settings)

	want := []string{}

	for _, field := range settings.Fields {
		if field.Value != "" && !field.Choice {
			want = append(want, field.Value)
		}
	}

	want = append(want, settings.PageTag)

	ctx := webtest.Chromium(t)

	do := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()

		if err := chromedp.Do(ctx, actions...); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(expression string) string {
		t.Helper()

		answer, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
		if err != nil {
			t.Fatal(err)
		}

		return answer
	}

	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		_, err := chromedp.CallBrowser(ctx, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: name}, Setting: browser.PermissionSettingGranted,
			BrowserContextID: chromedp.FromContext(ctx).BrowserContextID,
		})
		if err != nil {
			t.Fatal(err)
		}
	}

	do(chromedp.Navigate("file://" + file))

	var got []string

	for n := range want {
		button := fmt.Sprintf("button-%d", n)
		ask(fmt.Sprintf(`document.getElementById("status").textContent = ""; document.querySelectorAll("button")[%d].id = %q`, n, button))
		do(chromedp.Click(chromedp.ID(button)), chromedp.WaitVisible(chromedp.ID("status"))) // which says so once it is copied

		got = append(got, ask("navigator.clipboard.readText()"))
	}

	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("copied (-want +got):\n%s", diff)
	}

	// Where a page may not copy, the value is selected.
	ask(`Object.defineProperty(navigator, "clipboard", { value: undefined }); ""`)
	do(chromedp.Click(chromedp.ID("button-0")))

	if selected := ask("getSelection().toString()"); selected != want[0] {
		t.Errorf("selected %q", selected)
	}

	if complaints := webtest.ConsoleErrors(ctx); complaints != nil {
		t.Errorf("the console says %q", complaints)
	}
}
