package e2e_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/web/webtest"
)

// anotherName: the method is where the connector's form says, and the identity
// function comes after those of a tag that was there before.
func anotherName(t *testing.T, h *shop) {
	tab := h.signedIn(t)
	tab.Open(h.Own()+"/tagged", params("client", "page-named"))
	if got := eval[given](tab, "call((callback) => window.shop.chat.token(callback))"); subClaim(got.IDToken()) == "" {
		t.Errorf("got %s, %s", got.Token, got.Error)
	}
	if got := eval[string](tab, "typeof window.lpGetAuthenticationToken"); got != "undefined" {
		t.Errorf("the usual name is taken too: %s", got)
	}
	all := eval[[]json.RawMessage](tab, `Promise.all(lpTag.identities.map((ask) => new Promise((resolve) => ask(resolve))))`)
	if len(all) != 2 || string(all[0]) != `"of the tag"` || !strings.Contains(string(all[1]), `"loa1"`) || eval[string](tab, "lpTag.site") != "12345678" {
		t.Errorf("identities %s", all)
	}
	tab.Complaints()
}

// aboutToEnd: a token with less than a minute left is not handed over again.
func aboutToEnd(t *testing.T, h *shop) {
	tab := h.signedIn(t)
	tab.Open(h.Own()+"/chat", params("client", "page-short"))
	var subs []string
	for range 2 {
		subs = append(subs, subClaim(eval[given](tab, callMethod).IDToken()))
	}
	asked := eval[int](tab, `performance.getEntriesByName("`+h.Issuer+`/token-source").filter((e) => e.initiatorType === "fetch").length`)
	if subs[0] == "" || subs[0] != subs[1] || asked != 2 {
		t.Errorf("subs %q after %d requests, want 2", subs, asked)
	}
	tab.Complaints()
}

// loadsAndKeeps: the script asks for nothing but the token, leaves nothing behind
// and needs no looser policy than the page has, which lets no inline script run.
func loadsAndKeeps(t *testing.T, h *shop) {
	tab := h.signedIn(t)
	tab.Open(h.Own()+"/chat", params("client", "page"))
	if got := eval[given](tab, callMethod); got.IDToken() == "" {
		t.Fatalf("got %s, %s", got.Token, got.Error)
	}
	loaded := eval[[]string](tab, `performance.getEntriesByType("resource").map((e) => e.name.split("?")[0]).filter((name) => !name.startsWith("data:"))`)
	slices.Sort(loaded)
	want := []string{h.Issuer + "/token-source", h.Issuer + "/token-source.js", h.Own() + "/page.js"}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Compact(loaded)); diff != "" {
		t.Errorf("loaded (-want +got):\n%s", diff)
	}
	kept := eval[string](tab, `(async () => JSON.stringify([localStorage.length, sessionStorage.length, (await indexedDB.databases()).length,
		(await caches.keys()).length, document.cookie, window.name, Object.keys(lpTag)]))()`)
	if kept != `[0,0,0,0,"","",["identities"]]` {
		t.Errorf("kept: %s", kept)
	}
	tab.Complaints()
	eval[int](tab, `document.body.append(Object.assign(document.createElement("script"), {textContent: "window.inline = true"})), 0`)
	complaints := strings.Join(webtest.ConsoleErrors(tab.ctx), "\n")
	if got := eval[string](tab, "typeof window.inline"); got != "undefined" || !strings.Contains(complaints, "inline script") {
		t.Errorf("the page's policy lets inline scripts run: %s\n%s", got, complaints)
	}
}
