package client_test

import (
	"fmt"

	"github.com/brandidp/idp/web/api/client"
)

func ExampleClient_ListKeys() {
	all, err := api.ListKeys(ctx, "messaging")
	check(err)
	fmt.Println(all[0].State, all[0].Alg, all[0].MayBePasted)
	// Output: active RS256 [messaging]
}

func ExampleClient_CreateKey() {
	key, err := api.CreateKey(ctx, "", "ES256")
	check(err)
	fmt.Println(key.State, key.Next[0].Step)
	// Output: created publish
}

// The key of a connector that has to be pasted before it signs.
func ExampleClient_StepKey() {
	key, err := api.CreateKey(ctx, "messaging", "")
	check(err)
	key, err = api.StepKey(ctx, key.Kid, &client.KeyStep{Step: "publish"})
	check(err)
	fmt.Println(key.State)
	key, err = api.StepKey(ctx, key.Kid, &client.KeyStep{Step: "delete", Force: true})
	check(err)
	fmt.Println(key.State)
	// Output:
	// published
	// deleted
}
