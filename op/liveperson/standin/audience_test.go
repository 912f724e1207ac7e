package standin_test

import (
	"testing"

	"github.com/brandidp/idp/op/liveperson/standin"
)

// A connector may want another aud than its client id.
func TestAudienceOfAConnector(t *testing.T) {
	t.Parallel()
	b := newBrand(t, func(c *standin.Connector) { c.Audience = "acc:" + account })
	for name, test := range map[string]struct {
		aud, party any
		taken      bool
	}{
		"the audience":             {"acc:" + account, nil, true},
		"with azp":                 {"acc:" + account, clientID, true},
		"among others":             {[]string{clientID, "acc:" + account}, clientID, true},
		"the client id":            {clientID, nil, false},
		"made for another client":  {"acc:" + account, "somebody", false},
		"the audience of another":  {"acc:87654321", clientID, false},
		"several without the wish": {[]string{clientID, "somebody"}, clientID, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims := b.goodClaims()
			claims["aud"] = test.aud
			if test.party != nil {
				claims["azp"] = test.party
			}
			attempt, _, _ := b.in(t).exchange("implicit", map[string]string{"id_token": b.token(claims)})
			if (attempt.Refusal == nil) != test.taken {
				t.Errorf("refusal %v", attempt.Refusal)
			}
		})
	}
}
