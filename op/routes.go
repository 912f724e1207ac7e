package op

import "net/http"

// Routes hangs every protocol endpoint below the issuer's path. A wrong method
// is answered by the mux, 405 with Allow.
func (p *Provider) Routes(mux *http.ServeMux) {
	base := p.basePath
	mux.HandleFunc("GET "+base+"/.well-known/openid-configuration", p.Discovery)
	mux.HandleFunc("GET "+base+"/jwks.json", p.JWKS)
	mux.HandleFunc("GET "+base+"/jwks/{file}", p.ClientJWKS)
	mux.HandleFunc("GET "+base+"/authorize", p.Authorize)
	mux.HandleFunc("POST "+base+"/authorize", p.Authorize)
	mux.Handle("POST "+base+endpointToken, p.guard(endpointToken, checkGrantType))
	mux.Handle("OPTIONS "+base+endpointToken, p.preflight(false))
	mux.Handle("POST "+base+endpointIntrospect, p.guard(endpointIntrospect, checkToken))
	mux.Handle("POST "+base+endpointRevoke, p.guard(endpointRevoke, checkToken))
	mux.Handle("OPTIONS "+base+endpointRevoke, p.preflight(false))
	mux.HandleFunc("GET "+base+"/userinfo", p.UserInfo)
	mux.HandleFunc("POST "+base+"/userinfo", p.UserInfo)
	mux.Handle("OPTIONS "+base+"/userinfo", p.preflight(false))
	mux.HandleFunc("GET "+base+"/end_session", p.EndSession)
	mux.HandleFunc("POST "+base+"/end_session", p.EndSession)
	mux.HandleFunc("POST "+base+"/token-source", p.TokenSource)
	mux.Handle("OPTIONS "+base+"/token-source", p.preflight(true))

	// The forms of our pages take nothing from another site.
	own := p.ownForms()
	mux.Handle("POST "+base+"/sign-in", own(p.SignIn))
	mux.Handle("POST "+base+"/continue", own(p.Continue))
	mux.Handle("POST "+base+"/consent", own(p.Consent))
	mux.HandleFunc("GET "+base+pathContinueLogin, p.ContinueLogin)
	mux.HandleFunc("GET "+base+pathContinueLogout, p.ContinueLogout)
	mux.HandleFunc("HEAD "+base+pathContinueLogin, getAlone) // which GET takes as well, and would use the verifier up
	mux.HandleFunc("HEAD "+base+pathContinueLogout, getAlone)
	mux.HandleFunc("GET "+base+"/consents", p.Consents)
	mux.Handle("POST "+base+"/consents", own(p.Withdraw))
}

// getAlone answers HEAD where GET does something.
func getAlone(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Allow", http.MethodGet)
	w.WriteHeader(http.StatusMethodNotAllowed)
}
