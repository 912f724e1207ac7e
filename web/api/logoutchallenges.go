package api

import (
	"context"
	"net/http"
	"time"

	"github.com/brandidp/idp/op"
)

// logoutChallenge is whose session has ended.
type logoutChallenge struct {
	ClientID   string    `doc:"of the client that asked; absent if none is known"    json:"client_id,omitempty"`
	Sid        string    `doc:"absent, as is sub, if the session had run out before" json:"sid,omitempty"`
	Sub        string    `json:"sub,omitempty"`
	ExternalID string    `json:"external_id,omitempty"`
	ExpiresAt  time.Time `json:"expires_at"`
}

func (a *API) registerLogoutChallenges() {
	const path = "/logout-challenges/{challenge}"
	decided := []int{http.StatusNotFound, http.StatusConflict, http.StatusGone}
	register(a, operation{
		ID: "get-logout-challenge", Method: http.MethodGet, Path: path, Tag: tagHandOver, Scope: op.ScopeLogins, Narrowable: true, Errors: decided,
		Summary: "Whose session has ended, of a browser that has come to the brand's sign-out",
	}, func(ctx context.Context, in *ChallengePath) (*struct{ Body logoutChallenge }, error) {
		c, err := a.provider.LogoutChallenge(ctx, in.Challenge, callOf(ctx).caller.ClientID)
		if err != nil {
			return nil, err
		}
		callOf(ctx).target = target{kindConsumer, c.Sub}
		return &struct{ Body logoutChallenge }{logoutChallenge{c.ClientID, c.Sid, c.Sub, c.ExternalID, c.ExpiresAt.UTC()}}, nil
	})
	register(a, operation{
		ID: "accept-logout-challenge", Method: http.MethodPost, Path: path + "/accept", Tag: tagHandOver, Scope: op.ScopeLogins, Narrowable: true,
		Summary: "Let the browser go on after the brand's sign-out", Errors: decided,
	}, func(ctx context.Context, in *ChallengePath) (*goOnAnswer, error) {
		change, err := a.changeOf(ctx, target{kindConsumer, ""}, nil)
		if err != nil {
			return nil, err
		}
		return answerGoOn(a.provider.AcceptLogout(ctx, in.Challenge, callOf(ctx).caller.ClientID, change))
	})
}
