package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func strangerElsewhere(t *testing.T, h *shop) { stranger(t, h, "http://evil.localhost:"+h.port) }
func strangerNextDoor(t *testing.T, h *shop)  { stranger(t, h, "http://localhost:"+h.rogue) }

// An attempt is a script by which a page tries to get a token. It gives all that
// the page has learned.
type attempt struct {
	name, script string
	// succeeds on a page that the client lists, which shows that a token would be
	// noticed.
	succeeds bool
}

// Scripts that wait for what a window or a frame shows or sends. That the brand's
// page is in it, any page can tell by the frame which that has.
const (
	landed    = `until(() => opened.closed || opened.length ? 1 : undefined, 500)`
	seen      = `(look) => { try { return look(); } catch (error) { return error.name; } finally { opened.close(); } }`
	address   = landed + `.then(() => (` + seen + `)(() => opened.location.href))`
	posted    = landed + `.then(() => (` + seen + `)(() => opened.document.getElementById("posted").textContent))`
	messaged  = `until(() => messages.length ? JSON.stringify(messages) : undefined, patience)`
	popUpSent = `until(() => opened.closed || undefined, 500).then(() => ` + messaged + `)`
	frameSent = `loaded.then(() => ` + messaged + `)`
	frameHas  = `loaded.then(() => (` + seen + `)(() => opened.document.documentElement.outerHTML))`
)

// inForm makes a form of an address's parameters and sends it to a window.
func inForm(address, target string) string {
	endpoint, _, _ := strings.Cut(address, "?")
	return fmt.Sprintf(`(() => {
		const form = Object.assign(document.createElement("form"), {method: "post", action: %q, target: %q});
		new URL(%q).searchParams.forEach((value, name) => form.append(Object.assign(document.createElement("input"), {name, value})));
		document.body.append(form);
		form.submit();
	})()`, endpoint, target, address)
}

// attempts are all that a page could try in the browser of somebody who is
// signed in.
func (h *shop) attempts() []attempt {
	all := []attempt{
		{"the method", callMethod + ".then(JSON.stringify)", true},
		{"the method's pop-up", "call(lpGetAuthenticationToken.popup).then(JSON.stringify)", true},
	}
	for _, mode := range []string{"cors", "no-cors"} {
		for _, contentType := range []string{"application/json", "text/plain", "application/x-www-form-urlencoded"} {
			all = append(all, attempt{"fetch of " + contentType + ", " + mode, fmt.Sprintf(`fetch("%s/token-source", {method: "POST", mode: %q, credentials: "include",
				headers: {"Content-Type": %q}, body: '{"client_id":"page"}'}).then((r) => r.text().then((text) => r.type + text), () => "failed")`,
				h.Issuer, mode, contentType), mode == "cors" && contentType == "application/json"})
		}
		for _, responseMode := range []string{"fragment", "form_post", "web_message"} {
			all = append(all, attempt{"fetch of the authorization endpoint, " + responseMode + ", " + mode, fmt.Sprintf(
				`fetch(%q, {mode: %q, credentials: "include"}).then((r) => r.text().then((text) => r.type + r.url + text), () => "failed")`,
				h.messageAddress(h.Own(), "prompt", "none", "response_mode", responseMode), mode), false})
		}
	}
	silent := h.messageAddress(h.Own(), "prompt", "none")
	plain := []string{"prompt", "none", "redirect_uri", h.Own() + "/plain", "response_mode"}
	fragment, formPost := h.messageAddress(h.Own(), append(plain, "fragment")...), h.messageAddress(h.Own(), append(plain, "form_post")...)
	in := func(kind, open, result string, succeeds bool) {
		name := fmt.Sprintf("%s %d", kind, len(all))
		window := fmt.Sprintf("const opened = open('', %q)", name)
		if strings.Contains(kind, "frame") {
			window = fmt.Sprintf(`const frame = Object.assign(document.createElement("iframe"), {name: %q});
				document.body.append(frame);
				const opened = frame.contentWindow;
				const loaded = new Promise((resolve) => { frame.onload = resolve })`, name)
		}
		if strings.HasPrefix(kind, "a form") {
			open = inForm(open, name)
		} else {
			open = fmt.Sprintf("opened.location = %q", open)
		}
		all = append(all, attempt{name, fmt.Sprintf("(() => { %s; %s; return %s; })()", window, open, result), succeeds})
	}
	in("a frame for a message", silent, frameSent, true)
	in("a frame for its address", fragment, address, true)
	in("a frame for what is posted", formPost, frameHas, false)
	in("a form in a frame", silent, frameSent, false)
	for _, kind := range []string{"a pop-up for ", "a form in a pop-up for "} {
		in(kind+"a message", h.messageAddress(h.Own()), popUpSent, true)
		in(kind+"its address", fragment, address, true)
		in(kind+"what is posted", formPost, posted, true)
	}
	return all
}

// noStranger makes the attempts from a page that the client lists.
func noStranger(t *testing.T, h *shop) {
	tab := h.signedIn(t)
	for _, try := range h.attempts() {
		tab.Open(h.Own()+"/chat", params("client", "page"))
		patience := 15
		if try.succeeds {
			patience = 500
		}
		if got := eval[string](tab, fmt.Sprintf("window.patience = %d, %s", patience, try.script)); strings.Contains(got, "eyJ") != try.succeeds {
			t.Errorf("%s: a token is %v, want %v: %.200s", try.name, !try.succeeds, try.succeeds, got)
		}
	}
}

// stranger makes them from a page of an origin that no client lists.
func stranger(t *testing.T, h *shop, origin string) {
	t.Helper()
	tab := h.signedIn(t)
	for _, try := range h.attempts() {
		tab.Open(origin+"/chat", params("client", "page"))
		if got := eval[string](tab, "window.patience = 15, "+try.script); strings.Contains(got, "eyJ") || strings.Contains(got, "id_token") {
			t.Errorf("%s: %s", try.name, got)
		}
	}
	// A form that goes to the token source itself has no page of ours to read it.
	for _, fields := range []string{`{"client_id":"page","x":"=x"}`, "client_id=page"} {
		for _, enctype := range []string{"text/plain", "application/x-www-form-urlencoded"} {
			tab.Open(origin+"/chat", params("client", "page"))
			name, value, _ := strings.Cut(fields, "=")
			tab.Do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`(() => {
				const form = document.createElement("form");
				Object.assign(form, {method: "post", action: "%s/token-source", enctype: %q});
				form.append(Object.assign(document.createElement("input"), {name: %q, value: %q}));
				document.body.append(form);
				form.submit();
			})()`, h.Issuer, enctype, name, value)), chromedp.WaitReady(chromedp.CSS("pre")))
			if got := eval[string](tab, "document.body.innerText"); !strings.Contains(got, "access_denied") || strings.Contains(got, "ey") {
				t.Errorf("a form: %s", got)
			}
		}
	}
}
