package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/storage"
)

const tagHandOver = "The brand's own login"

// ChallengePath names a challenge in a path.
type ChallengePath struct {
	Challenge string `doc:"what the browser brought to the brand's login or sign-out" path:"challenge" pattern:"^[A-Za-z0-9_-]{1,255}$"`
}

// challengeClient is the relying party that a challenge is about.
type challengeClient struct {
	ClientID   string `json:"client_id"`
	ClientName string `json:"client_name,omitempty"`
}

// loginChallenge is what is asked for.
type loginChallenge struct {
	Client     challengeClient `json:"client"`
	Scopes     []string        `json:"scopes"`
	Prompt     []string        `doc:"of the request: login, consent, select_account"                       json:"prompt,omitempty"`
	MaxAge     *int64          `doc:"how old the sign-in may be at most, in seconds"                       json:"max_age,omitempty"`
	LoginHint  string          `json:"login_hint,omitempty"`
	ACRValues  []string        `doc:"wished for, the best first"                                           json:"acr_values,omitempty"`
	Essential  bool            `doc:"one of acr_values has to be met"                                      json:"essential,omitempty"`
	UILocales  []string        `json:"ui_locales,omitempty"`
	Sub        string          `doc:"who should sign in: who is signed in here, or whom the request names" json:"sub,omitempty"`
	ExternalID string          `doc:"that of the same consumer"                                            json:"external_id,omitempty"`
	Skip       bool            `doc:"somebody who is signed in already need not be asked; max_age holds"   json:"skip"`
	ExpiresAt  time.Time       `json:"expires_at"`
}

// upsert is a consumer as it is sent, for brandfile to read.
type upsert struct{ json.RawMessage }

// Schema is that of a consumer to write.
func (upsert) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[consumerToWrite](), true, "")
}

// acceptedLogin is who has signed in, and how.
type acceptedLogin struct {
	NamedConsumer

	Upsert   *upsert    `doc:"makes the consumer first, or is merged into what is stored (RFC 7396); needs idp:consumers:write as well" json:"upsert,omitempty"`
	ACR      string     `doc:"told to relying parties; loa1 if it is left out"                                                          json:"acr,omitempty"              maxLength:"255"`
	AMR      []string   `doc:"told to relying parties (RFC 8176)"                                                                       json:"amr,omitempty"              maxItems:"16"`
	AuthTime *time.Time `doc:"when the person has proved who they are; now if it is left out"                                           json:"auth_time,omitempty"`
	Lifetime int64      `doc:"of the session, in seconds, if it is to be shorter than others"                                           json:"session_lifetime,omitempty" maximum:"315360000" minimum:"1"`
}

// rejectedLogin is why nobody has signed in.
type rejectedLogin struct {
	Error string `doc:"what the relying party is told" enum:"access_denied,interaction_required,login_required,temporarily_unavailable" json:"error"`
}

// goOn is where the flow goes on.
type goOn struct {
	RedirectTo string `doc:"for the browser that brought the challenge, once and at once, and for nobody else's eyes" json:"redirect_to"`
}

type goOnAnswer struct{ Body goOn }

func (a *API) registerLoginChallenges() {
	const path = "/login-challenges/{challenge}"
	decided := []int{http.StatusNotFound, http.StatusConflict, http.StatusGone}
	register(a, operation{
		ID: "get-login-challenge", Method: http.MethodGet, Path: path, Tag: tagHandOver, Scope: op.ScopeLogins, Narrowable: true, Errors: decided,
		Summary: "What is asked for by a browser that has come to the brand's login",
	}, a.getLoginChallenge)
	register(a, operation{
		// Not for one client alone: the session that it leads to is good for every client.
		ID: "accept-login-challenge", Method: http.MethodPost, Path: path + "/accept", Tag: tagHandOver, Scope: op.ScopeLogins,
		Summary: "Say who has signed in", Errors: decided,
		Description: "A challenge is accepted or rejected once. With upsert the consumer is made or changed first, as PATCH does, and stays so if the rest is refused. " +
			"A disabled consumer is refused, and stays so unless upsert says disabled: false.",
	}, a.acceptLogin)
	register(a, operation{
		ID: "reject-login-challenge", Method: http.MethodPost, Path: path + "/reject", Tag: tagHandOver, Scope: op.ScopeLogins, Narrowable: true,
		Summary: "Say that nobody has signed in", Errors: decided,
	}, func(ctx context.Context, in *struct {
		ChallengePath

		Body rejectedLogin
	},
	) (*goOnAnswer, error) {
		change, err := a.changeOf(ctx, target{kindClient, ""}, map[string]any{"error": in.Body.Error})
		if err != nil {
			return nil, err
		}
		return answerGoOn(a.provider.RejectLogin(ctx, in.Challenge, callOf(ctx).caller.ClientID, in.Body.Error, change))
	})
}

func (a *API) getLoginChallenge(ctx context.Context, in *ChallengePath) (*struct{ Body loginChallenge }, error) {
	c, err := a.provider.LoginChallenge(ctx, in.Challenge, callOf(ctx).caller.ClientID)
	if err != nil {
		return nil, err
	}
	callOf(ctx).target = target{kindClient, c.ClientID}
	return &struct{ Body loginChallenge }{loginChallenge{
		Client: challengeClient{c.ClientID, c.ClientName}, Scopes: c.Scopes, Prompt: c.Prompts, MaxAge: c.MaxAge, LoginHint: c.LoginHint,
		ACRValues: c.ACRValues, Essential: c.Essential, UILocales: c.UILocales, Sub: c.Subject, ExternalID: c.ExternalID, Skip: c.Skip,
		ExpiresAt: c.ExpiresAt.UTC(),
	}}, nil
}

func (a *API) acceptLogin(ctx context.Context, in *struct {
	ChallengePath

	Body acceptedLogin
},
) (*goOnAnswer, error) {
	body := in.Body
	acceptance := op.LoginAcceptance{
		Sub: body.Sub, ExternalID: body.ExternalID, ACR: body.ACR, AMR: body.AMR, AuthTime: body.AuthTime,
		SessionLifetime: time.Duration(body.Lifetime) * time.Second,
	}
	if body.Upsert != nil {
		// Nothing is written for a challenge that cannot be accepted, or by it alone.
		if err := a.provider.CheckLogin(ctx, in.Challenge, acceptance); err != nil {
			return nil, err
		}
		c, err := a.upsert(ctx, &acceptance, body.Upsert.RawMessage)
		if err != nil {
			return nil, err
		}
		acceptance.Sub, acceptance.ExternalID = c.Sub, ""
	}
	change, err := a.changeOf(ctx, target{kindConsumer, ""}, map[string]any{"acr": body.ACR, "amr": body.AMR})
	if err != nil {
		return nil, err
	}
	return answerGoOn(a.provider.AcceptLogin(ctx, in.Challenge, acceptance, change))
}

// upsert makes a consumer who is accepted, or merges into one who is there what the login
// knows. Nothing is written of somebody who may not sign in: that a login knows a person
// does not enable them.
func (a *API) upsert(ctx context.Context, acceptance *op.LoginAcceptance, data []byte) (*storage.Consumer, error) {
	if !callOf(ctx).caller.May(op.ScopeConsumersWrite) {
		return nil, problem(http.StatusForbidden, "upsert needs the scope "+op.ScopeConsumersWrite+", too")
	}
	var sent struct {
		Disabled *bool `json:"disabled"`
	}
	_ = json.Unmarshal(data, &sent) // brandfile says what is wrong
	enables := sent.Disabled != nil && !*sent.Disabled
	ref := reference{acceptance.Sub, acceptance.ExternalID}
	c, _, err := a.edit(ctx, ref, Conditions{}, func(there *storage.Consumer) (*brandfile.Entry, error) {
		entry, faults := brandfile.UpsertConsumer(there, data)
		if faults != nil {
			return nil, faults
		}
		if entry.Consumer.Disabled || there != nil && there.Disabled && !enables {
			return nil, acceptance.NoConsumer()
		}
		return entry, settle(entry, ref, there)
	})
	if _, nobody := errors.AsType[*op.FieldError](err); nobody || err == nil {
		return c, err
	}
	return nil, below("/upsert", err)
}

// below moves the faults of a part of the body to where the part is.
func below(pointer string, err error) error {
	p := asProblem(err)
	for i, fault := range p.Errors {
		if fault.Pointer != nil {
			p.Errors[i] = at(pointer+*fault.Pointer, fault.Detail)
		}
	}
	return p
}

// changeOf is what is written down with a change.
func (a *API) changeOf(ctx context.Context, of target, after map[string]any) (op.Change, error) {
	change := op.Change{Audit: a.audit(ctx, of)}
	var err error
	if after != nil {
		change.Audit.After, err = json.Marshal(after)
	}
	change.Keep = func(redirectTo string) *storage.Claim {
		return a.keeping(ctx, func() (int, http.Header, any) { return http.StatusOK, nil, goOn{redirectTo} })
	}
	return change, err //nolint:wrapcheck // texts cannot fail
}

func answerGoOn(redirectTo string, err error) (*goOnAnswer, error) {
	if err != nil {
		return nil, err
	}
	return &goOnAnswer{goOn{redirectTo}}, nil
}

// fieldFaults gives those of the errors that are joined in err.
func fieldFaults(err error) []Fault {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var faults []Fault
		for _, one := range joined.Unwrap() {
			faults = append(faults, fieldFaults(one)...)
		}
		return faults
	}
	if fault, ok := errors.AsType[*op.FieldError](err); ok {
		return []Fault{at("/"+fault.Field, fault.Rule)}
	}
	return nil
}
