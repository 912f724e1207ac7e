package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

const (
	tagKeys = "Signing keys"
	kindKey = "key"
)

type keyList struct {
	Keys []keys.Status `json:"keys"`
}

type keyAnswer struct {
	Body keys.Status
}

// keyToMake is a key that somebody asks for.
type keyToMake struct {
	ClientID string `doc:"the connector whose tokens it signs; the provider's keys sign for all other clients" json:"client_id,omitempty"     maxLength:"255"`
	Alg      string `doc:"that of the connector, or RS256, if it is left out"                                  enum:"RS256,PS256,ES256,EdDSA" json:"alg,omitempty"`
}

// stepToMake is a step of a key's life.
type stepToMake struct {
	Step   string `doc:"activate retires the key that signed before"                                            enum:"publish,activate,retire,delete" json:"step"`
	Force  bool   `doc:"make it although it breaks somebody"                                                    json:"force,omitempty"`
	Pasted bool   `doc:"the connector that owns the key holds it by now, pasted: then activating breaks nobody" json:"pasted,omitempty"`
}

func (a *API) registerKeys() {
	register(a, operation{
		ID: "list-keys", Method: http.MethodGet, Path: "/keys", Tag: tagKeys, Scope: op.ScopeKeysRead, Errors: []int{http.StatusNotFound},
		Summary: "Signing keys, and what may be done with each", Description: "Private keys are in no answer.",
	}, a.listKeys)
	register(a, operation{
		ID: "create-key", Method: http.MethodPost, Path: "/keys", Tag: tagKeys, Scope: op.ScopeKeysWrite, Status: http.StatusCreated, Errors: []int{http.StatusNotFound},
		Summary: "Make a signing key, which does nothing before it is published and activated",
	}, a.createKey)
	register(a, operation{
		ID: "step-key", Method: http.MethodPost, Path: "/keys/{kid}/steps", Tag: tagKeys, Scope: op.ScopeKeysWrite, Errors: []int{http.StatusNotFound},
		Summary:     "Make a step of a signing key's life",
		Description: "What would break a relying party is refused with 409, and the names of whom.",
	}, a.stepKey)
}

func (a *API) listKeys(ctx context.Context, in *struct {
	ClientID string `doc:"the connector whose keys are listed; all if it is left out" maxLength:"255" query:"client_id"`
	All      bool   `doc:"deleted keys, too"                                          query:"all"`
},
) (*struct{ Body keyList }, error) {
	callOf(ctx).target = target{kindKey, ""}
	snapshot, err := a.provider.Store().ReadSnapshot(ctx)
	if err != nil {
		return nil, err
	}
	life, wanted := op.LifeOf(snapshot, a.provider.KeySettings()), int64(-1)
	if in.ClientID != "" {
		if wanted, _, err = life.Owner(in.ClientID, ""); err != nil {
			return nil, keyProblem(err)
		}
	}
	list := keyList{Keys: []keys.Status{}}
	for _, key := range snapshot.Keys {
		if (wanted < 0 || key.ClientID == wanted) && (in.All || key.State != keys.Deleted) {
			list.Keys = append(list.Keys, life.Status(key))
		}
	}
	return &struct{ Body keyList }{list}, nil
}

func (a *API) createKey(ctx context.Context, in *struct{ Body keyToMake }) (*keyAnswer, error) {
	var answer keyAnswer
	_, err := op.CreateKey(ctx, a.provider.Store(), op.NewKey{
		ClientID: in.Body.ClientID, Alg: in.Body.Alg, Make: a.provider.Makers().SigningKey, Audit: a.audit(ctx, target{kindKey, ""}),
		Settings: a.provider.KeySettings(), Once: a.onceForKey(ctx, http.StatusCreated, &answer),
	})
	if err != nil {
		return nil, keyProblem(err)
	}
	return &answer, nil
}

func (a *API) stepKey(ctx context.Context, in *struct {
	Kid  string `doc:"its beginning is enough if no other key has it" path:"kid" pattern:"^[!-~]{1,255}$"`
	Body stepToMake
},
) (*keyAnswer, error) {
	var answer keyAnswer
	err := a.provider.StepKey(ctx, op.KeyStep{
		Step: keys.Step(in.Body.Step), Kid: in.Kid, Force: in.Body.Force, Pasted: in.Body.Pasted, Audit: a.audit(ctx, target{kindKey, in.Kid}),
		Once: a.onceForKey(ctx, http.StatusOK, &answer),
	})
	if err != nil {
		return nil, keyProblem(err)
	}
	return &answer, nil
}

// onceForKey has a change happen once, and its answer kept.
func (a *API) onceForKey(ctx context.Context, status int, answer *keyAnswer) op.Once {
	return op.Once{Status: &answer.Body, Claim: a.keeping(ctx, func() (int, http.Header, any) { return status, nil, answer.Body })}
}

// keyProblem says what is wrong with a step, or with whose key is asked for.
func keyProblem(err error) error {
	if refused, ok := errors.AsType[*keys.RefusedError](err); ok {
		detail := refused.Error()
		if refused.Forcible() {
			detail += `; "force": true does it all the same`
		}
		p := problem(http.StatusConflict, detail)
		p.cause = err
		return p
	}
	switch {
	case errors.Is(err, keys.ErrShared):
		return problem(http.StatusBadRequest, "the client is no connector: "+keys.ErrShared.Error())
	case errors.Is(err, keys.ErrAlg):
		return problem(http.StatusBadRequest, detailFaults, at("/alg", "must be the connector's own algorithm"))
	case errors.Is(err, keys.ErrAmbiguous):
		return problem(http.StatusConflict, "several keys have a kid that begins so")
	case errors.Is(err, storage.ErrNotFound):
		return notFound("key, or no client,")
	}
	return err
}
