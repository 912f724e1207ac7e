package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/gorilla/sessions"
	"golang.org/x/oauth2"
)

// BrandOptions are what the brand's site is made of.
type BrandOptions struct {
	Addresses Addresses
	Secrets   Secrets
	Client    *http.Client // for the provider
	Now       func() time.Time
	Rand      io.Reader
}

// brand is the brand's site: an OpenID Connect client with a session of its own.
type brand struct {
	opts       BrandOptions
	provider   *oidc.Provider
	verifier   *oidc.IDTokenVerifier
	oauth      oauth2.Config
	endSession string
	cookies    *sessions.CookieStore
}

// The brand's cookies. Cookies do not know of ports, so the names must be its
// own on this machine.
const (
	sessionCookie = "larkspur"
	signInCookie  = "larkspur_sign_in"
)

const (
	sessionSeconds = 8 * 60 * 60
	signInSeconds  = 10 * 60
)

var homePage, failedPage = page("home"), page("failed")

// NewBrand makes the brand's site. It reads the provider's discovery document,
// so the provider has to be there.
func NewBrand(ctx context.Context, opts BrandOptions) (http.Handler, error) {
	// The provider's keys are fetched with this context for as long as the site is there.
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), opts.Client)
	provider, err := oidc.NewProvider(ctx, opts.Addresses.Provider)
	if err != nil {
		return nil, fmt.Errorf("brand's site: %w", err)
	}
	b := &brand{
		opts: opts, provider: provider,
		verifier: provider.Verifier(&oidc.Config{ClientID: siteClient, Now: opts.Now}),
		oauth: oauth2.Config{
			ClientID: siteClient, ClientSecret: opts.Secrets.Site, Endpoint: provider.Endpoint(),
			RedirectURL: opts.Addresses.Brand + "/callback", Scopes: []string{oidc.ScopeOpenID, "profile", "email"},
		},
	}
	var metadata struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := provider.Claims(&metadata); err != nil {
		return nil, fmt.Errorf("brand's site: discovery document: %w", err)
	}
	b.endSession = metadata.EndSession
	keys := make([]byte, 96)
	if _, err := io.ReadFull(opts.Rand, keys); err != nil {
		return nil, fmt.Errorf("brand's site: make keys of cookies: %w", err)
	}
	b.cookies = sessions.NewCookieStore(keys[:64], keys[64:])
	b.cookies.Options = &sessions.Options{Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", b.home)
	mux.HandleFunc("GET /sign-in", b.signIn)
	mux.HandleFunc("GET /callback", b.callback)
	mux.HandleFunc("POST /sign-out", b.signOut)
	mux.HandleFunc("GET /signed-out", b.signedOut)
	mux.Handle("GET /assets/", assets())
	return guarded(opts.Addresses.Brand, b.policy(), http.NewCrossOriginProtection().Handler(mux))
}

// policy lets the page script of the provider and the tag of the cloud run, and
// the conversation window be embedded.
func (b *brand) policy() string {
	provider, cloud := b.opts.Addresses.Provider, b.opts.Addresses.Cloud
	return strings.Join([]string{
		"default-src 'none'", "style-src 'self'", "img-src data:", "base-uri 'none'", "frame-ancestors 'none'",
		"script-src " + provider + " " + cloud, "connect-src " + provider + " " + cloud, "frame-src " + cloud,
		"form-action 'self' " + provider, // sign-out leads on to the provider
	}, "; ")
}

// homeView is what the brand's page says.
type homeView struct {
	Person      *person // nil if nobody is signed in
	Connections []connection
	// Connection is the one that was chosen, by the parameter connector.
	Connection connection
	// PopUp: the page script may open a pop-up, as on a site that the provider's
	// cookie is kept from.
	PopUp            bool
	TokenSource, Tag string
}

func (b *brand) home(w http.ResponseWriter, r *http.Request) {
	chosen := connectionNamed(r.URL.Query().Get("connector"))
	home := homeView{
		Person: b.signedIn(r), Connections: connections, Connection: chosen, PopUp: r.URL.Query().Has("pop-up"),
		TokenSource: b.opts.Addresses.Provider + "/token-source.js?client_id=" + chosen.ID,
		Tag:         b.opts.Addresses.Cloud + "/tag.js",
	}
	title := "Welcome"
	if home.Person != nil {
		title = "Hello " + home.Person.Name
	}
	draw(w, http.StatusOK, homePage, view{Site: "brand", Title: title, Addresses: b.opts.Addresses, Page: home})
}

// connectionNamed finds a connection; the first stands for those that are not there.
func connectionNamed(id string) connection {
	i := slices.IndexFunc(connections, func(c connection) bool { return c.ID == id })
	return connections[max(i, 0)]
}

// fail says politely that nobody was signed in. The cause is not for them.
func (b *brand) fail(w http.ResponseWriter, status int, message string) {
	draw(w, status, failedPage, view{Site: "brand", Title: "Not signed in", Addresses: b.opts.Addresses, Page: message})
}
