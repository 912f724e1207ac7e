package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/storage"
)

// engagement is what a backend of the brand asks for.
type engagement struct {
	NamedConsumer

	ClientID            string         `doc:"the connector"                                                                                             json:"client_id"                maxLength:"255"                        minLength:"1"`
	ResponseType        string         `doc:"code for a connector with the code flow, else id_token, if it is left out"                                 enum:"id_token,code"            json:"response_type,omitempty"`
	RedirectURI         string         `doc:"what a code is bound to: a registered address; https://liveperson.net if it is registered, else the first" json:"redirect_uri,omitempty"   maxLength:"2048"`
	CodeChallenge       string         `doc:"what a code is bound to (RFC 7636), as the JS method is given it"                                          json:"code_challenge,omitempty" maxLength:"128"`
	CodeChallengeMethod string         `doc:"with code_challenge"                                                                                       enum:"S256"                     json:"code_challenge_method,omitempty"`
	AuthTime            *time.Time     `doc:"when the consumer signed in at the brand; now if it is left out"                                           json:"auth_time,omitempty"`
	AMR                 []string       `doc:"how the consumer signed in there (RFC 8176)"                                                               json:"amr,omitempty"            maxItems:"16"`
	Store               bool           `doc:"keep what is sent along; needs idp:consumers:write and a credential that is not narrowed"                  json:"store,omitempty"`
	Claims              map[string]any `doc:"merged into what is stored (RFC 7396), for this token alone unless store is true; so are the other three"  json:"claims,omitempty"`
	PersonalInfo        map[string]any `json:"personal_info,omitempty"`
	CustomerInfo        map[string]any `json:"customer_info,omitempty"`
	Attributes          map[string]any `json:"attributes,omitempty"`
}

// sentAlong are the members that speak of the consumer.
var sentAlong = []string{"claims", "personal_info", "customer_info", "attributes"}

func (a *API) registerEngagements() {
	register(a, operation{
		ID: "engage", Method: http.MethodPost, Path: "/engagements/token", Tag: "Engagements", Scope: op.ScopeEngagementsWrite,
		Narrowable: true, Recorded: true, Body: reflect.TypeFor[engagement](), Errors: []int{http.StatusNotFound},
		Summary: "Get an ID token or a code for a consumer who is signed in at the brand",
		Description: "What the connector's JS method hands over. The token says acr as after a password, auth_time as it is told, and has no sid: nobody signs in here. " +
			"What is sent along never says iss, sub, aud, acr or auth_time.",
	}, a.engage)
}

func (a *API) engage(ctx context.Context, in *struct{ RawBody []byte }) (*struct{ Body op.TokenSourceAnswer }, error) {
	caller := callOf(ctx).caller
	var reached struct {
		ClientID string `json:"client_id"`
	}
	if err := json.Unmarshal(in.RawBody, &reached); !caller.MayReach(reached.ClientID) || err != nil && caller.ClientID != "" {
		return nil, notReached()
	}
	asked, along, err := a.readEngagement(in.RawBody)
	if err != nil {
		return nil, err
	}
	if asked.Store && (!caller.May(op.ScopeConsumersWrite) || caller.ClientID != "") {
		return nil, problem(http.StatusForbidden, "to store what is sent along needs the scope "+op.ScopeConsumersWrite+", and a credential that is not narrowed to a client")
	}
	request := op.Engagement{
		TokenSourceRequest: op.TokenSourceRequest{
			ClientID: asked.ClientID, ResponseType: asked.ResponseType, RedirectURI: asked.RedirectURI,
			CodeChallenge: asked.CodeChallenge, CodeChallengeMethod: asked.CodeChallengeMethod,
		},
		Consumer: storage.ConsumerKey{Sub: asked.Sub, ExternalID: asked.ExternalID}, Vouched: op.Vouched{AuthTime: asked.AuthTime, AMR: asked.AMR},
	}
	if along != nil {
		request.Details = func(stored *storage.Consumer) (*op.Details, error) { return detailsOf(stored, along) }
	}
	answer, err := a.provider.Engage(ctx, request)
	if err != nil {
		return nil, engageProblem(err)
	}
	if asked.Store && along != nil {
		if _, err := a.editConsumer(ctx, answer.Subject, Conditions{}, brandfile.Edit{Merge: true, Data: along}); err != nil {
			return nil, err
		}
	}
	call := callOf(ctx)
	call.target = target{kindConsumer, answer.Subject}
	call.after = json.RawMessage(`{"client_id":` + strconv.Quote(asked.ClientID) + `}`) // which is of plain characters
	out := &struct{ Body op.TokenSourceAnswer }{*answer}
	if claim := a.keeping(ctx, func() (int, http.Header, any) { return http.StatusOK, nil, out.Body }); claim != nil {
		err = a.provider.Store().KeepAnswer(ctx, claim)
	}
	return out, err
}

// readEngagement checks a body, all of it at once, and gives what is sent along as a
// merge patch of the consumer; nil if nothing is.
func (a *API) readEngagement(body []byte) (asked *engagement, along []byte, err error) {
	var (
		value   any
		members map[string]json.RawMessage
	)
	if json.Unmarshal(body, &value) != nil || json.Unmarshal(body, &members) != nil || members == nil {
		return nil, nil, problem(http.StatusBadRequest, detailFaults, at("", "must be a JSON object"))
	}
	registry := a.huma.OpenAPI().Components.Schemas
	result := &huma.ValidateResult{}
	huma.Validate(registry, registry.Schema(reflect.TypeFor[engagement](), true, ""), huma.NewPathBuffer([]byte("body"), len("body")), huma.ModeWriteToServer, value, result)
	p := problem(http.StatusBadRequest, detailFaults)
	for _, err := range result.Errors {
		if detail, ok := errors.AsType[*huma.ErrorDetail](err); ok {
			p.Errors = append(p.Errors, faultOf(detail))
		}
	}
	if (members["sub"] == nil) == (members["external_id"] == nil) {
		p.Errors = append(p.Errors, at("", "must have sub or external_id, and not both"))
	}
	patch := map[string]json.RawMessage{}
	for _, name := range sentAlong {
		if members[name] != nil {
			patch[name] = members[name]
		}
	}
	if len(patch) > 0 {
		if along, err = json.Marshal(patch); err != nil {
			return nil, nil, fmt.Errorf("read what is sent along: %w", err)
		}
		if _, faults := brandfile.EditConsumer(&storage.Consumer{}, brandfile.Edit{Merge: true, Data: along}); faults != nil {
			p.Errors = append(p.Errors, asProblem(faults).Errors...)
		}
	}
	if len(p.Errors) > 0 {
		return nil, nil, p
	}
	asked = &engagement{}
	if err := json.Unmarshal(body, asked); err != nil {
		return nil, nil, problem(http.StatusBadRequest, detailFaults, at("", "must be JSON of the kind that the document says"))
	}
	return asked, along, nil
}

// detailsOf is what a token says of a consumer with what is sent along. Whether somebody
// could sign in by it is not asked, since it does not last.
func detailsOf(stored *storage.Consumer, along []byte) (*op.Details, error) {
	there := *stored
	there.Username = ""
	entry, faults := brandfile.EditConsumer(&there, brandfile.Edit{Merge: true, Data: along})
	if faults != nil {
		return nil, faults
	}
	c := entry.Consumer
	return &op.Details{Claims: c.Claims, PersonalInfo: c.PersonalInfo, CustomerInfo: c.CustomerInfo, Attributes: c.Attributes}, nil
}

// engageProblem says why there is no token.
func engageProblem(err error) error {
	if known, ok := errors.AsType[*op.Error](err); ok {
		p := problem(known.Status, known.Code+": "+known.Description)
		p.cause = err
		return p
	}
	if faults := fieldFaults(err); faults != nil {
		return problem(http.StatusBadRequest, detailFaults, faults...)
	}
	switch {
	case errors.Is(err, op.ErrNoClient):
		return notFound("connector")
	case errors.Is(err, op.ErrNoConsumer):
		return errNoConsumer
	case errors.Is(err, op.ErrConsumerDisabled):
		return problem(http.StatusConflict, "the consumer is disabled")
	}
	return err
}
