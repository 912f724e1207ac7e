package op

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
)

// maxRepost is how many parameters are sent again; no request has as many.
const maxRepost = 64

// repost has a form that another site's page has posted sent once more from a
// page of ours, since the browser left the SameSite=Lax cookies out: nobody
// would seem signed in, and a new binding would kill the forms that are open.
// It tells whether it has answered. What is not text would not come through a
// page intact; it is left to be refused.
func (p *Provider) repost(w http.ResponseWriter, r *http.Request, params url.Values) bool {
	if r.Method != http.MethodPost || !fromElsewhere(r, p.opts.Issuer) {
		return false
	}
	if len(params) > maxRepost {
		return false // to be refused, or answered as if nobody were signed in
	}
	page := RepostPage{Action: r.URL.Path}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		value := params.Get(name)
		if len(params[name]) > 1 || !cleanText(name) || !cleanText(value) {
			return false
		}
		page.Fields = append(page.Fields, FormField{Name: name, Value: value})
	}
	p.opts.Pages.Repost(w, r, page)
	return true
}

// fromElsewhere tells a form that another site's page has posted. What is no
// browser sends neither header. A browser too old for Sec-Fetch-Site, or on an
// http issuer, sends Origin: null from our own pages because of their
// Referrer-Policy, so null is not elsewhere; else they would repost for ever.
func fromElsewhere(r *http.Request, issuer string) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return false
	case "":
		origin := r.Header.Get("Origin")
		u, err := url.Parse(issuer)
		return origin != "" && origin != "null" && (err != nil || origin != u.Scheme+"://"+u.Host)
	default:
		return true
	}
}

// ownForms lets the forms of our pages come from our pages alone. One with
// Origin: null and no Sec-Fetch-Site may be ours (see fromElsewhere): its ticket
// decides, which opens with the binding cookie alone.
func (p *Provider) ownForms() func(http.HandlerFunc) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.ShowError(w, r, &Error{Code: "access_denied", Description: "this form belongs to another site", Status: http.StatusForbidden})
	}))
	return func(next http.HandlerFunc) http.Handler {
		protected := protection.Handler(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "null" {
				next(w, r)
				return
			}
			protected.ServeHTTP(w, r)
		})
	}
}
