package inspect_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/op/liveperson/inspect"
)

// provider serves documents by path; %s stands for its own address.
func provider(tb testing.TB, documents map[string]string) string {
	tb.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	tb.Cleanup(server.Close)
	for path, document := range documents {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, strings.ReplaceAll(document, "%s", server.URL))
		})
	}
	mux.HandleFunc("GET /moved/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/.well-known/openid-configuration", http.StatusFound)
	})
	return server.URL
}

const discoveryPath = "/.well-known/openid-configuration"

func TestFetchKeys(t *testing.T) {
	t.Parallel()
	document := func(kid string) string {
		return `{"keys":[` + string(jwk(t, jose.JSONWebKey{Key: brandKey.Public(), KeyID: kid})) + `]}`
	}
	address := provider(t, map[string]string{
		discoveryPath:          `{"issuer":"%s","jwks_uri":"%s/jwks.json?all=1"}`,
		"/jwks.json":           document("one"),
		"/jwks/messaging.json": document("two"),
	})
	for client, want := range map[string]inspect.Verdict{"": inspect.Accepted, "messaging": inspect.Refused} {
		keys, err := inspect.FetchKeys(t.Context(), address, client)
		if err != nil {
			t.Fatal(err)
		}
		opts := options(t)
		opts.Keys = keys
		if report := inspect.Token(good(t), opts); report.Verdict != want {
			t.Errorf("client %q: %s, %q", client, report.Verdict, faults(report))
		}
	}
	if _, err := inspect.FetchKeys(t.Context(), address, "other"); err == nil || !strings.Contains(err.Error(), "status 404") || !strings.Contains(err.Error(), "no connector of that name") {
		t.Errorf("a client that is unknown: %v", err)
	}
}

func TestFetchKeysRefuses(t *testing.T) {
	t.Parallel()
	address := provider(t, map[string]string{
		discoveryPath:              `{"issuer":"%s"}`,
		"/text" + discoveryPath:    "hello",
		"/else" + discoveryPath:    `{"issuer":"https://else.example","jwks_uri":"%s/jwks.json"}`,
		"/long" + discoveryPath:    strings.Repeat(" ", 70<<10),
		"/outside" + discoveryPath: `{"issuer":"%s/outside","jwks_uri":"http://192.0.2.1/jwks.json"}`,
		"/nokeys" + discoveryPath:  `{"issuer":"%s/nokeys","jwks_uri":"%s/nokeys/jwks.json"}`,
		"/nokeys/jwks.json":        "hello",
		"/single" + discoveryPath:  `{"issuer":"%s/single","jwks_uri":"%s/single/jwks.json"}`,
		"/single/jwks.json":        string(jwk(t, jose.JSONWebKey{Key: brandKey.Public(), KeyID: "one"})),
	})
	for issuer, says := range map[string]string{
		address + "/text":          "no discovery document",
		address + "/else":          "calls itself",
		address + "/long":          "longer than 64 KB",
		address + "/moved":         "status 302",
		address + "/missing":       "status 404",
		address + "/outside":       "must be https",
		address + "/nokeys":        "neither a JWK nor a key set",
		address + "/single":        "no key set",
		address + "?a=b":           "query",
		address:                    "the address must be",
		"http://192.0.2.1":         "must be https",
		"http://localhost.example": "must be https",
		"http://[::ffff:7f00:1]":   "must be https",
		"ftp://localhost":          "must be https",
		"https://a:b@id.example":   "credentials",
		"id.brand.example":         "the address must be",
		"http://127.0.0.1:1":       "does not answer",
	} {
		if _, err := inspect.FetchKeys(t.Context(), issuer, ""); err == nil || !strings.Contains(err.Error(), says) || errors.Is(err, inspect.ErrUnreachable) != (says == "does not answer") {
			t.Errorf("%s: %v", issuer, err)
		}
	}
}
