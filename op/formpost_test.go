package op_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/web/webtest"
)

const formPostBrand = `
clients:
  - client_id: posted
    client_secret: secret-of-posted-0123456789-0123456789
    redirect_uris: ["https://ts.lp.example/api/authenticate?v=1"]
    response_types: [code, id_token, id_token token]
    conversational_cloud: {variant: rfc, response_placement: form_post}
  - client_id: legacy-posted
    redirect_uris: ["https://ts.lp.example/window"]
    response_types: [token]
    conversational_cloud: {variant: legacy, response_placement: form_post}
`

// TestAnswersByFormPost checks what goes into the form, for each kind of answer,
// and that nothing stands in an address.
//
//contract:2.2-form-post 2.3-state-unchanged
//defect:2-form-post
//security:16-framed 16-form-action
func TestAnswersByFormPost(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, formPostBrand)
	b := amelia(t, p)
	const posted = "https://ts.lp.example/api/authenticate?v=1"
	for name, test := range map[string]struct {
		request []string
		fields  string
	}{
		"a code":         {[]string{"client_id", "posted", "redirect_uri", posted}, "code iss state"},
		"an ID token":    {[]string{"client_id", "posted", "redirect_uri", posted, "response_type", "id_token"}, "id_token iss state"},
		"both tokens":    {[]string{"client_id", "posted", "redirect_uri", posted, "response_type", "id_token token"}, "access_token expires_in id_token iss scope state token_type"},
		"an error":       {[]string{"client_id", "posted", "redirect_uri", posted, "prompt", "x"}, "error error_description iss state"},
		"legacy":         {[]string{"client_id", "legacy-posted", "redirect_uri", "https://ts.lp.example/window?a=1", "response_type", "token"}, "iss state token"},
		"asked for":      {[]string{"response_mode", "form_post", "response_type", "id_token"}, "id_token iss state"},
		"asked, a code":  {[]string{"response_mode", "form_post"}, "code iss state"},
		"asked, refused": {[]string{"response_mode", "form_post", "scope", "profile"}, "error error_description iss state"},
	} {
		t.Run(name, func(t *testing.T) {
			request := codeRequest(append(test.request, "state", `{"a":"<&+%25\"'"}`)...)
			page := b.Authorize(request)
			if page.Status != http.StatusOK || page.Target() != request.Get("redirect_uri") || page.Header.Get("Location") != "" {
				t.Fatalf("status %d, target %s\n%s", page.Status, page.Target(), page.Body)
			}
			answer, names := page.Answer(), []string{}
			for field := range strings.FieldsSeq("access_token code error error_description expires_in id_token iss scope state token token_type") {
				if answer.Has(field) {
					names = append(names, field)
				}
			}
			if diff := cmp.Diff(test.fields, strings.Join(names, " ")); diff != "" || len(names) != len(answer) {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if answer.Get("state") != request.Get("state") || answer.Get("iss") != p.Issuer {
				t.Errorf("state %q, iss %q", answer.Get("state"), answer.Get("iss"))
			}
			origin := "https://www.brand.example"
			if strings.HasPrefix(page.Target(), "https://ts.lp.example") {
				origin = "https://ts.lp.example"
			}
			policy := page.Header.Get("Content-Security-Policy")
			if !strings.Contains(policy, "; form-action "+origin+";") || strings.Count(policy, "form-action") != 1 ||
				!strings.Contains(policy, "frame-ancestors 'none'") {
				t.Errorf("policy %s", policy)
			}
			if page.Header.Get("Cache-Control") != "no-store" || page.Header.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("headers %v", page.Header)
			}
		})
	}
	// The settings are the default: the request may ask for another mode.
	page := b.Authorize(codeRequest("client_id", "posted", "redirect_uri", posted, "response_mode", "query"))
	if !strings.HasPrefix(page.Target(), posted+"&code=") {
		t.Errorf("response_mode query: target %s", page.Target())
	}
	page = b.Authorize(implicitRequest("client_id", "posted", "redirect_uri", posted, "response_mode", "query"))
	if wantError(t, page, "invalid_request"); !strings.HasPrefix(page.Target(), posted+"#error=") {
		t.Errorf("a token by response_mode query: target %s", page.Target())
	}
	// After a sign-in it is the same page.
	page = p.Browser(t).Authorize(codeRequest("response_mode", "form_post")).SignIn("amelia", ameliasPassword)
	if page.Target() != siteCallback || page.Answer().Get("code") == "" {
		t.Errorf("after a sign-in: status %d, target %s", page.Status, page.Target())
	}
	tokens(t, redeem(b, page.Answer().Get("code")))
}
