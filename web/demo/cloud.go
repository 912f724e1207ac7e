package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"strings"

	"github.com/brandidp/idp/op/liveperson/standin"
)

// cloud is the pages of the stand-in for Conversational Cloud.
type cloud struct {
	standin   *standin.Cloud
	addresses Addresses
	tag       []byte
}

var (
	windowPage       = page("window")
	offlinePage      = page("offline")
	conversationPage = page("conversation")
	deskPage         = page("desk")
)

// NewCloud makes the site of the stand-in: its endpoints, the page of the
// external window, the tag for the brand's pages, and the agent's desk.
func NewCloud(relyingParty *standin.Cloud, addresses Addresses, connectors []standin.Connector) (http.Handler, error) {
	c := &cloud{standin: relyingParty, addresses: addresses}
	if err := c.writeTag(connectors); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	relyingParty.Routes(mux)
	mux.HandleFunc("GET /{$}", c.desk)
	mux.HandleFunc("GET /tag.js", c.serveTag)
	mux.HandleFunc("GET "+standin.WindowPath, c.window)
	mux.HandleFunc("GET /offline", c.offline)
	mux.HandleFunc("GET "+standin.ConversationPath+"{id}", c.conversation)
	mux.HandleFunc("GET /desk/{id}", c.atDesk)
	mux.Handle("POST /desk/{id}", http.NewCrossOriginProtection().Handler(http.HandlerFunc(c.agentWrites)))
	mux.Handle("GET /assets/", assets())
	// The window may stand on the brand's page and nowhere else.
	policy := "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; " +
		"base-uri 'none'; form-action 'self'; frame-ancestors " + addresses.Brand
	return guarded(addresses.Cloud, policy, mux)
}

// tagConnector is what the tag knows of a connector.
type tagConnector struct {
	JSMethod  string `json:"js_method"`
	JSContext string `json:"js_context"`
	Code      bool   `json:"code"`
	PKCE      bool   `json:"pkce"`
}

// writeTag prepares the script that the brand's pages load.
func (c *cloud) writeTag(connectors []standin.Connector) error {
	known := map[string]tagConnector{}
	for _, connector := range connectors {
		known[connector.ID] = tagConnector{connector.JSMethod, connector.JSContext, connector.CodeFlow, connector.PKCE}
	}
	config, err := json.Marshal(map[string]any{
		"cloud": c.addresses.Cloud, "window": c.standin.WindowAddress(), "account": c.standin.AccountID(), "connectors": known,
		"anonymous": standin.AnonymousConnector,
	})
	if err != nil {
		return err //nolint:wrapcheck // texts always marshal
	}
	script := must(files.ReadFile("assets/tag.js"))
	c.tag = bytes.Replace(script, []byte("__CONFIG__"), config, 1)
	return nil
}

func (c *cloud) serveTag(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	_, _ = w.Write(c.tag)
}

func (c *cloud) draw(w http.ResponseWriter, status int, t *template.Template, title string, content any) {
	draw(w, status, t, view{Site: "cloud", Title: title, Addresses: c.addresses, Page: content})
}

// window is the page of the external window. Opened by the tag it leads to the
// brand's provider; the provider leads back to it, and its script takes over.
func (c *cloud) window(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	config := query.Get("lpUnifiedWindowConfig")
	if config == "" || query.Has(standin.WindowReturnParameter) {
		c.draw(w, http.StatusOK, windowPage, "Conversation", nil)
		return
	}
	launched, err := c.standin.Launch(config, query.Get("parentWindowOrigin"))
	if refusal, refused := errors.AsType[*standin.RefusalError](err); refused {
		c.showOffline(w, refusal.Status, refusal.Message+".")
		return
	}
	if err != nil {
		c.showOffline(w, http.StatusInternalServerError, "The window cannot be opened.")
		return
	}
	c.draw(w, http.StatusOK, windowPage, "Conversation", launched)
}

// reasons are what the window says when there is no token, by the error that the
// page or the provider gave.
var reasons = map[string]string{
	"login_required": "You are not signed in. Sign in, then open the conversation again.",
	"access_denied":  "You did not sign in, so we do not know who you are.",
	"no_method":      "This page has no way to tell us who you are.",
}

func (c *cloud) offline(w http.ResponseWriter, r *http.Request) {
	reason, known := reasons[r.URL.Query().Get("reason")]
	if !known {
		reason = "We could not find out who you are. Please try again in a moment."
	}
	c.showOffline(w, http.StatusOK, reason)
}

func (c *cloud) showOffline(w http.ResponseWriter, status int, message string) {
	c.draw(w, status, offlinePage, "We are offline for you", strings.ToUpper(message[:1])+message[1:])
}
