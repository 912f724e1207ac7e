package web

import (
	_ "embed" // the script and its types
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/brandidp/idp/op"
)

var (
	//go:embed script/token-source.js
	tokenSourceJS string
	//go:embed script/token-source.d.ts
	tokenSourceTypes string
)

// tokenSourceConfig is what the script of one client knows, as script/config.d.ts
// declares it. It is public.
type tokenSourceConfig struct {
	Issuer                string            `json:"issuer"`
	Endpoint              string            `json:"endpoint"`
	AuthorizationEndpoint string            `json:"authorization_endpoint"`
	ClientID              string            `json:"client_id"`
	ResponseType          string            `json:"response_type"`
	Scope                 string            `json:"scope"`
	JSMethod              string            `json:"js_method"`
	JSContext             string            `json:"js_context"`
	WebMessage            map[string]string `json:"web_message"` // redirect address by origin
}

// tokenSourceScript serves GET /token-source.js?client_id=…: the page script
// that defines the client's JS method and identity function. It holds nothing
// of any consumer, so it may be cached.
func tokenSourceScript(p *op.Provider) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		client, err := p.TokenSourceClient(r.URL.Query().Get("client_id"))
		if errors.Is(err, op.ErrNoClient) {
			w.Header().Set("Cache-Control", "no-store")
			http.Error(w, "client_id names no Conversational Cloud client that is registered here", http.StatusNotFound)
			return
		}
		if err != nil {
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Retry-After", "5")
			http.Error(w, "not available at the moment", http.StatusServiceUnavailable)
			return
		}
		config, err := json.Marshal(tokenSourceConfig{
			Issuer: p.Issuer(), Endpoint: p.Issuer() + "/token-source", AuthorizationEndpoint: p.Issuer() + "/authorize",
			ClientID: client.ClientID, ResponseType: op.TokenSourceResponseType(client), Scope: op.TokenSourceScope(client),
			WebMessage: op.WebMessageAddresses(client), JSMethod: client.ConversationalCloud.JSMethod, JSContext: client.ConversationalCloud.JSContext,
		})
		if err != nil {
			http.Error(w, "not available", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		w.Header().Set("Cache-Control", "public, max-age=300")
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		_, _ = strings.NewReplacer("__CONFIG__", string(config)).WriteString(w, tokenSourceJS)
	})
}

// tokenSourceDeclarations serves GET /token-source.d.ts: the types of what the
// script defines, for brands that write TypeScript.
func tokenSourceDeclarations(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = strings.NewReader(tokenSourceTypes).WriteTo(w)
}
