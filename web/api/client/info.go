package client

import (
	"context"
	"net/http"

	"github.com/brandidp/idp/op/liveperson"
)

// PersonalInfo is a consumer's Personal Info, with the ETag for IfMatch.
type PersonalInfo struct {
	liveperson.PersonalInfo

	ETag string `json:"-"`
}

// CustomerInfo is a consumer's Customer Info, with the ETag for IfMatch.
type CustomerInfo struct {
	liveperson.CustomerInfo

	ETag string `json:"-"`
}

const (
	personalInfo = "personal-info"
	customerInfo = "customer-info"
)

// GetPersonalInfo reads a consumer's Personal Info.
func (c *Client) GetPersonalInfo(ctx context.Context, sub string) (*PersonalInfo, error) {
	return c.personalInfo(ctx, http.MethodGet, sub, nil)
}

// PutPersonalInfo replaces a consumer's Personal Info.
func (c *Client) PutPersonalInfo(ctx context.Context, sub string, info *liveperson.PersonalInfo, options ...Option) (*PersonalInfo, error) {
	return c.personalInfo(ctx, http.MethodPut, sub, info, options...)
}

// PatchPersonalInfo changes fields of a consumer's Personal Info, by a patch as
// PatchConsumer takes it.
func (c *Client) PatchPersonalInfo(ctx context.Context, sub string, patch any, options ...Option) (*PersonalInfo, error) {
	return c.personalInfo(ctx, http.MethodPatch, sub, patch, options...)
}

// DeletePersonalInfo takes a consumer's Personal Info away.
func (c *Client) DeletePersonalInfo(ctx context.Context, sub string, options ...Option) error {
	_, err := c.info(ctx, http.MethodDelete, sub, personalInfo, nil, nil, options...)
	return err
}

// GetCustomerInfo reads a consumer's Customer Info.
func (c *Client) GetCustomerInfo(ctx context.Context, sub string) (*CustomerInfo, error) {
	return c.customerInfo(ctx, http.MethodGet, sub, nil)
}

// PutCustomerInfo replaces a consumer's Customer Info.
func (c *Client) PutCustomerInfo(ctx context.Context, sub string, info *liveperson.CustomerInfo, options ...Option) (*CustomerInfo, error) {
	return c.customerInfo(ctx, http.MethodPut, sub, info, options...)
}

// PatchCustomerInfo changes fields of a consumer's Customer Info, by a patch as
// PatchConsumer takes it.
func (c *Client) PatchCustomerInfo(ctx context.Context, sub string, patch any, options ...Option) (*CustomerInfo, error) {
	return c.customerInfo(ctx, http.MethodPatch, sub, patch, options...)
}

// DeleteCustomerInfo takes a consumer's Customer Info away.
func (c *Client) DeleteCustomerInfo(ctx context.Context, sub string, options ...Option) error {
	_, err := c.info(ctx, http.MethodDelete, sub, customerInfo, nil, nil, options...)
	return err
}

func (c *Client) personalInfo(ctx context.Context, method, sub string, body any, options ...Option) (*PersonalInfo, error) {
	var info PersonalInfo
	etag, err := c.info(ctx, method, sub, personalInfo, body, &info.PersonalInfo, options...)
	if err != nil {
		return nil, err
	}
	info.ETag = etag
	return &info, nil
}

func (c *Client) customerInfo(ctx context.Context, method, sub string, body any, options ...Option) (*CustomerInfo, error) {
	var info CustomerInfo
	etag, err := c.info(ctx, method, sub, customerInfo, body, &info.CustomerInfo, options...)
	if err != nil {
		return nil, err
	}
	info.ETag = etag
	return &info, nil
}

func (c *Client) info(ctx context.Context, method, sub, part string, body, result any, options ...Option) (etag string, err error) {
	header, err := c.call(ctx, request{method: method, path: []string{"consumers", sub, part}, body: body}, result, options...)
	return header.Get("ETag"), err
}
