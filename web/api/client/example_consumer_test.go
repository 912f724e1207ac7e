package client_test

import (
	"fmt"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/standardclaims"
	"github.com/brandidp/idp/web/api/client"
)

func ExampleClient_CreateConsumer() {
	consumer, err := api.CreateConsumer(ctx, &client.ConsumerInput{
		ExternalID: "crm-1", Username: "Melody", Password: "correct horse battery staple",
		Claims:       standardclaims.Claims{GivenName: "Melody"},
		CustomerInfo: &liveperson.CustomerInfo{CType: "vip"},
	}, client.IdempotencyKey(client.NewIdempotencyKey()))
	check(err)
	fmt.Println(consumer.Username, consumer.HasPassword, consumer.Claims.GivenName)
	// Output: melody true Melody
}

func ExampleClient_GetConsumer() {
	_, err := api.PutConsumer(ctx, "get", &client.ConsumerInput{ExternalID: "crm/2"})
	check(err)
	consumer, err := api.GetConsumer(ctx, "get")
	check(err)
	fmt.Println(consumer.Sub, consumer.ExternalID, consumer.ManagedBy)
	// Output: get crm/2 api
}

func ExampleClient_GetConsumerByExternalID() {
	_, err := api.PutConsumer(ctx, "get-by", &client.ConsumerInput{ExternalID: "crm/3"})
	check(err)
	consumer, err := api.GetConsumerByExternalID(ctx, "crm/3")
	check(err)
	fmt.Println(consumer.Sub)
	// Output: get-by
}

func ExampleClient_PutConsumer() {
	consumer, err := api.PutConsumer(ctx, "put", &client.ConsumerInput{Attributes: map[string]any{"tier": "gold"}})
	check(err)
	fmt.Println(consumer.Sub, consumer.Attributes["tier"])
	// Output: put gold
}

func ExampleClient_PutConsumerByExternalID() {
	first, err := api.PutConsumerByExternalID(ctx, "crm-4", &client.ConsumerInput{})
	check(err)
	again, err := api.PutConsumerByExternalID(ctx, "crm-4", &client.ConsumerInput{Disabled: true})
	check(err)
	fmt.Println(first.Sub == again.Sub, again.Disabled)
	// Output: true true
}

func ExampleClient_PatchConsumer() {
	_, err := api.PutConsumer(ctx, "patch", &client.ConsumerInput{Claims: standardclaims.Claims{GivenName: "Clara", Nickname: "Oswin"}})
	check(err)
	consumer, err := api.PatchConsumer(ctx, "patch", map[string]any{"claims": map[string]any{"nickname": nil, "family_name": "Oswald"}})
	check(err)
	fmt.Printf("%s %s %q\n", consumer.Claims.GivenName, consumer.Claims.FamilyName, consumer.Claims.Nickname)
	// Output: Clara Oswald ""
}

func ExampleClient_PutPassword() {
	_, err := api.PutConsumer(ctx, "password", &client.ConsumerInput{Username: "password"})
	check(err)
	check(api.PutPassword(ctx, "password", "correct horse battery staple"))
	consumer, err := api.GetConsumer(ctx, "password")
	check(err)
	fmt.Println(consumer.HasPassword)
	// Output: true
}

func ExampleClient_ListConsumers() {
	_, err := api.PutConsumer(ctx, "found", &client.ConsumerInput{Username: "found"})
	check(err)
	page, err := api.ListConsumers(ctx, client.ConsumerQuery{Username: "Found"})
	check(err)
	fmt.Println(len(page.Consumers), page.Consumers[0].Sub)
	// Output: 1 found
}

func ExampleClient_Consumers() {
	for _, sub := range []string{"page-1", "page-2", "page-3"} {
		_, err := api.PutConsumer(ctx, sub, &client.ConsumerInput{Attributes: map[string]any{"paged": true}})
		check(err)
	}
	for consumer, err := range api.Consumers(ctx, client.ConsumerQuery{Limit: 2}) { // two at a time
		check(err)
		if consumer.Attributes["paged"] == true {
			fmt.Println(consumer.Sub)
		}
	}
	// Output:
	// page-1
	// page-2
	// page-3
}

func ExampleClient_DeleteConsumer() {
	consumer, err := api.CreateConsumer(ctx, &client.ConsumerInput{Sub: "delete"})
	check(err)
	check(api.DeleteConsumer(ctx, "delete", client.IfMatch(consumer.ETag)))
	_, err = api.CreateConsumer(ctx, &client.ConsumerInput{Sub: "delete"})
	fmt.Println(err)
	// Output: 409 Conflict: what is under errors belongs to another consumer; /sub must not be that of a consumer who is gone: a sub is never given out twice
}

func ExampleClient_DeleteConsumerByExternalID() {
	_, err := api.PutConsumerByExternalID(ctx, "crm/5", &client.ConsumerInput{})
	check(err)
	check(api.DeleteConsumerByExternalID(ctx, "crm/5"))
	_, err = api.GetConsumerByExternalID(ctx, "crm/5")
	fmt.Println(err)
	// Output: 404 Not Found: there is no consumer of this name
}

func ExampleClient_UpsertConsumers() {
	results, err := api.UpsertConsumers(ctx, &client.ConsumerBatch{Partial: true, Consumers: []client.ConsumerInput{
		{ExternalID: "crm/10", Attributes: map[string]any{"tier": "gold"}}, {Username: "nameless"}, {Sub: "batch-11"},
	}}, client.IdempotencyKey(client.NewIdempotencyKey()))
	check(err)
	for _, result := range results {
		fmt.Println(result.Status, result.ExternalID, len(result.Errors))
	}
	// Output:
	// 201 crm/10 0
	// 400  1
	// 201  0
}

func ExampleClient_GetPersonalInfo() {
	_, err := api.PutConsumer(ctx, "personal", &client.ConsumerInput{PersonalInfo: &liveperson.PersonalInfo{FirstName: "Clara"}})
	check(err)
	info, err := api.GetPersonalInfo(ctx, "personal")
	check(err)
	fmt.Println(info.FirstName, info.ETag != "")
	// Output: Clara true
}

func ExampleClient_PutPersonalInfo() {
	_, err := api.PutConsumer(ctx, "put-personal", &client.ConsumerInput{})
	check(err)
	info, err := api.PutPersonalInfo(ctx, "put-personal", &liveperson.PersonalInfo{Contacts: []liveperson.Contact{{Email: "clara@brand.example"}}})
	check(err)
	fmt.Println(info.Contacts[0].Email)
	// Output: clara@brand.example
}

func ExampleClient_PatchPersonalInfo() {
	_, err := api.PutConsumer(ctx, "patch-personal", &client.ConsumerInput{PersonalInfo: &liveperson.PersonalInfo{FirstName: "Clara"}})
	check(err)
	info, err := api.PatchPersonalInfo(ctx, "patch-personal", map[string]any{"lastname": "Oswald"})
	check(err)
	fmt.Println(info.FirstName, info.LastName)
	// Output: Clara Oswald
}

func ExampleClient_DeletePersonalInfo() {
	_, err := api.PutConsumer(ctx, "delete-personal", &client.ConsumerInput{PersonalInfo: &liveperson.PersonalInfo{FirstName: "Clara"}})
	check(err)
	check(api.DeletePersonalInfo(ctx, "delete-personal"))
	_, err = api.GetPersonalInfo(ctx, "delete-personal")
	fmt.Println(err)
	// Output: 404 Not Found: the consumer has no Personal Info
}

func ExampleClient_GetCustomerInfo() {
	_, err := api.PutConsumer(ctx, "customer", &client.ConsumerInput{CustomerInfo: &liveperson.CustomerInfo{CType: "vip"}})
	check(err)
	info, err := api.GetCustomerInfo(ctx, "customer")
	check(err)
	fmt.Println(info.CType, info.ETag != "")
	// Output: vip true
}

func ExampleClient_PutCustomerInfo() {
	_, err := api.PutConsumer(ctx, "put-customer", &client.ConsumerInput{})
	check(err)
	info, err := api.PutCustomerInfo(ctx, "put-customer", &liveperson.CustomerInfo{LastPaymentDate: liveperson.NewDate(2026, 2, 1)})
	check(err)
	fmt.Println(*info.LastPaymentDate.Year)
	// Output: 2026
}

func ExampleClient_PatchCustomerInfo() {
	_, err := api.PutConsumer(ctx, "patch-customer", &client.ConsumerInput{CustomerInfo: &liveperson.CustomerInfo{CType: "vip", Role: "broker"}})
	check(err)
	info, err := api.PatchCustomerInfo(ctx, "patch-customer", map[string]any{"role": nil, "balance": -400.99})
	check(err)
	fmt.Printf("%s %q %v\n", info.CType, info.Role, *info.Balance)
	// Output: vip "" -400.99
}

func ExampleClient_DeleteCustomerInfo() {
	_, err := api.PutConsumer(ctx, "delete-customer", &client.ConsumerInput{CustomerInfo: &liveperson.CustomerInfo{CType: "vip"}})
	check(err)
	check(api.DeleteCustomerInfo(ctx, "delete-customer"))
	_, err = api.GetCustomerInfo(ctx, "delete-customer")
	fmt.Println(err)
	// Output: 404 Not Found: the consumer has no Customer Info
}
