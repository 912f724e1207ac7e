package op_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/brandidp/idp/storage"
)

// FuzzRedirect sends a registered address with an edit, or any other, to the
// authorization endpoint. Wherever the answer leads is the address that was sent and,
// as a browser reads it, one that the client has registered: only the port differs for
// an application, and the query for a legacy window. (FuzzRedirectURI has the
// comparison alone, which is many times faster.)
func FuzzRedirect(f *testing.F) {
	p, b := fuzzed(f, legacyBrand, delegationBrand)
	clients, err := p.Store.Clients(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	addresses := map[string][]string{}
	for _, client := range clients {
		addresses[client.ClientID] = slices.Concat(client.RedirectURIs, client.Callbacks())
	}
	for _, clientID := range []string{"site", "app", "legacy", "legacy-query", "delegating"} {
		for i, address := range addresses[clientID] {
			host := strings.Index(address, ":") + 1 + len("//")
			end := host + strings.IndexAny(address[host:]+"/", "/?")
			f.Add(clientID, uint8(i), uint16(0), uint16(0), "", "")
			f.Add(clientID, uint8(i), uint16(end), uint16(0), ":5000", "form_post")
			f.Add(clientID, uint8(i), uint16(end), uint16(0), "@evil.example", "fragment")
			f.Add(clientID, uint8(i), uint16(host), uint16(end-host), "evil.example", "query")
		}
		for _, mode := range []string{"query", "fragment", "form_post"} {
			f.Add(clientID, uint8(0), uint16(0), uint16(0), "", mode)
		}
		end := uint16(len(addresses[clientID][0]))
		for _, put := range []string{"?a=1", "?a='{|}", "?a#x", "#x", "\r\nx: y", "\xff", "%0d%0a", "\\", `"><a id=continue href=x>`} {
			f.Add(clientID, uint8(0), end, uint16(0), put, "")
		}
	}
	f.Fuzz(func(t *testing.T, clientID string, registered uint8, start, length uint16, put, mode string) {
		i := slices.IndexFunc(clients, func(c *storage.Client) bool { return c.ClientID == clientID })
		if i < 0 {
			return
		}
		client, all := clients[i], addresses[clientID]
		address := all[int(registered)%len(all)]
		from := min(int(start), len(address))
		address = address[:from] + put + address[min(from+int(length), len(address)):]
		request := params("client_id", clientID, "redirect_uri", address, "response_mode", mode, "scope", "openid", "nonce", "no", "state", "st", "prompt", "none")
		b := b.For(t)
		led := false
		for _, responseType := range client.ResponseTypes {
			page := b.Authorize(with(request, "response_type", responseType))
			target := page.Target()
			if target == "" {
				if page.Status/100 != 4 || page.Text("error") == "" {
					t.Errorf("%s: status %d for %.300q", clientID, page.Status, address)
				}
				continue
			}
			led = true
			answer, sent := strings.CutPrefix(target, address)
			if !sent || answer != "" && !strings.ContainsAny(answer[:1], "?&#") || answer == "" && page.Element("form-post") == nil || page.Status >= http.StatusBadRequest {
				t.Errorf("%s: status %d, target %.300q for %.300q", clientID, page.Status, target, address)
			}
			if !slices.ContainsFunc(all, func(registered string) bool { return samePlace(t, client, registered, address) }) {
				t.Errorf("%s: target %.300q", clientID, target)
			}
		}
		if !led && mode == "" && slices.Contains(all, address) {
			t.Errorf("%s: nothing leads to %s, which is registered", clientID, address)
		}
	})
}

// samePlace tells whether a browser takes an address to where another is registered.
func samePlace(t *testing.T, client *storage.Client, registered, address string) bool {
	t.Helper()
	want, err := url.Parse(registered)
	if err != nil {
		t.Fatal(err)
	}
	got, err := url.Parse(address)
	if err != nil || got.User != nil || strings.Contains(address, "#") || strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r == '\\' || r > '~' }) {
		return false
	}
	native, isLegacy := client.ApplicationType == "native", client.ConversationalCloud.Legacy()
	return got.Scheme == want.Scheme && got.Opaque == want.Opaque && got.EscapedPath() == want.EscapedPath() &&
		(got.Host == want.Host || native && want.Scheme == "http" && got.Hostname() == want.Hostname()) &&
		(got.RawQuery == want.RawQuery || isLegacy && want.RawQuery == "" && strings.HasPrefix(registered, "https://lpcdn.lpsnmedia.net/"))
}
