package client_test

import (
	"encoding/json"
	"fmt"

	"github.com/brandidp/idp/web/api/client"
)

func register(clientID string) *client.RegisteredClient {
	registered, err := api.PutClient(ctx, clientID, &client.Registration{RedirectURIs: []string{"https://" + clientID + ".example/callback"}})
	check(err)
	return registered
}

func ExampleClient_PutClient() {
	registered, err := api.PutClient(ctx, "kiosk", &client.Registration{
		ClientName: "Kiosk", RedirectURIs: []string{"https://kiosk.brand.example/callback"}, IDTokenLifetime: 600,
	})
	check(err)
	fmt.Println(registered.ClientID, registered.IDTokenLifetime, len(registered.ClientSecret)) // which is shown this once
	// Output: kiosk 600 43
}

func ExampleClient_GetClient() {
	registered, err := api.GetClient(ctx, "messaging")
	check(err)
	fmt.Println(registered.ResponseTypes, registered.ConversationalCloud.AccountID, registered.HasSecret)
	// Output: [id_token] 12345678 false
}

func ExampleClient_PatchClient() {
	registered := register("patched")
	changed, err := api.PatchClient(ctx, "patched", map[string]any{"client_name": "Patched"}, client.IfMatch(registered.ETag))
	check(err)
	fmt.Println(changed.ClientName, changed.RedirectURIs)
	// Output: Patched [https://patched.example/callback]
}

func ExampleClient_DeleteClient() {
	register("removed")
	check(api.DeleteClient(ctx, "removed"))
	_, err := api.GetClient(ctx, "removed")
	fmt.Println(err)
	// Output: 404 Not Found: there is no client of this name
}

func ExampleClient_ReplaceClientSecret() {
	before := register("renewed")
	after, err := api.ReplaceClientSecret(ctx, "renewed", client.IdempotencyKey(client.NewIdempotencyKey()))
	check(err)
	fmt.Println(len(after.ClientSecret), after.ClientSecret != before.ClientSecret)
	// Output: 43 true
}

func ExampleClient_ListClients() {
	page, err := api.ListClients(ctx, "", 1)
	check(err)
	fmt.Println(len(page.Clients), page.NextCursor != "")
	// Output: 1 true
}

func ExampleClient_Clients() {
	for registered, err := range api.Clients(ctx) {
		check(err)
		if registered.ConversationalCloud != nil {
			fmt.Println(registered.ClientID)
		}
	}
	// Output: messaging
}

func ExampleClient_GetConnectorSettings() {
	settings, err := api.GetConnectorSettings(ctx, "messaging")
	check(err)
	fmt.Println(settings.ClientID, len(settings.Fields) > 0)
	// Output: messaging true
}

func ExampleClient_PreviewToken() {
	_, err := api.PutConsumer(ctx, "previewed", &client.ConsumerInput{})
	check(err)
	preview, err := api.PreviewToken(ctx, "messaging", client.PreviewRequest{Sub: "previewed"})
	check(err)
	var claims struct {
		Sub string `json:"sub"`
	}
	check(json.Unmarshal(preview.Payload, &claims))
	fmt.Println(claims.Sub, preview.InAddress)
	// Output: previewed true
}
