package api

import (
	"context"
	"net/http"
	"time"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/storage"
)

// SidPath names a session in a path.
type SidPath struct {
	Sid string `path:"sid" pattern:"^[!-~]{1,255}$"`
}

// sessionState is a session by itself.
type sessionState struct {
	Sid        string     `json:"sid"`
	Sub        string     `json:"sub"`
	ExternalID string     `json:"external_id,omitempty"`
	AuthTime   time.Time  `json:"auth_time"`
	ACR        string     `json:"acr"`
	AMR        []string   `json:"amr"`
	CreatedAt  time.Time  `json:"created_at"`
	LastSeenAt time.Time  `json:"last_seen_at"`
	ExpiresAt  time.Time  `doc:"when it ends if it is not used"                                              json:"expires_at"`
	EndsAt     time.Time  `doc:"when it ends in any case"                                                    json:"ends_at"`
	LatestEnd  *time.Time `doc:"until when it can be extended; absent if the brand's login has not begun it" json:"latest_end,omitempty"`
}

func viewSession(s *storage.SessionState) sessionState {
	view := sessionState{
		Sid: s.Sid, Sub: s.Sub, ExternalID: s.ExternalID, AuthTime: s.AuthTime.UTC(), ACR: s.ACR, AMR: s.AMR, CreatedAt: s.CreatedAt.UTC(),
		LastSeenAt: s.LastSeenAt.UTC(), ExpiresAt: s.ExpiresAt.UTC(), EndsAt: s.EndsAt.UTC(),
	}
	if s.LatestEnd != nil {
		end := s.LatestEnd.UTC()
		view.LatestEnd = &end
	}
	return view
}

// extension is how long a session is to last.
type extension struct {
	Lifetime int64 `doc:"from now, in seconds; left out, the session only counts as used now" json:"lifetime,omitempty" maximum:"315360000" minimum:"1"`
}

func (a *API) registerBrandSessions() {
	const path = "/sessions/{sid}"
	missing := []int{http.StatusNotFound}
	register(a, operation{
		ID: "get-session", Method: http.MethodGet, Path: path, Tag: tagSessions, Scope: op.ScopeSessionsRead, Narrowable: true, Errors: missing,
		Summary: "Read a session by its sid", Description: narrowedSessions,
	}, func(ctx context.Context, in *SidPath) (*struct{ Body sessionState }, error) {
		state, err := a.provider.ReadSession(ctx, in.Sid, callOf(ctx).caller.ClientID)
		if err != nil {
			return nil, err
		}
		callOf(ctx).target = target{kindConsumer, state.Sub}
		return &struct{ Body sessionState }{viewSession(state)}, nil
	})
	register(a, operation{
		ID: "extend-session", Method: http.MethodPost, Path: path + "/extend", Tag: tagSessions, Scope: op.ScopeSessionsWrite, Narrowable: true,
		Summary: "Have a session that the brand's login has begun last longer", Errors: []int{http.StatusNotFound, http.StatusConflict},
		Description: "It lasts no longer than is configured for all sessions, counted from that sign-in, and is never made shorter. " + narrowedSessions,
	}, a.extendSession)
	register(a, operation{
		ID: "delete-session", Method: http.MethodDelete, Path: path, Tag: tagSessions, Scope: op.ScopeSessionsWrite, Narrowable: true, Errors: missing,
		Summary: "End a session by its sid", Description: "Clients that know of it, and the webhook, are told. " + narrowedSessions,
	}, func(ctx context.Context, in *SidPath) (*struct{}, error) {
		return nil, a.provider.RevokeSession(ctx, in.Sid, callOf(ctx).caller.ClientID, a.audit(ctx, target{kindConsumer, ""}))
	})
}

const narrowedSessions = "An API key for one client reaches the sessions that the brand's login has begun for that one."

func (a *API) extendSession(ctx context.Context, in *struct {
	SidPath

	Body *extension
},
) (*struct{ Body sessionState }, error) {
	keep := func(state *storage.SessionState) *storage.Claim {
		return a.keeping(ctx, func() (int, http.Header, any) { return http.StatusOK, nil, viewSession(state) })
	}
	var asked extension
	if in.Body != nil {
		asked = *in.Body
	}
	state, err := a.provider.ExtendSession(ctx, in.Sid, callOf(ctx).caller.ClientID, time.Duration(asked.Lifetime)*time.Second,
		a.audit(ctx, target{kindConsumer, ""}), keep)
	if err != nil {
		return nil, err
	}
	return &struct{ Body sessionState }{viewSession(state)}, nil
}
