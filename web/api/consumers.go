package api

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"reflect"
	"strconv"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/op/identifier"
	"github.com/brandidp/idp/storage"
)

const tagConsumers = "Consumers"

// SubPath names a consumer in a path. Fields of the inputs of operations are exported, since
// huma sees no others.
type SubPath struct {
	Sub string `path:"sub" pattern:"^[ -~]{1,255}$"`
}

// ExternalIDPath names a consumer in a path by the identifier of the brand's own system.
type ExternalIDPath struct {
	ExternalID string `path:"external_id" pattern:"^[ -~]{1,255}$"`
}

// NamedConsumer names a consumer in a body, by one of the two. What no consumer has, such
// as U+0000, the database could not even read.
type NamedConsumer struct {
	Sub        string `doc:"of the consumer; or else external_id"                      json:"sub,omitempty"         pattern:"^[ -~]{1,255}$"`
	ExternalID string `doc:"of the consumer: the identifier of the brand's own system" json:"external_id,omitempty" pattern:"^[ -~]{1,255}$"`
}

func (a *API) registerConsumers() {
	read, write := op.ScopeConsumersRead, op.ScopeConsumersWrite
	body, patch := reflect.TypeFor[consumerToWrite](), reflect.TypeFor[map[string]any]()
	media := []string{mediaPatch, mediaJSON}
	missing := []int{http.StatusNotFound}
	changing := []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed}

	register(a, operation{
		ID: "list-consumers", Method: http.MethodGet, Path: "/consumers", Tag: tagConsumers, Scope: read,
		Summary:     "Page through all consumers, or find one by what it is known by",
		Description: "At most one of username, email, phone_number, identifier and external_id. An email or phone_number is found if it is verified.",
	}, a.listConsumers)
	register(a, operation{
		ID: "create-consumer", Method: http.MethodPost, Path: "/consumers", Tag: tagConsumers, Scope: write, Body: body,
		Summary: "Make a consumer", Status: http.StatusCreated,
	}, a.createConsumer)
	register(a, operation{
		ID: "get-consumer", Method: http.MethodGet, Path: "/consumers/{sub}", Tag: tagConsumers, Scope: read, Errors: missing,
		Summary: "Read a consumer",
	}, func(ctx context.Context, in *SubPath) (*consumerAnswer, error) {
		return a.getConsumer(ctx, reference{sub: in.Sub})
	})
	register(a, operation{
		ID: "get-consumer-by-external-id", Method: http.MethodGet, Path: byExternalID + "{external_id}", Tag: tagConsumers, Scope: read, Errors: missing,
		Summary: "Read a consumer by the identifier of the brand's own system",
	}, func(ctx context.Context, in *ExternalIDPath) (*consumerAnswer, error) {
		return a.getConsumer(ctx, reference{externalID: in.ExternalID})
	})
	const complete = "What is sent is complete: a field that is left out is taken away. A password is set when the consumer is made, and not later."
	register(a, operation{
		ID: "put-consumer", Method: http.MethodPut, Path: "/consumers/{sub}", Tag: tagConsumers, Scope: write, Body: body,
		Summary: "Make or replace a consumer", Description: complete, Also: http.StatusCreated, Errors: changing[1:],
	}, func(ctx context.Context, in *inWithBody) (*consumerAnswer, error) {
		return a.putConsumer(ctx, reference{sub: in.Sub}, in.Conditions, in.RawBody)
	})
	register(a, operation{
		ID: "put-consumer-by-external-id", Method: http.MethodPut, Path: byExternalID + "{external_id}", Tag: tagConsumers, Scope: write, Body: body,
		Summary: "Make or replace a consumer by the identifier of the brand's own system", Description: complete,
		Also: http.StatusCreated, Errors: changing[1:],
	}, func(ctx context.Context, in *struct {
		ExternalIDPath
		Conditions

		RawBody []byte
	},
	) (*consumerAnswer, error) {
		return a.putConsumer(ctx, reference{externalID: in.ExternalID}, in.Conditions, in.RawBody)
	})
	register(a, operation{
		ID: "patch-consumer", Method: http.MethodPatch, Path: "/consumers/{sub}", Tag: tagConsumers, Scope: write, Body: patch, MediaTypes: media,
		Summary: "Change fields of a consumer", Description: "JSON Merge Patch (RFC 7396): null takes a field away. With disabled, sessions and tokens end.",
		Errors: changing,
	}, func(ctx context.Context, in *inWithBody) (*consumerAnswer, error) {
		c, err := a.editConsumer(ctx, in.Sub, in.Conditions, brandfile.Edit{Merge: true, Data: in.RawBody})
		if err != nil {
			return nil, err
		}
		return a.answerConsumer(c, http.StatusOK), nil
	})
	const forGood = "Sessions and tokens end; clients with a backchannel_logout_uri, and the webhook, are told. " +
		"The sub is kept, so that it is never given to another; external_id and identifiers are free."
	register(a, operation{
		ID: "delete-consumer", Method: http.MethodDelete, Path: "/consumers/{sub}", Tag: tagConsumers, Scope: write, Errors: changing,
		Summary: "Remove a consumer with everything that is known of them", Description: forGood,
	}, func(ctx context.Context, in *struct {
		SubPath
		Conditions
	},
	) (*struct{}, error) {
		return nil, a.deleteConsumer(ctx, reference{sub: in.Sub}, in.Conditions)
	})
	register(a, operation{
		ID: "delete-consumer-by-external-id", Method: http.MethodDelete, Path: byExternalID + "{external_id}", Tag: tagConsumers, Scope: write,
		Errors: changing, Summary: "Remove a consumer by the identifier of the brand's own system", Description: forGood,
	}, func(ctx context.Context, in *struct {
		ExternalIDPath
		Conditions
	},
	) (*struct{}, error) {
		return nil, a.deleteConsumer(ctx, reference{externalID: in.ExternalID}, in.Conditions)
	})
}

func (a *API) deleteConsumer(ctx context.Context, ref reference, ifs Conditions) error {
	for range attempts {
		c, err := a.find(ctx, ref)
		if err != nil {
			return err
		}
		if err := ifs.check(c); err != nil {
			return err
		}
		event, err := a.consumerEvent(ctx, c, nil)
		if err != nil {
			return err
		}
		if err = a.provider.Store().DeleteConsumer(ctx, c.ID, c.UpdatedAt, event); !errors.Is(err, storage.ErrChanged) {
			return err
		}
	}
	return storage.ErrChanged
}

func (a *API) getConsumer(ctx context.Context, ref reference) (*consumerAnswer, error) {
	c, err := a.find(ctx, ref)
	if err != nil {
		return nil, err
	}
	callOf(ctx).target = target{kindConsumer, c.Sub}
	return a.answerConsumer(c, http.StatusOK), nil
}

func (a *API) createConsumer(ctx context.Context, in *struct{ RawBody []byte }) (*consumerAnswer, error) {
	entry, faults := brandfile.ReadConsumer(in.RawBody)
	if faults != nil {
		return nil, faults
	}
	claim := a.keeping(ctx, func() (int, http.Header, any) {
		made := a.answerConsumer(&entry.Consumer, http.StatusCreated)
		return made.Status, http.Header{"Location": {made.Location}, "Etag": {made.ETag}}, made.Body
	})
	c, err := a.create(ctx, entry, claim)
	if err != nil {
		return nil, err
	}
	return a.answerConsumer(c, http.StatusCreated), nil
}

// putConsumer makes a consumer, or replaces everything of one but sub and password.
func (a *API) putConsumer(ctx context.Context, ref reference, ifs Conditions, body []byte) (*consumerAnswer, error) {
	var warnings []Fault
	c, created, err := a.edit(ctx, ref, ifs, func(there *storage.Consumer) (*brandfile.Entry, error) {
		entry, faults := brandfile.ReadConsumer(body)
		if faults != nil {
			return nil, faults
		}
		warnings = passwordNotSet(entry, there, "")
		return entry, settle(entry, ref, there)
	})
	if err != nil {
		return nil, err
	}
	answer := a.answerConsumer(c, http.StatusOK)
	if created {
		answer = a.answerConsumer(c, http.StatusCreated)
	}
	answer.Body.Warnings = warnings
	return answer, nil
}

// passwordNotSet warns of a password that is left out, though the consumer has none: it
// would be one that somebody waits for. The entry lies at a pointer.
func passwordNotSet(entry *brandfile.Entry, there *storage.Consumer, place string) []Fault {
	member := "/password"
	if entry.Password == "" {
		member = "/password_hash"
	}
	if there == nil || there.PasswordHash != "" || entry.Password == "" && entry.Consumer.PasswordHash == "" {
		return nil
	}
	return []Fault{at(place+member, "is not set: the consumer was there already; PUT /consumers/{sub}/password sets one")}
}

// settle has an entry be that of the consumer that a path names.
func settle(entry *brandfile.Entry, ref reference, there *storage.Consumer) error {
	c := &entry.Consumer
	sub := ref.sub
	if there != nil {
		sub = there.Sub
		c.ID, c.ManagedBy, c.PasswordHash = there.ID, there.ManagedBy, there.PasswordHash
		c.PasswordChangedAt, c.CreatedAt, c.UpdatedAt = there.PasswordChangedAt, there.CreatedAt, there.UpdatedAt
	}
	var faults []Fault
	if c.Sub != "" && sub != "" && c.Sub != sub {
		faults = append(faults, at("/sub", "must be that of the consumer whom the address names, or be left out"))
	}
	if ref.externalID != "" && c.ExternalID != "" && c.ExternalID != ref.externalID {
		faults = append(faults, at("/external_id", "must be that of the address, or be left out"))
	}
	if faults != nil {
		return problem(http.StatusBadRequest, detailFaults, faults...)
	}
	if sub != "" {
		c.Sub = sub
	}
	if ref.externalID != "" {
		c.ExternalID = ref.externalID
	}
	return nil
}

// editConsumer changes a consumer who is there.
func (a *API) editConsumer(ctx context.Context, sub string, ifs Conditions, edit brandfile.Edit) (*storage.Consumer, error) {
	c, _, err := a.edit(ctx, reference{sub: sub}, ifs, func(there *storage.Consumer) (*brandfile.Entry, error) {
		if there == nil {
			return nil, errNoConsumer
		}
		entry, faults := brandfile.EditConsumer(there, edit)
		if faults != nil {
			return nil, faults
		}
		return entry, nil
	})
	return c, err
}

type consumerPage struct {
	Consumers []consumer `json:"consumers"`
	Next      string     `doc:"cursor of the next page; absent at the end" json:"next_cursor,omitempty"`
}

type consumerQuery struct {
	Limit       int    `default:"100"   maximum:"1000"                       minimum:"1"         query:"limit"`
	Cursor      string `maxLength:"32"  doc:"next_cursor of the page before" query:"cursor"`
	Username    string `maxLength:"255" query:"username"`
	Email       string `maxLength:"255" query:"email"`
	PhoneNumber string `maxLength:"255" query:"phone_number"`
	Identifier  string `maxLength:"255" doc:"any of the three"               query:"identifier"`
	ExternalID  string `maxLength:"255" pattern:"^[ -~]{1,255}$"             query:"external_id"`
}

func (a *API) listConsumers(ctx context.Context, in *consumerQuery) (*struct{ Body consumerPage }, error) {
	callOf(ctx).target = target{kindConsumer, ""}
	page := consumerPage{Consumers: []consumer{}}
	c, searched, err := a.searchConsumer(ctx, in)
	switch {
	case errors.Is(err, storage.ErrNotFound):
	case err != nil:
		return nil, err
	case searched:
		page.Consumers = append(page.Consumers, viewConsumer(c))
		callOf(ctx).target.name = c.Sub
	default:
		if err := a.pageOfConsumers(ctx, in, &page); err != nil {
			return nil, err
		}
	}
	return &struct{ Body consumerPage }{page}, nil
}

func (a *API) pageOfConsumers(ctx context.Context, in *consumerQuery, page *consumerPage) error {
	after, err := readCursor(in.Cursor)
	if err != nil {
		return problem(http.StatusBadRequest, detailFaults, Fault{Parameter: "cursor", Detail: "must be the next_cursor of a page"})
	}
	consumers, err := a.provider.Store().Consumers(ctx, after, in.Limit+1) // one more tells whether there is a next page
	if err != nil {
		return err
	}
	if len(consumers) > in.Limit {
		consumers = consumers[:in.Limit]
		page.Next = cursorOf(consumers[in.Limit-1].ID)
	}
	for _, c := range consumers {
		page.Consumers = append(page.Consumers, viewConsumer(c))
	}
	return nil
}

// cursorOf is the cursor behind a row.
func cursorOf(id int64) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(id, 36)))
}

func readCursor(cursor string) (int64, error) {
	if cursor == "" {
		return 0, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return 0, err //nolint:wrapcheck // the caller says which rule it breaks
	}
	return strconv.ParseInt(string(text), 36, 64) //nolint:wrapcheck // as above
}

// searchConsumer finds the one consumer that is asked for, if one is. It is
// storage.ErrNotFound if there is none.
func (a *API) searchConsumer(ctx context.Context, in *consumerQuery) (c *storage.Consumer, searched bool, err error) {
	typed := func(value string) (string, error) { return identifier.Typed(value), nil }
	var faults []Fault
	for _, by := range []struct {
		name, value string
		normal      func(string) (string, error)
	}{
		{"username", in.Username, identifier.Username},
		{"email", in.Email, identifier.Email},
		{"phone_number", in.PhoneNumber, identifier.PhoneNumber},
		{"identifier", in.Identifier, typed},
		{"external_id", in.ExternalID, nil},
	} {
		if by.value == "" {
			continue
		}
		if searched {
			faults = append(faults, Fault{Parameter: by.name, Detail: "must not be given together with another"})
			continue
		}
		searched = true
		if by.normal == nil {
			c, err = a.provider.Store().ConsumerByExternalID(ctx, by.value)
			continue
		}
		normal, wrong := by.normal(by.value)
		if wrong != nil {
			faults = append(faults, Fault{Parameter: by.name, Detail: wrong.Error()})
			continue
		}
		c, err = a.provider.Store().ConsumerByIdentifier(ctx, normal)
	}
	if faults != nil {
		return nil, true, problem(http.StatusBadRequest, detailFaults, faults...)
	}
	return c, searched, err
}
