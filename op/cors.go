package op

import (
	"net/http"
	"slices"

	"github.com/brandidp/idp/storage"
)

// grantOrigin lets a page of the client read the answer, if its exact origin is
// registered. Without credentials: cookies stay out.
func grantOrigin(w http.ResponseWriter, r *http.Request, client *storage.Client) bool {
	w.Header().Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" || !slices.Contains(client.WebOrigins, origin) {
		return false
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	return true
}

// preflight answers for the union of all clients' origins, since a preflight
// does not tell the client; the request itself is granted to its own client's.
func (p *Provider) preflight(credentials bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Origin")
		noStore(w)
		v, err := p.current()
		if err != nil {
			setRetryAfter(w, retryAfter)
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		origin := r.Header.Get("Origin")
		if origin == "" || !v.origins[origin] {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Access-Control-Allow-Methods", "GET, POST")
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		w.Header().Set("Access-Control-Max-Age", "600")
		if credentials {
			w.Header().Set("Access-Control-Allow-Credentials", "true")
		}
		w.WriteHeader(http.StatusNoContent)
	}
}
