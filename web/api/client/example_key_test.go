package client_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
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

// What has to be pasted into the form of a connector.
func ExampleClient_ExportKey() {
	all, err := api.ListKeys(ctx, "messaging")
	check(err)
	for _, key := range all {
		if key.State == "active" {
			public, err := api.ExportKey(ctx, key.Kid)
			check(err)
			fmt.Println(public.Alg, public.OneLine[:24])
		}
	}
	// Output: RS256 MIIBIjANBgkqhkiG9w0BAQEF
}

func ExampleClient_ImportKey() {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	check(err)
	key, err := api.ImportKey(ctx, &client.KeyImport{
		Kid: "before-we-moved", Key: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	}, client.IdempotencyKey(client.NewIdempotencyKey()))
	check(err)
	fmt.Println(key.Kid, key.Alg, key.State)
	// Output: before-we-moved ES256 created
}

func ExampleClient_RevokeKey() {
	key, err := api.CreateKey(ctx, "", "EdDSA")
	check(err)
	_, err = api.StepKey(ctx, key.Kid, &client.KeyStep{Step: "publish"})
	check(err)
	revoked, err := api.RevokeKey(ctx, key.Kid)
	check(err)
	for _, affected := range revoked.Affected {
		fmt.Println(affected.ClientID, affected.Paste != "", affected.Until.IsZero())
	}
	_, err = api.ExportKey(ctx, key.Kid)
	fmt.Println(err)
	// Output: 409 Conflict: the key is deleted: nobody should hold it
}
