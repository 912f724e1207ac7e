package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/password"
)

// newPassword is what a password is set by.
type newPassword struct {
	Password string `json:"password" writeOnly:"true"`
}

// Resolve checks the password by the rules of new ones.
func (n *newPassword) Resolve(_ huma.Context, prefix *huma.PathBuffer) []error {
	if err := password.CheckNew(n.Password); err != nil {
		return []error{&huma.ErrorDetail{Location: prefix.With("password"), Message: strings.TrimPrefix(err.Error(), "password: ")}}
	}
	return nil
}

func (a *API) registerPassword() {
	register(a, operation{
		ID: "put-password", Method: http.MethodPut, Path: "/consumers/{sub}/password", Tag: tagConsumers, Scope: op.ScopeConsumersWrite,
		Summary: "Set a consumer's password, which ends their sessions and tokens", Errors: []int{http.StatusNotFound},
	}, func(ctx context.Context, in *struct {
		SubPath

		Body newPassword
	},
	) (*struct{}, error) {
		c, err := a.find(ctx, reference{sub: in.Sub})
		if err != nil {
			return nil, err
		}
		hash, err := a.provider.HashPassword(ctx, in.Body.Password)
		if err != nil {
			return nil, err
		}
		return nil, a.provider.Store().ChangePassword(ctx, c.ID, hash, a.audit(ctx, target{kindConsumer, c.Sub}))
	})
}
