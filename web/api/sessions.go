package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/storage"
)

const tagSessions = "Sessions and grants"

type session struct {
	Sid        string    `json:"sid"`
	AuthTime   time.Time `json:"auth_time"`
	ACR        string    `json:"acr"`
	AMR        []string  `json:"amr"`
	LastSeenAt time.Time `json:"last_seen_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	Clients    []string  `doc:"client_id of those with a backchannel_logout_uri that know of it" json:"clients"`
}

type sessionList struct {
	Sessions []session `json:"sessions"`
}

type sessionsEnded struct {
	Ended int64 `doc:"how many sessions there were" json:"ended"`
}

func (a *API) registerSessions() {
	const path = "/consumers/{sub}/sessions"
	missing := []int{http.StatusNotFound}
	register(a, operation{
		ID: "list-sessions", Method: http.MethodGet, Path: path, Tag: tagSessions, Scope: op.ScopeSessionsRead, Errors: missing,
		Summary: "Where a consumer is signed in",
	}, a.listSessions)
	register(a, operation{
		ID: "end-sessions", Method: http.MethodDelete, Path: path, Tag: tagSessions, Scope: op.ScopeSessionsWrite, Errors: missing,
		Summary:     "Sign a consumer out everywhere",
		Description: "Codes and tokens of the sessions end with them, but those granted by offline_access; clients with a backchannel_logout_uri are told.",
	}, func(ctx context.Context, in *SubPath) (*struct{ Body sessionsEnded }, error) {
		c, err := a.find(ctx, reference{sub: in.Sub})
		if err != nil {
			return nil, err
		}
		ended, err := a.provider.Store().SignOutEverywhere(ctx, c.ID, a.audit(ctx, target{kindConsumer, c.Sub}))
		return &struct{ Body sessionsEnded }{sessionsEnded{ended}}, err
	})
	register(a, operation{
		ID: "end-session", Method: http.MethodDelete, Path: path + "/{sid}", Tag: tagSessions, Scope: op.ScopeSessionsWrite, Errors: missing,
		Summary: "End one session of a consumer",
	}, func(ctx context.Context, in *struct {
		SubPath

		Sid string `path:"sid" pattern:"^[!-~]{1,255}$"`
	},
	) (*struct{}, error) {
		c, err := a.find(ctx, reference{sub: in.Sub})
		if err != nil {
			return nil, err
		}
		err = a.provider.Store().EndSession(ctx, c.ID, in.Sid, a.audit(ctx, target{kindConsumer, c.Sub}))
		if errors.Is(err, storage.ErrNotFound) {
			return nil, notFound("session")
		}
		return nil, err
	})
}

func (a *API) listSessions(ctx context.Context, in *SubPath) (*struct{ Body sessionList }, error) {
	c, err := a.find(ctx, reference{sub: in.Sub})
	if err != nil {
		return nil, err
	}
	callOf(ctx).target = target{kindConsumer, c.Sub}
	rows, err := a.provider.Store().SessionsOf(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	list := sessionList{Sessions: []session{}}
	for _, row := range rows {
		list.Sessions = append(list.Sessions, session{
			Sid: row.Sid, AuthTime: row.AuthTime.UTC(), ACR: row.ACR, AMR: row.AMR,
			LastSeenAt: row.LastSeenAt.UTC(), ExpiresAt: row.ExpiresAt.UTC(), Clients: row.Clients,
		})
	}
	return &struct{ Body sessionList }{list}, nil
}
