package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/storage"
)

var errNoClient = notFound(kindClient)

// named has the absence of a client be told as such.
func named(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return errNoClient
	}
	return err
}

func (a *API) findClient(ctx context.Context, clientID string) (*storage.Client, error) {
	c, err := a.provider.Store().Client(ctx, clientID)
	return c, named(err)
}

// editClient makes or changes a client. What it becomes is made of what was read before,
// keys included; if that is not what is there when it is written, it is made anew.
func (a *API) editClient(ctx context.Context, clientID string, ifs Conditions, change func(there *storage.Client) (*brandfile.ClientEntry, error)) (*clientAnswer, error) {
	for range attempts {
		there, err := a.findClient(ctx, clientID)
		if err != nil && !errors.Is(err, errNoClient) {
			return nil, err
		}
		tag := ""
		if there != nil {
			tag = clientTag(there)
		}
		if err := ifs.against(kindClient, tag); err != nil {
			return nil, err
		}
		entry, err := change(there)
		if err != nil {
			return nil, err
		}
		if err := mayMake(callOf(ctx).caller, entry.Client()); err != nil {
			return nil, err
		}
		result, err := brandfile.ApplyClient(ctx, a.provider.Store(), entry, brandfile.ClientWrite{
			Guard: func(now *storage.Client) error { return unchanged(there, now) },
			Audit: a.audit(ctx, target{kindClient, clientID}),
		}, a.provider.Makers())
		if errors.Is(err, storage.ErrChanged) || errors.Is(err, storage.ErrConflict) {
			continue
		}
		if err != nil {
			return nil, err
		}
		answer := answerClient(result.Client)
		answer.Body.ClientSecret = result.Secret
		if result.Created {
			answer.Status, answer.Location = http.StatusCreated, a.provider.Issuer()+"/api/v1/clients/"+clientID // which has nothing to escape
		}
		return answer, nil
	}
	return nil, storage.ErrChanged
}

// unchanged tells whether a client is as it was.
func unchanged(then, now *storage.Client) error {
	if (then == nil) == (now == nil) && (now == nil || now.ID == then.ID && now.UpdatedAt.Equal(then.UpdatedAt)) {
		return nil
	}
	return storage.ErrChanged
}

// mayMake tells whether a caller may have a client be such, know its secret, or remove
// it: nobody gets by a client what they were not granted themselves, or ends it.
func mayMake(caller *op.Caller, c *storage.Client) error {
	var faults []Fault
	for _, scope := range c.OwnScopes() {
		switch {
		case !slices.Contains(op.APIScopes(), scope):
		case caller.ClientID != "":
			faults = append(faults, at("/scope", "must not have "+scope+": its access tokens would reach beyond the client that the API key is for"))
		case !caller.May(scope):
			faults = append(faults, at("/scope", "must not have "+scope+", which the caller was not granted"))
		}
	}
	if caller.ClientID != "" && c.Introspection {
		faults = append(faults, at("/introspection", "must not be true: it reaches beyond the client that the API key is for"))
	}
	if len(c.AssertionIssuers) > 0 && !caller.May(op.ScopeEngagementsWrite) {
		faults = append(faults, at("/assertion_issuers", "must be left out: by them the client gets tokens for consumers, and the caller was not granted "+op.ScopeEngagementsWrite))
	}
	for i, audience := range c.TokenExchangeAudiences {
		if !caller.MayReach(audience) {
			faults = append(faults, at("/token_exchange_audiences/"+strconv.Itoa(i), "must not be another client than the one that the API key is for"))
		}
	}
	if faults == nil {
		return nil
	}
	return problem(http.StatusForbidden, "the client may do more than the caller", faults...)
}
