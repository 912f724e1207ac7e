package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

// registerInfo hangs in what Conversational Cloud is told of a consumer, each part at an
// address of its own.
func (a *API) registerInfo() {
	registerPart(a, part[liveperson.PersonalInfo]{
		name: "personal-info", title: "Personal Info", field: "personal_info",
		of: func(c *storage.Consumer) *liveperson.PersonalInfo { return c.PersonalInfo },
	})
	registerPart(a, part[liveperson.CustomerInfo]{
		name: "customer-info", title: "Customer Info", field: "customer_info",
		of: func(c *storage.Consumer) *liveperson.CustomerInfo { return c.CustomerInfo },
	})
}

// part is a part of a consumer that has an address.
type part[T any] struct {
	name, title, field string
	of                 func(*storage.Consumer) *T
}

type partAnswer[T any] struct {
	ETag string `header:"ETag"`
	Body T
}

type inWithBody struct {
	SubPath
	Conditions

	RawBody []byte
}

func registerPart[T any](a *API, p part[T]) {
	path, tag := "/consumers/{sub}/"+p.name, tagConsumers
	answer := func(c *storage.Consumer) (*partAnswer[T], error) {
		if there := p.of(c); there != nil {
			return &partAnswer[T]{ETag: etag(c), Body: *there}, nil
		}
		return nil, problem(http.StatusNotFound, "the consumer has no "+p.title)
	}
	edit := func(merge bool) func(context.Context, *inWithBody) (*partAnswer[T], error) {
		return func(ctx context.Context, in *inWithBody) (*partAnswer[T], error) {
			c, err := a.editConsumer(ctx, in.Sub, in.Conditions, brandfile.Edit{Part: p.field, Merge: merge, Data: in.RawBody})
			if err != nil {
				return nil, err
			}
			return answer(c)
		}
	}
	changing := []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed}
	register(a, operation{
		ID: "get-" + p.name, Method: http.MethodGet, Path: path, Tag: tag, Scope: op.ScopeConsumersRead,
		Summary: "Read a consumer's " + p.title, Errors: changing[:1],
	}, func(ctx context.Context, in *SubPath) (*partAnswer[T], error) {
		c, err := a.find(ctx, reference{sub: in.Sub})
		if err != nil {
			return nil, err
		}
		callOf(ctx).target = target{kindConsumer, c.Sub}
		return answer(c)
	})
	register(a, operation{
		ID: "put-" + p.name, Method: http.MethodPut, Path: path, Tag: tag, Scope: op.ScopeConsumersWrite,
		Summary: "Replace a consumer's " + p.title, Errors: changing, Body: reflect.TypeFor[T](),
	}, edit(false))
	register(a, operation{
		ID: "patch-" + p.name, Method: http.MethodPatch, Path: path, Tag: tag, Scope: op.ScopeConsumersWrite,
		Summary: "Change fields of a consumer's " + p.title, Description: "JSON Merge Patch (RFC 7396): null takes a field away.",
		Errors: changing, Body: reflect.TypeFor[map[string]any](), MediaTypes: []string{mediaPatch, mediaJSON},
	}, edit(true))
	register(a, operation{
		ID: "delete-" + p.name, Method: http.MethodDelete, Path: path, Tag: tag, Scope: op.ScopeConsumersWrite,
		Summary: "Take a consumer's " + p.title + " away", Errors: changing,
	}, func(ctx context.Context, in *struct {
		SubPath
		Conditions
	},
	) (*struct{}, error) {
		_, err := a.editConsumer(ctx, in.Sub, in.Conditions, brandfile.Edit{Part: p.field})
		return nil, err
	})
}
