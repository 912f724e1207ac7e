package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/liveperson"
)

// previewRequest is which ID token is asked for.
type previewRequest struct {
	Sub          string `doc:"whom it is about"                                      json:"sub,omitempty"           maxLength:"255" pattern:"^[ -~]*$"`
	ExternalID   string `doc:"the same by the identifier of the brand's own system"  json:"external_id,omitempty"   maxLength:"255" pattern:"^[ -~]*$"`
	ResponseType string `doc:"one that the client has; the first, if it is left out" json:"response_type,omitempty" maxLength:"255"`
}

// Resolve checks that one consumer is named.
func (r *previewRequest) Resolve(_ huma.Context, prefix *huma.PathBuffer) []error {
	switch {
	case r.Sub == "" && r.ExternalID == "":
		return []error{&huma.ErrorDetail{Location: prefix.With("sub"), Message: "is required, or external_id"}}
	case r.Sub != "" && r.ExternalID != "":
		return []error{&huma.ErrorDetail{Location: prefix.With("external_id"), Message: "must not be given together with sub"}}
	}
	return nil
}

func (a *API) registerConnectors() {
	register(a, operation{
		ID: "get-connector-settings", Method: http.MethodGet, Path: "/clients/{client_id}/connector-settings", Tag: tagClients, Scope: op.ScopeClientsRead,
		Narrowable: true, Errors: []int{http.StatusNotFound},
		Summary: "Every field of a connector's form in Conversational Cloud, ready to paste",
	}, func(ctx context.Context, in *ClientPath) (*struct{ Body *liveperson.ConnectorSettings }, error) {
		c, err := a.findClient(ctx, in.ClientID)
		if err != nil {
			return nil, err
		}
		callOf(ctx).target = target{kindClient, c.ClientID}
		settings, err := a.provider.ConnectorSettings(ctx, c)
		if errors.Is(err, op.ErrNoConnector) {
			return nil, problem(http.StatusNotFound, "the client is not a connector: it has no conversational_cloud block")
		}
		return &struct{ Body *liveperson.ConnectorSettings }{settings}, err
	})
	register(a, operation{
		ID: "preview-token", Method: http.MethodPost, Path: "/clients/{client_id}/token-preview", Tag: tagClients,
		// It has what is known of the consumer in it, whoever it is: so it is not for keys for one client.
		Scope: op.ScopeClientsRead + " " + op.ScopeConsumersRead, Errors: []int{http.StatusNotFound, http.StatusConflict},
		Summary:     "The ID token that a client would get about a consumer who has just signed in",
		Description: "Nothing is signed: it is no token. sid, at_hash and c_hash are random in a token and zeros here.",
	}, a.previewToken)
}

func (a *API) previewToken(ctx context.Context, in *struct {
	ClientPath

	Body previewRequest
},
) (*struct{ Body *op.Preview }, error) {
	client, err := a.findClient(ctx, in.ClientID)
	if err != nil {
		return nil, err
	}
	consumer, err := a.find(ctx, reference{in.Body.Sub, in.Body.ExternalID})
	if err != nil {
		return nil, err
	}
	preview, err := a.provider.Preview(ctx, client, consumer, in.Body.ResponseType)
	switch {
	case errors.Is(err, op.ErrResponseType):
		return nil, problem(http.StatusBadRequest, detailFaults, at("/response_type", "must be one that the client has"))
	case errors.Is(err, op.ErrConsumerDisabled):
		return nil, problem(http.StatusConflict, op.ErrConsumerDisabled.Error())
	case errors.Is(err, keys.ErrNoKey):
		return nil, problem(http.StatusConflict, "there is no signing key for this client's ID tokens")
	case err != nil:
		return nil, err
	}
	// It changes nothing, and is told as any reading of a consumer.
	a.provider.Record(callOf(ctx).caller, a.audit(ctx, target{kindConsumer, consumer.Sub}))
	return &struct{ Body *op.Preview }{preview}, nil
}
