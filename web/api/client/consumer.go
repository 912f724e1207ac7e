package client

import (
	"context"
	"iter"
	"net/http"
	"time"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/standardclaims"
)

// Consumer is a person who can sign in, as the API tells of them: everything but the
// password.
type Consumer struct {
	Sub          string                   `json:"sub"`
	ExternalID   string                   `json:"external_id,omitempty"`
	Username     string                   `json:"username,omitempty"`
	Disabled     bool                     `json:"disabled"`
	HasPassword  bool                     `json:"has_password"`
	Claims       standardclaims.Claims    `json:"claims"`
	PersonalInfo *liveperson.PersonalInfo `json:"personal_info,omitempty"`
	CustomerInfo *liveperson.CustomerInfo `json:"customer_info,omitempty"`
	// Attributes have text, numbers (float64) and bool for values.
	Attributes map[string]any `json:"attributes,omitempty"`
	ManagedBy  string         `json:"managed_by"` // who made the consumer: apply, import or api
	CreatedAt  time.Time      `json:"created_at"`
	UpdatedAt  time.Time      `json:"updated_at"`
	Warnings   []Fault        `json:"warnings,omitempty"` // what was sent and not done

	// ETag is for IfMatch. It comes with a consumer alone, not with a page of them.
	ETag string `json:"-"`
}

// ConsumerInput is a consumer as one is sent. An empty field is one that the consumer
// has not.
type ConsumerInput struct {
	// Sub is made if it is left out. It is kept for ever and never given to another.
	Sub string `json:"sub,omitempty"`
	// ExternalID is the identifier of the consumer in the brand's own system.
	ExternalID string `json:"external_id,omitempty"`
	// Username is what the consumer signs in with; so are a verified email and
	// phone_number of Claims.
	Username string `json:"username,omitempty"`
	Disabled bool   `json:"disabled,omitempty"`
	// Password or PasswordHash, of a form that an import takes, is set when the consumer
	// is made.
	Password     string                   `json:"password,omitempty"`
	PasswordHash string                   `json:"password_hash,omitempty"`
	Claims       standardclaims.Claims    `json:"claims,omitzero"`
	PersonalInfo *liveperson.PersonalInfo `json:"personal_info,omitempty"`
	CustomerInfo *liveperson.CustomerInfo `json:"customer_info,omitempty"`
	Attributes   map[string]any           `json:"attributes,omitempty"`
}

// ConsumerPage is a page of consumers.
type ConsumerPage struct {
	Consumers  []Consumer `json:"consumers"`
	NextCursor string     `json:"next_cursor,omitempty"` // "" at the end
}

// ConsumerQuery says which consumers are asked for: all, from Cursor on, or the one that
// has one of the other fields, of which at most one may be set.
type ConsumerQuery struct {
	Limit  int    // of a page, 1 to 1000; 0 means 100
	Cursor string // NextCursor of the page before
	// An Email or a PhoneNumber is found if it is verified. Identifier is any of the three.
	Username, Email, PhoneNumber, Identifier string

	ExternalID string
}

// Consumers pages through the consumers that a query asks for, and ends with the first
// error.
func (c *Client) Consumers(ctx context.Context, query ConsumerQuery) iter.Seq2[*Consumer, error] {
	return pages(query.Cursor, func(cursor string) ([]Consumer, string, error) {
		query.Cursor = cursor
		page, err := c.ListConsumers(ctx, query)
		if err != nil {
			return nil, "", err
		}
		return page.Consumers, page.NextCursor, nil
	})
}

// ListConsumers reads one page of the consumers that a query asks for. Nobody found is
// an empty page.
func (c *Client) ListConsumers(ctx context.Context, q ConsumerQuery) (*ConsumerPage, error) {
	return read[ConsumerPage](ctx, c, request{method: http.MethodGet, path: []string{"consumers"}, query: query(q.Limit, map[string]string{
		"cursor": q.Cursor, "username": q.Username, "email": q.Email, "phone_number": q.PhoneNumber, "identifier": q.Identifier, "external_id": q.ExternalID,
	})})
}

// CreateConsumer makes a consumer.
func (c *Client) CreateConsumer(ctx context.Context, consumer *ConsumerInput, options ...Option) (*Consumer, error) {
	return c.consumer(ctx, http.MethodPost, []string{"consumers"}, consumer, options...)
}

// GetConsumer reads a consumer.
func (c *Client) GetConsumer(ctx context.Context, sub string) (*Consumer, error) {
	return c.consumer(ctx, http.MethodGet, []string{"consumers", sub}, nil)
}

// GetConsumerByExternalID reads a consumer by the identifier of the brand's own system.
func (c *Client) GetConsumerByExternalID(ctx context.Context, externalID string) (*Consumer, error) {
	return c.consumer(ctx, http.MethodGet, []string{"consumers", "by-external-id", externalID}, nil)
}

// PutConsumer makes or replaces a consumer. A password is set when the consumer is made,
// and not later: Warnings tell of one that a consumer without any was not given.
func (c *Client) PutConsumer(ctx context.Context, sub string, consumer *ConsumerInput, options ...Option) (*Consumer, error) {
	return c.consumer(ctx, http.MethodPut, []string{"consumers", sub}, consumer, options...)
}

// PutConsumerByExternalID is PutConsumer by the identifier of the brand's own system.
func (c *Client) PutConsumerByExternalID(ctx context.Context, externalID string, consumer *ConsumerInput, options ...Option) (*Consumer, error) {
	return c.consumer(ctx, http.MethodPut, []string{"consumers", "by-external-id", externalID}, consumer, options...)
}

// ConsumerBatch are up to 1000 consumers to be made or replaced, each with a Sub or an
// ExternalID. A password is taken as PasswordHash alone.
type ConsumerBatch struct {
	Consumers []ConsumerInput `json:"consumers"`
	// Partial has those written that can be, instead of all or none.
	Partial bool `json:"partial,omitempty"`
}

// BatchResult is what has become of one consumer of a batch.
type BatchResult struct {
	// Status is 201 if the consumer was made, 200 if there was one, else that of the
	// Problem which this one alone would get.
	Status     int     `json:"status"`
	Sub        string  `json:"sub,omitempty"`
	ExternalID string  `json:"external_id,omitempty"`
	Errors     []Fault `json:"errors,omitempty"`   // with places in the batch
	Warnings   []Fault `json:"warnings,omitempty"` // what was sent and not done
}

// UpsertConsumers makes or replaces consumers, all or none of them but with Partial. The
// results are in the order of the consumers.
func (c *Client) UpsertConsumers(ctx context.Context, batch *ConsumerBatch, options ...Option) ([]BatchResult, error) {
	answer, err := read[struct {
		Results []BatchResult `json:"results"`
	}](ctx, c, request{method: http.MethodPost, path: []string{"consumers", "batch"}, body: batch}, options...)
	if err != nil {
		return nil, err
	}
	return answer.Results, nil
}

// PatchConsumer changes fields of a consumer. The patch is whatever encodes to a JSON
// object (RFC 7396): nil in a map[string]any takes a field away.
func (c *Client) PatchConsumer(ctx context.Context, sub string, patch any, options ...Option) (*Consumer, error) {
	return c.consumer(ctx, http.MethodPatch, []string{"consumers", sub}, patch, options...)
}

// DeleteConsumer removes a consumer, with their sessions and tokens. The sub is never
// given to another.
func (c *Client) DeleteConsumer(ctx context.Context, sub string, options ...Option) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: []string{"consumers", sub}}, nil, options...)
	return err
}

// DeleteConsumerByExternalID is DeleteConsumer by the identifier of the brand's own system,
// which is free for another afterwards.
func (c *Client) DeleteConsumerByExternalID(ctx context.Context, externalID string, options ...Option) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: []string{"consumers", "by-external-id", externalID}}, nil, options...)
	return err
}

// PutPassword sets a consumer's password, which ends their sessions and tokens.
func (c *Client) PutPassword(ctx context.Context, sub, password string) error {
	body := map[string]string{"password": password}
	_, err := c.call(ctx, request{method: http.MethodPut, path: []string{"consumers", sub, "password"}, body: body}, nil)
	return err
}

// consumer is a call that is answered with a consumer.
func (c *Client) consumer(ctx context.Context, method string, path []string, body any, options ...Option) (*Consumer, error) {
	var consumer Consumer
	header, err := c.call(ctx, request{method: method, path: path, body: body}, &consumer, options...)
	if err != nil {
		return nil, err
	}
	consumer.ETag = header.Get("ETag")
	return &consumer, nil
}
