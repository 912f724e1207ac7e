package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/storage"
)

type grant struct {
	ClientID      string         `json:"client_id"`
	ClientName    string         `json:"client_name,omitempty"`
	Scope         string         `doc:"what the consumer was asked and has allowed" json:"scope,omitempty"`
	AllowedAt     *time.Time     `json:"allowed_at,omitempty"`
	RefreshTokens []refreshToken `json:"refresh_tokens"`
}

type refreshToken struct {
	Sid       string    `json:"sid"`
	Scope     string    `json:"scope"`
	Offline   bool      `doc:"granted by offline_access, so that it outlives the session" json:"offline"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

type grantList struct {
	Grants []grant `json:"grants"`
}

func (a *API) registerGrants() {
	missing := []int{http.StatusNotFound}
	register(a, operation{
		ID: "list-grants", Method: http.MethodGet, Path: "/consumers/{sub}/grants", Tag: tagSessions, Scope: op.ScopeSessionsRead, Errors: missing,
		Summary: "What clients have of a consumer: what was allowed, and refresh tokens",
	}, a.listGrants)
	register(a, operation{
		ID: "end-grant", Method: http.MethodDelete, Path: "/consumers/{sub}/grants/{client_id}", Tag: tagSessions, Scope: op.ScopeSessionsWrite,
		Narrowable: true, Errors: missing,
		Summary: "Forget what a consumer has allowed a client, and end its codes and tokens of that consumer",
	}, func(ctx context.Context, in *struct {
		SubPath

		ClientID string `path:"client_id" pattern:"^[!-~]{1,255}$"`
	},
	) (*struct{}, error) {
		c, err := a.find(ctx, reference{sub: in.Sub})
		if err != nil {
			return nil, err
		}
		err = a.provider.Store().EndGrant(ctx, c.ID, in.ClientID, a.audit(ctx, target{kindConsumer, c.Sub}))
		if errors.Is(err, storage.ErrNotFound) {
			return nil, notFound("grant")
		}
		return nil, err
	})
}

func (a *API) listGrants(ctx context.Context, in *SubPath) (*struct{ Body grantList }, error) {
	c, err := a.find(ctx, reference{sub: in.Sub})
	if err != nil {
		return nil, err
	}
	callOf(ctx).target = target{kindConsumer, c.Sub}
	rows, err := a.provider.Store().GrantsOf(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	list := grantList{Grants: []grant{}}
	for _, row := range rows {
		g := grant{ClientID: row.ClientID, ClientName: row.ClientName, Scope: strings.Join(row.Scopes, " "), RefreshTokens: []refreshToken{}}
		if !row.AllowedAt.IsZero() {
			allowed := row.AllowedAt.UTC()
			g.AllowedAt = &allowed
		}
		for _, family := range row.Families {
			g.RefreshTokens = append(g.RefreshTokens, refreshToken(family))
		}
		list.Grants = append(list.Grants, g)
	}
	return &struct{ Body grantList }{list}, nil
}
