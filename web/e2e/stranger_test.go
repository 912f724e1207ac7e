package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func strangerElsewhere(t *testing.T, h *shop) { stranger(t, h, "http://evil.localhost:"+h.port) }
func strangerNextDoor(t *testing.T, h *shop)  { stranger(t, h, "http://localhost:"+h.rogue) }

// stranger tries all that a page of an origin that no client lists could try, in
// the browser of somebody who is signed in.
func stranger(t *testing.T, h *shop, origin string) {
	t.Helper()
	tab := h.signedIn(t)
	fresh := func() { t.Helper(); tab.Open(origin+"/chat", params("client", "page")) }
	fresh()
	if got := eval[given](tab, callMethod); got.Error != "network_error" {
		t.Errorf("the method: %s, %s", got.Token, got.Error)
	}
	if got := eval[given](tab, "call(lpGetAuthenticationToken.popup)"); got.Error != "popup_not_allowed" {
		t.Errorf("the method's pop-up: %s, %s", got.Token, got.Error)
	}
	for _, contentType := range []string{"application/json", "text/plain", "application/x-www-form-urlencoded"} {
		for _, mode := range []string{"cors", "no-cors"} {
			got := eval[string](tab, fmt.Sprintf(`fetch("%s/token-source", {method: "POST", mode: %q, credentials: "include",
				headers: {"Content-Type": %q}, body: '{"client_id":"page"}'}).then((r) => r.text().then((text) => r.type + text), () => "failed")`, h.Issuer, mode, contentType))
			if got != "failed" && got != "opaque" {
				t.Errorf("fetch of %s, %s: %s", contentType, mode, got)
			}
		}
	}
	if got := framed(tab, h.messageAddress(h.Own(), "prompt", "none")); got != "[]" {
		t.Errorf("a frame: %s", got)
	}
	// The pop-up has its answer and closes itself; the browser keeps it from us.
	for name, open := range map[string]string{
		"a pop-up": fmt.Sprintf("open(%q)", h.messageAddress(h.Own())),
		"a form in a pop-up": fmt.Sprintf(`(() => {
			const form = document.createElement("form");
			Object.assign(form, {method: "post", action: "%s/authorize", target: "w"});
			new URL(%q).searchParams.forEach((value, name) => form.append(Object.assign(document.createElement("input"), {name, value})));
			document.body.append(form);
			const opened = open("", "w");
			form.submit();
			return opened;
		})()`, h.Issuer, h.messageAddress(h.Own())),
	} {
		got := eval[string](tab, `new Promise((resolve) => {
			const opened = `+open+`;
			const watch = setInterval(() => {
				if (opened.closed) {
					clearInterval(watch);
					setTimeout(() => resolve(JSON.stringify(messages)), 100);
				}
			}, 20);
		})`)
		if got != "[]" {
			t.Errorf("%s: %s", name, got)
		}
	}
	for _, fields := range []string{`{"client_id":"page","x":"=x"}`, "client_id=page"} {
		fresh()
		name, value, _ := strings.Cut(fields, "=")
		tab.Do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`(() => {
			const form = document.createElement("form");
			Object.assign(form, {method: "post", action: "%s/token-source", enctype: "text/plain"});
			form.append(Object.assign(document.createElement("input"), {name: %q, value: %q}));
			document.body.append(form);
			form.submit();
		})()`, h.Issuer, name, value)), chromedp.WaitReady(chromedp.CSS("pre")))
		if got := eval[string](tab, "document.body.innerText"); !strings.Contains(got, "access_denied") || strings.Contains(got, "ey") {
			t.Errorf("a form: %s", got)
		}
	}
}
