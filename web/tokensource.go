package web

import (
	_ "embed" // the script
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/brandidp/idp/op"
)

//go:embed script/token-source.js
var tokenSourceJS string

// tokenSourceConfig is what the script of one client knows. It is public.
type tokenSourceConfig struct {
	ClientID  string `json:"client_id"`
	Endpoint  string `json:"endpoint"`
	JSMethod  string `json:"js_method"`
	JSContext string `json:"js_context"`
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
			ClientID: client.ClientID, Endpoint: p.Issuer() + "/token-source",
			JSMethod: client.ConversationalCloud.JSMethod, JSContext: client.ConversationalCloud.JSContext,
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
