package standin_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/brandidp/idp/op/liveperson/standin"
)

// The window reads its answer wherever the brand may put it.
func TestReturn(t *testing.T) {
	t.Parallel()
	b := newBrand(t, func(c *standin.Connector) { c.PKCE = c.CodeFlow })
	old := newBrand(t, func(c *standin.Connector) { c.Legacy = true })
	old.answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }
	b.redeemable()
	for name, test := range map[string]struct {
		b                    *brand
		connector, separator string
		parameter            string
	}{
		"id_token in the fragment":            {b, "implicit", "#", "id_token"},
		"token in the fragment":               {b, "implicit", "#", "token"},
		"code in the query":                   {b, "implicit", "?", "code"},
		"a real code in the query":            {b, "code", "?", "code"},
		"a real code in the fragment":         {b, "code", "#", "code"},
		"legacy, token in the query":          {old, "implicit", "&", "token"},
		"legacy, token in the fragment":       {old, "implicit", "#", "token"},
		"legacy, a real code in the query":    {old, "code", "&", "code"},
		"legacy, a real code in the fragment": {old, "code", "#", "code"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := test.b.in(t)
			request, verifier := b.launchFor(test.connector, b.visit(""), "")
			claims := b.goodClaims()
			answer := url.Values{test.parameter: {"x"}}
			if request.Has("nonce") {
				claims["nonce"] = request.Get("nonce")
			}
			if test.connector == "implicit" {
				answer.Set(test.parameter, b.token(claims))
			}
			if request.Has("state") {
				answer.Set("state", request.Get("state"))
			}
			attempt, err := b.cloud.Return(t.Context(), request.Get("redirect_uri")+test.separator+answer.Encode(), verifier)
			if test.b == old && test.connector == "code" {
				// Its token endpoint says nothing: it is enough that the code got there.
				if attempt == nil || attempt.Redemption == nil || attempt.Way != standin.WindowCode {
					t.Errorf("%+v, %v", attempt, err)
				}
				return
			}
			if err != nil || attempt.Consumer == nil {
				t.Errorf("%+v, %v", attempt, err)
			}
		})
	}
	state := url.QueryEscape(b.launch("implicit", b.visit("")).Get("state"))
	for name, test := range map[string]struct{ answer, reason string }{
		"an error":                {"?error=access_denied&state=" + state, "access_denied"},
		"an error that is none":   {"?error=%3Cscript%3E", "no word"},
		"no state":                {"#id_token=x", "configuration"},
		"nothing":                 {"#state=" + state, "id_token or a code"},
		"a parameter twice":       {"#id_token=x&id_token=y&state=" + state, "twice"},
		"not percent-encoded":     {"?id_token=%zz", "percent-encoded"},
		"no address":              {":%", "address"},
		"an unknown connector":    {"#id_token=x&state=" + strings.ReplaceAll(state, "implicit", "other"), "connector"},
		"a token nobody believes": {"#id_token=x&state=" + state, "segments"},
	} {
		address := b.api.URL + standin.WindowPath + test.answer
		if name == "no address" {
			address = test.answer
		}
		attempt, err := b.cloud.Return(t.Context(), address, "")
		var refusal *standin.RefusalError
		if !errors.As(err, &refusal) || !strings.Contains(refusal.Message, test.reason) || attempt != nil && attempt.Consumer != nil {
			t.Errorf("%s: %+v, %v", name, attempt, err)
		}
	}
}
