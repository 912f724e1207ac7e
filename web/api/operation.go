package api

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/brandidp/idp/storage"
)

const (
	mediaJSON  = "application/json"
	mediaPatch = "application/merge-patch+json" // RFC 7396

	maxBody = brandfileLimit
)

// operation is what register needs to know of an operation.
type operation struct {
	// ID names the operation in the document, in audit events and in clients.
	ID string
	// Method and Path are as those of a ServeMux, below /api/v1.
	Method, Path string
	// Summary says in one line what it does; Description, if it needs to be said, more.
	Summary, Description string
	// Tag groups operations in the document.
	Tag string
	// Scope is what a caller needs: all of it, if there are several with spaces between.
	Scope string
	// Narrowable lets callers in who are narrowed to a client. If there is a client_id in
	// the path it has to be that one; the handler sees to everything else, by
	// op.Caller.MayReach.
	Narrowable bool
	// Recorded has the operation be told of as reads are, within a second: it changes
	// nothing.
	Recorded bool
	// Errors are the statuses of errors beyond those that every operation has.
	Errors []int
	// Also is another status of success.
	Also int
	// Status is that of success, if it is neither 200 nor, without a body, 204.
	Status int
	// Body is the type of a body that the handler reads and checks itself: it gets it as
	// RawBody. Without one, a field Body of the input is read and checked by huma.
	Body reflect.Type
	// MediaTypes are those of such a body; application/json if there are none here.
	MediaTypes []string
	// optional says that there need not be a body: its field is a pointer.
	optional bool
	// MaxBody is the size of the largest body, 256 KiB if it is 0.
	MaxBody int64
}

// register hangs an operation into the API. Nothing gets to its handler but a request of
// a caller with its scope. What the handler does to the store it has to tell of by audit;
// of reads an event is recorded here.
func register[I, O any](a *API, o operation, handler func(context.Context, *I) (*O, error)) {
	if o.Scope == "" {
		panic(o.ID + ": an operation needs a scope")
	}
	if o.MaxBody == 0 {
		o.MaxBody = maxBody
	}
	h := huma.Operation{
		OperationID: o.ID, Method: o.Method, Path: o.Path, Summary: o.Summary, Description: o.Description, Tags: []string{o.Tag},
		DefaultStatus: o.Status, MaxBodyBytes: o.MaxBody + 2, SkipValidateBody: o.Body != nil, BodyReadTimeout: bodyTimeout,
		Security:  []map[string][]string{{schemeBearer: strings.Fields(o.Scope)}, {schemeOAuth: strings.Fields(o.Scope)}},
		Responses: map[string]*huma.Response{},
	}
	body, hasBody := reflect.TypeFor[I]().FieldByName("Body")
	o.optional = hasBody && body.Type.Kind() == reflect.Pointer
	hasBody = hasBody || o.Body != nil
	for _, status := range a.errorsOf(o, hasBody) {
		h.Responses[strconv.Itoa(status)] = a.problemResponse(status)
	}
	if o.Method == http.MethodPost { // which admit reads
		h.Parameters = []*huma.Param{{
			Name: headerIdempotency, In: "header", Description: "has the request happen once, however often it is sent within 24 hours",
			Schema: &huma.Schema{Type: huma.TypeString, MaxLength: new(255)},
		}}
	}
	if o.Body != nil {
		h.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
	}
	if hasBody && o.MediaTypes == nil {
		o.MediaTypes = []string{mediaJSON}
	}
	h.Middlewares = huma.Middlewares{a.admit(o)}
	huma.Register(a.huma, h, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err != nil {
			p := asProblem(err)
			a.complete(ctx, p)
			return nil, p
		}
		c := callOf(ctx)
		event := storage.AuditEvent{}
		if o.Method == http.MethodGet || o.Recorded {
			event = a.audit(ctx, c.target)
			event.After = c.after
		}
		a.provider.Record(c.caller, event)
		return out, nil
	})
	if o.Body != nil {
		content := map[string]*huma.MediaType{}
		for _, media := range o.MediaTypes {
			content[media] = &huma.MediaType{Schema: a.huma.OpenAPI().Components.Schemas.Schema(o.Body, true, o.ID)}
		}
		h.RequestBody.Content = content
	}
	if o.Also != 0 {
		success := *h.Responses[strconv.Itoa(max(o.Status, http.StatusOK))]
		success.Description = http.StatusText(o.Also)
		h.Responses[strconv.Itoa(o.Also)] = &success
	}
}

// errorsOf are the statuses of errors that an operation can be answered with.
func (*API) errorsOf(o operation, hasBody bool) []int {
	statuses := []int{
		http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusServiceUnavailable,
	}
	if hasBody {
		statuses = append(statuses, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if o.Method == http.MethodPost { // by their idempotency keys
		statuses = append(statuses, http.StatusConflict, http.StatusUnprocessableEntity)
	}
	statuses = append(statuses, o.Errors...)
	slices.Sort(statuses)
	return slices.Compact(statuses)
}

func (a *API) problemResponse(status int) *huma.Response {
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "")
	return &huma.Response{
		Description: http.StatusText(status),
		Content:     map[string]*huma.MediaType{mediaProblem: {Schema: schema}},
	}
}
