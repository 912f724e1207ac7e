// Package api is the management API: what the brand's own systems do with consumers
// and connectors, over HTTP and JSON. It owns the addresses below /api, who may use
// them, and the OpenAPI document, which is made of the operations and their types. It
// holds neither SQL, which is storage's, nor protocol, which is op's, nor checks of
// consumers, which are brandfile's.
//
// An operation is hung in by register, which takes the scope that a caller needs:
// nothing else leads to a handler. Errors are problem documents (RFC 9457) that name
// every fault and repeat no value. Cookies are not looked at, and no page of another
// origin is granted anything.
package api

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"golang.org/x/sync/semaphore"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/brandfile"
)

const (
	brandfileLimit = brandfile.MaxEntryBytes
	bodyTimeout    = 30 * time.Second

	schemeBearer = "bearer"
	schemeOAuth  = "oauth2"
)

// API is the management API of one provider.
type API struct {
	provider *op.Provider
	log      *slog.Logger
	now      func() time.Time
	huma     huma.API
	mux      *mux
	limit    limit
	large    *semaphore.Weighted // of largeBodies
	anew     *semaphore.Weighted // of one: batches that are judged anew take turns
	// Both are done once, when they are first asked for: a provider starts without them.
	ready    func()
	document func() ([]byte, error)
}

// New makes the management API of a provider.
func New(provider *op.Provider, now func() time.Time, log *slog.Logger) *API {
	a := &API{provider: provider, log: log, now: now, large: semaphore.NewWeighted(largeBodies), anew: semaphore.NewWeighted(1)}
	a.ready = sync.OnceFunc(a.open)
	a.document = sync.OnceValues(func() ([]byte, error) { return json.Marshal(a.huma.OpenAPI()) })
	return a
}

// open makes the operations.
func (a *API) open() {
	install()
	a.mux = &mux{base: a.path(""), plain: http.NewServeMux(), external: http.NewServeMux(), otherwise: a.otherwise}
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Management API", Version: "1",
				Description: "For the brand's own systems: consumers, their sessions and what they have granted; clients, their secrets and the settings of " +
					"connectors; tokens for who is signed in at the brand, and sign-in and sign-out by the brand's own login; and who did what. " +
					"Errors are problem documents (RFC 9457) that list every fault of a request. A POST with an Idempotency-Key happens once within 24 hours.",
			},
			Servers:    []*huma.Server{{URL: a.provider.Issuer() + "/api/v1"}},
			Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName), SecuritySchemes: a.security()},
		},
		Formats:                      map[string]huma.Format{mediaJSON: huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat:                mediaJSON,
		RejectUnknownQueryParameters: true,
	}
	a.huma = humago.NewWithPrefix(a.mux, a.path(""), config)
	a.registerConsumers()
	a.registerBatch()
	a.registerInfo()
	a.registerPassword()
	a.registerSessions()
	a.registerBrandSessions()
	a.registerLoginChallenges()
	a.registerLogoutChallenges()
	a.registerGrants()
	a.registerEngagements()
	a.registerClients()
	a.registerSecrets()
	a.registerConnectors()
	a.registerKeys()
	a.registerKeySchedules()
	a.registerAudit()
}

// path is that of an operation, from the root of the host.
func (a *API) path(operation string) string { return a.provider.BasePath() + "/api/v1" + operation }

// Handler answers everything below /api/.
func (a *API) Handler() http.Handler {
	document := a.provider.BasePath() + "/api/openapi.json"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.ready()
		switch {
		case r.URL.Path != document:
			a.mux.ServeHTTP(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			a.otherwise(w, r, []string{http.MethodGet, http.MethodHead})
		default:
			a.writeDocument(w, r)
		}
	})
}

func (a *API) writeDocument(w http.ResponseWriter, r *http.Request) {
	document, err := a.document()
	if err != nil {
		a.write(w, r, asProblem(fmt.Errorf("write the OpenAPI document: %w", err)))
		return
	}
	w.Header().Set("Content-Type", "application/openapi+json")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(document)
}

// otherwise answers where there is no operation.
func (a *API) otherwise(w http.ResponseWriter, r *http.Request, allowed []string) {
	if len(allowed) == 0 {
		a.write(w, r, problem(http.StatusNotFound, "there is nothing at this address"))
		return
	}
	a.write(w, r, problem(http.StatusMethodNotAllowed, "this address does not take that method").with("Allow", strings.Join(allowed, ", ")))
}

// security are the two kinds of credentials.
func (a *API) security() map[string]*huma.SecurityScheme {
	scopes := map[string]string{}
	for _, scope := range op.APIScopes() {
		scopes[scope] = op.DescribeAPIScope(scope)
	}
	return map[string]*huma.SecurityScheme{
		schemeBearer: {Type: "http", Scheme: "bearer", Description: "an API key"},
		schemeOAuth: {Type: "oauth2", Flows: &huma.OAuthFlows{
			ClientCredentials: &huma.OAuthFlow{TokenURL: a.provider.Issuer() + "/token", Scopes: scopes},
		}},
	}
}

// schemaName is the name of a type in the document. Conversational Cloud has addresses
// other than those of OpenID Connect, and keys to encrypt for, not to verify with.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if strings.HasSuffix(t.PkgPath(), "/liveperson") {
		switch name {
		case "Address":
			return "ContactAddress"
		case "JWK":
			return "EncryptionJWK"
		}
	}
	return name
}
