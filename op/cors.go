package op

import (
	"net/http"
	"slices"

	"github.com/brandidp/idp/storage"
)

// grantOrigin lets a page of the client read the answer, if its exact origin is
// registered. Without credentials: cookies stay out.
func grantOrigin(w http.ResponseWriter, r *http.Request, client *storage.Client) {
	w.Header().Add("Vary", "Origin")
	if origin := r.Header.Get("Origin"); slices.Contains(client.WebOrigins, origin) {
		w.Header().Set("Access-Control-Allow-Origin", origin)
	}
}

// preflight answers for the union of all clients' origins, since a preflight
// does not tell the client; the request itself is granted to its own client's.
func (p *Provider) preflight(credentials bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Origin")
		noStore(w)
		v, err := p.current()
		if err != nil {
			setRetryAfter(w, 0)
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
