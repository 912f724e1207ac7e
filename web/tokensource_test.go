package web_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/web/webtest"
)

const connectors = `
clients:
  - client_id: embedded
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    response_types: [id_token]
    web_origins: [https://www.brand.example]
    conversational_cloud: {variant: rfc}
  - client_id: elsewhere
    redirect_uris: [https://liveperson.net, https://www.other.example/a, https://www.other.example/b, https://shop.other.example/]
    response_types: [code, id_token]
    web_origins: [https://www.other.example, https://shop.other.example, https://www.brand.example]
    scope: openid email
    web_message: true
    conversational_cloud: {variant: rfc, js_method: chat.token, js_context: window.brand}
`

// What the script of a client is made with, at its end.
var scriptConfig = regexp.MustCompile(`\}\)\((\{.*\})\);\n$`)

//contract:3.1-default 3.1-named
//security:5-kept
func TestPageScriptIsMadeForItsClient(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, connectors)
	for client, want := range map[string]map[string]any{
		"embedded": {
			"client_id": "embedded", "response_type": "id_token", "scope": "openid profile email address phone", "web_message": map[string]any{},
			"js_method": "lpGetAuthenticationToken", "js_context": "window",
		},
		"elsewhere": {
			"client_id": "elsewhere", "response_type": "code", "scope": "openid email",
			"web_message": map[string]any{"https://www.other.example": "https://www.other.example/a", "https://shop.other.example": "https://shop.other.example/"},
			"js_method":   "chat.token", "js_context": "window.brand",
		},
	} {
		want["issuer"], want["endpoint"], want["authorization_endpoint"] = p.Issuer, p.Issuer+"/token-source", p.Issuer+"/authorize"
		page := p.Browser(t).Get("/token-source.js?client_id=" + client)
		found := scriptConfig.FindStringSubmatch(page.Body)
		if found == nil {
			t.Fatalf("%s: status %d\n%s", client, page.Status, page.Body)
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(found[1]), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", client, diff)
		}
		h := page.Header
		if !strings.HasPrefix(h.Get("Content-Type"), "text/javascript") || !strings.HasPrefix(h.Get("Cache-Control"), "public, ") || h.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
			t.Errorf("%s: %v", client, h)
		}
		var compressed bytes.Buffer
		w := gzip.NewWriter(&compressed)
		_, _ = w.Write([]byte(page.Body)) // into memory
		_ = w.Close()
		if compressed.Len() >= 4<<10 {
			t.Errorf("%s: %d bytes compressed, want less than 4 KB", client, compressed.Len())
		}
		for _, word := range []string{"eval(", "Function(", "innerHTML", "document.write", "import(", "import ", "require(", "localStorage", "sessionStorage", "indexedDB", "caches", "cookie", "BroadcastChannel", "Worker", "postMessage"} {
			if strings.Contains(page.Body, word) {
				t.Errorf("%s: the script has %s", client, word)
			}
		}
	}
}

func TestDeclarationsOfThePageScript(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, connectors)
	page := p.Browser(t).Get("/token-source.d.ts")
	if page.Status != http.StatusOK || page.Header.Get("Content-Type") != "text/plain; charset=utf-8" || !strings.Contains(page.Body, "lpGetAuthenticationToken?: TokenSource.Method") {
		t.Errorf("status %d, %v\n%s", page.Status, page.Header, page.Body)
	}
}
