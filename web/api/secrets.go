package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/storage"
)

type clientSecret struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `doc:"shown this once" json:"client_secret"`
}

func (a *API) registerSecrets() {
	register(a, operation{
		ID: "replace-client-secret", Method: http.MethodPost, Path: "/clients/{client_id}/secret", Tag: tagClients, Scope: op.ScopeClientsWrite,
		Narrowable: true, Errors: []int{http.StatusNotFound, http.StatusConflict},
		Summary: "Make a new secret for a client",
		Description: "It is shown once, and takes the place of the old one at once: who has the old one is refused within a second, and codes and tokens stay. " +
			"The secret of a client with scopes of this API is made only for those who have them.",
	}, a.replaceSecret)
}

func (a *API) replaceSecret(ctx context.Context, in *ClientPath) (*struct{ Body clientSecret }, error) {
	secret, err := brandfile.NewSecret(a.provider.Makers().Rand)
	if err != nil {
		return nil, err
	}
	made := clientSecret{ClientID: in.ClientID, ClientSecret: secret}
	caller := callOf(ctx).caller
	err = brandfile.SetSecret(ctx, a.provider.Store(), in.ClientID, secret, brandfile.ClientWrite{
		Guard: func(there *storage.Client) error { return mayMake(caller, there) },
		Audit: a.audit(ctx, target{kindClient, in.ClientID}),
	}, a.keeping(ctx, func() (int, http.Header, any) { return http.StatusOK, nil, made }))
	if errors.Is(err, brandfile.ErrNoSecret) {
		return nil, problem(http.StatusConflict, "the client has no use for a secret, by its token_endpoint_auth_method")
	}
	if err != nil {
		return nil, named(err)
	}
	return &struct{ Body clientSecret }{made}, nil
}
