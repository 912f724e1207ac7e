package client_test

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/brandidp/idp/op/standardclaims"
	"github.com/brandidp/idp/web/api/client"
)

func Example() {
	// The issuer, and what idp api-key create has shown.
	api := &client.Client{Issuer: issuer, APIKey: apiKey}
	consumer, err := api.PutConsumerByExternalID(ctx, "crm-4711", &client.ConsumerInput{Username: "clara"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(consumer.ExternalID, consumer.Username)
	// Output: crm-4711 clara
}

// A client of the grant client_credentials calls the API by its access tokens.
func ExampleClient() {
	tokens := clientcredentials.Config{ClientID: "backend", ClientSecret: "a-secret-that-is-long-enough-for-it", TokenURL: issuer + "/token"}
	api := &client.Client{Issuer: issuer, HTTPClient: tokens.Client(ctx)}
	consumer, err := api.PutConsumer(ctx, "danny", &client.ConsumerInput{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(consumer.Sub)
	// Output: danny
}

// Every fault of what was sent is told, each with its place.
func ExampleProblem() {
	_, err := api.CreateConsumer(ctx, &client.ConsumerInput{ExternalID: "é", Claims: standardclaims.Claims{Email: "none"}})
	if problem, ok := errors.AsType[*client.Problem](err); ok {
		for _, fault := range problem.Errors {
			fmt.Println(problem.Status, *fault.Pointer)
		}
	}
	// Output:
	// 400 /claims/email
	// 400 /external_id
}

// What was sent twice under the same key has happened once.
func ExampleIdempotencyKey() {
	key := client.NewIdempotencyKey()
	first, err := api.CreateConsumer(ctx, &client.ConsumerInput{}, client.IdempotencyKey(key))
	check(err)
	again, err := api.CreateConsumer(ctx, &client.ConsumerInput{}, client.IdempotencyKey(key))
	check(err)
	fmt.Println(first.Sub == again.Sub)
	// Output: true
}

// Whoever changes what somebody else has changed meanwhile is told so.
func ExampleIfMatch() {
	read, err := api.PutConsumer(ctx, "brian", &client.ConsumerInput{})
	check(err)
	_, err = api.PatchConsumer(ctx, "brian", map[string]any{"attributes": map[string]any{"tier": "gold"}})
	check(err)
	_, err = api.PatchConsumer(ctx, "brian", map[string]any{"attributes": map[string]any{"tier": "silver"}}, client.IfMatch(read.ETag))
	if problem, ok := errors.AsType[*client.Problem](err); ok {
		fmt.Println(problem.Status)
	}
	// Output: 412
}

// A consumer who is there already is left as they are.
func ExampleIfNoneMatch() {
	_, err := api.PutConsumer(ctx, "rory", &client.ConsumerInput{}, client.IfNoneMatch("*"))
	check(err)
	_, err = api.PutConsumer(ctx, "rory", &client.ConsumerInput{Disabled: true}, client.IfNoneMatch("*"))
	if problem, ok := errors.AsType[*client.Problem](err); ok {
		fmt.Println(problem.Status)
	}
	// Output: 412
}

func ExampleClient_Engage() {
	_, err := api.PutConsumer(ctx, "engaged", &client.ConsumerInput{})
	check(err)
	token, err := api.Engage(ctx, &client.Engagement{
		ClientID: "messaging", Sub: "engaged", AuthTime: time.Now().Add(-time.Minute),
		CustomerInfo: map[string]any{"ctype": "vip"}, // in this token, and not stored
	})
	check(err)
	fmt.Println(token.Subject, token.ExpiresIn > 0, len(token.IDToken) > 0)
	// Output: engaged true true
}

func ExampleClient_ListAuditEvents() {
	_, err := api.PutConsumer(ctx, "audited", &client.ConsumerInput{})
	check(err)
	told("audited")
	page, err := api.ListAuditEvents(ctx, client.AuditQuery{Limit: 1})
	check(err)
	fmt.Println(len(page.Events), page.Next == page.Events[0].ID)
	// Output: 1 true
}

func ExampleClient_AuditEvents() {
	_, err := api.PutConsumer(ctx, "watched", &client.ConsumerInput{})
	check(err)
	told("watched")
	for event, err := range api.AuditEvents(ctx, client.AuditQuery{Target: "watched"}) {
		check(err)
		fmt.Println(event.ActorKind, event.Action)
	}
	// Output: api_key put-consumer
}
